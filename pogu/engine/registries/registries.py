"""All registries: opening repositories, logging in, searching. Blocks; safe to use from several threads."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from pogu.engine.images.reference import Reference
from pogu.engine.registries.authorization import Authorizer
from pogu.engine.registries.cancelling import Canceller
from pogu.engine.registries.connections import Connections
from pogu.engine.registries.credentials import Credentials
from pogu.engine.registries.endpoints import HUB, Endpoint, Places
from pogu.engine.registries.failures import Unreachable, refusal
from pogu.engine.registries.repository import Repository
from pogu.engine.registries.tls import client_context
from pogu.errors import InvalidArgument, PoguError, Unauthenticated

INDEX = "https://index.docker.io/v1/"  # what docker.io is called in configuration files
_SEARCH_LIMIT = 100
_LARGEST = 4 << 20  # bytes of an answer to a search


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """`identity_token` is to be kept in place of the password, where there is one."""

    identity_token: str = ""


class Registries:
    """What one process knows of registries. `places` says what is configured; it is asked each time."""

    def __init__(self, places: Callable[[], Places] = Places, environment: Mapping[str, str] = os.environ) -> None:
        self._places = places
        self._environment = environment
        self._lock = threading.Lock()
        self._contexts: dict[Endpoint, ssl.SSLContext] = {}

    def open(self, reference: Reference, credentials: Credentials, push: bool = False) -> list[Repository]:
        """Return the repository on each server of its registry, first choice first; close them all in the end.

        Mirrors are asked without credentials: those are the registry's own.

        Raises:
            InvalidArgument: the registry's certificates cannot be used.
        """
        actions = "pull,push" if push else "pull"
        found = []
        for endpoint in self._places().endpoints(reference.domain, push):
            connections = self._connect(endpoint)
            who = Credentials() if endpoint.mirror else credentials
            authorizer = Authorizer(connections, who, endpoint.scheme == "https" and endpoint.verify)
            found.append(Repository(endpoint, connections, authorizer, reference.path, actions))
        return found

    def login(self, credentials: Credentials, canceller: Canceller | None = None) -> LoggedIn:
        """Try name and password (or token) on the registry `credentials.serveraddress`.

        Raises:
            Unauthenticated: they are wrong.
            Unreachable: the registry cannot be reached.
        """
        canceller = canceller or Canceller()
        failure: PoguError | None = None
        for endpoint in self._places().endpoints(server_domain(credentials.serveraddress or INDEX), push=True):
            try:
                with closing(self._connect(endpoint)) as connections:
                    return _login(connections, endpoint, credentials, canceller)
            except Unauthenticated:
                raise
            except PoguError as e:
                canceller.check()
                failure = failure or e
        raise failure or InvalidArgument("no registry to log in to")

    def search(
        self, term: str, limit: int, credentials: Credentials, canceller: Canceller | None = None
    ) -> list[dict[str, Any]]:
        """Return what a registry's search finds (Docker Hub's `GET /v1/search`), in the registry's own fields.

        Raises:
            Unreachable, RegistryError: there is no such search.
        """
        if "://" in term:
            raise InvalidArgument("invalid repository name: it must not contain a scheme (http:// or https://)")
        domain, path = _search_domain(term)
        failure: PoguError | None = None
        for endpoint in self._search_endpoints(domain):
            url = f"{endpoint.url}/v1/search?" + urlencode({"q": path, "n": min(limit or 25, _SEARCH_LIMIT)})
            fields = {"Authorization": credentials.basic} if credentials.basic else {}
            try:
                with closing(self._connect(endpoint)) as connections:
                    answer = connections.request("GET", url, fields, canceller=canceller)
                    data = answer.read(_LARGEST)
                if answer.status != 200:
                    raise refusal(answer.status, data, url.partition("?")[0])
                return _results(data)
            except Unreachable as e:
                failure = e
        assert failure is not None
        raise failure

    def _search_endpoints(self, domain: str) -> list[Endpoint]:
        if domain == HUB:
            return [Endpoint("https", "index.docker.io")]
        return self._places().endpoints(domain)

    def _connect(self, endpoint: Endpoint) -> Connections:
        """Return new connections to a server; the trust in it is read once."""
        context = None
        if endpoint.scheme == "https":
            with self._lock:
                if endpoint not in self._contexts:
                    self._contexts[endpoint] = client_context(endpoint.files, endpoint.verify)
                context = self._contexts[endpoint]
        return Connections(endpoint.host, context, self._environment)


def _login(connections: Connections, endpoint: Endpoint, credentials: Credentials, canceller: Canceller) -> LoggedIn:
    authorizer = Authorizer(connections, credentials, endpoint.scheme == "https" and endpoint.verify)
    url = f"{endpoint.url}/v2/"
    for _ in range(2):
        with connections.request("GET", url, authorizer.header(()), canceller=canceller) as answer:
            data = answer.read(_LARGEST)
        if answer.status == 200:
            return LoggedIn(authorizer.identity_token)
        if answer.status != 401:
            break
        what = f'Get "{url}"'
        try:
            authorizer.answer(answer.headers.get("www-authenticate", ""), (), what, canceller, offline=True)
        except PoguError as e:
            if getattr(e, "status", 0) in (401, 403):
                raise Unauthenticated(f"{what}: {e.message}") from None
            raise
    error = refusal(answer.status, data, url)
    if answer.status == 401:
        raise Unauthenticated(f"login attempt to {url} failed with status: 401 Unauthorized")
    raise error.plain(f"login attempt to {url} failed: {error.message}")


def server_domain(address: str) -> str:
    """Return the domain of a registry as people name it: `https://index.docker.io/v1/` is docker.io."""
    host = address.partition("://")[2] or address
    host = host.partition("/")[0]
    return HUB if host in ("index.docker.io", "registry-1.docker.io", HUB, "") else host


def _search_domain(term: str) -> tuple[str, str]:
    first, slash, rest = term.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return server_domain(first), rest
    return HUB, term


class _Found(msgspec.Struct):
    results: list[dict[str, Any]] | None = None


def _results(data: bytes) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(data, type=_Found).results or []
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise PoguError(f"cannot read the answer of the search: {e}") from None
