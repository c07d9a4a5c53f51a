"""What is measured. A case does one unit of work against a peer; the time of `work` alone counts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from bench.peers import Peer, docker_command


def _nothing(peer: Peer) -> None:
    pass


@dataclass(frozen=True)
class Case:
    """`target` is the wanted ratio peer/Pogu of the medians."""

    name: str
    work: Callable[[Peer], None]
    target: float
    rounds: int = 15
    before: Callable[[Peer], None] = _nothing
    after: Callable[[Peer], None] = _nothing


def _run(*args: str) -> Callable[[Peer], None]:
    return lambda peer: peer.docker("run", *args) and None


def _parallel_runs(peer: Peer) -> None:
    command = [docker_command(), "run", "-d", "--label", "bench=many", "busybox", "sleep", "1000"]
    running = [subprocess.Popen(command, env=peer.environment(), stdout=subprocess.DEVNULL) for _ in range(20)]
    if any(p.wait() for p in running):
        raise RuntimeError(f"{peer.name}: a parallel run failed")


def _remove_many(peer: Peer) -> None:
    if ids := peer.docker("ps", "-aq", "--filter", "label=bench=many").split():
        peer.docker("rm", "-f", *ids)


def _one_running(peer: Peer) -> None:
    peer.docker("rm", "-f", "bench", check=False)
    peer.docker("run", "-d", "--name", "bench", "busybox", "sleep", "1000")


def _remove_one(peer: Peer) -> None:
    peer.docker("rm", "-f", "bench", check=False)


CASES = [
    Case("run --rm busybox true (bridge)", _run("--rm", "busybox", "true"), 3.0, 25),
    Case("run --rm --net host busybox true", _run("--rm", "--net", "host", "busybox", "true"), 3.0, 25),
    Case("exec true", lambda peer: peer.docker("exec", "bench", "true") and None, 1.0, 20, _one_running, _remove_one),
    Case("20 parallel run -d", _parallel_runs, 1.0, 5, after=_remove_many),
    Case("rm -f of 20 running", _remove_many, 1.0, 5, before=_parallel_runs),
]
