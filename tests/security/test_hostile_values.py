"""Requests that lie: names, numbers, types and sizes. Each is refused or does what it says; nothing is half made."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pogu.engine.model import HostConfig
from tests.security.ground import Target
from tests.security.hostile_settings import HOSTS, REQUESTS

pytestmark = pytest.mark.root

REFUSED = (400, 404, 409, 413)
NAMES = ["../x", "a/b", ".", "..", "-x", "a b", "a\nb", "a\0b", "é", "\u202e", "a" * 300, "a" * 100_000, "%2e%2e",
         "/", "//",
         "a:b", "a;b", "$(x)", "/etc/passwd", "_", "x" * 5000 + "/.."]  # fmt: skip
# As they stand in JSON; Python's own encoder would not write most of them
NUMBERS = [str(2**63), str(2**63 - 1), str(-(2**63)), str(-(2**63) - 1), str(2**200), "1" * 5000, "-1", "1.5", "1e400",
           "-1e400", "1e18", "NaN", "Infinity", "-0", "true", '"12"', "[]", "{}", "[1]"]  # fmt: skip
COUNTS = sorted(
    f.encode_name for f in msgspec.structs.fields(HostConfig) if "int" in str(f.type) and "list" not in str(f.type)
)


def raw_json(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def create(target: Target, text: str | bytes, **query: Any) -> Any:
    body = raw_json(text) if isinstance(text, str) else text
    return target.ask("POST", "/containers/create", body, kind="application/json", **query)


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES, ids=lambda n: repr(n[:20]))
def test_names_of_objects(target: Target, name: str) -> None:
    """What cannot be a name is refused wherever it is given; where it can be one, it is one."""
    with target.unharmed():
        made = target.ask("POST", "/containers/create", {"Image": "busybox"}, name=name)
        assert made.status in (201, *REFUSED), made.text
        if made.status == 201:
            target.remove(made.json["Id"])
        made = target.ask("POST", "/volumes/create", {"Name": name})
        assert made.status in (201, *REFUSED), made.text
        if made.status == 201:
            assert Path(made.json["Mountpoint"]).parent.parent == target.daemon.root / "volumes"
            assert target.ask("DELETE", f"/volumes/{made.json['Name']}").status == 204
        made = target.ask("POST", "/networks/create", {"Name": name, "Internal": True})
        assert made.status in (201, *REFUSED), made.text
        if made.status == 201:
            assert target.ask("DELETE", f"/networks/{made.json['Id']}").status == 204
        assert target.ask("POST", "/images/busybox/tag", repo=name, tag="x").status in (201, *REFUSED)
        assert target.ask("POST", "/images/busybox/tag", repo="tagged", tag=name).status in (201, *REFUSED)
        for image in target.ask("GET", "/images/json").json:
            for reference in image["RepoTags"] or ():
                if reference != "busybox:latest":
                    assert target.ask("DELETE", f"/images/{reference}").status == 200
        for binding in (f"{name}:/v", f"{name}:/v:ro"):
            reply = target.ask("POST", "/containers/create", {"Image": "busybox", "HostConfig": {"Binds": [binding]}})
            assert reply.status in (201, *REFUSED), reply.text
            if reply.status == 201:
                volumes = [m["Name"] for m in target.ask("GET", f"/containers/{reply.json['Id']}/json").json["Mounts"]
                           if m["Type"] == "volume"]  # fmt: skip
                target.remove(reply.json["Id"])
                for volume in volumes:
                    target.ask("DELETE", f"/volumes/{volume}")


@pytest.mark.parametrize("name", NAMES, ids=lambda n: repr(n[:20]))
def test_names_in_paths(target: Target, name: str) -> None:
    with target.unharmed():
        for method, path in (
            ("GET", "/containers/{}/json"), ("POST", "/containers/{}/start"), ("GET", "/containers/{}/logs"),
            ("GET", "/containers/{}/export"), ("DELETE", "/containers/{}"), ("GET", "/images/{}/json"),
            ("DELETE", "/volumes/{}"), ("GET", "/volumes/{}"), ("GET", "/networks/{}"), ("DELETE", "/networks/{}"),
            ("GET", "/exec/{}/json"), ("GET", "/images/{}/get"), ("POST", "/containers/{}/rename"),
        ):  # fmt: skip
            reply = target.ask(method, path.format(name.replace("\n", "%0a").replace("\0", "%00").replace(" ", "%20")))
            assert reply.status in (*REFUSED, 200, 301, 405, 414, 431), (method, path, reply.status, reply.text[:200])


# -- settings of containers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", COUNTS)
def test_numbers_of_containers(target: Target, field: str) -> None:
    """Whatever is accepted can be shown and, unless the runtime says why not, started."""
    with target.unharmed():
        for number in NUMBERS:
            reply = create(target, f'{{"Image": "busybox", "Cmd": ["true"], "HostConfig": {{"{field}": {number}}}}}')
            assert reply.status in (201, 400), (number, reply.text)
            if reply.status == 201:
                id = reply.json["Id"]
                assert target.ask("GET", f"/containers/{id}/json").status == 200
                if number in ("-1", str(2**63 - 1), "1e18", "-0"):
                    target.ask("POST", f"/containers/{id}/start")
                target.remove(id)


@pytest.mark.parametrize("part", range(6))
def test_settings_of_containers(target: Target, part: int) -> None:
    with target.unharmed():
        for settings in REQUESTS[part::6]:
            _attempt(target, settings)


@pytest.mark.parametrize("part", range(12))
def test_settings_of_the_host(target: Target, part: int) -> None:
    with target.unharmed():
        for host in HOSTS[part::12]:
            _attempt(target, {"HostConfig": host})


def _attempt(target: Target, settings: dict[str, Any]) -> None:
    """Create, look, start and remove, as far as it goes."""
    said = str(settings)[:200]
    reply = target.ask("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"], **settings})
    assert reply.status in (201, *REFUSED, 501), (said, reply.text[:500])
    if reply.status == 201:
        id = reply.json["Id"]
        assert target.ask("GET", f"/containers/{id}/json").status == 200, said
        assert target.ask("GET", "/containers/json", all="1", size="1").status == 200, said
        started = target.ask("POST", f"/containers/{id}/start")
        assert started.status in (204, *REFUSED, 500, 501), (said, started.text)
        assert target.ask("GET", f"/containers/{id}/archive", path="/bin").status in (200, 400, 404), said
        target.remove(id)
    for volume in target.ask("GET", "/volumes").json["Volumes"] or ():
        target.ask("DELETE", f"/volumes/{volume['Name']}")


# -- queries ---------------------------------------------------------------------------------------------------------

VALUES = ["-1", "99999999999999999999", str(2**63), "1e5", "NaN", "x", "\0", "1.5", " ", "é", "[" * 5000, "9" * 5000]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: repr(v[:20]))
def test_values_in_queries(target: Target, value: str) -> None:
    id = target.make("busybox", Cmd=["true"])
    with target.unharmed():
        for method, path, names in (
            ("GET", "/containers/json", ("limit", "filters", "since", "before", "size")),
            ("POST", f"/containers/{id}/stop", ("t", "signal")), ("POST", f"/containers/{id}/kill", ("signal",)),
            ("POST", f"/containers/{id}/resize", ("h", "w")), ("GET", f"/containers/{id}/top", ("ps_args",)),
            ("GET", f"/containers/{id}/logs", ("stdout", "tail", "since", "until")),
            ("GET", f"/containers/{id}/archive", ("path",)), ("GET", "/events", ("until", "since", "filters")),
            ("GET", "/images/json", ("filters", "all")), ("GET", "/volumes", ("filters",)),
            ("GET", "/networks", ("filters",)), ("POST", "/containers/prune", ("filters",)),
            ("POST", "/images/create", ("fromSrc", "platform", "changes", "repo")),
            ("POST", "/containers/create", ("platform",)), ("GET", "/images/get", ("names",)),
            ("GET", "/system/df", ("type",)),
        ):  # fmt: skip
            for name in names:
                query = {"stdout": "1"} if path.endswith("logs") else {"until": "1"} if path == "/events" else {}
                reply = target.ask(method, path, **{**query, name: value})
                assert reply.status in (*REFUSED, 200, 204, 304, 501), (
                    method,
                    path,
                    name,
                    reply.status,
                    reply.text[:300],
                )
    target.remove(id)


# -- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"}", b"[]", b"7", b"null", b'"x"', b"{}{}", b"\xff\xfe{}", b'{"Image": "\xff"}',
        b"[" * 100_000, b'{"Labels":' * 50_000, b'{"Image":"\\ud800"}', b'{"Image":"busybox","Labels":{"a":"\\udfff"}}',
        b"\xef\xbb\xbf{}",
        b'{"Image":"busybox","HostConfig":' + b'{"Binds":' * 3000, b'{"HostConfig":[]}', b'{"Image":{}}', b"nul", b"{]",
        b'{"Image":"nosuch","Image":7,"Image":"nosuch"}', b'{"":{}}', b'{"Image":' + b'"' + b"\\" * 99_999 + b'"}',
        b'{"Env":' + b"[" * 2000 + b"]" * 2000 + b"}", b'{"HostConfig":{"Memory":1e999999999}}', b"-", b'{"Cmd":1e5}',
        b'{"HostConfig":{"Memory":' + b"9" * 1_000_000 + b"}}", b'{"HostConfig":{"Memory":0.' + b"1" * 100_000 + b"}}",
    ],
    ids=lambda b: repr(b[:30]),
)  # fmt: skip
def test_json_that_is_none(target: Target, body: bytes) -> None:
    with target.unharmed():
        for path in ("/containers/create", "/volumes/create", "/networks/create", "/auth", "/commit"):
            reply = target.ask("POST", path, body, kind="application/json")
            allowed = (*REFUSED, 200, 201, 501, *([503] if path == "/auth" else []))  # it asks a registry
            assert reply.status in allowed, (path, reply.status, reply.text[:300])
            if reply.status == 201 and path == "/volumes/create":
                target.ask("DELETE", f"/volumes/{reply.json['Name']}")
        # what is left is a container that was asked for
        for container in target.ask("GET", "/containers/json", all="1").json:
            target.remove(container["Id"])


def test_ten_megabytes_of_json(target: Target) -> None:
    bodies = [
        json.dumps({"Image": "busybox", "Labels": {"a": "x" * 10_000_000}}),
        json.dumps({"Image": "busybox", "Labels": {f"label{n}": "x" for n in range(500_000)}}),
        json.dumps({"Image": "busybox", "Env": ["A=b"] * 1_000_000}),
    ]
    with target.unharmed():
        for body in bodies:
            begun = time.monotonic()
            assert create(target, body).status == 413
            assert target.ask("GET", "/_ping").status == 200
            assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    "head, statuses",
    [
        (b"Content-Length: 1073741824", (413, 400)), (b"Content-Length: 99999999999999999999999", (400, 413)),
        (b"Content-Length: -1", (400,)), (b"Content-Length: 5, 6", (400,)), (b"Content-Length: +5", (400,)),
        (b"Content-Length: 5\r\nContent-Length: 6", (400,)), (b"Content-Length: 0x10", (400,)),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5", (400,)), (b"Transfer-Encoding: chunked, gzip", (400, 501)),
        (b"Transfer-Encoding: xchunked", (400, 501)), (b"X: " + b"x" * 10_000_000, (431,)),
        (b"\r\n".join(b"X%d: y" % n for n in range(5000)), (431, 400)), (b" folded: x", (400,)), (b"X\0: y", (400,)),
        (b"Connection: upgrade\r\nUpgrade: tcp\r\nContent-Length: 1073741824", (413, 400)),
    ],
    ids=lambda v: repr(v[:40]) if isinstance(v, bytes) else "",
)  # fmt: skip
def test_headers_that_lie(target: Target, head: bytes, statuses: tuple[int, ...]) -> None:
    """A claimed gigabyte is refused at once, or read no further than it comes; memory does not follow the claim."""
    before = _memory(target)
    with target.unharmed():
        line = b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        request = line + head + b"\r\n\r\n{}"
        status = _raw(target, request)
        assert status in (*statuses, None), status
    assert _memory(target) - before < 100 << 20


@pytest.mark.parametrize(
    "chunks",
    [b"FFFFFFFFFFFFFFFF\r\nx", b"FFFFFFFFFFFFFFFFF\r\nx", b"40000000\r\nx", b"-1\r\nx", b"zz\r\n",
     b"1;" + b"x" * 1_000_000, b"1\r\n{\r\n" * 3 + b"0\r\n" + b"T: x\r\n" * 100_000, b"0\r\n"],
    ids=lambda c: repr(c[:25]),
)  # fmt: skip
def test_chunks_that_lie(target: Target, chunks: bytes) -> None:
    head = b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    before = _memory(target)
    with target.unharmed():
        assert _raw(target, head + chunks) in (400, 413, 431, 499, None)  # 499: the client left in the middle
    assert _memory(target) - before < 100 << 20


def _raw(target: Target, request: bytes) -> int | None:
    """Send bytes, end the sending, and return the status of the answer; None where the connection is just closed."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(str(target.daemon.socket))
        try:
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass  # answered before all was sent
        answer = b""
        try:
            while piece := sock.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None


def _memory(target: Target) -> int:
    """The daemon's resident memory in bytes."""
    assert target.daemon.process
    statm = Path(f"/proc/{target.daemon.process.pid}/statm").read_text()
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")
