"""Who we are to registries: `~/.docker/config.json` (or $DOCKER_CONFIG), shared with the docker command.

`auths` has base64 of `name:password` for each server, or nothing where a credential helper keeps it: the one of
`credHelpers` for the server, else `credsStore` for all. The older `~/.dockercfg`, which is `auths` alone, is read where
there is no `config.json`.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pogu.cli import credential_helpers as helpers
from pogu.cli.invoke import Failed

HUB = "https://index.docker.io/v1/"  # what docker.io is called here

Auth = dict[str, str]  # the fields of X-Registry-Auth


def header(auth: Auth) -> dict[str, str]:
    """Return the header that tells the daemon who asks."""
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()}


def server_of(image: str) -> str:
    """Return what the registry of an image is called here."""
    first, slash, _ = image.partition("/")
    is_domain = slash and ("." in first or ":" in first or first == "localhost" or first.lower() != first)
    return server_name(first) if is_domain else HUB


def server_name(text: str) -> str:
    """Return what a registry that somebody names (`https://host/v2/`, `docker.io`) is called here."""
    host = hostname(text)
    return HUB if host in {"docker.io", "index.docker.io", "registry-1.docker.io", ""} else host


def hostname(server: str) -> str:
    """Return the host and port of a server's name or URL."""
    return (server.partition("://")[2] or server).partition("/")[0]


class Logins:
    """The configuration file; read once, written on every change."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        folder = environ.get("DOCKER_CONFIG")
        self.path = (Path(folder) if folder else Path.home() / ".docker") / "config.json"
        self._old = None if folder else Path.home() / ".dockercfg"
        self._document = self._read()

    def _read(self) -> dict[str, Any]:
        try:
            return _object(self.path)
        except FileNotFoundError:
            pass
        try:
            return {"auths": _object(self._old)} if self._old else {}
        except FileNotFoundError:
            return {}

    def get(self, server: str) -> Auth:
        """Return who we are to a server; all empty for nobody. Raises Failed."""
        if helper := self._helper(server):
            kept = helpers.get(helper, server)
            if kept is None:
                return {}
            secret = "identitytoken" if kept.username == helpers.TOKEN else "password"
            name = {} if kept.username == helpers.TOKEN else {"username": kept.username}
            return {**name, secret: kept.secret, "serveraddress": server}
        auths = self._document.get("auths") or {}
        entry = auths.get(server)
        if entry is None:
            entry = next((e for name, e in auths.items() if hostname(name) == hostname(server)), None)
        return _decoded(entry, server) if entry else {}

    def all(self) -> dict[str, Auth]:
        """Return who we are to every server that is known, by its name. Raises Failed."""
        servers = {*(self._document.get("auths") or {}), *(self._document.get("credHelpers") or {})}
        if helper := self._document.get("credsStore"):
            servers.update(helpers.names(str(helper)))
        found = {server: self.get(server) for server in sorted(servers)}
        return {server: auth for server, auth in found.items() if auth}

    def for_image(self, image: str) -> Auth:
        """Return who we are to the registry of an image."""
        return self.get(server_of(image))

    def keeps_plainly(self, server: str) -> bool:
        """Tell whether a password would stand readable in the file."""
        return not self._helper(server)

    def store(self, server: str, username: str, password: str, identity_token: str) -> None:
        """Remember a login. Raises Failed."""
        auths = self._document.setdefault("auths", {})
        if helper := self._helper(server):
            name = helpers.TOKEN if identity_token else username
            helpers.store(helper, server, helpers.Kept(name, identity_token or password))
            auths[server] = {}
        else:
            secret = "" if identity_token else password
            entry = {"auth": base64.b64encode(f"{username}:{secret}".encode()).decode()}
            auths[server] = entry | ({"identitytoken": identity_token} if identity_token else {})
        self._write()

    def erase(self, server: str) -> None:
        """Forget a login; nothing happens if there is none. Raises Failed."""
        if helper := self._helper(server):
            helpers.erase(helper, server)
        auths = self._document.get("auths") or {}
        for name in [name for name in auths if hostname(name) == hostname(server)]:
            del auths[name]
        self._write()

    def _helper(self, server: str) -> str:
        own = self._document.get("credHelpers") or {}
        return str(own.get(server) or own.get(hostname(server)) or self._document.get("credsStore") or "")

    def _write(self) -> None:
        """Replace the file, or what a link in its place leads to; nobody else may read it."""
        target = self.path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = target.with_name(f".{target.name}.{os.getpid()}")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 # its mode
            json.dump(self._document, file, indent="\t")
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)


def _object(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text() or "{}")
    except ValueError as e:
        raise Failed(f"error loading config file: {path}: {e}") from None
    if not isinstance(document, dict):
        raise Failed(f"error loading config file: {path}: it is not a JSON object")
    return document


def _decoded(entry: dict[str, str], server: str) -> Auth:
    auth: Auth = {"serveraddress": server}
    for name in ("username", "password", "identitytoken", "registrytoken", "email"):
        if entry.get(name):
            auth[name] = entry[name]
    if entry.get("auth"):
        try:
            name, colon, password = base64.b64decode(entry["auth"]).decode().partition(":")
        except ValueError:
            colon = name = password = ""
        if not colon:
            raise Failed(f"invalid auth configuration file: the entry of {server} is not base64 of name:password")
        auth |= {"username": name, "password": password.strip("\0")}
    return auth
