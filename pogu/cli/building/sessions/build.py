"""A build that asks this side for what it needs: `POST /build` in BuildKit's form, with a session."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pogu.cli.building.display.choosing import choose_display
from pogu.cli.building.display.failure import Display, excerpt, place, step_report, warning_report
from pogu.cli.building.outputs import Output
from pogu.cli.building.packing import pieces_of
from pogu.cli.building.sessions.agents import agent_service
from pogu.cli.building.sessions.directories import directory_service
from pogu.cli.building.sessions.hosting import hosted
from pogu.cli.building.sessions.logins import login_service
from pogu.cli.building.sessions.request import Request
from pogu.cli.building.sessions.results import result_service
from pogu.cli.building.sessions.secrets import secret_service
from pogu.cli.building.source import Source
from pogu.cli.client import ApiError, Client, Reply
from pogu.cli.invoke import Failed
from pogu.cli.logins import Logins
from pogu.dialects.buildkit.messages.control import StatusResponse
from pogu.dialects.buildkit.protobuf import decode
from pogu.errors import PoguError

_UPLOAD = "upload-request"
_SESSION = "client-session"


class NoSessions(Exception):
    """The daemon takes no sessions."""


def build_with_session(client: Client, request: Request) -> str:
    """Build, show what happens, and return the ID of the image ("" where it gives none to the daemon).

    Raises:
        NoSessions: nothing has happened.
        Failed: the build failed.
    """
    given, source = request.given, request.source
    with contextlib.ExitStack() as stack:
        directories, query = _directories(source, stack)
        methods = {
            **directory_service({**directories, **request.directories}),
            **secret_service(given["secret"]),
            **stack.enter_context(agent_service(given["ssh"])),
            **login_service(Logins()),
            **result_service(request.output),
        }
        name = source.directory.name if source.directory else ""
        try:
            session = stack.enter_context(hosted(client, methods, name, request.shared_key))
        except ApiError as e:
            raise NoSessions from e
        query |= {**request.query, "version": "2", "session": session, "buildid": secrets.token_hex(16)}
        query |= {"outputs": _outputs(request.output), "rm": True, "q": None}
        if source.archive is not None:
            _upload(client, source, query["buildid"])
        display = choose_display(given["progress"], quiet=given["quiet"])
        try:
            identifier = _run(client, query, display, source)
        finally:
            display.close()
        if given["quiet"] and identifier:
            print(identifier)
        return identifier


def _directories(source: Source, stack: contextlib.ExitStack) -> tuple[dict[str, Path], dict[str, Any]]:
    """Return the directories that the build may ask for, and what the query says of context and Dockerfile."""
    if source.archive is not None:
        return {}, {"remote": _UPLOAD, "dockerfile": source.dockerfile or None}
    if source.remote and source.text is None:
        return {}, {"remote": source.remote, "dockerfile": source.dockerfile or None}
    if source.remote:
        raise Failed("unable to prepare context: the Dockerfile of a remote context must be in it")
    if source.text is None:
        assert source.path is not None
        found = {"context": source.directory or Path(), "dockerfile": source.path.parent}
        return found, {"remote": _SESSION, "dockerfile": source.path.name}
    own = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pogu-build-")))
    (own / "dockerfile").mkdir()
    (own / "dockerfile" / "Dockerfile").write_bytes(source.text)
    (own / "context").mkdir()
    found = {"context": source.directory or own / "context", "dockerfile": own / "dockerfile"}
    return found, {"remote": _SESSION, "dockerfile": "Dockerfile"}


def _outputs(output: Output) -> str | None:
    """Return the output for the query; every archive is `tar` to the client, whatever is in it."""
    if not output.type:
        return None
    return json.dumps([{"Type": output.type, "Attrs": dict(output.attributes)}])


def _upload(client: Client, source: Source, identifier: str) -> None:
    """Send standard input's archive in a request of its own, as BuildKit wants it."""
    assert source.archive is not None
    pieces = pieces_of(source.begun, source.archive.fileno())
    query = {"version": "2", "remote": _UPLOAD, "buildid": f"{_UPLOAD}:{identifier}"}

    def send() -> None:
        with contextlib.suppress(PoguError):  # the build itself says what went wrong
            client.request("POST", "/build", query=query, body=pieces).close()

    threading.Thread(target=send, daemon=True).start()


def _run(client: Client, query: dict[str, Any], display: Display, source: Source) -> str:
    with _cancelled_by_signals():
        reply = None
        try:
            reply = client.request("POST", "/build", query=query)
            return _follow(reply, display)
        except BuildError as e:
            display.close()
            _explain(display, source)
            raise Failed(f"ERROR: {e}") from None
        except KeyboardInterrupt:
            with contextlib.suppress(PoguError):
                client.request("POST", "/build/cancel", query={"id": query["buildid"]}).close()
            display.close()
            print("ERROR: failed to solve: Canceled: context canceled", file=sys.stderr)
            raise
        finally:
            if reply is not None:
                reply.close()


class BuildError(Exception):
    """The build failed; the daemon says why."""


def _follow(reply: Reply, display: Display) -> str:
    identifier = ""
    for message in reply.json_lines():
        if error := message.get("error"):
            raise BuildError(str(error))
        if message.get("id") == "moby.buildkit.trace":
            display.update(decode(StatusResponse, base64.b64decode(message["aux"])))
        elif message.get("id") == "moby.image.id":
            identifier = str((message.get("aux") or {}).get("ID") or "")
    display.close()
    for line in warning_report(display.board.warnings):
        print(line, file=sys.stderr)
    return identifier


def _explain(display: Display, source: Source) -> None:
    """Show the step that failed, and where it stands."""
    step = display.board.failed()
    lines = list(step_report(step)) if step is not None and step.lines else []
    text = source.read_dockerfile()
    if text is not None:
        name = source.path.name if source.path is not None else "Dockerfile"
        lines += excerpt(name, text, *place(text, step))
    lines += warning_report(display.board.warnings)
    print("".join(f"{line}\n" for line in lines), end="", file=sys.stderr)


@contextlib.contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    """Make a signal that would end the process end the build as well, and give the terminal back."""

    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    previous = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
