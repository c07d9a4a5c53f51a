"""kill -9 at any moment: what was acknowledged is there, and nothing is that nobody knows of."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from pogu.engine.networks.identity import bridge_name
from pogu.linux.rtnetlink import RouteSocket
from tests.engine.networks.conftest import Engine, StartEngine

# Makes, fills, empties and removes networks until it is killed; says what has been acknowledged.
WORK = """
import asyncio, sys
from pathlib import Path
from pogu.engine.config import EngineConfig
from pogu.engine.events import EventBus
from pogu.engine.model import EndpointSettings
from pogu.engine.networks import Networks
from pogu.engine.state import StateStore

async def main(home):
    pools = [("10.0.0.0/8", 24)]
    config = EngineConfig(
        root=home / "root", run=home / "run", bridge="pg0", table="tpg", default_address_pools=pools
    )
    networks = Networks(config, StateStore(config.root / "state.db"), EventBus())
    await networks.start()
    await networks.reconcile({})
    for network in networks.list():
        if network.name.startswith("gone"):
            await networks.remove(network.name)
    print("ready", flush=True)
    for number in range(1000):
        kept, gone = f"kept-{sys.argv[2]}-{number}", f"gone-{sys.argv[2]}-{number}"
        await networks.create(kept)
        print("created", kept, flush=True)
        made = await networks.create(gone)
        sandbox = f"{sys.argv[2]}{number:060d}"
        await networks.open_sandbox(sandbox)
        await networks.join(sandbox, made, EndpointSettings())
        await networks.publish(sandbox, {"80/tcp": []})
        await networks.close_sandbox(sandbox)
        await networks.remove(gone)
        print("removed", gone, flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.soak
async def test_kills_at_any_moment(start_engine: StartEngine, soak: Callable[[float, float], float]) -> None:
    one = await start_engine(default_address_pools=[("10.0.0.0/8", 24)])
    await one.networks.reconcile({})
    home = one.config.root.parent
    await one.crash()
    created: set[str] = set()
    removed: set[str] = set()
    for run in range(int(soak(4, 100))):
        _work_until_killed(str(home), run, created, removed)
    two = await start_engine()
    await two.networks.reconcile({})
    await two.networks.stop(dismantle=False)  # waits for the deletions
    names = {n.name for n in two.networks.list()}
    assert created <= names
    assert not removed & names
    _nothing_unknown(two)
    assert len(created) > 0


def _work_until_killed(home: str, run: int, created: set[str], removed: set[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, home, str(run)], stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    assert first == "ready\n", process.stderr.read()
    time.sleep(random.uniform(0.02, 0.25))
    process.send_signal(signal.SIGKILL)
    for line in process.stdout:
        word, name = line.split()
        {"created": created, "removed": removed}[word].add(name)
    process.wait()
    process.stdout.close()
    process.stderr.close()


def _nothing_unknown(engine: Engine) -> None:
    with RouteSocket() as sock:
        links = {link.name: link.kind for link in sock.links() if link.kind}
    wanted = {bridge_name(n): "bridge" for n in engine.networks.list() if n.driver == "bridge"}
    assert links == wanted
    assert list((engine.config.run / "netns").iterdir()) == []
