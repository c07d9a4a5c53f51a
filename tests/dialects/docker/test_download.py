"""Imports from a web server of the test's own."""

import http.server
import io
import tarfile
import threading

import pytest

from pogu.dialects.docker.download import check_source, download
from pogu.errors import InvalidArgument, Unavailable


@pytest.fixture
def web():
    """Serve a small archive at /a.tar; give the server's address."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        member = tarfile.TarInfo("hello")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path != "/a.tar":
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data.getvalue())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", data.getvalue()
    server.shutdown()
    thread.join()
    server.server_close()


async def test_what_the_server_has_arrives(web):
    address, data = web
    assert b"".join([piece async for piece in download(f"http://{address}/a.tar")]) == data


async def test_what_it_has_not_is_unavailable(web):
    with pytest.raises(Unavailable, match="404"):
        await anext(download(f"http://{web[0]}/nosuch"))
    with pytest.raises(Unavailable, match="cannot fetch"):
        await anext(download("http://127.0.0.1:1/"))


def test_sources():
    assert check_source("example.com/a.tar") == "http://example.com/a.tar"
    assert check_source("https://example.com/a") == "https://example.com/a"
    unusable = ["", "file:///etc/passwd", "ftp://x/y", "http://", "http://a b", "http://[", "http://x/\n"]
    for bad in (*unusable, "http://x:99999", "9" * 5000):
        with pytest.raises(InvalidArgument):
            check_source(bad)


def test_an_import_over_the_api(api, web, unique):
    answer = api.post("/images/create", fromSrc=f"{web[0]}/a.tar", repo=unique)
    image_id = answer.lines[-1]["status"]
    assert answer.lines[0]["status"] == f"Downloading from http://{web[0]}/a.tar"
    assert api.get(f"/images/{unique}/json").json["Id"] == image_id
    api.delete(f"/images/{unique}")
    failed = api.post("/images/create", fromSrc=f"{web[0]}/nosuch", repo=unique)
    assert "404" in failed.lines[-1]["error"]
    assert api.post("/images/create", fromSrc="file:///etc/passwd").status == 400
