"""Pulls and pushes of an image of ten large layers and of one with many small files, Pogu beside dockerd.

Both use Debian's docker-registry, one in the network namespace of each daemon, over the same storage.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from isal import igzip

from bench.case import Case, both
from bench.peers import REPOSITORY, UNPACKED, Peer, Scene
from tests.registry_peers import debian_registry, put_image

ADDRESS = "127.0.0.1:5000"
ROUNDS = 3
_MIB = 1 << 20
_MADE = REPOSITORY / "build" / "bench" / "registry"


def layer(files: int, size: int, seed: int) -> bytes:
    """Return a layer of files that compress to about 40 %, as programs and libraries do."""
    chance = random.Random(seed)
    words = [chance.randbytes(6) for _ in range(4096)]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number in range(files):
            noise = chance.randbytes(size // 4)
            text = b"".join(chance.choices(words, k=size // 8))[: size - len(noise)]
            data = (noise + text).ljust(size, b"\0")
            info = tarfile.TarInfo(f"usr/lib/l{seed}/d{number % 50}/f{number}")
            info.size, info.mode, info.mtime = len(data), 0o644, 1_700_000_000
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def fill(storage: Path) -> None:
    """Put the images into a registry's storage; they are made once."""
    if not _MADE.exists():
        with debian_registry() as registry:
            put_image(
                registry, "large", "1", [layer(25, 4 * _MIB, seed) for seed in range(10)], compress=igzip.compress
            )
            put_image(registry, "small", "1", [layer(2000, 4096, 99)], compress=igzip.compress)
            _MADE.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(registry.files, _MADE)
    shutil.copytree(_MADE, storage)


@contextlib.contextmanager
def serving(scene: Scene) -> Iterator[Path]:
    """Run a registry with the images in the namespace of each daemon; gives their storage."""
    peers = (scene.pogu, scene.docker)
    with tempfile.TemporaryDirectory(prefix="pogu-pulls.", dir="/var/tmp") as folder:
        storage, config = Path(folder) / "data", Path(folder) / "registry.json"
        fill(storage)
        document = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(storage)}},
            "http": {"addr": ADDRESS},
        }
        config.write_text(json.dumps(document))
        program = [str(UNPACKED / "usr/bin/docker-registry"), "serve", str(config)]
        running = [subprocess.Popen([*peer.enter(), *program], stderr=subprocess.DEVNULL) for peer in peers]
        try:
            for peer in peers:
                wait = ["curl", "-fs", "--retry", "100", "--retry-connrefused", "--retry-delay", "0", "-o", "/dev/null"]
                subprocess.run([*peer.enter(), *wait, f"http://{ADDRESS}/v2/"], check=True)
            yield storage
        finally:
            for process in running:
                process.kill()
                process.wait()


def _forget(name: str, peer: Peer) -> None:
    peer.docker("rmi", "-f", f"{ADDRESS}/{name}:1", check=False)
    os.sync()  # what one of them has left to be written must not fall to the other


def _pull(name: str, title: str) -> Case:
    return both(
        f"pull-{name}",
        title,
        lambda peer: peer.docker("pull", "-q", f"{ADDRESS}/{name}:1"),
        1.5,
        rounds=ROUNDS,
        around=serving,
        before=lambda peer: _forget(name, peer),
    )


@contextlib.contextmanager
def _emptied(scene: Scene, name: str) -> Iterator[None]:
    """Both daemons have the image, the registry has nothing."""
    with serving(scene) as storage:
        for peer in (scene.pogu, scene.docker):
            peer.docker("pull", "-q", f"{ADDRESS}/{name}:1")
        _storage.append(storage)
        try:
            yield
        finally:
            _storage.remove(storage)


_storage: list[Path] = []  # of the registry that is pushed to


def _empty(_peer: Peer) -> None:
    for storage in _storage:
        shutil.rmtree(storage / "docker", ignore_errors=True)
    os.sync()


def _push(name: str, title: str) -> Case:
    return both(
        f"push-{name}",
        title,
        lambda peer: peer.docker("push", "-q", f"{ADDRESS}/{name}:1"),
        1.0,
        rounds=ROUNDS,
        around=lambda scene: _emptied(scene, name),
        before=_empty,
    )


CASES = [
    _pull("large", "pull of 1 GB in 10 layers"),
    _pull("small", "pull of 2,000 small files"),
    _push("large", "push of 1 GB in 10 layers"),
]
