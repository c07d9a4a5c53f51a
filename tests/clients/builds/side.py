"""Building cases with one daemon: a folder and a network namespace for all, two builds at a time.

A case's shell lines run in the folder that holds its context and find

    build FLAG… CONTEXT     docker build -t $TAG
    cached FLAG… CONTEXT    the same, and a note of how many of the steps that make layers came from the cache
    note WORDS              a line of the outcome
    docker                  Debian's docker command, by the way of building that is asked for
    $TAG                    the name of the image
    $SERVED, $URL, $GIT     the folder of what is served, its address, and the address of git repositories in it
    $PYTHON                 a Python

`$SERVED_AT` in a Dockerfile is replaced by `$URL`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients.builds.case import Case
from tests.clients.builds.image import Archive
from tests.clients.builds.outcome import BASE, image_lines
from tests.clients.builds.tree import read_tree, write_tree
from tests.conftest import REPOSITORY

DOCKER = REPOSITORY / "build" / "peers" / "usr" / "bin"
PORT = 8000
_AT_ONCE = 3
_SECONDS = 120  # for a case

_PRELUDE = r"""
build() { docker build -t "$TAG" "$@"; }
note() { echo "$*" >>"$NOTES"; }
cached() {
  code=0; build "$@" >"$NOTES.log" 2>&1 || code=$?
  note "$(awk '
    /^Step .* : (RUN|COPY|ADD|WORKDIR)/ { step = 1; steps++ } /^Step .* : (FROM|CMD|ENV|ARG|LABEL)/ { step = 0 }
    /^ ---> Using cache/ && step { cached++ }
    /^#[0-9]+ \[.*\] (RUN|COPY|ADD|WORKDIR)/ && !($1 in names) { names[$1]; steps++ }
    /^#[0-9]+ CACHED/ && $1 in names { cached++ }
    END { print cached + 0 " of " steps " steps from the cache" }' "$NOTES.log")"
  cat "$NOTES.log" >&2; return $code
}
set -e
"""


@dataclass
class Built:
    """What became of a case by one way of building."""

    case: Case
    way: str
    code: int
    error: str
    notes: list[str]
    image: list[str] = field(default_factory=list)
    """The image's lines; empty when there is none."""

    @property
    def tag(self) -> str:
        return f"case-{self.case.name}-{self.way}"

    def lines(self) -> list[str]:
        """Return the outcome."""
        if self.code:
            last = [line for line in self.error.splitlines() if line.strip()][-4:]
            return ["fails", *(f"error {line}" for line in last), *self.notes]
        return ["ok", *self.notes, *self.image]


def build_all(url: str, namespace: str, work: Sequence[tuple[Case, str]]) -> list[Built]:
    """Build cases, each by one way, with the daemon at `url` that is in a network namespace, and read the images."""
    began = int(time.time()) - 1
    with tempfile.TemporaryDirectory(prefix="pogu-builds.", dir="/var/tmp") as name, _serving(Path(name), namespace):
        folder = Path(name)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            built = list(pool.map(lambda one: _build(url, namespace, folder, *one), work))
        _read_images(url, folder / "images.tar", [b for b in built if not b.code], began)
    return built


def _build(url: str, namespace: str, folder: Path, case: Case, way: str) -> Built:
    context, served = folder / way / case.name, folder / "served" / way / case.name
    write_tree(read_tree(case.files), context)
    write_tree(read_tree(case.served), served)
    address = f"http://127.0.0.1:{PORT}/{way}/{case.name}"
    if case.dockerfile:
        (context / "Dockerfile").write_text(case.dockerfile.replace("$SERVED_AT", address))
        os.utime(context / "Dockerfile", (0, 0))
    built = Built(case, way, 0, "", [])
    notes = folder / f"{way}-{case.name}.notes"
    # of its own: by the number in it BuildKit takes files of the same size and time for those it already has
    config = folder / "config" / way / case.name
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "POGU_", "BUILDKIT_"))}
    env = clean | {
        "DOCKER_HOST": url, "DOCKER_CONFIG": str(config), "HOME": str(folder), "LC_ALL": "C", "TZ": "UTC",
        "DOCKER_BUILDKIT": str(int(way == "buildkit")), "BUILDKIT_PROGRESS": "plain", "TAG": built.tag,
        "PATH": f"{DOCKER}:{clean['PATH']}", "NOTES": str(notes), "SERVED": str(served), "URL": address,
        "GIT": f"git://127.0.0.1/{way}/{case.name}", "PYTHON": sys.executable,
    }  # fmt: skip
    argv = ["nsenter", f"--net=/run/netns/{namespace}", "--", "sh", "-c", _PRELUDE + case.run]
    try:
        done = subprocess.run(
            argv, env=env, cwd=context, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
        built.code, built.error = done.returncode, _words(done.stderr.decode(errors="replace"), str(context))
    except subprocess.TimeoutExpired:
        built.code, built.error = -1, f"not ended within {_SECONDS} s"
    if notes.exists():
        built.notes = [f"note {line}" for line in notes.read_text().splitlines()]
    return built


def _words(text: str, context: str) -> str:
    text = text.replace(context, "<context>").replace("127.0.0.1", "<host>")
    return re.sub(r"\b[0-9a-f]{64}\b|pogu-builds\.\w+|docker-builder\d+|docker-tmp\d+", "<id>", text)


def _read_images(url: str, path: Path, built: list[Built], began: int) -> None:
    docker = [DOCKER / "docker", "-H", url]
    shown = subprocess.run([*docker, "images", "--format", "{{.Repository}}"], capture_output=True, check=True)
    there = set(shown.stdout.decode().split())
    with_image = [b for b in built if b.tag in there]
    if _save(url, path, [b.tag for b in with_image]):
        _describe(path, with_image, began)
        return
    for one in with_image:  # dockerd cannot save what has no layer
        if _save(url, path, [one.tag]):
            _describe(path, [one], began)


def _save(url: str, path: Path, tags: Sequence[str]) -> bool:
    argv = [DOCKER / "docker", "-H", url, "save", "-o", path, BASE, *tags]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _describe(path: Path, built: Iterable[Built], began: int) -> None:
    archive = Archive(path)
    for one in built:
        address = f"http://127.0.0.1:{PORT}/{one.way}/{one.case.name}"
        one.image = [line.replace(address, "<served>") for line in image_lines(archive, f"{one.tag}:latest", began)]
    archive.close()


@contextmanager
def _serving(folder: Path, namespace: str) -> Iterator[None]:
    """Serve a folder's `served` over HTTP and git's own protocol inside a network namespace."""
    served = folder / "served"
    served.mkdir()
    enter = ["nsenter", f"--net=/run/netns/{namespace}", "--"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    http = [sys.executable, "-m", "http.server", str(PORT), "--bind", "127.0.0.1", "--directory", str(served)]
    git = ["git", "daemon", "--export-all", f"--base-path={served}", "--listen=127.0.0.1", "--reuseaddr", str(served)]
    running = [subprocess.Popen([*enter, *argv], start_new_session=True, **quiet) for argv in (http, git)]
    try:
        wait = ["curl", "-fs", "--retry", "100", "--retry-connrefused", "--retry-delay", "0", "-o", "/dev/null"]
        subprocess.run([*enter, *wait, f"http://127.0.0.1:{PORT}/"], check=True)
        yield
    finally:
        for process in running:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def every_way(cases: Iterable[Case]) -> list[tuple[Case, str]]:
    """Return each case with each of its ways."""
    return [(case, way) for case in cases for way in case.ways]
