"""Daemons of a test's own, for tests of starting and stopping; those about a running one share `daemon`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pogu.daemon.settings.engine import engine_config
from pogu.daemon.settings.resolve import Settings, Sources
from pogu.linux.nftables import Nftables, NftablesError
from tests.running import RunningDaemon

Make = Callable[..., RunningDaemon]


@pytest.fixture
def make_daemon() -> Iterator[Make]:
    """Return a maker of daemons (not started) that a test may start and end as it likes; nothing of them is left."""
    made: list[RunningDaemon] = []

    def make(*flags: str) -> RunningDaemon:
        made.append(RunningDaemon(*flags))
        return made[-1]

    yield make
    for daemon in made:
        remove(daemon)


def remove(daemon: RunningDaemon) -> None:
    """End a daemon that has no containers and remove what it made in the kernel and on disk."""
    if daemon.process and daemon.process.poll() is None:
        daemon.process.kill()
    if daemon.process:
        daemon.process.wait()
        if daemon.process.stdout:
            daemon.process.stdout.close()
    daemon._sweep()
    table = engine_config(Settings({"exec-root": str(daemon.run_dir)}, Sources())).table
    nft = Nftables()
    try:
        nft.apply(f"delete table inet {table}")
    except NftablesError:
        pass  # it never started
    finally:
        nft.close()
