"""`pogu image tags` and `pogu image copy`: what registries hold, without a daemon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import argument, command, many, switch, value
from pogu.errors import PoguError

if TYPE_CHECKING:
    from pogu.engine.images.reference import Reference
    from pogu.engine.registries import Fetched, Repository

T = TypeVar("T")
_INSECURE = many("--insecure-registry", "insecure", help="Registry without (checked) TLS: host[:port] or CIDR")
_CERTS = many("--registry-certs", "certs", help="Directory with certificates of registries (default /etc/pogu/certs.d)")


@command("tags", help="List the tags of a repository in its registry")
@_INSECURE
@_CERTS
@argument("name", metavar="NAME")
def tags(_session: Session, /, *, name: str, insecure: Sequence[str], certs: Sequence[str]) -> None:
    """Print the tags, one a line."""
    from pogu.cli.remote import open_repository, registries
    from pogu.engine.images.reference import parse_reference
    from pogu.engine.images.remote import on_first

    reference = parse_reference(name)
    opened = open_repository(registries(insecure, certs), reference)
    for tag in _explained(reference, lambda: on_first(opened, lambda repository: list(repository.tags()))):
        print(tag)


@command("copy", help="Copy an image from one registry to another, with all its platforms, byte for byte")
@value("--platform", help="Copy only the image for this platform")
@switch("-q", "--quiet", help="Print only the digest")
@_INSECURE
@_CERTS
@argument("source", metavar="SOURCE[:TAG|@DIGEST]")
@argument("target", metavar="TARGET[:TAG]")
def copy(
    _session: Session,
    /,
    *,
    source: str,
    target: str,
    platform: str | None,
    quiet: bool,
    insecure: Sequence[str],
    certs: Sequence[str],
) -> None:
    """Copy an image between registries."""
    from pogu.cli.remote import open_repository, registries
    from pogu.engine.images.platform import parse_platform
    from pogu.engine.images.reference import parse_reference
    from pogu.engine.images.remote import find_image, on_first
    from pogu.engine.registries.copying import Copier

    from_, to = parse_reference(source).tagged(), parse_reference(target)
    if to.digest:
        raise Failed("refusing to create a tag with a digest reference")
    to = to.tagged()
    found = registries(insecure, certs)
    wanted = parse_platform(platform) if platform else None

    def find(repository: Repository) -> tuple[Repository, Fetched]:
        if wanted is not None:
            return repository, find_image(repository, from_, wanted).manifest
        return repository, repository.manifest(from_.digest or from_.tag)

    def greet(repository: Repository) -> Repository:
        repository.greet()
        return repository

    where, first = _explained(from_, lambda: on_first(open_repository(found, from_), find))
    goal = _explained(to, lambda: on_first(open_repository(found, to, push=True), greet))
    digest = _explained(to, lambda: Copier(where, goal, _silent if quiet else _print).copy(first, to.tag))
    if quiet:
        print(digest)


def _explained(reference: Reference, work: Callable[[], T]) -> T:
    """Return what `work` returns; a registry's refusal is told in the words that a pull has."""
    from pogu.engine.images.remote import explained

    try:
        return work()
    except PoguError as e:
        raise Failed(explained(e, reference).message) from None


def _print(line: str) -> None:
    print(line, flush=True)


def _silent(_line: str) -> None:
    """Only the digest is wanted."""
