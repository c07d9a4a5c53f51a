"""`pogu explain`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pogu.cli.client import segment
from pogu.cli.connect import connect
from pogu.cli.invoke import Session
from pogu.cli.output import object_template
from pogu.cli.pflag import argument, command, value


@command("explain", help="Say in sentences why a container is not running, restarts or is unhealthy, and what to try")
@value("-f", "--format", "form", default="text", help="Format output: text, json, or a TEMPLATE")
@argument("container", metavar="CONTAINER")
def explain(session: Session, /, *, container: str, form: str) -> None:
    """Print why a container is as it is."""
    render = None if form in {"text", "json"} else object_template(form)
    found = connect(session).get(f"/containers/{segment(container)}/explain")
    if form == "json":
        print(json.dumps(found, indent=4, ensure_ascii=False))
    else:
        print(render(found) if render else "\n".join(_lines(found)))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield found["Summary"]
    yield from found["Reasons"]
    if found["LastLines"]:
        yield "\nIts last lines:"
        yield from (f"    {line}" for line in found["LastLines"])
    if found["Advice"]:
        yield "\nWhat to try:"
        yield from (f"  - {text}" for text in found["Advice"])
