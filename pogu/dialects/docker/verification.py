"""`POST /system/verify`, an operation of Pogu's own: what does not agree between records, disk and kernel."""

from __future__ import annotations

import asyncio

from pogu.dialects.docker.call import Call, json_response
from pogu.dialects.docker.routes import Route, flag, found
from pogu.engine.engine import Engine
from pogu.engine.verification import Problem, verify
from pogu.http import Response


class VerificationRoutes:
    """The one operation; one check at a time, since repairs of two would meet."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._one_at_a_time = asyncio.Lock()

    async def verify(self, call: Call) -> Response:
        async with self._one_at_a_time:
            report = await verify(self._engine, repair=call.flag("repair"), deep=call.flag("deep"))
        return json_response(
            {
                "Checked": report.checked,
                "Problems": [_render(problem) for problem in report.problems],
                "Left": len(report.left),
            }
        )

    def routes(self) -> list[Route]:
        """Return the operation."""
        return [
            Route(
                "POST",
                "/system/verify",
                self.verify,
                "SystemVerify",
                "Compare the records with the disk and the kernel",
                (
                    flag("repair", "Put right what can be without risk to data"),
                    flag("deep", "Read every blob and every file of every layer, too"),
                ),
                None,
                found("What was found", "Verification"),
                (500,),
            )
        ]


def _render(problem: Problem) -> dict[str, str | bool]:
    return {
        "Kind": problem.kind,
        "Object": problem.object,
        "Text": problem.text,
        "Repairable": problem.repair is not None,
        "Repaired": problem.repaired,
    }
