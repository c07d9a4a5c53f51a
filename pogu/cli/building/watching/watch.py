"""The loop: look for a commit, build it, push it, wait."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pogu.cli.building.watching.repository import GitFailed, Repository
from pogu.cli.building.watching.webhook import listening
from pogu.cli.client import CannotConnect
from pogu.cli.invoke import Failed
from pogu.errors import PoguError

Build = Callable[[Path, str], str]
"""Builds the files of a directory, which are those of a commit, and returns the image's ID."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What to watch, and how. `interval` is seconds; `say` gets a line of what happens."""

    repository: Repository
    tags: Sequence[str]
    interval: float
    build: Build
    pushes: bool = True
    webhook: str = ""
    secret: bytes = b""
    say: Callable[[str], None] = lambda line: print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)

    def run(self) -> None:
        """Watch until interrupted. Raises Failed where it cannot begin."""
        woken = threading.Event()
        with contextlib.ExitStack() as stack:
            self.say(f"watching {self.repository}, looking every {self.interval:g} seconds")
            if self.webhook:
                url = stack.enter_context(listening(self.webhook, self.secret, woken.set))
                self.say(f"listening for notices at {url}")
            done = ""
            while True:
                done = self._look(done)
                if woken.wait(self.interval):
                    self.say("a notice has come")
                woken.clear()

    def _look(self, done: str) -> str:
        """Build what is new, and return the commit that needs no more work."""
        try:
            commit = self.repository.commit()
        except GitFailed as e:
            self.say(f"cannot look at {self.repository}: {e}")
            return done
        if commit == done:
            return done
        self.say(f"{commit[:12]}: building {', '.join(self.tags)}")
        begun = time.monotonic()
        try:
            identifier = self._build(commit)
        except (GitFailed, CannotConnect) as e:  # neither the commit's fault: try it again
            self.say(f"{commit[:12]}: {e}; trying again")
            return done
        except (Failed, PoguError) as e:
            self.say(f"{commit[:12]}: failed: {e}; waiting for the next commit")
            return commit
        pushed = "built and pushed" if self.pushes else "built"
        self.say(f"{commit[:12]}: {pushed} {identifier} in {time.monotonic() - begun:.1f} seconds")
        return commit

    def _build(self, commit: str) -> str:
        with tempfile.TemporaryDirectory(prefix="pogu-watch-") as folder:
            return self.build(self.repository.check_out(commit, Path(folder)), commit)
