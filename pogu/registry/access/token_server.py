"""The built-in token server: `/token`, as docker, skopeo, podman and containerd ask it.

`GET /token?service=…&scope=…` with or without a user and password; `POST /token` with `grant_type=password` (the form
of OAuth 2 that containerd tries first). Whoever asks for more than they may gets a token for what they may.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from pogu.http import Query, Request, Response
from pogu.registry.access import CATALOG, Action, Grant, Need
from pogu.registry.access.credentials import basic_challenge, basic_credentials
from pogu.registry.access.passwords import Passwords
from pogu.registry.access.rules import Rules
from pogu.registry.access.tokens import Signer
from pogu.registry.names import is_name
from pogu.registry.refusals import Refused

_ACTIONS: tuple[Action, ...] = ("pull", "push", "delete")
_MOST_SCOPES = 100


class TokenServer:
    """Answers requests for tokens by what the rules allow."""

    def __init__(self, signer: Signer, passwords: Passwords, rules: Rules) -> None:
        self._signer = signer
        self._passwords = passwords
        self._rules = rules

    async def __call__(self, request: Request) -> Response:
        """Answer one request. Raises Refused."""
        if request.method == "POST":
            form = Query((await request.read_body(64 * 1024)).decode("utf-8", "replace"))
            if form.get("grant_type") != "password":
                return _json(400, {"error": "unsupported_grant_type"})
            user = await self._user((form.get("username", ""), form.get("password", "")))
            return self._answer(user, form)
        if request.method not in ("GET", "HEAD"):
            raise Refused("UNSUPPORTED", "the method must be GET or POST", headers=[("Allow", "GET, HEAD, POST")])
        given = request.headers.get("authorization") is not None
        user = await self._user(basic_credentials(request)) if given else ""
        return self._answer(user, request.query)

    async def _user(self, credentials: tuple[str, str] | None) -> str:
        if credentials is None or not await self._passwords.check(*credentials):
            raise Refused(
                "UNAUTHORIZED", "incorrect username or password", headers=[basic_challenge(self._signer.service)]
            )
        return credentials[0]

    def _answer(self, user: str, query: Query) -> Response:
        service = query.get("service", self._signer.service)
        if service != self._signer.service:
            raise Refused("DENIED", f"this server gives no tokens for the service {service[:100]!r}", status=400)
        scopes = [scope for value in query.get_all("scope") for scope in value.split()]
        grants = [grant for scope in scopes[:_MOST_SCOPES] if (grant := self._grant(user, scope)) is not None]
        token = self._signer.token(user, grants)
        issued = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = {"token": token, "access_token": token, "expires_in": self._signer.seconds, "issued_at": issued}
        return _json(200, answer)

    def _grant(self, user: str, scope: str) -> Grant | None:
        """What of one scope (`repository:name:pull,push`, `registry:catalog:*`) the user may do."""
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        if kind == "registry" and name == "catalog":
            allowed = self._rules.allows(user, Need(CATALOG, "pull"))
            return Grant(kind, name, frozenset({"*"})) if allowed else None
        if kind.partition("(")[0] != "repository" or not is_name(name):
            return None
        wanted = set(actions.split(","))
        given = [
            action
            for action in _ACTIONS
            if (action in wanted or "*" in wanted) and self._rules.allows(user, Need(name, action))
        ]
        return Grant("repository", name, frozenset(given)) if given else None


def _json(status: int, value: dict[str, Any]) -> Response:
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    return Response(status, headers, msgspec.json.encode(value))
