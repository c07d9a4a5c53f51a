"""Who may send notices."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from pogu.cli.building.watching.signatures import is_genuine

# The example of GitHub's documentation ("Validating webhook deliveries").
_GITHUB = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_githubs_own_example() -> None:
    headers = {"x-hub-signature-256": _GITHUB}
    assert is_genuine(headers, b"Hello, World!", b"It's a Secret to Everybody")
    assert not is_genuine(headers, b"Hello, World?", b"It's a Secret to Everybody")
    assert not is_genuine(headers, b"Hello, World!", b"another")


@pytest.mark.parametrize("name", ["x-gitea-signature", "x-forgejo-signature", "x-gogs-signature"])
def test_giteas_form(name: str) -> None:
    signature = hmac.new(b"secret", b"body", hashlib.sha256).hexdigest()
    assert is_genuine({name: signature}, b"body", b"secret")
    assert not is_genuine({name: signature[:-1] + "x"}, b"body", b"secret")


def test_gitlabs_token_and_nothing() -> None:
    assert is_genuine({"x-gitlab-token": "secret"}, b"body", b"secret")
    assert not is_genuine({"x-gitlab-token": "other"}, b"body", b"secret")
    assert not is_genuine({}, b"body", b"secret")
    assert not is_genuine({"x-gitlab-token": ""}, b"body", b"")
