"""The classic builder's way: the context goes as an archive, and the steps come back as lines."""

from __future__ import annotations

import base64
import json
import secrets
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pogu.cli.building.packing import compressed, ignore_patterns, pack_context, pieces_of
from pogu.cli.building.source import Source
from pogu.cli.client import Client, Reply
from pogu.cli.invoke import Failed
from pogu.cli.logins import Logins
from pogu.cli.progress import show_message
from pogu.cli.terminal import is_terminal
from pogu.cli.units import human_size

_EVERY = 0.1  # seconds between two words about how much was sent
_SENDING = "Sending build context to Pogu daemon"


def build_classic(client: Client, source: Source, query: dict[str, Any], given: dict[str, Any]) -> str:
    """Build, show what happens, and return the image's ID.

    Raises:
        Failed: the build failed; the exit code is that of the command that did.
    """
    quiet = given["quiet"]
    headers = {"X-Registry-Config": registry_config(Logins())}
    if source.remote:
        query |= {"remote": source.remote, "dockerfile": source.dockerfile or None}
        body: Iterable[bytes] | None = None
        if source.text is not None:
            raise Failed(
                "unable to prepare context: the Dockerfile of a remote context must be in it with this builder"
            )
    else:
        body, query["dockerfile"] = _body(source)
        if given["compress"]:
            body = compressed(body)
            headers["Content-Encoding"] = "gzip"
        if not quiet:
            body = told(body)
    reply = client.request("POST", "/build", query=query, body=body, headers=headers)
    return _follow(reply, quiet=quiet)


def registry_config(logins: Logins) -> str:
    """Return who we are to all registries that are known, for the header of that name."""
    return base64.urlsafe_b64encode(json.dumps(logins.all()).encode()).decode()


def _body(source: Source) -> tuple[Iterator[bytes], str | None]:
    """Return the archive, and the name of the Dockerfile in it."""
    if source.archive is not None:
        return pieces_of(source.begun, source.archive.fileno()), source.dockerfile or None
    if source.directory is None:
        assert source.text is not None
        return pack_context(None, (), (), {"Dockerfile": source.text}), None
    patterns = ignore_patterns(source.directory, source.dockerfile)
    if source.text is None:
        own = (source.dockerfile, f"{source.dockerfile}.dockerignore", ".dockerignore")
        return pack_context(source.directory, patterns, own, {}), source.dockerfile
    # The Dockerfile is no part of the context: it goes under a name that COPY does not see.
    name = f".dockerfile.{secrets.token_hex(10)}"
    ignored = _raw_ignore(source.directory) or b".dockerignore"
    extra = {name: source.text, ".dockerignore": ignored + f"\n{name}\n".encode()}
    return pack_context(source.directory, patterns, (), extra), name


def _raw_ignore(directory: Path) -> bytes:
    try:
        return (directory / ".dockerignore").read_bytes()
    except FileNotFoundError:
        return b""


def told(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces, and say how many bytes have gone: in place on a terminal, once at the end elsewhere."""
    terminal = is_terminal(sys.stdout)
    count, last = 0, time.monotonic()
    for piece in pieces:
        yield piece
        count += len(piece)
        if terminal and time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            print(f"{_SENDING} {human_size(count, 4):>8}\r", end="", flush=True)
    print(f"{_SENDING} {human_size(count, 4):>8}\r\r", flush=True)


def _follow(reply: Reply, *, quiet: bool) -> str:
    """Show what comes; return the image's ID, empty where the daemon did not say it."""
    terminal = is_terminal(sys.stdout) and not quiet
    lines: dict[str, int] = {}
    kept: list[str] = []
    identifier = ""
    try:
        for message in reply.json_lines():
            if error := message.get("error"):
                if quiet:
                    sys.stderr.write("".join(kept))
                raise Failed(str(error), int((message.get("errorDetail") or {}).get("code") or 1))
            if "aux" in message:
                identifier = (message["aux"] or {}).get("ID") or identifier
            elif quiet:
                kept.append(str(message.get("stream") or ""))
            else:
                show_message(message, lines, terminal=terminal)
    finally:
        reply.close()
    if quiet:
        sys.stdout.write("".join(kept))
    return identifier
