"""Memory: proportional set sizes of the daemons and their supervisors, containers' own processes left out."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.api import Api
from bench.case import Case, Row
from bench.many import empty
from bench.peers import Peer, Scene

_COUNTED = {"pogu": 100, "docker": 30}  # containers; dockerd takes a third of a second for each
_MOST = 500


def _start(api: Api, number: int) -> list[str]:
    ids = []
    for _ in range(number):
        ids.append(api.create("sleep", "100000"))
        api.call("POST", f"/containers/{ids[-1]}/start")
    return ids


def _figure(value: float) -> tuple[float, float, float]:
    return (round(value, 2),) * 3


def _idle(scene: Scene) -> Iterator[Row]:
    ours, theirs = scene.pogu.idle_mib, scene.docker.idle_mib
    ratio = round(theirs / ours, 2)
    yield Row("idle daemon", "MiB", _figure(ours), _figure(theirs), "dockerd", ratio, "≤ a half", ratio >= 2)
    seconds = (scene.pogu.ready_seconds, scene.docker.ready_seconds)
    yield Row(
        "start until ready", "s", _figure(seconds[0]), _figure(seconds[1]), "dockerd", None, "< 1 s", seconds[0] < 1
    )


def _per_container(peer: Peer) -> tuple[float, list[str]]:
    """Return MiB for each of some running containers, and their IDs."""
    api = Api(peer.socket)
    empty(peer, _start(api, 2))  # warm
    time.sleep(3)
    before = peer.memory_mib()
    number = _COUNTED[peer.name]
    ids = _start(api, number)
    time.sleep(1)
    return (peer.memory_mib() - before) / number, ids


def _running(scene: Scene) -> Iterator[Row]:
    theirs, ids = _per_container(scene.docker)
    empty(scene.docker, ids)
    ours, ids = _per_container(scene.pogu)
    met = ours <= 3
    yield Row(
        "a running container", "MiB", _figure(ours), _figure(theirs), "dockerd", round(theirs / ours, 2), "≤ 3", met
    )
    began = time.perf_counter()
    api = Api(scene.pogu.socket)
    more = _start(api, _MOST - len(ids))
    each = (time.perf_counter() - began) * 1000 / len(more)
    up = scene.pogu.docker("ps", "-q").split()
    title = f"{_MOST} running at once: start of each of the last {len(more)}"
    yield Row(title, "ms", _figure(each), None, "", None, f"{_MOST} run", len(up) == _MOST)
    empty(scene.pogu, ids + more)


CASES = [Case("idle", _idle), Case("running", _running)]
