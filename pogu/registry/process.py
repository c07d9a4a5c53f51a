"""A registry in this process: start, house-keeping while it runs, signals, and the end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from pogu import failpoints
from pogu.errors import PoguError
from pogu.http import Limits, Server
from pogu.registry.assembly import Registry, assemble
from pogu.registry.doors import MetricsDoor
from pogu.registry.listening import check, listen, load_certificate, parse_address, tls_context
from pogu.registry.options import Options, seconds

log = logging.getLogger(__name__)

_THREADS = 16  # for the disk: many more requests than that wait for it at a time only when it is the bottleneck
_GRACE_SECONDS = 10.0  # for answers under way at the end

Ready = Callable[[str], None]


def run(options: Options, ready: Ready) -> None:
    """Serve a registry until SIGTERM or SIGINT; `ready` gets a line once it answers. SIGHUP reads certificates again.

    Raises:
        PoguError: it could not start.
    """
    import uvloop  # noqa: PLC0415 # the command that only checks options needs none of it

    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if failpoints.arm(os.environ):
        log.warning("fail points are armed: this registry will fail on purpose")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options, ready))


async def _serve(options: Options, ready: Ready) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "disk"))
    addresses = [parse_address(text) for text in options.listen]
    context = tls_context(options)
    check(options, addresses, context is not None)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _renew, context, options)
    registry = await assemble(options)
    servers = [Server(registry.handler, Limits(inbound_buffer_bytes=1024 * 1024, outbound_buffer_bytes=1024 * 1024))]
    tasks: list[asyncio.Task[None]] = []
    try:
        urls = [await listen(servers[0], address, context) for address in addresses]
        if options.metrics:
            servers.append(Server(MetricsDoor(registry.metrics.page)))
            await listen(servers[1], parse_address(options.metrics), None)
        tasks = _house_keeping(options, registry)
        gc.collect()
        gc.freeze()
        ready(f"The registry is ready on {', '.join(urls)}")
        await stop.wait()
    finally:
        for server in servers:
            await server.close(_GRACE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await registry.close()


def _renew(context: ssl.SSLContext | None, options: Options) -> None:
    if context is None:
        return
    try:
        load_certificate(context, options)
        log.info("the certificate has been read again")
    except PoguError as error:
        log.error("%s; going on with the old one", error.message)


def _house_keeping(options: Options, registry: Registry) -> list[asyncio.Task[None]]:
    interval = seconds(options.collect_every, "collect-every")
    expiry = seconds(options.upload_expiry, "upload-expiry")

    async def tidy() -> None:
        await registry.site.uploads.expire(expiry)
        if registry.retainer is not None:
            await registry.retainer.apply()
        await registry.collector.collect()

    tasks = []
    if interval > 0:
        tasks.append(asyncio.create_task(_every(interval, tidy), name="house-keeping"))
    if registry.webhooks is not None:
        tasks.append(asyncio.create_task(registry.webhooks.run(), name="webhooks"))
    return tasks


async def _every(interval: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do something again and again; what goes wrong is logged and tried again the next time."""
    while True:
        await asyncio.sleep(interval)
        try:
            await work()
        except (PoguError, OSError) as error:
            log.error("house-keeping failed: %s", error)
        except Exception:
            log.exception("house-keeping failed: please report this")


async def collect_once(options: Options) -> str:
    """Apply the rules and collect the garbage once, without serving; return a line that says what was done.

    Raises:
        Conflict: a registry serves the directory: it collects by itself.
    """
    began = time.monotonic()
    registry = await assemble(options)
    try:
        expired = await registry.site.uploads.expire(seconds(options.upload_expiry, "upload-expiry"))
        tags = await registry.retainer.apply() if registry.retainer is not None else 0
        done = await registry.collector.collect()
    finally:
        await registry.close()
    return (
        f"{tags} tags, {done.manifests} manifests, {done.links} links, {done.blobs} blobs ({done.bytes} bytes) and "
        f"{expired} uploads removed in {time.monotonic() - began:.1f} s"
    )
