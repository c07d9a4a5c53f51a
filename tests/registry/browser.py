"""Chromium without a window, unpacked from its packages, for pages of the registry: one tab, driven over DevTools.

https://chromedevtools.github.io/devtools-protocol/: JSON messages that end with a zero byte, on descriptors 3 and 4.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY

UNPACKED = REPOSITORY / "build" / "chromium"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")


def unpacked() -> Path:
    """Unpack Debian's chromium and what this machine lacks of its libraries; skip the test where there is none."""
    said = subprocess.run(
        ["apt-get", "install", "-s", "-q", "--no-install-recommends", "chromium"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    wanted = [line.split()[1] for line in said.stdout.splitlines() if line.startswith("Inst ")]
    if os.uname().machine != "x86_64" or "chromium" not in wanted:
        pytest.skip("Debian's chromium for x86-64 cannot be had here")
    with (REPOSITORY / "build" / ".chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([REPOSITORY / "scripts/fetch_package.sh", UNPACKED, *wanted], check=True, timeout=600)
    return UNPACKED


class Browser:
    """One tab. `open` and `click` return when the page they lead to has loaded."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._numbers = itertools.count(1)
        self._waiting = b""
        self._session: dict[str, str] = {}
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        self._call("Page.enable")

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)
        self._loaded()

    def click(self, text: str) -> None:
        """Follow the link that shows this text."""
        found = f"[...document.links].filter(each => each.innerText === {json.dumps(text)})"
        assert self.evaluate(f"{found}.length") == 1, self.text()
        self.evaluate(f"{found}[0].click()")
        self._loaded()

    def text(self) -> str:
        """Return what one reads on the page: no markup, and nothing that is hidden."""
        return str(self.evaluate("document.body.innerText"))

    def rows(self) -> list[list[str]]:
        """Return the cells of all tables that one sees, as they are shown."""
        shown = "[...document.querySelectorAll('tr')].filter(row => row.checkVisibility() && row.offsetHeight > 0)"
        rows = self.evaluate(f"{shown}.map(row => [...row.cells].map(cell => cell.innerText))")
        return [[str(cell) for cell in row] for row in rows]

    def evaluate(self, script: str) -> Any:
        """Run a script in the page and return its value."""
        done = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters, **self._session}
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def _loaded(self) -> None:
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            data = os.read(self._receive, 65536)
            assert data, "the browser has ended"
            self._waiting += data
        message, _, self._waiting = self._waiting.partition(b"\0")
        return dict(json.loads(message))


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser with a profile of its own; nothing of it stays."""
    files = unpacked()
    with tempfile.TemporaryDirectory(prefix="pogu-browser.", dir="/var/tmp") as home:
        theirs, send = os.pipe()
        receive, ours = os.pipe()
        script = f'exec "$@" 3<&{theirs} 4>&{ours} {theirs}<&- {ours}>&-'
        # its shared memory and sockets go away with a mount namespace of its own
        inside = [
            "unshare",
            "-m",
            "bash",
            "-c",
            f"mount -t tmpfs none /dev/shm && mount -t tmpfs none /run && {script}",
        ]
        program = files / "usr/lib/chromium/chromium"
        libraries = ":".join(str(files / LIBRARIES / part) for part in ("", "pulseaudio"))
        with (Path(home) / "log").open("wb") as log:
            process = subprocess.Popen(
                [*inside, "bash", program, *FLAGS, f"--user-data-dir={home}/profile", "--remote-debugging-pipe"],
                env={**os.environ, "HOME": home, "LD_LIBRARY_PATH": libraries, "no_proxy": "*"},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(theirs, ours),
            )  # fmt: skip
        os.close(theirs)
        os.close(ours)
        try:
            yield Browser(send, receive)
        finally:
            os.close(send)  # which ends it, and its children
            os.close(receive)
            process.wait(30)
