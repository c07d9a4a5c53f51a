"""Cases of a gigabyte: logs, copies, commits, archives of images."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.case import both, daemons
from bench.peers import Peer, Scene, docker_command

GIGABYTE = 1 << 30
_LINE = 1000  # bytes


@contextlib.contextmanager
def _long_log(scene: Scene) -> Iterator[None]:
    text = f"yes $(printf %{_LINE - 1}s | tr ' ' x) | head -c {GIGABYTE}"
    for peer in daemons(scene):
        peer.docker("run", "-d", "--name", "long", "--log-opt", "max-size=3g", "busybox", "sh", "-c", text)
        peer.docker("wait", "long")
    yield
    for peer in daemons(scene):
        peer.docker("rm", "long")


def _gigabyte(scene: Scene) -> Path:
    """Return a file of a gigabyte that does not compress."""
    path = scene.home / "gigabyte"
    if not path.exists():
        with path.open("wb") as out:
            for _ in range(GIGABYTE >> 24):
                out.write(os.urandom(1 << 24))
    return path


@contextlib.contextmanager
def _holder(scene: Scene) -> Iterator[None]:
    """Have a container of each that the file can be copied into."""
    _gigabyte(scene)
    for peer in daemons(scene):
        peer.docker("create", "--name", "holder", "busybox", "true")
    yield
    for peer in daemons(scene):
        peer.docker("rm", "holder")


@contextlib.contextmanager
def _full_holder(scene: Scene) -> Iterator[None]:
    with _holder(scene):
        for peer in daemons(scene):
            _copy_in(peer)
        yield


@contextlib.contextmanager
def _image(scene: Scene) -> Iterator[None]:
    with _full_holder(scene):
        for peer in daemons(scene):
            peer.docker("commit", "holder", "big")
            peer.docker("save", "-o", str(_archive(peer)), "big")
        yield
        for peer in daemons(scene):
            peer.docker("rmi", "big", check=False)
            _archive(peer).unlink()


def _archive(peer: Peer) -> Path:
    return peer.home / f"big-{peer.name}.tar"


def _copy_in(peer: Peer) -> None:
    peer.docker("cp", "-q", str(peer.home / "gigabyte"), "holder:/gigabyte")


def _copy_out(peer: Peer) -> None:
    _to_nothing(peer, "cp", "holder:/gigabyte", "-")


def _to_nothing(peer: Peer, *args: str) -> None:
    subprocess.run([docker_command(), *args], env=peer.environment(), stdout=subprocess.DEVNULL, check=True)


def _forget(name: str) -> Callable[[Peer], object]:
    def before(peer: Peer) -> None:
        peer.docker("rmi", "-f", name, check=False)
        _settle(peer)

    return before


def _settle(peer: Peer) -> None:
    """Leave nothing waiting for the disk: what one has not synced or deleted yet the other would have to."""
    os.sync()
    time.sleep(1)  # files are deleted after the answer
    os.sync()


CASES = [
    both("logs", "docker logs --tail 100 of 1 GB", lambda p: p.docker("logs", "--tail", "100", "long"), 1,
         around=_long_log),
    both("cp-in", "docker cp of 1 GB into a container", _copy_in, 1, rounds=3, around=_holder, before=_settle),
    both("cp-out", "docker cp of 1 GB out of a container", _copy_out, 1, rounds=3, around=_full_holder,
         before=_settle),
    both("commit", "docker commit of 1 GB", lambda p: p.docker("commit", "holder", "done"), 1, rounds=3,
         around=_full_holder, before=_forget("done")),
    both("save", "docker save of 1 GB", lambda p: _to_nothing(p, "save", "big"), 1, rounds=3, around=_image,
         before=_settle),
    both("load", "docker load of 1 GB", lambda p: p.docker("load", "-q", "-i", str(_archive(p))), 1, rounds=3,
         around=_image, before=_forget("big")),
]  # fmt: skip
