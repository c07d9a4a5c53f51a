import errno
import http.client
import socket

import pytest

from pogu.engine.registries.failures import refusal, unreachable
from pogu.errors import Forbidden, NotFound, PoguError, TooLarge, Unauthenticated, Unavailable


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}', "MANIFEST_UNKNOWN",
         "manifest unknown: manifest unknown"),
        (401, b"", "UNAUTHORIZED", "unauthorized: authentication required"),
        (401, b'{"details":"incorrect username or password"}', "UNAUTHORIZED",
         "unauthorized: incorrect username or password"),
        (403, b"<html>", "DENIED", "denied: requested access to the resource is denied"),
        (429, b"slow down", "TOOMANYREQUESTS", "toomanyrequests: too many requests"),
        (404, b"page", "NAME_UNKNOWN", "name unknown: repository name not known to registry"),
        (503, b"<html>", "UNKNOWN", "unknown: received unexpected HTTP status from u: 503 Service Unavailable"),
        (500, b"oh", "UNKNOWN", "unknown: received unexpected HTTP status from u: 500 Internal Server Error: oh"),
        (400, b'{"errors":[{"code":"A"},{"code":"B","message":"b"}]}', "A", "a: a; b: b"),
        (400, b'{"errors":[]}', "BAD_REQUEST", "bad request: received unexpected HTTP status from u: 400 Bad Request: "
         '{"errors":[]}'),
    ],
)  # fmt: skip
def test_what_a_registry_answers(status: int, body: bytes, code: str, message: str) -> None:
    error = refusal(status, body, "u", "NAME_UNKNOWN")
    assert (error.code, error.message) == (code, message)


def test_kinds() -> None:
    kinds = {401: Unauthenticated, 403: Forbidden, 404: NotFound, 413: TooLarge, 429: Unavailable, 500: PoguError}
    for status, kind in kinds.items():
        assert type(refusal(status, b"", "u").plain()) is kind
    assert [refusal(s, b"", "u").passing for s in (404, 408, 429, 500, 503)] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "dial tcp h:1: connect: connection refused"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "connection reset by peer"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "dial tcp: lookup h: no such host"),
        (TimeoutError(), "i/o timeout"),
        (http.client.IncompleteRead(b""), "unexpected EOF"),
        (http.client.RemoteDisconnected("x"), "unexpected EOF"),
        (http.client.BadStatusLine("x"), "malformed HTTP response: x"),
    ],
)
def test_what_the_network_says(error: Exception, words: str) -> None:
    assert unreachable('Get "u"', error, "h:1").message == f'Get "u": {words}'
