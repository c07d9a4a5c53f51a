"""Downloads of ADD and of remote contexts."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pogu.engine.build.solving.fetching import download
from pogu.errors import InvalidArgument

CONTENT = bytes(range(256)) * 8192  # two reads


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server with one file; its address."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "file").write_bytes(CONTENT)
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path / "served")
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_progress_is_told_where_the_caller_is(server: str, tmp_path: Path) -> None:
    """Whoever is told puts it into queues of the event loop, which other threads must not touch."""
    told: list[tuple[int, int, int]] = []
    digest = await download(
        f"{server}/file", tmp_path / "got", lambda come, total: told.append((come, total, threading.get_ident()))
    )
    assert digest == f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT), threading.get_ident())
    assert {ident for _, _, ident in told} == {threading.get_ident()}


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "/etc/hostname"])
async def test_the_hosts_own_files_cannot_be_had(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="the scheme is not http or https"):
        await download(url, tmp_path / "got", lambda come, total: None)
    assert not (tmp_path / "got").exists()


async def test_what_is_not_there(server: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="invalid response status 404"):
        await download(f"{server}/none", tmp_path / "got", lambda come, total: None)
