"""`pogu events`."""

from __future__ import annotations

import datetime
from typing import Any

from pogu.cli.connect import connect
from pogu.cli.filters import parse_filters
from pogu.cli.invoke import Failed, Session
from pogu.cli.output import BAD_TEMPLATE, object_template
from pogu.cli.pflag import command, many, value
from pogu.cli.units import api_time


@command("events", help="Get real time events from the server")
@many("-f", "--filter", "filters", help="Filter output based on conditions provided")
@value("--format", "form", help="Format output using a template: json, TEMPLATE")
@value("--since", help="Show all events created since timestamp")
@value("--until", help="Stream events until this timestamp")
def events(
    session: Session, /, *, filters: tuple[str, ...], form: str | None, since: str | None, until: str | None
) -> None:
    """Print events as they happen."""
    render = object_template(form, "Error parsing format: ", kind="*events.Message") if form else _event_line
    if form:
        try:
            render(_NONE)  # a field that no event has is better known before one comes
        except Failed as e:
            raise Failed(str(e), BAD_TEMPLATE) from e
    query = {
        "filters": parse_filters(filters),
        "since": api_time(since) if since else None,
        "until": api_time(until) if until else None,
    }
    for event in connect(session).request("GET", "/events", query=query).json_lines():
        print(render(event), flush=True)


_NONE = {
    **dict.fromkeys(("Type", "Action", "scope", "status", "id", "from"), ""),
    **dict.fromkeys(("time", "timeNano"), 0),
    "Actor": {"ID": "", "Attributes": {}},
}


def _event_line(event: dict[str, Any]) -> str:
    """Return `2024-05-01T12:00:00.000000000+02:00 container start ID (image=…, name=…)`."""
    nanos = int(event["timeNano"])
    moment = datetime.datetime.fromtimestamp(nanos // 10**9, datetime.UTC).astimezone()
    offset = moment.strftime("%z")
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
    stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{nanos % 10**9:09d}{zone}"
    actor = event.get("Actor") or {}
    pairs = ", ".join(f"{key}={text}" for key, text in sorted((actor.get("Attributes") or {}).items()))
    return f"{stamp} {event['Type']} {event['Action']} {actor.get('ID', '')}" + (f" ({pairs})" if pairs else "")
