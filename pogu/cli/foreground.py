"""Staying with a container: its streams, the terminal, signals, and its exit code at the end."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator, Set
from typing import Any

from pogu.cli.client import Client, Raw, Reply
from pogu.cli.streams import pump
from pogu.cli.terminal import DEFAULT_DETACH_KEYS, is_terminal, on_resize, parse_detach_keys, raw_input, set_first_size
from pogu.errors import PoguError

# Signals that are this process's own business and are not passed on (docker leaves out the same).
_OWN = {"SIGCHLD", "SIGPIPE", "SIGURG", "SIGWINCH", "SIGKILL", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGCONT"}
_IMPATIENT = 3  # this many interrupts end the command itself


class Foreground:
    """One container that this command is attached to. `streams` are of stdin, stdout and stderr.

    Without `detach_keys` the daemon's, which are docker's, count.
    """

    def __init__(
        self,
        client: Client,
        container: str,
        *,
        tty: bool,
        streams: Set[str],
        detach_keys: str = "",
        forward_signals: bool = True,
    ) -> None:
        self._client = client
        self._container = container
        self._tty = tty
        self._streams = streams
        self._keys = detach_keys
        self._forward = forward_signals
        self._interrupts = 0
        self.detached = False  # whether the user typed the detach keys

    def start_and_follow(self, *, auto_remove: bool = False) -> int:
        """Attach, start the container, carry its streams until it ends; return its exit code (0 when detached).

        The wait begins before the start, so that an exit code is not missed however short the container lives.
        """
        raw = self.attach() if self._streams else None
        wait = self.begin_wait("removed" if auto_remove else "next-exit")
        try:
            self._client.post(f"/containers/{self._container}/start")
        except PoguError:
            if raw:
                raw.close()
            wait.close()
            raise
        return self.follow(raw, wait)

    def attach(self, *, logs: bool = False) -> Raw:
        """Return the taken-over connection to the container's streams."""
        query: dict[str, Any] = dict.fromkeys(self._streams, True)
        query.update(stream=True, logs=logs or None, detachKeys=self._keys or None)
        return self._client.take_over(f"/containers/{self._container}/attach", query=query)

    def begin_wait(self, condition: str) -> Reply:
        """Return the pending answer of a wait that the daemon has registered."""
        return self._client.request("POST", f"/containers/{self._container}/wait", query={"condition": condition})

    def follow(self, raw: Raw | None, wait: Reply) -> int:
        """Carry the streams until the container ends; return its exit code, 0 when the user detached."""
        with self._signals():
            if raw is not None and self._pump(raw):
                self.detached = True
                return 0
            return exit_code(wait)

    def _pump(self, raw: Raw) -> bool:
        stdin = "stdin" in self._streams
        keys = parse_detach_keys(self._keys or DEFAULT_DETACH_KEYS)
        with contextlib.ExitStack() as stack:
            stack.callback(raw.close)
            if self._tty:
                threading.Thread(target=set_first_size, args=(self._tell_size,), daemon=True).start()
                stack.enter_context(on_resize(self._resized))
            if self._tty and stdin and is_terminal(sys.stdin):
                stack.enter_context(raw_input())
            return pump(raw, stdin=stdin, tty=self._tty, detach_keys=keys)

    def _tell_size(self, rows: int, columns: int) -> None:
        self._client.post(f"/containers/{self._container}/resize", h=rows, w=columns)

    def _resized(self, rows: int, columns: int) -> None:
        with contextlib.suppress(PoguError):
            self._tell_size(rows, columns)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Pass signals on to the container, where there is no terminal that does so itself."""
        if not self._forward or self._tty:
            yield
            return
        numbers = [s for s in signal.Signals if s.name not in _OWN and s < signal.SIGRTMIN]
        previous = {}
        for number in numbers:
            with contextlib.suppress(OSError, ValueError):
                previous[number] = signal.signal(number, self._pass_on)
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _pass_on(self, number: int, _frame: Any) -> None:
        if number in {signal.SIGINT, signal.SIGTERM}:
            self._interrupts += 1
            if self._interrupts >= _IMPATIENT:
                print(f"got {_IMPATIENT} SIGTERM/SIGINTs, forcefully exiting", file=sys.stderr)
                sys.exit(1)
        with contextlib.suppress(PoguError):
            self._client.post(f"/containers/{self._container}/kill", signal=signal.Signals(number).name)


def exit_code(wait: Reply) -> int:
    """Return the exit code that a wait ends with."""
    answer = wait.json() or {}
    error = (answer.get("Error") or {}).get("Message")
    if error:
        print(f"Error waiting for container: {error}", file=sys.stderr)
        return 125
    return int(answer.get("StatusCode", 0))
