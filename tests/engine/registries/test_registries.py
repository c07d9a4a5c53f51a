"""Whole conversations with Debian's docker-registry: passwords, token servers, TLS, mirrors."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from pogu.engine.images.reference import parse_reference
from pogu.engine.images.remote import on_first
from pogu.engine.registries import Credentials, Registries, RegistryError, Repository
from pogu.engine.registries.endpoints import Places
from pogu.errors import NotFound, PoguError, Unauthenticated, Unavailable
from tests.engine.images.conftest import tar_of
from tests.registry_peers import PASSWORD, USER, DebianRegistry, debian_registry, put_image
from tests.token_server import TokenServer, token_server

ANNA = Credentials(username=USER, password=PASSWORD)
NOBODY = Credentials()


@contextlib.contextmanager
def _first(registries: Registries, name: str, who: Credentials, push: bool = False) -> Iterator[list[Repository]]:
    opened = registries.open(parse_reference(name), who, push)
    try:
        yield opened
    finally:
        for repository in opened:
            repository.close()


def _manifest(registries: Registries, name: str, who: Credentials = NOBODY) -> str:
    """Return the digest that a name has."""
    reference = parse_reference(name).tagged()
    with _first(registries, name, who) as opened:
        return on_first(opened, lambda repository: repository.manifest(reference.tag)).digest


def _tags(registries: Registries, name: str, who: Credentials = NOBODY) -> list[str]:
    with _first(registries, name, who) as opened:
        return on_first(opened, lambda repository: list(repository.tags()))


def _login(registries: Registries, host: str, **fields: str) -> str:
    who = Credentials(**{"username": USER, "password": PASSWORD, "serveraddress": host, **fields})
    return registries.login(who).identity_token


# passwords


@pytest.fixture(scope="module")
def closed() -> Iterator[DebianRegistry]:
    with debian_registry(passwords=True) as running:
        yield running


def test_logging_in_with_a_password(closed: DebianRegistry) -> None:
    assert _login(Registries(), closed.host) == ""
    assert _login(Registries(), f"http://{closed.host}/v1/") == ""


def test_a_wrong_password(closed: DebianRegistry) -> None:
    with pytest.raises(Unauthenticated, match="failed with status: 401 Unauthorized"):
        _login(Registries(), closed.host, password="wrong")
    with pytest.raises(Unauthenticated, match="no basic auth credentials"):
        _login(Registries(), closed.host, username="")


def test_what_a_password_opens(closed: DebianRegistry) -> None:
    assert "name unknown" in _refusal(lambda: _tags(Registries(), f"{closed.host}/none", ANNA))
    assert "no basic auth credentials" in _refusal(lambda: _tags(Registries(), f"{closed.host}/none"))
    wrong = Credentials(username=USER, password="wrong")
    assert "unauthorized: authentication required" in _refusal(lambda: _tags(Registries(), f"{closed.host}/n", wrong))


def _refusal(work: Any) -> str:
    with pytest.raises(PoguError) as caught:
        work()
    return caught.value.message


# tokens


@pytest.fixture(scope="module")
def with_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DebianRegistry, TokenServer]]:
    with token_server(tmp_path_factory.mktemp("tokens")) as server, debian_registry(**server.settings) as running:
        yield running, server


def test_a_token_for_nobody_and_for_somebody(with_tokens: tuple[DebianRegistry, TokenServer]) -> None:
    registry, server = with_tokens
    registries = Registries()
    assert "name unknown" in _refusal(lambda: _tags(registries, f"{registry.host}/public/x"))
    assert server.asked[-1]["scope"] == ["repository:public/x:pull"]
    assert "denied: requested access to the resource is denied" in _refusal(
        lambda: _tags(registries, f"{registry.host}/private/x")
    ) or "unauthorized" in _refusal(lambda: _tags(registries, f"{registry.host}/private/x"))
    assert "name unknown" in _refusal(lambda: _tags(registries, f"{registry.host}/private/x", ANNA))
    assert server.asked[-1]["account"] == [USER]


def test_logging_in_gives_a_token_in_place_of_the_password(with_tokens: tuple[DebianRegistry, TokenServer]) -> None:
    registry, server = with_tokens
    identity = _login(Registries(), registry.host)
    assert identity == server.refresh
    assert server.asked[-1]["offline_token"] == ["true"]
    later = Credentials(identitytoken=identity)
    assert "name unknown" in _refusal(lambda: _tags(Registries(), f"{registry.host}/private/x", later))
    assert server.asked[-1]["grant_type"] == ["refresh_token"]
    with pytest.raises(Unauthenticated, match="incorrect username or password"):
        _login(Registries(), registry.host, password="wrong")


def test_a_token_that_is_sent_as_it_is(with_tokens: tuple[DebianRegistry, TokenServer]) -> None:
    registry, server = with_tokens
    own = Credentials(registrytoken=server.token(["repository:private/x:pull"], USER))
    asked = len(server.asked)
    assert "name unknown" in _refusal(lambda: _tags(Registries(), f"{registry.host}/private/x", own))
    assert len(server.asked) == asked


def test_a_token_serves_for_several_requests(with_tokens: tuple[DebianRegistry, TokenServer]) -> None:
    registry, server = with_tokens
    with _first(Registries(), f"{registry.host}/private/x", ANNA) as opened:
        repository = opened[-1]
        asked = len(server.asked)
        for _ in range(3):
            with pytest.raises(RegistryError):
                list(repository.tags())
        assert len(server.asked) == asked + 1


# TLS


def test_a_registry_with_an_authority_of_its_own(tmp_path: Path) -> None:
    ca = trustme.CA()
    with debian_registry(ca=ca) as registry:
        digest = put_image(registry, "x", "latest", [tar_of({"a": b"a"})])
        name = registry.host
        folder = tmp_path / name
        strict = Registries(lambda: _NotLocal(directories=[tmp_path]))
        with pytest.raises(Unavailable, match="x509: certificate signed by unknown authority"):
            _manifest(strict, f"{name}/x")
        folder.mkdir()
        ca.cert_pem.write_to_path(folder / "ca.crt")
        assert _manifest(Registries(lambda: _NotLocal(directories=[tmp_path])), f"{name}/x") == digest
        assert _manifest(Registries(), f"{name}/x") == digest  # an insecure one, since it is on this machine


class _NotLocal(Places):
    """Places for which a registry on this machine is one like others."""

    def is_insecure(self, host: str) -> bool:
        return host in self.insecure


def test_a_registry_that_asks_for_a_certificate(tmp_path: Path) -> None:
    ca = trustme.CA()
    with debian_registry(ca=ca, clients=ca) as registry:
        folder = tmp_path / registry.host
        folder.mkdir()
        ca.cert_pem.write_to_path(folder / "ca.crt")
        strict = Registries(lambda: _NotLocal(directories=[tmp_path]))
        with pytest.raises(Unavailable):
            _tags(strict, f"{registry.host}/x")
        issued = ca.issue_cert("client.example")
        issued.private_key_pem.write_to_path(folder / "client.key")
        issued.cert_chain_pems[0].write_to_path(folder / "client.cert")
        own = Registries(lambda: _NotLocal(directories=[tmp_path]))
        assert "name unknown" in _refusal(lambda: _tags(own, f"{registry.host}/x"))


def test_plain_http_is_no_way_around_tls(registry: DebianRegistry) -> None:
    with pytest.raises(Unavailable, match="http: server gave HTTP response to HTTPS client"):
        _tags(Registries(_NotLocal), f"{registry.host}/x")


# mirrors


def test_a_mirror_is_asked_first_and_passed_over(registry: DebianRegistry, repository: str, tmp_path: Path) -> None:
    digest = put_image(registry, repository, "latest", [tar_of({"a": b"a"})])
    folder = tmp_path / "r.example"
    folder.mkdir()
    (folder / "hosts.toml").write_text(
        f'server = "http://{registry.host}"\n[host."http://127.0.0.1:1"]\n[host."http://{registry.host}/none"]\n'
    )
    registries = Registries(lambda: Places(directories=[tmp_path]))
    assert _manifest(registries, f"r.example/{repository}") == digest
    mirrored = Registries(lambda: Places(mirrors=[f"http://{registry.host}"]))
    put_image(registry, f"library/{repository}", "latest", [tar_of({"a": b"a"})])
    assert _manifest(mirrored, repository) == digest


def test_a_mirror_gets_no_password(tmp_path: Path) -> None:
    with _scripted({"/v2/x/tags/list?n=1000": (200, {}, b'{"tags":["1"]}')}) as server:
        (tmp_path / "r.example").mkdir()
        (tmp_path / "r.example/hosts.toml").write_text(f'[host."http://{server.host}"]\n')
        registries = Registries(lambda: Places(directories=[tmp_path]))
        assert _tags(registries, "r.example/x", Credentials(registrytoken="secret")) == ["1"]
        assert [headers.get("Authorization") for _, headers in server.seen] == [None]


# searching, and servers that behave strangely


class _Scripted:
    """An HTTP server that answers paths from a table; `seen` has what it was asked."""

    def __init__(self, table: dict[str, tuple[int, dict[str, str], bytes]]) -> None:
        self.seen: list[tuple[str, Any]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.seen.append((self.path, self.headers))
                status, headers, body = table.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@contextlib.contextmanager
def _scripted(table: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[_Scripted]:
    scripted = _Scripted(table)
    try:
        yield scripted
    finally:
        scripted.server.shutdown()
        scripted.server.server_close()


def test_a_search() -> None:
    found = {"results": [{"name": "app", "star_count": 3}]}
    with _scripted({"/v1/search?q=app&n=25": (200, {}, json.dumps(found).encode())}) as server:
        assert Registries().search(f"{server.host}/app", 0, NOBODY) == found["results"]
        with pytest.raises(PoguError, match=r"received unexpected HTTP status|not found"):
            Registries().search(f"{server.host}/other", 0, NOBODY)


def test_a_redirect_elsewhere_does_not_take_the_password_along() -> None:
    digest = "sha256:" + "0" * 64
    with _scripted({"/there": (200, {}, b"blob")}) as elsewhere:
        to = {"Location": f"http://{elsewhere.host}/there"}
        who = Credentials(registrytoken="secret")
        with (
            _scripted({f"/v2/x/blobs/{digest}": (307, to, b"")}) as server,
            _first(Registries(), f"{server.host}/x", who) as opened,
            opened[-1].blob(digest) as answer,
        ):
            assert answer.read(100) == b"blob"
        assert server.seen[-1][1]["Authorization"] == "Bearer secret"
        assert elsewhere.seen[-1][1]["Authorization"] is None


def test_redirects_without_end() -> None:
    digest = "sha256:" + "0" * 64
    path = f"/v2/x/blobs/{digest}"
    with (
        _scripted({path: (302, {"Location": path}, b"")}) as server,
        _first(Registries(), f"{server.host}/x", NOBODY) as opened,
        pytest.raises(Unavailable, match="stopped after 10 redirects"),
    ):
        opened[-1].blob(digest)


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://x/y"])
def test_a_redirect_to_something_else_than_the_web(to: str) -> None:
    digest = "sha256:" + "0" * 64
    with (
        _scripted({f"/v2/x/blobs/{digest}": (302, {"Location": to}, b"")}) as server,
        _first(Registries(), f"{server.host}/x", NOBODY) as opened,
        pytest.raises(Unavailable, match="unsupported protocol scheme"),
    ):
        opened[-1].blob(digest)


def test_tags_in_pages() -> None:
    first = (200, {"Link": '</v2/x/tags/list?n=1000&last=a>; rel="next"'}, b'{"tags":["a"]}')
    table = {"/v2/x/tags/list?n=1000": first, "/v2/x/tags/list?n=1000&last=a": (200, {}, b'{"tags":["b"]}')}
    with _scripted(table) as server:
        assert _tags(Registries(), f"{server.host}/x") == ["a", "b"]


def test_pages_of_another_registry_are_not_read() -> None:
    table = {"/v2/x/tags/list?n=1000": (200, {"Link": '<http://127.0.0.1:1/>; rel="next"'}, b'{"tags":["a"]}')}
    with _scripted(table) as server:
        assert "leads to another one" in _refusal(lambda: _tags(Registries(), f"{server.host}/x"))


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    table = {"/v2/x/manifests/latest": (200, {"Content-Length": str(9 << 20)}, bytes(9 << 20))}
    with _scripted(table) as server:
        assert "is larger than 8388608 bytes" in _refusal(lambda: _manifest(Registries(), f"{server.host}/x"))


def test_a_proxy_is_asked_for_the_whole_url() -> None:
    table = {"http://r.example/v2/x/tags/list?n=1000": (200, {}, b'{"tags":["1"]}')}
    with _scripted(table) as proxy:
        places = Places(insecure=["r.example"])
        environment = {"HTTP_PROXY": f"http://me:pw@{proxy.host}", "HTTPS_PROXY": "http://127.0.0.1:1"}
        assert _tags(Registries(lambda: places, environment), "r.example/x") == ["1"]
        assert proxy.seen[-1][1]["Proxy-Authorization"] == "Basic bWU6cHc="


def test_a_realm_without_tls_gets_no_password_of_a_registry_with_tls() -> None:
    from pogu.engine.registries.authorization import Authorizer
    from pogu.engine.registries.cancelling import Canceller
    from pogu.engine.registries.connections import Connections

    authorizer = Authorizer(Connections("r.example", None, {}), ANNA, secure=True)
    with pytest.raises(PoguError, match="refusing to send credentials to http://127"):
        authorizer.answer('Bearer realm="http://127.0.0.1:1/"', (), "Get", Canceller())


def test_what_is_not_there(registry: DebianRegistry, repository: str) -> None:
    with pytest.raises(RegistryError) as caught:
        _manifest(Registries(), f"{registry.host}/{repository}")
    assert isinstance(caught.value.plain(), NotFound)
    with _first(Registries(), f"{registry.host}/{repository}", NOBODY) as opened:
        assert not opened[-1].has_blob("sha256:" + "0" * 64)
