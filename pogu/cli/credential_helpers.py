"""Programs that keep passwords: `docker-credential-<name>`, spoken to by docker-credential-helpers' protocol.

The word (`get`, `list`, `store`, `erase`) is the argument, the rest goes through standard input and output. The
command waits for it and does nothing else meanwhile, so it is spawned in the plain way.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

from pogu.cli.invoke import Failed

TOKEN = "<token>"  # noqa: S105 # the name under which helpers keep an identity token
_NOT_FOUND = "credentials not found in native keychain"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a helper keeps for one server."""

    username: str
    secret: str


def get(helper: str, server: str) -> Kept | None:
    """Return what the helper keeps for a server, None if that is nothing.

    Raises:
        Failed: there is no such helper, or it fails.
    """
    done = _run(helper, "get", server)
    if done.returncode:
        if _NOT_FOUND in done.stdout:
            return None
        raise _failed(helper, "getting", done)
    try:
        document = json.loads(done.stdout)
        return Kept(str(document["Username"]), str(document["Secret"]))
    except (ValueError, KeyError, TypeError):
        raise Failed(f"error getting credentials: docker-credential-{helper} answers with something else") from None


def names(helper: str) -> list[str]:
    """Return the servers that the helper keeps something for. Raises Failed."""
    done = _run(helper, "list", "unused")
    if done.returncode:
        raise _failed(helper, "listing", done)
    try:
        return list(dict(json.loads(done.stdout or "{}")))
    except (ValueError, TypeError):
        raise Failed(f"error listing credentials: docker-credential-{helper} answers with something else") from None


def store(helper: str, server: str, kept: Kept) -> None:
    """Have the helper keep a name and secret. Raises Failed."""
    document = {"ServerURL": server, "Username": kept.username, "Secret": kept.secret}
    done = _run(helper, "store", json.dumps(document))
    if done.returncode:
        raise _failed(helper, "storing", done)


def erase(helper: str, server: str) -> None:
    """Have the helper forget a server; nothing happens if it knows none. Raises Failed."""
    done = _run(helper, "erase", server)
    if done.returncode and _NOT_FOUND not in done.stdout:
        raise _failed(helper, "erasing", done)


def _run(helper: str, word: str, text: str) -> subprocess.CompletedProcess[str]:
    program = f"docker-credential-{helper}"
    try:
        return subprocess.run([program, word], input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failed(f'error with credentials: exec: "{program}": executable file not found in $PATH') from None
    except OSError as e:
        raise Failed(f"error with credentials: {program}: {e.strerror}") from None


def _failed(helper: str, doing: str, done: subprocess.CompletedProcess[str]) -> Failed:
    said = (done.stdout or done.stderr).strip()
    return Failed(f"error {doing} credentials - err: exit status {done.returncode}, out: `{said}` ({helper})")
