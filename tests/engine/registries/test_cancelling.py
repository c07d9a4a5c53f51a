import contextlib
import socket
import threading

import pytest

from pogu.engine.registries.cancelling import Canceller
from pogu.errors import Cancelled


def test_a_read_ends() -> None:
    ours, theirs = socket.socketpair()
    canceller = Canceller()
    seen: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(Cancelled), canceller.watching(ours):
            seen.append(ours.recv(1))

    thread = threading.Thread(target=read)
    thread.start()
    canceller.cancel()
    thread.join(20)
    assert not thread.is_alive()
    assert seen in ([b""], [])  # [] where the cancellation came first
    ours.close()
    theirs.close()


def test_what_begins_afterwards_fails() -> None:
    canceller = Canceller()
    canceller.cancel()
    canceller.cancel()
    with pytest.raises(Cancelled):
        canceller.sleep(60)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(Cancelled), canceller.watching(ours):
        pass
