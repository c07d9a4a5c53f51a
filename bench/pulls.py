"""`python -m bench.pulls`: pulls and pushes of large and of many small files, Pogu beside dockerd, in turn.

Both daemons use Debian's docker-registry, one in the network namespace of each, over the same storage.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.__main__ import measure
from bench.cases import Case
from bench.peers import REPOSITORY, UNPACKED, Peer, started
from tests.registry_peers import debian_registry, put_image

ADDRESS = "127.0.0.1:5000"
_MIB = 1 << 20


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
    """Put the images into a registry's storage."""
    with debian_registry() as registry:
        put_image(registry, "large", "1", [layer(25, 4 * _MIB, seed) for seed in range(10)])
        put_image(registry, "small", "1", [layer(2000, 4096, 99)])
        registry.files.rename(storage)


@contextlib.contextmanager
def serving(peers: tuple[Peer, ...], storage: Path) -> Iterator[None]:
    """Run a registry in the namespace of each peer."""
    config = storage.parent / "registry.json"
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
            url = f"http://{ADDRESS}/v2/"
            wait = ["curl", "-fs", "--retry", "50", "--retry-connrefused", "--retry-delay", "0", "-o", "/dev/null", url]
            subprocess.run([*peer.enter(), *wait], check=True)
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def _pull(name: str) -> Case:
    image = f"{ADDRESS}/{name}:1"

    def forget(peer: Peer) -> None:
        peer.docker("rmi", "-f", image, check=False)
        os.sync()

    return Case(f"pull {name}", lambda peer: peer.docker("pull", "-q", image) and None, 1.5, 3, forget)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="pogu-pulls.", dir="/var/tmp") as folder, started() as peers:
        storage = Path(folder) / "data"
        fill(storage)
        with serving(peers, storage):
            results = [measure(_pull(name), peers) for name in ("large", "small")]
    print(json.dumps(results, indent=1))
    (REPOSITORY / "docs" / "performance-pulls.json").write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
