"""`pogu build`, which is `pogu image build` and `pogu builder build` as well."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pogu.cli.building.flags import build_options
from pogu.cli.connect import connect
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import UsageError, argument, command

if TYPE_CHECKING:
    from pogu.cli.building.source import Source
    from pogu.cli.client import Client

# What only a builder with sessions can do, by what the command's values are called.
_NEEDS_SESSION = (
    *("build_context", "cache_to", "metadata_file", "no_cache_filter", "output", "provenance", "push", "secret", "ssh"),
)


@command("build", help="Build an image from a Dockerfile")
@build_options
@argument("path", metavar="PATH | URL | -", required=False)
def build(session: Session, /, *, path: str | None, **given: Any) -> None:
    """Build an image."""
    if given["watch_git"]:
        from pogu.cli.building.watching.start import start_watch

        if path is not None:
            raise UsageError("accepts no arguments with --watch-git", 1)
        start_watch(session, connect(session), given)
        return
    for name in ("interval", "webhook", "webhook_secret"):
        if given[name]:
            raise Failed(f"--{name.replace('_', '-')} is for --watch-git")
    if path is None:
        raise UsageError("requires 1 argument", 1)
    from pogu.cli.building.source import find_source

    source = find_source(path, given["file"])
    if given["check"]:
        from pogu.cli.building.check import check

        check(source, given)
        return
    _forget_id(given["iidfile"])
    identifier = build_once(session, connect(session), source, given)
    _write_id(given["iidfile"], identifier)


def build_once(session: Session, client: Client, source: Source, given: dict[str, Any]) -> str:
    """Build in the way that the daemon and the flags allow, and return the image's ID. Raises Failed."""
    from pogu.cli.building.classic import build_classic
    from pogu.cli.building.query import build_query

    query = build_query(given, session.settings, client.target.url)
    needs = [name for name in _NEEDS_SESSION if given[name]]
    if not _wants_classic() and not given["squash"]:
        from pogu.cli.building.sessions.build import NoSessions, build_with_session
        from pogu.cli.building.sessions.request import make_request, write_metadata

        request = make_request(session, client, source, query, given)
        try:
            identifier = build_with_session(client, request)
        except NoSessions:
            pass
        else:
            write_metadata(given["metadata_file"], identifier, given["tag"])
            return identifier
    if needs:
        raise Failed(f"--{needs[0].replace('_', '-')} needs BuildKit, which is not in force here")
    return build_classic(client, source, query, given)


def _wants_classic() -> bool:
    return os.environ.get("DOCKER_BUILDKIT", "") in ("0", "f", "F", "false", "False", "FALSE")


def _forget_id(file: str | None) -> None:
    """Remove the file of an earlier build, so that a failure leaves none."""
    if file:
        try:
            Path(file).unlink(missing_ok=True)
        except OSError as e:
            raise Failed(f"removing image ID file: remove {file}: {os.strerror(e.errno or 0).lower()}") from None


def _write_id(file: str | None, identifier: str) -> None:
    if not file:
        return
    if not identifier:
        raise Failed(f"server did not provide an image ID. Cannot write {file}")
    Path(file).write_text(identifier)
