"""Archives by URL."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pogu.engine.images import download
from pogu.errors import InvalidArgument, PoguError
from tests.engine.images.conftest import Machine, collected, tar_of

ROOT = tar_of({"etc/name": b"x" * 300_000})


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/root.tar")
            self.end_headers()
            return
        if self.path not in ("/root.tar", "/short"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(ROOT)))
        self.end_headers()
        self.wfile.write(ROOT if self.path == "/root.tar" else ROOT[:1000])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.mark.parametrize("path", ["http://{}/root.tar", "{}/root.tar", "http://{}/moved"])
async def test_an_import_by_url(machine: Machine, server: str, path: str) -> None:
    told: list[dict[str, Any]] = []
    url = path.format(server)
    await machine.images.import_(download(url, told.append), "base")
    assert machine.images.resolve("base").size == 300_000
    assert told[0]["status"].startswith("Downloading from http://")
    assert told[-1]["progressDetail"] == {"current": len(ROOT), "total": len(ROOT)}


@pytest.mark.parametrize(
    ("path", "why"),
    [("/nothing", "Got HTTP status code >= 400: 404"), ("/short", "it ended after 1000 of")],
)
async def test_what_a_server_does_not_give(machine: Machine, server: str, path: str, why: str) -> None:
    with pytest.raises(PoguError) as error:
        await machine.images.import_(download(f"http://{server}{path}"))
    assert why in error.value.message
    assert machine.files() == []


async def test_a_server_that_is_not_there(server: str) -> None:
    with pytest.raises(PoguError, match=r"cannot import from http://127\.0\.0\.1:1/x: "):
        await collected(download("http://127.0.0.1:1/x"))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://x/y",
        "http://",
        "data://x",
        "http://a b/c",
        "..",
        "http://[x",
        "http://x:99999/",
        "http://" + "a" * 64 + "/",
    ],
)
async def test_what_is_no_url(url: str) -> None:
    with pytest.raises(InvalidArgument, match="not an http or https URL"):
        download(url)
