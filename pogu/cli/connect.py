"""From the global options of a command to a client."""

from __future__ import annotations

import os

from pogu.cli.client import Client
from pogu.cli.invoke import Session
from pogu.cli.target import find_target


def connect(session: Session) -> Client:
    """Return a client of the daemon that the options and the environment name; it connects at the first request."""
    return Client(find_target(session.options), os.environ.get("DOCKER_API_VERSION", ""))
