"""Users with passwords: `Authorization: Basic`, and rules for what each may do."""

from __future__ import annotations

from collections.abc import Sequence

from pogu.http import Request
from pogu.registry.access import ANYBODY, Identity, Need
from pogu.registry.access.credentials import basic_challenge, basic_credentials
from pogu.registry.access.passwords import Passwords
from pogu.registry.access.rules import Rules
from pogu.registry.refusals import Refused


class BasicAccess:
    """Implements `Access`."""

    def __init__(self, passwords: Passwords, rules: Rules, realm: str = "Pogu registry") -> None:
        self._passwords = passwords
        self._rules = rules
        self._realm = realm

    async def identify(self, request: Request) -> Identity:
        """The user whose password is right; anybody without credentials."""
        if request.headers.get("authorization") is None:
            return ANYBODY
        credentials = basic_credentials(request)
        if credentials is None or not await self._passwords.check(*credentials):
            raise self._challenge("incorrect username or password")
        return Identity(credentials[0])

    def allows(self, identity: Identity, need: Need) -> bool:
        """Whether the rules allow it."""
        return self._rules.allows(identity.name, need)

    def sees(self, identity: Identity, name: str) -> bool:
        """Whether a repository is in the list: if it may be pulled."""
        return self.allows(identity, Need(name, "pull"))

    def require(self, request: Request, identity: Identity, needs: Sequence[Need]) -> None:
        """Ask who does not say who they are for a password, refuse everybody else.

        `/v2/` (no needs) always asks: docker decides by its answer whether it sends credentials at all.
        """
        if not needs and not identity.name:
            raise self._challenge("authentication required")
        for need in needs:
            if not self.allows(identity, need):
                if not identity.name:
                    raise self._challenge("authentication required")
                raise Refused("DENIED", f"{identity.name} may not {need.action} {need.repository}")

    def _challenge(self, message: str) -> Refused:
        return Refused("UNAUTHORIZED", message, headers=[basic_challenge(self._realm)])
