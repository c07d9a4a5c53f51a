"""A registry for a test: in a thread of this process, or as a process to be killed. Each has its own directory."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from pogu.http import Server
from pogu.registry.assembly import Registry, assemble
from pogu.registry.options import Options, resolve
from tests.registry.client import Client
from tests.running import POGU

T = TypeVar("T")


class InProcess:
    """A registry served by a thread. `run` does something on its event loop."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.port = 0
        self.registry: Registry
        self._loop = uvloop.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()
        self._ready.wait(30)
        if self._error is not None:
            raise self._error

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve())
            except BaseException as error:
                self._error = error
                self._ready.set()

    async def _serve(self) -> None:
        self.registry = await assemble(self.options)
        server = Server(self.registry.handler)
        self.port = int((await server.listen_tcp("127.0.0.1", 0)).rpartition(":")[2])
        self._ready.set()
        await self._stop.wait()
        await server.close(1)
        await self.registry.close()


@contextlib.contextmanager
def serving(**options: Any) -> Iterator[Client]:
    """Serve a registry with these options (their words with `_`); `client.registry` is the `InProcess`."""
    home = Path(tempfile.mkdtemp(prefix="pogu-registry.", dir="/var/tmp"))
    given = {word.replace("_", "-"): value for word, value in options.items()}
    given.setdefault("root", str(home))
    try:
        running = InProcess(resolve(None, given))
        try:
            with Client(running.url) as client:
                client.registry = running
                yield client
        finally:
            running.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


class Process:
    """`pogu registry serve` in a process of its own, with its content in `root`."""

    def __init__(self, root: Path, *flags: str, environment: dict[str, str] | None = None) -> None:
        self.root = root
        self._flags = flags
        self.environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> Process:
        listen = [] if "--listen" in self._flags else ["--listen", "127.0.0.1:0"]
        with (self.root.parent / "registry.log").open("ab") as log:
            self._process = subprocess.Popen(
                [POGU, "registry", "serve", "--root", self.root, *listen, *self._flags],
                stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, **self.environment},
            )  # fmt: skip
        assert self._process.stdout
        line = self._process.stdout.readline().decode()
        if "ready on" not in line:
            self.stop()
            raise RuntimeError(self.log()[-3000:])
        self.url = line.split("ready on ")[1].split(",")[0].strip()
        return self

    def log(self) -> str:
        return (self.root.parent / "registry.log").read_text(errors="replace")

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    def wait(self) -> int:
        """Wait for its end."""
        return self._reap()

    def stop(self) -> int:
        if self._process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        return self._reap()

    def hang_up(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGHUP)

    def _reap(self) -> int:
        assert self._process
        code = self._process.wait(60)
        if self._process.stdout:
            self._process.stdout.close()
        self._process = None
        return code


@contextlib.contextmanager
def process(*flags: str, environment: dict[str, str] | None = None) -> Iterator[Process]:
    """Run `pogu registry serve` with these flags."""
    home = Path(tempfile.mkdtemp(prefix="pogu-registry.", dir="/var/tmp"))
    running = Process(home / "root", *flags, environment=environment)
    try:
        yield running.start()
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)


def raw_connection(url: str) -> http.client.HTTPConnection:
    """A connection for requests that are broken on purpose."""
    return http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    """A body in pieces."""
    for piece in data:
        yield piece


def gathered(work: Callable[[], Awaitable[T]], count: int) -> Coroutine[Any, Any, list[T]]:
    """Do something many times at once."""

    async def run() -> list[T]:
        return list(await asyncio.gather(*(work() for _ in range(count))))

    return run()
