"""The commands that move containers between their states: stop, restart, kill, rm, pause, unpause."""

from __future__ import annotations

import sys
from typing import Any

from pogu.cli.client import ApiError, segment
from pogu.cli.commands.each import each
from pogu.cli.connect import connect
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import argument, command, switch, value

_CONTAINERS = argument("containers", nargs=-1, required=True, metavar="CONTAINER [CONTAINER...]")
_SIGNAL = value("-s", "--signal", "signal_", help="Signal to send to the container")
_TIMEOUT = value("-t", "--timeout", "--time", "timeout", type=int, help="Seconds to wait before killing the container")


@command("stop", help="Stop one or more running containers")
@_SIGNAL
@_TIMEOUT
@_CONTAINERS
def stop(session: Session, /, *, containers: tuple[str, ...], signal_: str | None, timeout: int | None) -> None:
    """Stop containers."""
    client = connect(session)
    each(containers, lambda ref: client.post(f"/containers/{segment(ref)}/stop", signal=signal_, t=timeout))


@command("restart", help="Restart one or more containers")
@_SIGNAL
@_TIMEOUT
@_CONTAINERS
def restart(session: Session, /, *, containers: tuple[str, ...], signal_: str | None, timeout: int | None) -> None:
    """Restart containers."""
    client = connect(session)
    each(containers, lambda ref: client.post(f"/containers/{segment(ref)}/restart", signal=signal_, t=timeout))


@command("kill", help="Kill one or more running containers")
@_SIGNAL
@_CONTAINERS
def kill(session: Session, /, *, containers: tuple[str, ...], signal_: str | None) -> None:
    """Send a signal to containers, KILL if none is named."""
    client = connect(session)
    each(containers, lambda ref: client.post(f"/containers/{segment(ref)}/kill", signal=signal_ or "KILL"))


@command("pause", help="Pause all processes within one or more containers")
@_CONTAINERS
def pause(session: Session, /, *, containers: tuple[str, ...]) -> None:
    """Pause containers."""
    client = connect(session)
    each(containers, lambda ref: client.post(f"/containers/{segment(ref)}/pause"))


@command("unpause", help="Unpause all processes within one or more containers")
@_CONTAINERS
def unpause(session: Session, /, *, containers: tuple[str, ...]) -> None:
    """Unpause containers."""
    client = connect(session)
    each(containers, lambda ref: client.post(f"/containers/{segment(ref)}/unpause"))


@command("rm", help="Remove one or more containers")
@switch("-f", "--force", help="Force the removal of a running container (uses SIGKILL)")
@switch("-l", "--link", help="Remove the specified link")
@switch("-v", "--volumes", help="Remove anonymous volumes associated with the container")
@_CONTAINERS
def rm(session: Session, /, *, containers: tuple[str, ...], **given: Any) -> None:
    """Remove containers; with --force one that is not there is no error."""
    client = connect(session)

    def remove(ref: str) -> None:
        name = ref.strip("/")
        if not name:
            raise Failed("container name cannot be empty")
        try:
            client.delete(f"/containers/{segment(name)}", force=given["force"], v=given["volumes"], link=given["link"])
        except ApiError as e:
            if not (given["force"] and e.status == 404):
                raise
            print(e, file=sys.stderr)
            return
        print(ref, flush=True)

    each(containers, remove, show=False)
