"""Cases of many containers: started and removed at once, listed, looked at, told of."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator

from bench.api import Api
from bench.case import both, daemons
from bench.peers import Peer, Scene, docker_command

MANY = 500


def _parallel_runs(peer: Peer) -> None:
    command = [docker_command(), "run", "-d", "--label", "bench=many", "busybox", "sleep", "1000"]
    running = [subprocess.Popen(command, env=peer.environment(), stdout=subprocess.DEVNULL) for _ in range(20)]
    codes = [p.wait() for p in running]
    if any(codes):
        raise RuntimeError(f"{peer.name}: a parallel run failed")


def _remove_many(peer: Peer) -> None:
    if ids := peer.docker("ps", "-aq", "--filter", "label=bench=many").split():
        peer.docker("rm", "-f", *ids)


def _again(peer: Peer) -> None:
    _remove_many(peer)
    time.sleep(0.5)  # what is done after the answer is not to be part of the next one's time


def _renew(peer: Peer) -> None:
    _remove_many(peer)
    _parallel_runs(peer)
    time.sleep(0.5)


@contextlib.contextmanager
def _cleared(scene: Scene) -> Iterator[None]:
    yield
    for peer in daemons(scene):
        _again(peer)


@contextlib.contextmanager
def _many_created(scene: Scene) -> Iterator[None]:
    made = {peer: fill(peer, MANY) for peer in daemons(scene)}
    yield
    for peer, ids in made.items():
        empty(peer, ids)


def fill(peer: Peer, number: int) -> list[str]:
    """Create containers that are not started; return their IDs."""
    api = Api(peer.socket)
    return [api.create("true", Labels={"number": str(n)}) for n in range(number)]


def empty(peer: Peer, ids: list[str]) -> None:
    """Remove containers."""
    api = Api(peer.socket)
    for id_ in ids:
        api.call("DELETE", f"/containers/{id_}?force=1")


@contextlib.contextmanager
def _one(scene: Scene) -> Iterator[None]:
    for peer in daemons(scene):
        Api(peer.socket).call("POST", "/containers/create?name=looked", {"Image": "busybox", "Cmd": ["true"]})
    yield
    for peer in daemons(scene):
        Api(peer.socket).call("DELETE", "/containers/looked")


@contextlib.contextmanager
def _two_hundred_events(scene: Scene) -> Iterator[None]:
    """Make as many as dockerd keeps (256) and no more, on each."""
    for peer in daemons(scene):
        time.sleep(1)
        (peer.home / f"{peer.name}-since").write_text(str(int(time.time())))
        empty(peer, fill(peer, 100))
    time.sleep(1)
    yield


def _replay(peer: Peer) -> None:
    since = (peer.home / f"{peer.name}-since").read_text()
    lines = peer.docker("events", "--since", since, "--until", "0s").count("\n")
    if lines < 150:
        raise RuntimeError(f"{peer.name} has lost events: {lines}")


def _inspects(peer: Peer) -> None:
    api = Api(peer.socket)
    for _ in range(20):
        json.loads(api.call("GET", "/containers/looked/json"))


CASES = [
    both("parallel", "20 parallel docker run -d", _parallel_runs, 6, rounds=5, before=_again, around=_cleared),
    both("remove", "docker rm -f of 20 running", _remove_many, 2, rounds=5, before=_renew, around=_cleared),
    both("ps", "docker ps -a with 500 containers", lambda p: p.docker("ps", "-a"), 1, around=_many_created),
    both("inspect", "docker inspect", lambda p: p.docker("inspect", "looked"), 1, around=_one),
    both("inspect-api", "20 inspections over one connection", _inspects, 1, around=_one),
    both("events", "docker events: replay of 200", _replay, 1, around=_two_hundred_events),
]
