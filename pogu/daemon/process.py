"""A daemon in this process: the order of starting and stopping, and what signals do."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pogu import __version__, failpoints
from pogu.daemon import journal
from pogu.daemon.listeners import Listener, open_listeners, serve
from pogu.daemon.lock import DirectoryLock, PidFile
from pogu.daemon.settings import Settings
from pogu.daemon.systemd import Notifier
from pogu.errors import Forbidden, PoguError

log = logging.getLogger(__name__)

GRACE_SECONDS = 2.0  # for answers under way when the daemon stops; what follows something forever is cut

Ready = Callable[[str], None]


def main(settings: Settings, ready: Ready, started: float) -> int:
    """Run a daemon until it is told to stop; return the exit code of the process.

    `ready` is called once with the line to print when the API answers; `started` is the time.monotonic() it began at.
    SIGTERM and SIGINT stop it and leave containers running (unless live-restore was switched off), a second one ends
    the process at once; SIGHUP reloads the configuration; SIGUSR1 writes what every task is doing to a file.

    Raises:
        PoguError: it could not start; everything done is undone.
    """
    import uvloop

    if os.geteuid() != 0:
        raise Forbidden("the daemon needs to be started with root privileges: use sudo")
    if settings.has("oom-score-adjust"):
        Path("/proc/self/oom_score_adj").write_text(str(settings.get("oom-score-adjust")))
    with _ownership(settings):
        listeners = open_listeners(settings)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(_Daemon(settings, listeners, started).run(ready))
        finally:
            for listener in listeners:
                listener.close()


@contextlib.contextmanager
def _ownership(settings: Settings) -> Iterator[None]:
    """Hold the locks of both directories and the pid file."""
    with contextlib.ExitStack() as stack:
        for directory in dict.fromkeys((settings.root, settings.run)):
            stack.callback(DirectoryLock(directory).release)
        stack.callback(PidFile(settings.pidfile).remove)
        yield


def _raise_descriptor_limit() -> tuple[int, int]:
    """Allow as many open files as root's hard limit does: every attached client and published port holds one.

    Returns the limits before that. They are what containers get: a program that uses select(2), or closes every
    descriptor that it might have, counts on a low one.
    """
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    return before


class _Daemon:
    """One run of the daemon."""

    def __init__(self, settings: Settings, listeners: list[Listener], started: float) -> None:
        self._settings = settings
        self._listeners = listeners
        self._started = started
        self._systemd = Notifier()
        self._stop = asyncio.Event()
        self._stop_containers = not settings.get("live-restore")

    async def run(self, ready: Ready) -> int:
        from pogu.daemon.admin import AdminApi
        from pogu.daemon.settings.engine import engine_config
        from pogu.daemon.traffic import Traffic
        from pogu.dialects.docker import DockerApi
        from pogu.engine.engine import Engine
        from pogu.http import Server

        self._handle_signals()
        open_files = _raise_descriptor_limit()
        for warning in self._settings.warnings:
            log.warning(warning)
        self.config = engine_config(self._settings)
        self.config.inherited_ulimits = {"nofile": open_files}
        self._export_proxies()
        self.engine = Engine(self.config)
        await self.engine.start()
        server = metrics = None
        try:
            traffic = Traffic(_Front(AdminApi(self._shut_down, self._describe), DockerApi(self.engine)))
            server = Server(traffic)
            await serve(server, self._listeners)
            metrics = await self._serve_metrics(traffic)
            self._announce(ready)
            async with _heartbeat(self._systemd):
                await self._stop.wait()
            self._systemd.notify("STOPPING=1")
            log.info("stopping%s", " with all containers" if self._stop_containers else "; containers go on running")
        finally:
            self.engine.images.expect_stop()
            for each in filter(None, (server, metrics)):
                await each.close(GRACE_SECONDS)
            await self.engine.stop(stop_containers=self._stop_containers)
        return 0

    def _export_proxies(self) -> None:
        """Put the proxies into the environment: the programs and libraries that fetch things look for them there."""
        values = (self.config.http_proxy, self.config.https_proxy, self.config.no_proxy)
        for name, value in zip(("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"), values, strict=True):
            if value:
                os.environ[name] = os.environ[name.lower()] = value

    async def _serve_metrics(self, traffic: Any) -> Any:
        if not self._settings.get("metrics-addr"):
            return None
        from pogu.daemon.metrics import serve_metrics  # prometheus_client costs 60 ms to import

        return await serve_metrics(self._settings, self.engine, traffic)

    def _announce(self, ready: Ready) -> None:
        gc.collect()
        gc.freeze()  # what was imported stays: later collections need not look at it
        seconds = time.monotonic() - self._started
        addresses = ", ".join(map(str, self._listeners))
        ready(f"Pogu {__version__} is ready on {addresses} (root {self._settings.root}, {seconds:.2f} s)")
        self._systemd.notify("READY=1", f"STATUS=Serving {addresses}", f"MAINPID={os.getpid()}")

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)
        loop.add_signal_handler(signal.SIGUSR1, self._on_dump)

    def _on_stop(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            log.warning("second %s: leaving at once", number.name)
            os._exit(128 + number)
        log.info("%s received", number.name)
        self._stop.set()

    def _shut_down(self, containers: bool) -> None:
        self._stop_containers = self._stop_containers or containers
        self._stop.set()

    def _on_reload(self) -> None:
        from pogu.daemon.reload import reload, reload_attributes

        self._systemd.notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        self._settings = reload(self._settings, self.config)
        self._stop_containers = not self._settings.get("live-restore")
        self.engine.events.publish("daemon", "reload", self.engine.id, reload_attributes(self._settings))
        self._systemd.notify("READY=1")

    def _on_dump(self) -> None:
        from pogu.daemon.tasks import describe_tasks

        path = Path(self._settings.run) / f"tasks-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
        path.write_text(describe_tasks())
        log.info("tasks written to %s", path)

    def _describe(self) -> dict[str, Any]:
        from pogu.daemon.description import describe

        return describe(self._settings, self.engine, [str(each) for each in self._listeners], self._started)


class _Front:
    """Sends `/_pogu/` to the daemon itself and everything else to the dialects."""

    def __init__(self, admin: Any, api: Any) -> None:
        self._admin = admin
        self._api = api

    async def __call__(self, request: Any) -> Any:
        if request.path.startswith("/_pogu/"):
            return await self._admin(request)
        return await self._api(request)


@contextlib.asynccontextmanager
async def _heartbeat(systemd: Notifier) -> Any:
    """Tell systemd's watchdog that the loop turns, if it wants to know."""
    interval = systemd.watchdog_seconds
    if interval is None:
        yield
        return

    async def beat() -> None:
        while True:
            systemd.notify("WATCHDOG=1")
            await asyncio.sleep(interval)

    task = asyncio.create_task(beat(), name="watchdog")
    try:
        yield
    finally:
        task.cancel()


def start(settings: Settings, ready: Ready, started: float) -> int:
    """Set the log up and run `main`, turning an error of the start into a log line and exit code 1."""
    file = settings.get("log-file")
    journal.set_up(settings.log_level, settings.get("log-format"), Path(file).absolute() if file else None)
    try:
        if failpoints.arm(os.environ):
            log.warning("fail points are armed: this daemon will fail on purpose")
        return main(settings, ready, started)
    except PoguError as e:
        log.critical("failed to start daemon: %s", e.message)
    except Exception:
        log.critical("the daemon failed: please report this", exc_info=True)
    return 1
