"""The server that hears notices."""

from __future__ import annotations

import hashlib
import hmac
import urllib.error
import urllib.request

import pytest

from pogu.cli.building.watching.webhook import listening
from pogu.cli.invoke import Failed


def _send(url: str, body: bytes | None, **headers: str) -> int:
    request = urllib.request.Request(url, body, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as e:
        e.close()
        return e.code


def test_only_signed_notices_count() -> None:
    heard: list[int] = []
    with listening("127.0.0.1:0", b"secret", lambda: heard.append(1)) as url:
        assert _send(url, b"{}") == 403
        assert _send(url, b"{}", X_Hub_Signature_256="sha256=" + "0" * 64) == 403
        assert heard == []
        signature = hmac.new(b"secret", b"{}", hashlib.sha256).hexdigest()
        assert _send(f"{url}any/path", b"{}", X_Hub_Signature_256=f"sha256={signature}") == 202
        assert _send(url, b"{}", X_Gitea_Signature=signature) == 202
        assert heard == [1, 1]
        assert _send(url, None) == 405


def test_without_a_secret_only_this_machine_may_send() -> None:
    heard: list[int] = []
    with listening("localhost:0", b"", lambda: heard.append(1)) as url:
        assert _send(url, b"") == 202
    assert heard == [1]
    with pytest.raises(Failed, match="needs --webhook-secret"), listening(":0", b"", lambda: None):
        pass


@pytest.mark.parametrize("address", ["here", "127.0.0.1:x", "127.0.0.1:65536"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(Failed, match=r"it must be \[HOST\]:PORT"), listening(address, b"s", lambda: None):
        pass
