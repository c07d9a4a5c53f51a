"""The client's logins, as registries are asked with them."""

from __future__ import annotations

from pogu.engine.build.client import Login
from pogu.engine.registries.credentials import Credentials


def credentials(login: Login | None) -> Credentials:
    """Return a login as registries are asked with it."""
    if login is None:
        return Credentials()
    if login.username == "<token>":
        return Credentials(identitytoken=login.secret)
    return Credentials(username=login.username, password=login.secret)
