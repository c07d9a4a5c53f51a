"""Servers of object stores for tests: moto's for S3, and the same one behind what differs in Google's XML API.

Google's XML API is S3's with other credentials; so moto's S3 serves it, with a signature (that moto does not check) for
a token, and with an error for deleting what is not there, as Google's has.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server

_SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """Serve S3; the address."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextlib.contextmanager
def google_server() -> Iterator[str]:
    """Serve Google Cloud Storage, with the buckets of every S3 server of this process; the address."""
    application = _Google(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Google:
    def __init__(self, s3: Application) -> None:
        self._s3 = s3

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["HTTP_AUTHORIZATION"] = _SIGNED
        if environ["REQUEST_METHOD"] == "DELETE" and not environ["QUERY_STRING"]:
            answers: list[str] = []
            body = self._s3({**environ, "REQUEST_METHOD": "HEAD"}, lambda status, *_: answers.append(status))
            for _ in body:
                pass
            if answers[0].startswith("404"):
                start_response("404 Not Found", [("Content-Type", "application/xml")])
                return [b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code></Error>"]
        return self._s3(environ, start_response)


class _Quiet(MotoRequestHandler):
    def log_request(self, *_: Any) -> None:
        """Say nothing."""
