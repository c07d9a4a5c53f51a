"""Registries without a daemon: for `pogu image tags`, `pogu image copy`, and logging in where no daemon runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pogu.cli.logins import Logins
from pogu.engine.images.reference import Reference
from pogu.engine.registries import Credentials, Registries, Repository
from pogu.engine.registries.endpoints import Places

CERTIFICATES = (Path("/etc/pogu/certs.d"), Path("/etc/docker/certs.d"))


def registries(insecure: Sequence[str] = (), certificates: Sequence[str] = ()) -> Registries:
    """Return the registries as this host is set up for them; `certificates` are directories in place of the usual."""
    places = Places((), list(insecure), [Path(name) for name in certificates] or CERTIFICATES)
    return Registries(lambda: places)


def open_repository(found: Registries, reference: Reference, push: bool = False) -> list[Repository]:
    """Return the servers of a name's registry, asked as who we are to it."""
    return found.open(reference, Credentials(**Logins().for_image(reference.name)), push)
