import os
from pathlib import Path

from pogu.linux.writeback import start_writeback


def test_the_content_is_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with file.open("wb") as opened:
        opened.write(b"x" * 100_000)
        opened.flush()
        start_writeback(opened.fileno())
        start_writeback(opened.fileno(), 4096, 4096)
    assert file.read_bytes() == b"x" * 100_000


def test_what_cannot_be_written_is_no_error() -> None:
    reading, writing = os.pipe()
    start_writeback(reading)
    os.close(reading)
    os.close(writing)
