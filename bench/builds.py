"""Builds: Pogu beside dockerd's two builders and buildah, each with the same Dockerfile and context.

Pogu builds by the docker command's classic way. A row is against one of the others; the target is against the best of
them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bench.case import Case, Row, spread, timed
from bench.peers import UNPACKED, Scene
from tests.conftest import base_image

_OLD = str(UNPACKED / "usr/bin/docker")  # newer docker commands need a plugin for BuildKit
TAG = "bench-build"
_PORT = 8100
_WITH_APT_PACKAGES = ("jq", "libjq1", "libonig5")

TEN_STEPS = """\
FROM busybox
LABEL made=bench
ENV PLACE=/srv
WORKDIR /srv/app
RUN echo one >one
COPY a.txt .
RUN cat a.txt one >two
COPY tree/ tree/
RUN ls tree >three
RUN mkdir -p /var/made && cp three /var/made/
EXPOSE 80
CMD ["cat", "two"]
"""
TWO_STAGES = """\
FROM busybox AS left
RUN sleep 1; echo left >/left
FROM busybox AS right
RUN sleep 1; echo right >/right
FROM busybox
COPY --from=left /left /
COPY --from=right /right /
"""
COPY_ALL = "FROM busybox\nCOPY . /all/\n"
WITH_APT = f"""\
FROM bench-debian
RUN rm -f /etc/apt/sources.list.d/* && echo 'deb [trusted=yes] http://127.0.0.1:{_PORT} ./' >/etc/apt/sources.list
RUN apt-get -q update && apt-get -q -y install --no-install-recommends jq
"""


@dataclass(frozen=True)
class Builder:
    """One way to build a directory."""

    name: str
    build: Callable[[Scene, Path, Sequence[str]], object]


def _docker(scene: Scene, of: str, buildkit: str, context: Path, flags: Sequence[str]) -> object:
    peer = scene.pogu if of == "pogu" else scene.docker
    env = {**peer.environment(), "DOCKER_BUILDKIT": buildkit}
    argv = [*peer.enter(), _OLD, "build", "-q", "-t", TAG, *flags, str(context)]
    return subprocess.run(argv, env=env, check=True, capture_output=True)


OURS = Builder("pogu", lambda scene, context, flags: _docker(scene, "pogu", "0", context, flags))
OTHERS = (
    Builder("dockerd, classic", lambda scene, context, flags: _docker(scene, "docker", "0", context, flags)),
    Builder("dockerd, BuildKit", lambda scene, context, flags: _docker(scene, "docker", "1", context, flags)),
    Builder("buildah", lambda scene, context, flags: scene.buildah.build(TAG, context, flags)),
)


def _built(
    name: str,
    title: str,
    prepare: Callable[[Path], None],
    least: float,
    *,
    rounds: int = 5,
    flags: Sequence[str] = (),
    others: Sequence[Builder] = OTHERS,
    around: Callable[[Scene], AbstractContextManager[object]] = lambda scene: nullcontext(),
) -> Case:
    """Return a case of one build by all, in turn; ours is to be `least` times faster than the best of the others."""

    def measure(scene: Scene) -> Iterator[Row]:
        context = scene.home / f"context-{name}"
        context.mkdir()
        prepare(context)
        builders = (OURS, *others)
        times: dict[str, list[float]] = {builder.name: [] for builder in builders}
        with around(scene):
            for turn in range(rounds + 1):
                for builder in builders:
                    elapsed = timed(lambda scene, builder=builder: builder.build(scene, context, flags), scene)
                    if turn:
                        times[builder.name].append(elapsed)
                    os.sync()  # what one has left to be written must not fall to the next
        shutil.rmtree(context)
        ours = times[OURS.name]
        best = min((b.name for b in others), key=lambda other: statistics.median(times[other]))
        for builder in others:
            theirs = times[builder.name]
            ratio = statistics.median(t / o for t, o in zip(theirs, ours, strict=True))
            target, met = (f"≥ {least:g} times faster", ratio >= least) if builder.name == best else ("", None)
            yield Row(title, "ms", spread(ours), spread(theirs), builder.name, round(ratio, 2), target, met)

    return Case(f"build-{name}", measure)


def _write(text: str) -> Callable[[Path], None]:
    def prepare(context: Path) -> None:
        (context / "Dockerfile").write_text(text)
        (context / "a.txt").write_text("a\n")
        (context / "tree").mkdir()
        for number in range(20):
            (context / "tree" / f"f{number}").write_text(f"{number}\n" * 100)

    return prepare


def _small_files(context: Path) -> None:
    (context / "Dockerfile").write_text(COPY_ALL)
    for folder in range(200):
        (context / f"d{folder}").mkdir()
        for number in range(100):
            (context / f"d{folder}" / f"f{number}").write_bytes(os.urandom(16) * 128)


def _gigabyte(context: Path) -> None:
    (context / "Dockerfile").write_text(COPY_ALL)
    for part in range(8):
        with (context / f"part{part}").open("wb") as out:
            for _ in range(8):
                out.write(os.urandom(1 << 24))


def _repository(folder: Path) -> None:
    """Make a repository of a few packages, so that the network has no part in it."""
    folder.mkdir()
    folder.chmod(0o755)
    subprocess.run(["apt-get", "download", "-q", *_WITH_APT_PACKAGES], cwd=folder, check=True, capture_output=True)
    index = []
    for package in sorted(folder.glob("*.deb")):
        fields = subprocess.run(["dpkg-deb", "-f", package], check=True, capture_output=True, text=True).stdout
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        index.append(f"{fields}Filename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n")
    (folder / "Packages").write_text("\n".join(index))


@contextlib.contextmanager
def _apt(scene: Scene) -> Iterator[None]:
    """All have Debian, and a repository of packages at an address in their network namespace."""
    files = base_image("debian:bookworm")
    scene.buildah.give("bench-debian", files)
    for peer in (scene.pogu, scene.docker):
        argv = [_OLD, "import", str(files), "bench-debian"]
        subprocess.run(argv, env=peer.environment(), check=True, capture_output=True)
    folder = scene.home / "packages"
    _repository(folder)
    serve = [sys.executable, "-m", "http.server", str(_PORT), "--bind", "127.0.0.1", "--directory", str(folder)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    servers = [subprocess.Popen([*p.enter(), *serve], **quiet) for p in (scene.pogu, scene.docker, scene.buildah)]
    try:
        yield
    finally:
        for server in servers:
            server.kill()
            server.wait()


_ANEW = ("--no-cache",)
_OWN_HOST = ("--no-cache", "--network=host")  # of the namespace that the builder is in

CASES = [
    _built("cached", "build of 10 steps, all in the cache", _write(TEN_STEPS), 3, rounds=10),
    _built("new", "build of 10 steps, none in the cache", _write(TEN_STEPS), 1, flags=_ANEW),
    _built("stages", "two stages of a second each", _write(TWO_STAGES), 1, flags=_ANEW),
    _built("apt", "apt-get update and install on Debian", _write(WITH_APT), 1, rounds=3, flags=_OWN_HOST, around=_apt),
    _built("files", "context of 20,000 small files, copied", _small_files, 1, rounds=3, flags=_ANEW),
    _built("files-cached", "the same, in the cache", _small_files, 1, rounds=3),
    _built("gigabyte", "context of 1 GB, copied", _gigabyte, 1, rounds=3, flags=_ANEW),
]
