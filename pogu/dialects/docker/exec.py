"""Further processes in a running container."""

from __future__ import annotations

from typing import Any

from pogu.dialects.docker.call import Call, empty_response, json_response
from pogu.dialects.docker.errors import failure_text
from pogu.dialects.docker.frames import RAW_STREAM
from pogu.dialects.docker.hijack import carry, report_failure, take_over
from pogu.dialects.docker.requests import ExecCreateRequest, ExecStartRequest
from pogu.dialects.docker.routes import Answer, Route, done, found, number
from pogu.engine.containers import ExecConfig
from pogu.engine.engine import Engine
from pogu.errors import InvalidArgument, PoguError
from pogu.http import Response


class ExecRoutes:
    """Handlers of `/exec` and `/containers/{id}/exec`."""

    def __init__(self, engine: Engine) -> None:
        self._containers = engine.containers

    async def create(self, call: Call) -> Response:
        wanted = await call.body(ExecCreateRequest)
        if not wanted.cmd:
            raise InvalidArgument("No exec command specified")
        config = ExecConfig(
            cmd=[wanted.cmd] if isinstance(wanted.cmd, str) else wanted.cmd,
            env=wanted.env or [],
            user=wanted.user or "",
            working_dir=wanted.working_dir or "",
            tty=bool(wanted.tty),
            privileged=bool(wanted.privileged),
            attach_stdin=bool(wanted.attach_stdin),
            attach_stdout=bool(wanted.attach_stdout),
            attach_stderr=bool(wanted.attach_stderr),
            detach_keys=wanted.detach_keys or "",
            console_size=_console(wanted.console_size) if call.version >= (1, 42) else None,
        )
        return json_response({"Id": await self._containers.exec_create(call.param("name"), config)}, 201)

    async def start(self, call: Call) -> Response | None:
        wanted = await call.body(ExecStartRequest)
        exec_id, tty = call.param("id"), bool(wanted.tty)
        size = _console(wanted.console_size) if tty and call.version >= (1, 42) else None
        self._containers.exec_check(exec_id)
        if wanted.detach:
            await self._containers.exec_start(exec_id, detach=True, tty=tty, size=size)
            return empty_response(200)
        line = await take_over(call, not tty)
        try:
            session = await self._containers.exec_start(exec_id, detach=False, tty=tty, size=size)
        except (PoguError, OSError) as e:  # the answer has begun: say it where the output would have been
            await report_failure(line, failure_text(e), not tty)
            return None
        assert session is not None
        await carry(line, session, multiplexed=not tty, stdin=True)
        return None

    async def resize(self, call: Call) -> Response:
        height, width = call.size("h", "height"), call.size("w", "width")
        await self._containers.exec_resize(call.param("id"), height, width)
        return empty_response(200)

    async def inspect(self, call: Call) -> Response:
        return json_response(render_exec(self._containers.exec_inspect(call.param("id"))))

    def routes(self) -> list[Route]:
        """Return the operations."""
        return [
            Route(
                "POST",
                "/containers/{name:path}/exec",
                self.create,
                "ContainerExec",
                "Prepare a process",
                (),
                ExecCreateRequest,
                found("Its ID", "ExecCreated", 201),
                (400, 404, 409, 500),
            ),
            Route(
                "POST",
                "/exec/{id}/start",
                self.start,
                "ExecStart",
                "Start a prepared process",
                (),
                ExecStartRequest,
                {101: Answer("The connection carries the streams now", None), 200: Answer("The same", RAW_STREAM)},
                (400, 404, 409, 500),
            ),
            Route(
                "POST",
                "/exec/{id}/resize",
                self.resize,
                "ExecResize",
                "Resize a process's terminal",
                (number("h", "Rows", True), number("w", "Columns", True)),
                None,
                done("Resized", 200),
                (400, 404, 409, 500),
            ),
            Route(
                "GET",
                "/exec/{id}/json",
                self.inspect,
                "ExecInspect",
                "Show a process",
                (),
                None,
                found("The process", "ExecInspect"),
                (404, 500),
            ),
        ]


def _console(size: list[int] | None) -> tuple[int, int] | None:
    if size is None or len(size) != 2 or not all(0 <= n < 65536 for n in size) or size == [0, 0]:
        return None
    return size[0], size[1]


def render_exec(process: Any) -> dict[str, Any]:
    """Return a process as inspecting it shows it."""
    config: ExecConfig = process.config
    return {
        "ID": process.id,
        "Running": process.running,
        "ExitCode": process.exit_code,
        "ProcessConfig": {
            "tty": config.tty,
            "entrypoint": config.cmd[0],
            "arguments": config.cmd[1:],
            "privileged": config.privileged,
            **({"user": config.user} if config.user else {}),
        },
        "OpenStdin": config.attach_stdin,
        "OpenStderr": config.attach_stderr,
        "OpenStdout": config.attach_stdout,
        "CanRemove": False,
        "ContainerID": process.container_id,
        "DetachKeys": config.detach_keys,
        "Pid": process.pid,
    }
