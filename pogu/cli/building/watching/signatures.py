"""Who may say that there is something new: the signatures that forges send with their notices."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

# HMAC-SHA256 of the body in hexadecimal digits. GitHub writes `sha256=` before it (as Gitea does under the same name).
_SIGNED = ("x-hub-signature-256", "x-gitea-signature", "x-forgejo-signature", "x-gogs-signature")
_TOKEN = "x-gitlab-token"  # noqa: S105 # GitLab sends the secret itself


def is_genuine(headers: Mapping[str, str], body: bytes, secret: bytes) -> bool:
    """Tell whether a notice was sent by one who knows the secret; `headers` have small letters."""
    expected = hmac.new(secret, body, hashlib.sha256).hexdigest()
    for name in _SIGNED:
        if name in headers:
            return hmac.compare_digest(headers[name].removeprefix("sha256=").encode(), expected.encode())
    return hmac.compare_digest(headers.get(_TOKEN, "").encode(), secret) if secret else False
