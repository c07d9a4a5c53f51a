"""Access by tokens, of an issuer elsewhere or of the built-in token server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pogu.http import Request
from pogu.registry.access import ANYBODY, CATALOG, Identity, Need
from pogu.registry.access.basic import BasicAccess
from pogu.registry.access.credentials import bearer_challenge, bearer_token
from pogu.registry.access.tokens import BadToken, Verifier
from pogu.registry.refusals import Refused


class BearerAccess:
    """Implements `Access`. `realm` gives the address at which the client of a request gets tokens.

    With `basic` (the built-in token server has the passwords anyway), a user and password are taken as well.
    """

    def __init__(
        self, verifier: Verifier, service: str, realm: Callable[[Request], str], basic: BasicAccess | None = None
    ) -> None:
        self._verifier = verifier
        self._service = service
        self._realm = realm
        self._basic = basic

    async def identify(self, request: Request) -> Identity:
        """Whom the token names; anybody without one."""
        token = bearer_token(request)
        if token is None:
            if self._basic is not None and request.headers.get("authorization") is not None:
                return await self._basic.identify(request)
            return ANYBODY
        try:
            return self._verifier.identify(token)
        except BadToken as error:
            raise self._challenge(request, (), str(error), "invalid_token") from error

    def allows(self, identity: Identity, need: Need) -> bool:
        """Whether the token grants it."""
        if identity.grants is None:
            return self._basic is not None and bool(identity.name) and self._basic.allows(identity, need)
        for grant in identity.grants:
            if need.repository == CATALOG:
                if grant.kind == "registry" and grant.name == "catalog" and grant.actions & {"*", "pull"}:
                    return True
            elif (
                grant.kind == "repository"
                and grant.name == need.repository
                and ("*" in grant.actions or need.action in grant.actions)
            ):
                return True
        return False

    def sees(self, identity: Identity, name: str) -> bool:
        """Whether a repository is in the list: that of the built-in server has what the rules let the user pull."""
        if self._basic is not None:
            return self._basic.allows(Identity(identity.name), Need(name, "pull"))
        return True  # the issuer has granted the list of all

    def require(self, request: Request, identity: Identity, needs: Sequence[Need]) -> None:
        """Ask for a token, or for one that grants more."""
        known = identity.grants is not None or bool(identity.name)
        if not known and not needs:
            raise self._challenge(request, (), "authentication required")
        missing = [need for need in needs if not self.allows(identity, need)]
        if not missing:
            return
        if identity.grants is None and identity.name:
            raise Refused("DENIED", f"{identity.name} may not {missing[0].action} {missing[0].repository}")
        error = "insufficient_scope" if known else None
        raise self._challenge(request, needs, "authentication required", error)

    def _challenge(self, request: Request, needs: Sequence[Need], message: str, error: str | None = None) -> Refused:
        challenge = bearer_challenge(self._realm(request), self._service, needs, error)
        return Refused("UNAUTHORIZED", message, headers=[challenge])
