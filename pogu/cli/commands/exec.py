"""`pogu exec`."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import Any

from pogu.cli.client import Client, segment
from pogu.cli.connect import connect
from pogu.cli.flags.pairs import environment
from pogu.cli.invoke import Exit, Failed, Session
from pogu.cli.pflag import argument, command, many, switch, value
from pogu.cli.streams import pump
from pogu.cli.terminal import (
    DEFAULT_DETACH_KEYS,
    is_terminal,
    on_resize,
    parse_detach_keys,
    raw_input,
    set_first_size,
    size,
)
from pogu.errors import PoguError


@command("exec", rest=True, help="Execute a command in a running container")
@switch("-d", "--detach", help="Detached mode: run command in the background")
@value("--detach-keys", default="", help="Override the key sequence for detaching a container")
@many("-e", "--env", help="Set environment variables")
@many("--env-file", help="Read in a file of environment variables")
@switch("-i", "--interactive", help="Keep STDIN open even if not attached")
@switch("--privileged", help="Give extended privileges to the command")
@switch("-t", "--tty", help="Allocate a pseudo-TTY")
@value("-u", "--user", default="", help="Username or UID (format: <name|uid>[:<group|gid>])")
@value("-w", "--workdir", default="", help="Working directory inside the container")
@argument("container", metavar="CONTAINER")
@argument("words", nargs=-1, required=True, metavar="COMMAND [ARG...]")
def exec_(session: Session, /, *, container: str, words: tuple[str, ...], **given: Any) -> None:
    """Run a command in a container; the exit code is the command's."""
    client = connect(session)
    tty, stdin, detach = given["tty"], given["interactive"], given["detach"]
    if tty and stdin and not detach and not is_terminal(sys.stdin):
        client.get(f"/containers/{segment(container)}/json")  # one that is not there is the first thing to say
        raise Failed("the input device is not a TTY")
    keys = given["detach_keys"] or session.settings.get("detachKeys", "")
    body = {
        "User": given["user"],
        "Privileged": given["privileged"],
        "Tty": tty,
        "AttachStdin": stdin and not detach,
        "AttachStdout": not detach,
        "AttachStderr": not detach,
        "DetachKeys": keys,
        "Env": environment(given["env_file"], given["env"]),
        "WorkingDir": given["workdir"],
        "Cmd": list(words),
    }
    now = size()
    if tty and now:
        body["ConsoleSize"] = list(now)
    id_ = client.post(f"/containers/{segment(container)}/exec", body)["Id"]
    if detach:
        client.post(f"/exec/{id_}/start", {"Detach": True, "Tty": tty})
        return
    raise Exit(_follow(client, id_, tty=tty, stdin=stdin, keys=keys))


def _follow(client: Client, id_: str, *, tty: bool, stdin: bool, keys: str) -> int:
    def tell(rows: int, columns: int) -> None:
        client.post(f"/exec/{id_}/resize", h=rows, w=columns)

    def resized(rows: int, columns: int) -> None:
        with contextlib.suppress(PoguError):
            tell(rows, columns)

    now = size()
    start: dict[str, Any] = {"Detach": False, "Tty": tty}
    if tty and now:
        start["ConsoleSize"] = list(now)
    raw = client.take_over(f"/exec/{id_}/start", body=start)
    with contextlib.ExitStack() as stack:
        stack.callback(raw.close)
        if tty:
            threading.Thread(target=set_first_size, args=(tell,), daemon=True).start()
            stack.enter_context(on_resize(resized))
        if tty and stdin and is_terminal(sys.stdin):
            stack.enter_context(raw_input())
        if pump(raw, stdin=stdin, tty=tty, detach_keys=parse_detach_keys(keys or DEFAULT_DETACH_KEYS)):
            raise Failed("read escape sequence")
    return int(client.get(f"/exec/{id_}/json")["ExitCode"] or 0)
