"""What the runtime makes in a root only to mount on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pogu.engine.storage.mountpoints import is_mountpoint


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("etc/hosts", b"", True),
        ("etc/hosts", b"mine", False),
        ("etc/passwd", b"", False),
        ("proc", None, True),
        ("etc", None, False),
        ("dev/shm", None, True),
        ("dev/shm", b"", False),
        (".dockerenv", b"", True),
        (".dockerenv", b"mine", False),
    ],
)
def test_only_what_is_as_it_was_made(tmp_path: Path, path: str, content: bytes | None, expected: bool) -> None:
    made = tmp_path / "x"
    if content is None:
        made.mkdir()
    else:
        made.write_bytes(content)
    assert is_mountpoint(path, made.lstat()) is expected
