"""What Pogu's registry gives out in a second, beside Debian's docker-registry: manifests, and bytes of a large blob.

Both are asked by wrk on the loopback interface, without TLS and passwords, with the same image in a directory.
"""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from bench.case import Case, Row, spread
from bench.peers import UNPACKED, Scene, fetch
from tests.registry.client import Client
from tests.registry.serving import process
from tests.registry_peers import MANIFEST, debian_registry, put_image, unpacked

ROUNDS = 7
_SECONDS = 1
_LARGE = 64 << 20
_UNITS = {"KB": 1 / 1024, "MB": 1.0, "GB": 1024.0}


@dataclass(frozen=True)
class _Served:
    """The same image on one of the registries."""

    url: str
    layer: str

    def manifest_rate(self) -> float:
        """Manifests a second, of the image under its tag, to eight clients at once."""
        found = re.search(r"Requests/sec:\s+([\d.]+)", _wrk(f"{self.url}/v2/image/manifests/1", 8))
        assert found
        return float(found[1])

    def blob_rate(self) -> float:
        """MiB a second of the large layer, to four clients at once."""
        found = re.search(r"Transfer/sec:\s+([\d.]+)(KB|MB|GB)", _wrk(f"{self.url}/v2/image/blobs/{self.layer}", 4))
        assert found
        return float(found[1]) * _UNITS[found[2]]


def _wrk(url: str, clients: int) -> str:
    command = [str(UNPACKED / "usr/bin/wrk"), "-t1", f"-c{clients}", f"-d{_SECONDS}s", "-H", f"Accept: {MANIFEST}", url]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(UNPACKED / "usr/lib/x86_64-linux-gnu")}
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in said, said
    return said


@contextlib.contextmanager
def serving() -> Iterator[tuple[_Served, _Served]]:
    """Run both registries with the image: Pogu's and Debian's."""
    fetch("wrk", "libluajit2-5.1-2")
    unpacked("docker-registry")
    layer = os.urandom(_LARGE)
    with debian_registry() as debian, process() as ours, Client(ours.url) as client:
        put_image(debian, "image", "1", [layer], compress=bytes)
        manifest = debian.manifest("image", "1")
        digest = client.push_blob("image", layer)
        status, _, config = debian.ask("GET", f"/v2/image/blobs/{_config_of(manifest)}")
        assert status == 200
        client.push_blob("image", config)
        client.push_manifest("image", "1", manifest, MANIFEST)
        yield _Served(ours.url, digest), _Served(f"http://{debian.host}", digest)


def _config_of(manifest: bytes) -> str:
    found = re.search(rb'"config":\s*{[^}]*"digest":\s*"([^"]+)"', manifest)
    assert found
    return found[1].decode()


def _rates(_: Scene) -> Iterator[Row]:
    with serving() as (ours, theirs):
        for title, unit, ask in (
            ("registry: GET of a manifest, 8 clients", "requests/s", _Served.manifest_rate),
            ("registry: GET of a blob of 64 MiB, 4 clients", "MiB/s", _Served.blob_rate),
        ):
            rates = [(ask(ours), ask(theirs)) for _turn in range(ROUNDS + 1)][1:]
            ratio = statistics.median(o / t for o, t in rates)
            given, other = (spread([rate[side] for rate in rates]) for side in (0, 1))
            yield Row(title, unit, given, other, "docker-registry", round(ratio, 2), "≥ 1 times as much", ratio >= 1)


CASES = [Case("registry", _rates)]
