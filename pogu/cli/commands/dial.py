"""`pogu system dial-stdio`: what `ssh` runs on a host to reach the daemon there. People do not call it."""

from __future__ import annotations

import sys

from pogu.cli.client import CannotConnect
from pogu.cli.connect import connect
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import command
from pogu.cli.relay import relay


@command("dial-stdio", help="Proxy the stdio stream to the daemon connection. Should not be invoked manually.")
def dial_stdio(session: Session, /) -> None:
    """Carry standard input to the daemon's socket and what comes back to standard output."""
    try:
        connection = connect(session).dial()
    except CannotConnect as e:
        raise Failed(f"failed to open the raw stream connection: {e.message}") from e
    relay(connection, sys.stdin.fileno(), sys.stdout.fileno())
