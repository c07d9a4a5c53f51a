"""`pogu system verify`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pogu.cli.connect import connect
from pogu.cli.invoke import Exit, Session
from pogu.cli.pflag import command, switch, value


@command("verify", help="Compare the records with the disk and the kernel, and say what does not agree")
@switch("--repair", help="Put right what can be without risk to data, and say what was done")
@switch("--deep", help="Read every blob and every file of every layer, too")
@value("--format", "form", choices=("text", "json"), default="text", help="text or json")
def verify(session: Session, /, *, repair: bool, deep: bool, form: str) -> None:
    """Print what is wrong; exit code 1 when something is and was not repaired."""
    query = {"repair": "true" if repair else None, "deep": "true" if deep else None}
    found = connect(session).request("POST", "/system/verify", query=query).json()
    print(json.dumps(found, indent=2) if form == "json" else "\n".join(_lines(found)))
    if found["Left"]:
        raise Exit(1)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    repairable = 0
    for problem in found["Problems"]:
        yield f"{problem['Kind']}: {problem['Text']}"
        if problem["Repaired"]:
            yield f"  repaired: {problem['Repaired']}"
        elif problem["Repairable"]:
            repairable += 1
    yield "checked: " + ", ".join(f"{number} {kind}" for kind, number in found["Checked"].items() if number)
    if not found["Problems"]:
        yield "nothing is wrong"
    elif found["Left"]:
        hint = f"; --repair can put {repairable} of them right" if repairable else ""
        yield f"{found['Left']} problem{'s' if found['Left'] != 1 else ''} left{hint}"
    else:
        yield "everything was repaired"
