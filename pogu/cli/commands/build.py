"""`pogu build`, which is `pogu image build` and `pogu builder build` as well."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pogu.cli.building.flags import build_options
from pogu.cli.connect import connect
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import argument, command


@command("build", help="Build an image from a Dockerfile")
@build_options
@argument("path", metavar="PATH | URL | -")
def build(session: Session, /, *, path: str, **given: Any) -> None:
    """Build an image."""
    from pogu.cli.building.classic import build_classic
    from pogu.cli.building.query import build_query
    from pogu.cli.building.source import find_source

    client = connect(session)
    query = build_query(given, session.settings, client.target.url)
    source = find_source(path, given["file"])
    _forget_id(given["iidfile"])
    identifier = build_classic(client, source, query, given)
    _write_id(given["iidfile"], identifier)


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
