"""`GET /containers/{name}/explain`, an operation of Pogu's own: why a container is as it is."""

from __future__ import annotations

from pogu.dialects.docker.call import Call, json_response
from pogu.dialects.docker.routes import Route, found
from pogu.engine.engine import Engine
from pogu.engine.explaining import explain
from pogu.http import Response


class ExplanationRoutes:
    """The one operation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def explain(self, call: Call) -> Response:
        container = self._engine.containers.get(call.param("name"))
        explanation = await explain(self._engine, container.id)
        return json_response(
            {
                "Id": container.id,
                "Name": f"/{container.name}",
                "Status": container.state.status,
                "ExitCode": container.state.exit_code,
                "Summary": explanation.summary,
                "Reasons": explanation.reasons,
                "Advice": explanation.advice,
                "LastLines": explanation.lines,
            }
        )

    def routes(self) -> list[Route]:
        """Return the operation."""
        return [
            Route(
                "GET",
                "/containers/{name}/explain",
                self.explain,
                "ContainerExplain",
                "Say in sentences why a container is as it is, and what to try",
                (),
                None,
                found("The explanation", "Explanation"),
                (404, 500),
            )
        ]
