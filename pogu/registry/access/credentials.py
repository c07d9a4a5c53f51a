"""The `Authorization` and `WWW-Authenticate` fields (RFC 7617, RFC 6750, and Docker's token authentication)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence

from pogu.http import Request
from pogu.registry.access import CATALOG, Need


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """The user and password of a request; None without or with malformed ones."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None


def bearer_token(request: Request) -> str | None:
    """The token of a request."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


def basic_challenge(realm: str) -> tuple[str, str]:
    """The field that asks for a user and password."""
    return ("WWW-Authenticate", f"Basic realm={_quoted(realm)}")


def bearer_challenge(realm: str, service: str, needs: Sequence[Need] = (), error: str | None = None) -> tuple[str, str]:
    """The field that asks for a token, and says where to get it and for what."""
    fields = [f"realm={_quoted(realm)}", f"service={_quoted(service)}"]
    if needs:
        fields.append(f"scope={_quoted(' '.join(scope_of(needs)))}")
    if error:
        fields.append(f"error={_quoted(error)}")
    return ("WWW-Authenticate", "Bearer " + ",".join(fields))


def scope_of(needs: Iterable[Need]) -> list[str]:
    """The scopes of Docker's token specification for what is needed; who pushes also looks what is there."""
    scopes = []
    for need in needs:
        if need.repository == CATALOG:
            scopes.append("registry:catalog:*")
        else:
            actions = "pull,push" if need.action == "push" else need.action
            scopes.append(f"repository:{need.repository}:{actions}")
    return scopes


def _quoted(text: str) -> str:
    kept = "".join(char for char in text if char.isprintable())
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'
