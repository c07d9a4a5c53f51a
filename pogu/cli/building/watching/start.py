"""From the flags to a watch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pogu.cli.building.source import find_source
from pogu.cli.building.watching.repository import parse_repository
from pogu.cli.building.watching.watch import Build, Watch
from pogu.cli.client import Client
from pogu.cli.invoke import Failed, Session
from pogu.cli.wrong import WrongValue
from pogu.engine.moments import parse_duration
from pogu.errors import InvalidArgument

_INTERVAL = "30s"
_LEAST = 1.0  # second


def start_watch(session: Session, client: Client, given: dict[str, Any]) -> None:
    """Watch and build until interrupted.

    Raises:
        UsageError, Failed: the flags mean nothing together.
    """
    if not given["tag"]:
        raise Failed("--watch-git needs -t: the name that images are pushed as")
    if given["output"]:
        raise Failed("--watch-git pushes images: it has no --output")
    pushes = given["push"] if "push" in session.given else True
    secret = _secret(given["webhook_secret"])
    if secret and not given["webhook"]:
        raise Failed("--webhook-secret is for --webhook")
    Watch(
        repository=parse_repository(given["watch_git"]),
        tags=given["tag"],
        interval=_interval(given["interval"] or _INTERVAL),
        build=_builder(session, client, {**given, "push": pushes}),
        pushes=pushes,
        webhook=given["webhook"] or "",
        secret=secret,
    ).run()


def _builder(session: Session, client: Client, given: dict[str, Any]) -> Build:
    from pogu.cli.commands.build import build_once

    def build(directory: Path, commit: str) -> str:
        file = given["file"]
        if file and not (directory / file).resolve().is_relative_to(directory):
            raise Failed(f"--file {file}: it must be in the repository")
        source = find_source(str(directory), str(directory / file) if file else None)
        label = f"org.opencontainers.image.revision={commit}"
        return build_once(session, client, source, {**given, "label": (*given["label"], label)})

    return build


def _interval(text: str) -> float:
    try:
        seconds = parse_duration(text) / 1e9
    except InvalidArgument as e:
        raise WrongValue("--interval", text, e.message) from None
    if seconds < _LEAST:
        raise WrongValue("--interval", text, "it must be a second at least")
    return seconds


def _secret(file: str | None) -> bytes:
    if not file:
        return b""
    found = Path(file).read_bytes().rstrip(b"\r\n")
    if not found:
        raise Failed(f"--webhook-secret: {file} is empty")
    return found
