"""Cases of single containers: run, exec, and the life of one over the bare API."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache

from bench.api import Api
from bench.case import both, daemons, pair
from bench.peers import REPOSITORY, Peer, Scene

_LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000")  # podman asks for more than some hosts give


def _pogu_run(scene: Scene) -> None:
    env = {**os.environ, "POGU_HOST": f"unix://{scene.pogu.socket}"}
    command = [str(REPOSITORY / ".venv/bin/pogu"), "run", "--rm", "busybox", "true"]
    subprocess.run(command, env=env, check=True, capture_output=True)


@cache
def _api(peer: Peer) -> Api:
    return Api(peer.socket)


def _over_the_api(peer: Peer) -> None:
    _api(peer).run("true")


@contextlib.contextmanager
def _bundle(scene: Scene) -> Iterator[None]:
    """Have the configuration of a container, as Pogu gave it to crun, ready to be run by crun alone."""
    id_ = _api(scene.pogu).create("sleep", "1000")
    _api(scene.pogu).call("POST", f"/containers/{id_}/start")
    folder = scene.home / "bundle"
    folder.mkdir()
    spec = json.loads((scene.pogu.run_dir / "runtime" / id_ / "config.json").read_text())
    spec["process"]["args"] = ["true"]
    spec["linux"]["cgroupsPath"] = f"/pogu-bench-{os.getpid()}-bare"
    (folder / "config.json").write_text(json.dumps(spec))
    try:
        yield
    finally:
        shutil.rmtree(folder)
        _api(scene.pogu).call("DELETE", f"/containers/{id_}?force=1")


def _bare(scene: Scene) -> None:
    argv = ["crun", f"--root={scene.home}/bare", "run", "--bundle", str(scene.home / "bundle"), "bench-bare"]
    subprocess.run(argv, check=True, capture_output=True)


@contextlib.contextmanager
def _one_running(scene: Scene) -> Iterator[None]:
    for peer in daemons(scene):
        peer.docker("run", "-d", "--name", "bench", "busybox", "sleep", "1000")
    yield
    for peer in daemons(scene):
        peer.docker("rm", "-f", "bench")


def _runs(*args: str) -> list[str]:
    return ["run", "--rm", *args, "busybox", "true"]


CASES = [
    both("run", "docker run --rm busybox true, default bridge", lambda p: p.docker(*_runs()), 6, rounds=25),
    both(
        "run-host", "docker run --rm --net host busybox true", lambda p: p.docker(*_runs("--net", "host")), 4, rounds=25
    ),
    pair(
        "pogu-run",
        "pogu run --rm busybox true, against docker run",
        _pogu_run,
        lambda scene: scene.docker.docker(*_runs()),
        3,
    ),
    pair(
        "podman-run",
        "pogu run --rm busybox true, against podman run",
        _pogu_run,
        lambda scene: scene.podman.run("run", "--rm", *_LIMITS, "localhost/busybox", "true"),
        4,
        peer="podman",
    ),
    pair(
        "life",
        "create, start, wait, remove over one connection, against crun run of the same bundle",
        lambda scene: _over_the_api(scene.pogu),
        _bare,
        1 / 2.5,
        peer="crun run",
        around=_bundle,
        rounds=25,
        shown="≤ 2.5 times",
    ),
    both("life-docker", "create, start, wait, remove over one connection", _over_the_api, 1),
    both("exec", "docker exec true", lambda p: p.docker("exec", "bench", "true"), 2, rounds=20, around=_one_running),
]
