"""Debian's docker command, whose `DOCKER_BUILDKIT=1 docker build` needs no plugin, against a server of a test's own."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import pytest

from bench.peers import UNPACKED
from pogu.dialects.buildkit.session_client import SessionClient
from pogu.dialects.buildkit.sessions import Sessions
from pogu.errors import PoguError
from pogu.http import Request, Response, Router, Server
from tests.conftest import REPOSITORY


@cache
def debian_docker() -> str:
    """Return the path of Debian's docker command, unpacked where it is not."""
    fetch = REPOSITORY / "scripts" / "fetch_package.sh"
    done = subprocess.run([fetch, UNPACKED, "docker.io"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("Debian's docker.io cannot be had here")
    return f"{UNPACKED}/usr/bin/docker"


Build = Callable[[SessionClient], Awaitable[None]]


class BuildServer:
    """Answers `POST /session`, and `POST /build` by what the test does with the client."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sessions = Sessions()
        self.build: Build
        self.failure: Exception | None = None
        self.waiting = asyncio.Event()
        """Set when a session has ended."""

    def router(self) -> Router:
        router = Router()
        for method in ("GET", "HEAD"):
            router.add(method, "/_ping", self._ping)
        router.add("POST", "/session", self._session)
        router.add("POST", "/v1.41/build", self._build)
        return router

    async def _ping(self, request: Request) -> Response:
        return Response(200, [("Api-Version", "1.41"), ("Builder-Version", "2"), ("Ostype", "linux")], b"OK")

    async def _session(self, request: Request) -> None:
        self.sessions.check(request.headers)
        await self.sessions.serve(request.headers, await request.take_over())
        self.waiting.set()

    async def _build(self, request: Request) -> Response:
        try:
            await self.build(SessionClient(await self.sessions.get(request.query.get("session") or "")))
        except PoguError as e:
            self.failure = e
            return Response(500, [("Content-Type", "application/json")], b'{"message": "the test\'s build failed"}')
        return Response(200, [("Content-Type", "application/json")], b'{"stream": "done"}\n')

    async def run(self, build: Build, *args: str | Path, **environment: str) -> int:
        """Run `docker build` with these arguments; return its exit code. Raises what the build raised."""
        process = await self.start(build, *args, **environment)
        output, _ = await process.communicate()
        if self.failure is not None:
            raise self.failure
        assert process.returncode == 0, output.decode()
        return process.returncode

    async def start(self, build: Build, *args: str | Path, **environment: str) -> asyncio.subprocess.Process:
        self.build = build
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
        return await asyncio.create_subprocess_exec(
            debian_docker(), "build", *args,
            env={**clean, "DOCKER_HOST": self.url, "DOCKER_BUILDKIT": "1", **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


@asynccontextmanager
async def build_server() -> AsyncIterator[BuildServer]:
    home = tempfile.mkdtemp(prefix="pgb")
    server = BuildServer(f"unix://{home}/sock")
    http = Server(server.router())
    await http.listen_unix(f"{home}/sock")
    try:
        yield server
    finally:
        await http.close(1)
        shutil.rmtree(home)
