"""`pogu exec`."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import Any

import click

from pogu.cli.client import Client, segment
from pogu.cli.connect import connect
from pogu.cli.flags.pairs import environment
from pogu.cli.invoke import Exit, Failed, Session
from pogu.cli.pflag import command, many, switch, value
from pogu.cli.streams import pump
from pogu.cli.terminal import DEFAULT_DETACH_KEYS, is_terminal, on_resize, parse_detach_keys, raw_input, size
from pogu.errors import PoguError


@command("exec", rest=True, help="Execute a command in a running container")
@switch("-d", "--detach", help="Detached mode: run command in the background")
@value("--detach-keys", default=DEFAULT_DETACH_KEYS, help="Override the key sequence for detaching a container")
@many("-e", "--env", help="Set environment variables")
@many("--env-file", help="Read in a file of environment variables")
@switch("-i", "--interactive", help="Keep STDIN open even if not attached")
@switch("--privileged", help="Give extended privileges to the command")
@switch("-t", "--tty", help="Allocate a pseudo-TTY")
@value("-u", "--user", default="", help="Username or UID (format: <name|uid>[:<group|gid>])")
@value("-w", "--workdir", default="", help="Working directory inside the container")
@click.argument("container", metavar="CONTAINER")
@click.argument("words", nargs=-1, required=True, metavar="COMMAND [ARG...]", type=click.UNPROCESSED)
@click.pass_obj
def exec_(session: Session, /, *, container: str, words: tuple[str, ...], **given: Any) -> None:
    """Run a command in a container; the exit code is the command's."""
    client = connect(session)
    tty, stdin, detach = given["tty"], given["interactive"], given["detach"]
    if tty and stdin and not detach and not is_terminal(sys.stdin):
        raise Failed("the input device is not a TTY")
    body = {
        "User": given["user"],
        "Privileged": given["privileged"],
        "Tty": tty,
        "AttachStdin": stdin and not detach,
        "AttachStdout": not detach,
        "AttachStderr": not detach,
        "DetachKeys": given["detach_keys"],
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
    raise Exit(_follow(client, id_, tty=tty, stdin=stdin, keys=given["detach_keys"]))


def _follow(client: Client, id_: str, *, tty: bool, stdin: bool, keys: str) -> int:
    def resize(*_: int) -> None:
        now = size()
        if now:
            with contextlib.suppress(PoguError):
                client.post(f"/exec/{id_}/resize", h=now[0], w=now[1])

    now = size()
    start: dict[str, Any] = {"Detach": False, "Tty": tty}
    if tty and now:
        start["ConsoleSize"] = list(now)
    raw = client.take_over(f"/exec/{id_}/start", body=start)
    with contextlib.ExitStack() as stack:
        stack.callback(raw.close)
        if tty:
            threading.Thread(target=resize, daemon=True).start()
            stack.enter_context(on_resize(resize))
        if tty and stdin and is_terminal(sys.stdin):
            stack.enter_context(raw_input())
        if pump(raw, stdin=stdin, tty=tty, detach_keys=parse_detach_keys(keys) if keys else b""):
            raise Failed("read escape sequence")
    return int(client.get(f"/exec/{id_}/json")["ExitCode"] or 0)
