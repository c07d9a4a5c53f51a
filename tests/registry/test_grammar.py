"""The modules that know the protocol and do no I/O: names, paths, ranges, patterns, addresses."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pogu.errors import InvalidArgument
from pogu.http import Headers
from pogu.http.peers import Peer
from pogu.registry.addresses import Addresses, parse_external, parse_networks
from pogu.registry.listening import Address, check, parse_address
from pogu.registry.names import check_digest, check_name, is_digest, is_name, is_tag, is_upload, new_upload
from pogu.registry.options import Options
from pogu.registry.patterns import check_pattern, matches
from pogu.registry.ranges import Unsatisfiable, parse_chunk_range, parse_range
from pogu.registry.refusals import STATUS, Refused
from pogu.registry.targets import METHODS, Target, parse_target

D = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/v2/", Target("base")),
        ("/v2", Target("base")),
        ("/v2/_catalog", Target("catalog")),
        ("/v2/a/manifests/v1", Target("manifest", "a", "v1")),
        ("/v2/a/b/c/blobs/x", Target("blob", "a/b/c", "x")),
        ("/v2/a/blobs/uploads/", Target("uploads", "a", "/")),
        ("/v2/a/blobs/uploads", Target("uploads", "a", "")),
        ("/v2/a/blobs/uploads/1", Target("upload", "a", "1")),
        ("/v2/blobs/uploads/blobs/uploads/1", Target("upload", "blobs/uploads", "1")),
        ("/v2/a/manifests/b/tags/list", Target("tags", "a/manifests/b", "list")),
        ("/v2/tags/list/tags/list", Target("tags", "tags/list", "list")),
        ("/v2/a/referrers/x", Target("referrers", "a", "x")),
        ("/v2/manifests/v1", None),
        ("/v2/a", None),
        ("/v1/a/manifests/v1", None),
        ("/v2/a/manifests/", None),
        ("/v2/a\0b/manifests/v1", None),
    ],
)
def test_paths(path: str, target: Target | None) -> None:
    assert parse_target(path) == target
    if target is not None:
        assert METHODS[target.kind]


@settings(max_examples=100)
@given(st.text(alphabet=string.ascii_letters + string.digits + "._-/:@%", max_size=40))
def test_what_is_a_name_is_safe_in_a_path(text: str) -> None:
    if is_name(text):
        assert check_name(text) == text
        assert not any(part.startswith((".", "_", "-")) or part == "" for part in text.split("/"))
    if is_tag(text):
        assert "/" not in text and not text.startswith(".")


@pytest.mark.parametrize("text", [D, "sha512:" + "0" * 128])
def test_digests(text: str) -> None:
    assert is_digest(text) and check_digest(text) == text


@pytest.mark.parametrize(
    "text", ["", "sha256", "sha256:", D[:-1], D + "a", D.upper(), "md5:" + "a" * 32, D + "\n", "x:y"]
)
def test_what_is_no_digest(text: str) -> None:
    assert not is_digest(text)
    with pytest.raises(Refused):
        check_digest(text)


def test_uploads_are_named_by_uuids() -> None:
    assert is_upload(new_upload()) and new_upload() != new_upload()
    assert not any(is_upload(text) for text in ("", "..", "x" * 36, new_upload().upper(), new_upload() + "\n"))


@settings(max_examples=50)
@given(st.text(alphabet="0123456789- ,=b²", max_size=12), st.integers(min_value=0, max_value=100))
def test_any_range_is_inside_or_refused(text: str, size: int) -> None:
    for value in (text, f"bytes={text}"):
        try:
            part = parse_range(value, size)
        except Unsatisfiable:
            continue
        assert part is None or 0 <= part[0] <= part[1] < size


@pytest.mark.parametrize(("text", "parsed"), [("0-0", (0, 1)), ("5-9", (5, 5)), ("bytes 0-9/100", (0, 10))])
def test_chunks(text: str, parsed: tuple[int, int]) -> None:
    assert parse_chunk_range(text) == parsed


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("a", "a", True),
        ("a", "a/b", False),
        ("*", "a", True),
        ("*", "a/b", False),
        ("**", "a/b", True),
        ("a/*", "a/b", True),
        ("a/*", "a/b/c", False),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("a.b", "axb", False),
        ("pr-*", "pr-12", True),
    ],
)
def test_patterns(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


def test_patterns_that_match_nothing() -> None:
    for text in ("", "A", "a b", "[a]"):
        with pytest.raises(InvalidArgument):
            check_pattern(text)


def test_every_code_of_the_specification_has_a_status() -> None:
    assert all(400 <= status < 500 for status in STATUS.values()) and len(STATUS) == 14


class FakeRequest:
    """As much of a request as addresses are read from."""

    def __init__(self, peer: Peer, fields: dict[str, str]) -> None:
        self.peer = peer
        self.headers = Headers(fields.items())


LOCAL, TLS, FAR = Peer("tcp", "127.0.0.1:1"), Peer("tls", "10.0.0.1:1"), Peer("tcp", "10.0.0.1:1")


@pytest.mark.parametrize(
    ("peer", "fields", "base"),
    [
        (LOCAL, {"Host": "h:5000"}, "http://h:5000"),
        (TLS, {"Host": "h"}, "https://h"),
        (LOCAL, {"Host": "h", "X-Forwarded-Proto": "https"}, "https://h"),
        (LOCAL, {"Host": "h", "X-Forwarded-Proto": "https,http", "X-Forwarded-Host": "p, q"}, "https://p"),
        (LOCAL, {"Host": "h", "X-Forwarded-Prefix": "/hub/"}, "http://h/hub"),
        (LOCAL, {"Host": "h", "Forwarded": 'for=1.2.3.4;proto=https;host="p:1", for=x'}, "https://p:1"),
        (LOCAL, {"Host": "h", "X-Forwarded-Proto": "javascript"}, "http://h"),
        (LOCAL, {"Host": "h", "X-Forwarded-Host": 'evil"<x>'}, "http://h"),
        (LOCAL, {"Host": "h", "X-Forwarded-Prefix": "//evil.example"}, "http://h"),
        (LOCAL, {"Host": "h", "X-Forwarded-Prefix": "/../x"}, "http://h"),
        (LOCAL, {"Host": "[::1]:5000"}, "http://[::1]:5000"),
        (LOCAL, {}, ""),
    ],
)
def test_the_address_that_clients_know(peer: Peer, fields: dict[str, str], base: str) -> None:
    request = FakeRequest(peer, fields)
    assert Addresses(absolute=True).base(request) == base  # type: ignore[arg-type]
    assert Addresses(external="https://fixed/x").base(request) == "https://fixed/x"  # type: ignore[arg-type]
    relative = Addresses().base(request)  # type: ignore[arg-type]
    assert relative in ("", "/hub")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (LOCAL, None, "127.0.0.1"),
        (LOCAL, "1.2.3.4", "1.2.3.4"),
        (LOCAL, "9.9.9.9, 1.2.3.4", "1.2.3.4"),
        (LOCAL, "1.2.3.4, 127.0.0.2", "1.2.3.4"),
        (FAR, "1.2.3.4", "10.0.0.1"),
        (Peer("unix"), "1.2.3.4", "1.2.3.4"),
    ],
)
def test_the_client_behind_a_proxy(peer: Peer, forwarded: str | None, client: str) -> None:
    request = FakeRequest(peer, {"X-Forwarded-For": forwarded} if forwarded else {})
    assert Addresses().client(request) == client  # type: ignore[arg-type]


def test_networks_and_external_addresses() -> None:
    assert [str(network) for network in parse_networks(["10.0.0.0/8", "::1"])] == ["10.0.0.0/8", "::1/128"]
    assert parse_external("https://a.example/x/") == "https://a.example/x"
    for wrong in ("a.example", "ftp://a", "https://", "https://a?b"):
        with pytest.raises(InvalidArgument):
            parse_external(wrong)
    with pytest.raises(InvalidArgument):
        parse_networks(["10.0.0.0/99"])


@pytest.mark.parametrize(
    ("text", "address", "local"),
    [
        ("127.0.0.1:5000", Address("127.0.0.1", 5000), True),
        ("localhost:0", Address("localhost", 0), True),
        ("[::1]:5000", Address("::1", 5000), True),
        (":5000", Address(None, 5000), False),
        ("0.0.0.0:5000", Address("0.0.0.0", 5000), False),
        ("registry.example:443", Address("registry.example", 443), False),
        ("unix:///run/x.sock", Address(path="/run/x.sock"), True),
    ],
)
def test_listeners(text: str, address: Address, local: bool) -> None:
    assert parse_address(text) == address and address.local is local
    if local:
        check(Options(), [address], tls=False)
        return
    with pytest.raises(InvalidArgument, match="--insecure"):
        check(Options(), [address], tls=False)
    check(Options(insecure=True), [address], tls=False)
    check(Options(), [address], tls=True)


@pytest.mark.parametrize("text", ["", "5000", "::1:5000", "a:b", "a:99999", "a:-1"])
def test_what_is_no_listener(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_address(text)
