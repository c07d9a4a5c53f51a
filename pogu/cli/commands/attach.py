"""`pogu attach` and `pogu start`."""

from __future__ import annotations

import sys

from pogu.cli.client import segment
from pogu.cli.commands.each import each
from pogu.cli.connect import connect
from pogu.cli.foreground import Foreground
from pogu.cli.invoke import Exit, Failed, Session
from pogu.cli.pflag import argument, command, switch, value
from pogu.cli.terminal import is_terminal

_KEYS = value("--detach-keys", default="", help="Override the key sequence for detaching a container")
_PROXY = switch("--sig-proxy", default=True, help="Proxy all received signals to the process")


@command("attach", help="Attach to the input, output and error streams of a running container")
@_KEYS
@switch("--no-stdin", help="Do not attach STDIN")
@_PROXY
@argument("container", metavar="CONTAINER")
def attach(session: Session, /, *, container: str, detach_keys: str, no_stdin: bool, sig_proxy: bool) -> None:
    """Attach to a running container; the exit code is the container's."""
    client = connect(session)
    found = client.get(f"/containers/{segment(container)}/json")
    if not found["State"]["Running"]:
        raise Failed("You cannot attach to a stopped container, start it first")
    if found["State"]["Paused"]:
        raise Failed("You cannot attach to a paused container, unpause it first")
    stdin = found["Config"]["OpenStdin"] and not no_stdin
    tty = found["Config"]["Tty"]
    if tty and stdin and not is_terminal(sys.stdin):
        raise Failed("the input device is not a TTY")
    streams = {"stdout", "stderr"} | ({"stdin"} if stdin else set())
    front = Foreground(
        client,
        found["Id"],
        tty=tty,
        streams=streams,
        detach_keys=detach_keys or session.settings.get("detachKeys", ""),
        forward_signals=sig_proxy,
    )
    wait = front.begin_wait("not-running")
    code = front.follow(front.attach(), wait)
    if front.detached:
        raise Failed("read escape sequence")
    raise Exit(code)


@command("start", help="Start one or more stopped containers")
@switch("-a", "--attach", "attach_", help="Attach STDOUT/STDERR and forward signals")
@_KEYS
@switch("-i", "--interactive", help="Attach container's STDIN")
@_PROXY
@argument("containers", nargs=-1, required=True, metavar="CONTAINER [CONTAINER...]")
def start(
    session: Session,
    /,
    *,
    containers: tuple[str, ...],
    attach_: bool,
    interactive: bool,
    detach_keys: str,
    sig_proxy: bool,
) -> None:
    """Start containers; with --attach stay with the only one."""
    client = connect(session)
    if not (attach_ or interactive):
        each(
            containers,
            lambda ref: client.post(f"/containers/{segment(ref)}/start"),
            summary="Error: failed to start containers: ",
        )
        return
    if len(containers) > 1:
        raise Failed("you cannot start and attach multiple containers at once")
    found = client.get(f"/containers/{segment(containers[0])}/json")
    stdin = interactive and found["Config"]["OpenStdin"]
    front = Foreground(
        client,
        found["Id"],
        tty=found["Config"]["Tty"],
        streams={"stdout", "stderr"} | ({"stdin"} if stdin else set()),
        detach_keys=detach_keys or session.settings.get("detachKeys", ""),
        forward_signals=sig_proxy,
    )
    raise Exit(front.start_and_follow(auto_remove=found["HostConfig"]["AutoRemove"]))
