"""`pogu build --watch-git` from end to end: a repository on loopback, the daemon, and Pogu's registry."""

from __future__ import annotations

import functools
import hashlib
import hmac
import http.server
import re
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.registry.serving import serving
from tests.running import POGU, RunningDaemon


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Origin:
    """A git repository with a Dockerfile, served over HTTP as plain files."""

    def __init__(self, folder: Path, url: str) -> None:
        self._work = folder / "work"
        self._bare = folder / "app.git"
        self.url = f"{url}/app.git"
        subprocess.run(["git", "init", "-q", "-b", "main", self._work], check=True)
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self._bare], check=True)

    def push(self, dockerfile: str) -> str:
        """Commit a Dockerfile in `image/`, publish it, and return the commit."""
        (self._work / "image").mkdir(exist_ok=True)
        (self._work / "image" / "Dockerfile").write_text(dockerfile)
        name = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
        for words in (("add", "."), ("commit", "-q", "-m", "one more"), ("push", "-q", self._bare, "main")):
            subprocess.run(["git", "-C", self._work, *name, *words], check=True)
        subprocess.run(["git", "-C", self._bare, "update-server-info"], check=True)
        found = subprocess.run(
            ["git", "-C", self._work, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        )
        return found.stdout.strip()


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    """A repository that is served."""
    handler = functools.partial(_Quiet, directory=tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield Origin(tmp_path, f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _until(out: IO[str], wanted: str) -> str:
    """Return the line that contains `wanted`; what comes before it is passed over."""
    seen = []
    for line in out:
        seen.append(line)
        if wanted in line:
            return line
    raise AssertionError(f"ended before {wanted!r}: {''.join(seen)}")


def test_commits_are_built_and_pushed(daemon: RunningDaemon, origin: Origin, tmp_path: Path) -> None:
    first = origin.push('FROM busybox\nCMD ["echo", "first"]\n')
    (tmp_path / "secret").write_text("a secret\n")
    with serving() as registry:
        assert registry.registry is not None
        name = f"127.0.0.1:{registry.registry.port}/app:latest"
        command = [POGU, "build", "--watch-git", f"{origin.url}#main:image", "--interval", "1h", "-t", name]
        process = subprocess.Popen(
            [*command, "--webhook", "127.0.0.1:0", "--webhook-secret", tmp_path / "secret"],
            env=daemon.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            assert process.stdout
            url = re.search(r"http://\S+", _until(process.stdout, "listening for notices"))
            assert url
            assert first[:12] in _until(process.stdout, "built and pushed sha256:")
            daemon.pogu("rmi", "-f", name)
            assert daemon.pogu("run", "--rm", name).out.splitlines()[-1] == "first"
            assert first in daemon.pogu("image", "inspect", name).out

            origin.push("FROM busybox\nRUN false\n")
            _notify(url[0])
            assert "waiting for the next commit" in _until(process.stdout, ": failed: ")
            last = origin.push('FROM busybox\nCMD ["echo", "last"]\n')
            _notify(url[0])
            assert last[:12] in _until(process.stdout, "built and pushed")
            daemon.pogu("rmi", "-f", name)
            assert daemon.pogu("run", "--rm", name).out.splitlines()[-1] == "last"
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(30)
            if process.stdout:
                process.stdout.close()
            daemon.pogu("rmi", "-f", name, check=False)
        assert code == 130


def _notify(url: str) -> None:
    """Send what GitHub sends after a push."""
    signature = hmac.new(b"a secret", b'{"ref": "refs/heads/main"}', hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}", "X-GitHub-Event": "push"}
    with urllib.request.urlopen(
        urllib.request.Request(url, b'{"ref": "refs/heads/main"}', headers), timeout=10
    ) as done:
        assert done.status == 202


def test_flags_that_mean_nothing_together(daemon: RunningDaemon) -> None:
    for words, message in (
        (["--watch-git", "u"], "--watch-git needs -t"),
        (["--watch-git", "u", "-t", "a", "."], "accepts no arguments with --watch-git"),
        (["--interval", "5s", "."], "--interval is for --watch-git"),
        (["--watch-git", "u", "-t", "a", "--interval", "soon"], 'invalid argument "soon" for "--interval" flag'),
        (["--watch-git", "u", "-t", "a", "--webhook", "0.0.0.0:0"], "needs --webhook-secret"),
        ([], "requires 1 argument"),
    ):
        ran = daemon.pogu("build", *words, check=False)
        assert ran.code != 0
        assert message in ran.err
