"""`pogu logs`."""

from __future__ import annotations

from typing import Any

from pogu.cli.client import segment
from pogu.cli.connect import connect
from pogu.cli.invoke import Session
from pogu.cli.pflag import argument, command, switch, value
from pogu.cli.streams import copy_output
from pogu.cli.units import api_time
from pogu.errors import InvalidArgument


@command("logs", help="Fetch the logs of a container")
@switch("--details", help="Show extra details provided to logs")
@switch("-f", "--follow", help="Follow log output")
@value("--since", help="Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)")
@value("-n", "--tail", default="all", help="Number of lines to show from the end of the logs")
@switch("-t", "--timestamps", help="Show timestamps")
@value("--until", help="Show logs before a timestamp or relative time")
@argument("container", metavar="CONTAINER")
def logs(session: Session, /, container: str, **given: Any) -> None:
    """Print what a container wrote, its standard error to ours."""
    client = connect(session)
    found = client.get(f"/containers/{segment(container)}/json")
    query = {
        "stdout": True,
        "stderr": True,
        "follow": given["follow"] or None,
        "timestamps": given["timestamps"] or None,
        "details": given["details"] or None,
        "tail": given["tail"],
        "since": _moment("since", given["since"]),
        "until": _moment("until", given["until"]),
    }
    reply = client.request("GET", f"/containers/{found['Id']}/logs", query=query)
    copy_output(reply, multiplexed=not found["Config"]["Tty"])


def _moment(name: str, text: str | None) -> str | None:
    try:
        return api_time(text) if text else None
    except InvalidArgument as e:
        raise InvalidArgument(f'invalid value for "{name}": {e.message}') from e
