"""Who asks, and what they may: the ways to say who one is, and the rules for repositories.

`identify` turns a request into an `Identity`; `require` refuses with the challenge that docker, skopeo and podman
understand. The ways are `OpenAccess` (anybody may do anything), `basic` (htpasswd) and `bearer` (tokens).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pogu.http import Request

Action = Literal["pull", "push", "delete"]

CATALOG = "*catalog*"
"""Stands for the list of all repositories where a repository's name is expected; no repository has this name."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a request wants to do with a repository (or `CATALOG`, which is pulled)."""

    repository: str
    action: Action


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows: actions on a repository, which may be "*"."""

    kind: str
    name: str
    actions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: `name` is "" for somebody unknown; `grants` is what their token says, None where rules decide."""

    name: str = ""
    grants: tuple[Grant, ...] | None = None


ANYBODY = Identity()


class Access(Protocol):
    """One way to say who one is, with its rules."""

    async def identify(self, request: Request) -> Identity:
        """Who asks. Raises Refused (UNAUTHORIZED, with a challenge) for credentials that are wrong."""

    def allows(self, identity: Identity, need: Need) -> bool:
        """Whether somebody may do something."""

    def sees(self, identity: Identity, name: str) -> bool:
        """Whether a repository is in the list that somebody gets who may list repositories at all."""

    def require(self, request: Request, identity: Identity, needs: Sequence[Need]) -> None:
        """Raises Refused, with a challenge where knowing who asks could help, unless everything is allowed."""


class OpenAccess:
    """Anybody may do anything: for a registry that only this machine can reach, or a proxy that asks itself."""

    async def identify(self, request: Request) -> Identity:
        """Anybody."""
        return ANYBODY

    def allows(self, identity: Identity, need: Need) -> bool:
        """They may."""
        return True

    def sees(self, identity: Identity, name: str) -> bool:
        """It is."""
        return True

    def require(self, request: Request, identity: Identity, needs: Sequence[Need]) -> None:
        """Refuses nothing."""
