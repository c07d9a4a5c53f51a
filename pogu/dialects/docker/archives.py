"""Files of containers: `docker cp` both ways, and export."""

from __future__ import annotations

import base64

import msgspec

from pogu.dialects.docker.call import Call, empty_response, primed, stream_response
from pogu.dialects.docker.routes import TAR, Answer, Route, flag, text
from pogu.engine.archive import PathStat
from pogu.engine.engine import Engine
from pogu.engine.moments import format_ns
from pogu.errors import InvalidArgument
from pogu.http import Response

STAT_HEADER = "X-Docker-Container-Path-Stat"


class ArchiveRoutes:
    """Handlers of `/containers/{id}/archive` and `/containers/{id}/export`."""

    def __init__(self, engine: Engine) -> None:
        self._containers = engine.containers

    async def stat(self, call: Call) -> Response:
        stat = await self._containers.archive_stat(call.param("name"), _path(call))
        return Response(200, [(STAT_HEADER, render_stat(stat))], b"")

    async def get(self, call: Call) -> Response:
        stat, archive = await self._containers.archive_get(call.param("name"), _path(call))
        response = stream_response(await primed(archive), TAR)
        response.headers.append((STAT_HEADER, render_stat(stat)))
        return response

    async def put(self, call: Call) -> Response:
        await self._containers.archive_put(
            call.param("name"),
            _path(call),
            call.request.stream_body(),
            no_overwrite_dir_non_dir=call.flag("noOverwriteDirNonDir"),
            copy_uid_gid=call.flag("copyUIDGID"),
        )
        return empty_response(200)

    async def export(self, call: Call) -> Response:
        return stream_response(await primed(await self._containers.export(call.param("name"))), TAR)

    def routes(self) -> list[Route]:
        """Return the operations."""
        name = "/containers/{name:path}"
        path = text("path", "A path in the container", True)
        errors = (400, 403, 404, 409, 500)
        return [
            Route(
                "HEAD",
                f"{name}/archive",
                self.stat,
                "ContainerArchiveInfo",
                "Look at a file",
                (path,),
                None,
                {200: Answer(f"What it is, in the header {STAT_HEADER}", None)},
                errors,
            ),
            Route(
                "GET",
                f"{name}/archive",
                self.get,
                "ContainerArchive",
                "Fetch files",
                (path,),
                None,
                {200: Answer("An archive", TAR)},
                errors,
            ),
            Route(
                "PUT",
                f"{name}/archive",
                self.put,
                "PutContainerArchive",
                "Unpack an archive",
                (
                    path,
                    flag("noOverwriteDirNonDir", "Refuse to put a file where a directory is, and the reverse"),
                    flag("copyUIDGID", "Keep the owners"),
                ),
                TAR,
                {200: Answer("Unpacked", None)},
                errors,
            ),
            Route(
                "GET",
                f"{name}/export",
                self.export,
                "ContainerExport",
                "Fetch the whole file system",
                (),
                None,
                {200: Answer("An archive", TAR)},
                (404, 409, 500),
            ),
        ]


def render_stat(stat: PathStat) -> str:
    """Return a file's facts as the header has them: base64 of JSON, the mode as Go's os.FileMode counts."""
    value = {
        "name": stat.name,
        "size": stat.size,
        "mode": stat.mode,
        "mtime": format_ns(stat.mtime_ns),
        "linkTarget": stat.link_target,
    }
    return base64.b64encode(msgspec.json.encode(value)).decode()


def _path(call: Call) -> str:
    path = call.text("path")
    if not path:
        raise InvalidArgument("bad parameter: path cannot be empty")
    if "\0" in path:
        raise InvalidArgument("bad parameter: path must not contain a null byte")
    return path
