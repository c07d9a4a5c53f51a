"""`pogu run` and `pogu create`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pogu.cli.client import ApiError, Client
from pogu.cli.connect import connect
from pogu.cli.flags import container_options, create_body
from pogu.cli.flags.body import attached
from pogu.cli.foreground import Foreground
from pogu.cli.invoke import Exit, Failed, Session
from pogu.cli.pflag import argument, command, switch, value
from pogu.cli.terminal import is_terminal, size
from pogu.cli.wrong import WrongValue
from pogu.errors import PoguError

_IMAGE = argument("image", metavar="IMAGE")
_COMMAND = argument("words", nargs=-1, metavar="[COMMAND] [ARG...]")
RUN_FAILED = 125


@command("create", rest=True, help="Create a new container")
@container_options
@_IMAGE
@_COMMAND
def create(session: Session, /, *, image: str, words: tuple[str, ...], **given: Any) -> None:
    """Create a container and print its ID."""
    try:
        _check(given)
        body = create_body(given, image, words, detach=False)
    except WrongValue:
        raise
    except (PoguError, Failed) as e:
        raise Failed(_with_help(e, "create"), RUN_FAILED) from e
    print(_create(connect(session), given, image, body))


@command("run", rest=True, help="Create and run a new container from an image")
@switch("-d", "--detach", help="Run container in background and print container ID")
@value("--detach-keys", default="", help="Override the key sequence for detaching a container")
@switch("--sig-proxy", default=True, help="Proxy received signals to the process")
@container_options
@_IMAGE
@_COMMAND
def run(session: Session, /, *, image: str, words: tuple[str, ...], **given: Any) -> None:
    """Create a container, start it, and stay with it unless detached; the exit code is the container's."""
    given["detach_keys"] = given["detach_keys"] or session.settings.get("detachKeys", "")
    try:
        code = _run(connect(session), image, words, given)
    except WrongValue:
        raise
    except (PoguError, Failed) as e:
        status = _failure_code(e)
        raise Failed(str(e) if status == 1 else _with_help(e, "run"), status) from e
    raise Exit(code)


def _with_help(error: Exception, name: str) -> str:
    return f"pogu: {error}\n\nRun 'pogu {name} --help' for more information"


def _check(given: dict[str, Any]) -> None:
    if given["pull"] not in {"always", "missing", "never"}:
        raise Failed(f'invalid pull option: \'{given["pull"]}\': must be one of "always", "missing" or "never"', 125)


def _run(client: Client, image: str, words: tuple[str, ...], given: dict[str, Any]) -> int:
    _check(given)
    detach = given["detach"]
    if detach and given["attach"]:
        raise Failed("conflicting options: cannot specify both --attach and --detach")
    streams = attached(given, detach=detach)
    if given["tty"] and "stdin" in streams and not is_terminal(sys.stdin):
        raise Failed("the input device is not a TTY", 1)
    body = create_body(given, image, words, detach=detach)
    if given["tty"] and (now := size()):
        body["HostConfig"]["ConsoleSize"] = list(now)
    container = _create(client, given, image, body)
    if detach:
        try:
            client.post(f"/containers/{container}/start")
        finally:
            print(container, flush=True)  # also of one that does not start: it is there
        return 0
    return Foreground(
        client,
        container,
        tty=given["tty"],
        streams=streams,
        detach_keys=given["detach_keys"],
        forward_signals=given["sig_proxy"],
    ).start_and_follow(auto_remove=given["rm"])


def _create(client: Client, given: dict[str, Any], image: str, body: dict[str, Any]) -> str:
    """Create the container, pulling the image where it is missing and may be pulled; return its ID."""
    cidfile = Path(given["cidfile"]) if given["cidfile"] else None
    if cidfile and cidfile.exists():
        raise Failed(
            f"container ID file found, make sure the other container isn't running or delete {cidfile}", RUN_FAILED
        )
    if cidfile:
        try:
            cidfile.touch()
        except OSError as e:
            reason = f"open {cidfile}: {(e.strerror or '').lower()}"
            raise Failed(f"failed to create the container ID file: {reason}", RUN_FAILED) from e
    try:
        container = _create_only(client, given, image, body)
    except BaseException:
        if cidfile:
            cidfile.unlink(missing_ok=True)
        raise
    if cidfile:
        cidfile.write_text(container)
    return container


def _create_only(client: Client, given: dict[str, Any], image: str, body: dict[str, Any]) -> str:
    if given["pull"] == "always":
        _pull(client, image, given)
    try:
        answer = client.post("/containers/create", body, name=given["name"], platform=given["platform"])
    except ApiError as e:
        if e.status != 404 or given["pull"] != "missing" or "No such image" not in e.detail:
            raise
        if not given["quiet"]:
            print(f"Unable to find image '{_tagged(image)}' locally", file=sys.stderr)
        _pull(client, image, given)
        answer = client.post("/containers/create", body, name=given["name"], platform=given["platform"])
    for warning in answer.get("Warnings") or []:
        print(f"WARNING: {warning}", file=sys.stderr)
    return str(answer["Id"])


def _pull(client: Client, image: str, given: dict[str, Any]) -> None:
    from pogu.cli.commands.registries import fetch

    name, _, tag = _tagged(image).rpartition(":")
    name, tag = tuple(image.split("@", 1)) if "@" in image else (name, tag)
    fetch(client, image, name, tag, given["platform"], quiet=given["quiet"])


def _tagged(image: str) -> str:
    return image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"


def _failure_code(error: Exception) -> int:
    """Return docker's exit code for a container that did not start: 127 no such program, 126 not executable, 125."""
    if isinstance(error, Failed):
        return error.code
    if not isinstance(error, ApiError):
        return RUN_FAILED
    if any(words in error.detail for words in ("executable file not found", "no such file or directory")):
        return 127
    if any(words in error.detail for words in ("permission denied", "is a directory")):
        return 126
    return RUN_FAILED
