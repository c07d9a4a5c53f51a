"""Containers on user-defined networks find one another by name."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pogu.engine.model import EndpointSettings
from pogu.engine.networks.dns.upstream import Upstream
from pogu.linux import namespaces
from tests.engine.networks.conftest import Engine, StartEngine
from tests.engine.networks.dns.asking import ask_tcp, ask_udp, question, read_answer
from tests.engine.networks.traffic import udp_server

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64
A, PTR, AAAA = 1, 12, 28


async def member(engine: Engine, sandbox: str, network: str, name: str, **wanted: object) -> Path:
    path = await engine.networks.open_sandbox(sandbox)
    settings = EndpointSettings(**wanted)  # type: ignore[arg-type]
    await engine.networks.join(
        sandbox, engine.networks.get(network), settings, container_name=name, hostname=f"{name}-h"
    )
    return path


async def ask(path: Path, name: str, kind: int = A, by: Callable[[bytes], bytes] = ask_udp) -> tuple[int, list[str]]:
    data = await asyncio.to_thread(namespaces.inside, path, lambda: by(question(name, kind)))
    return read_answer(data)


async def test_names_of_neighbours(engine: Engine) -> None:
    await engine.networks.create("back")
    web = await member(engine, ONE, "back", "web")
    await member(engine, TWO, "back", "db", aliases=["database"])
    for name in ("db", "DB", "db.back", "database", "database.back", TWO[:12], "db-h"):
        assert await ask(web, name) == (0, ["172.18.0.3"]), name
    assert await ask(web, "web") == (0, ["172.18.0.2"])
    assert await ask(web, "db", by=ask_tcp) == (0, ["172.18.0.3"])
    assert await ask(web, "db", AAAA) == (0, [])  # it exists, without such an address
    assert await ask(web, "3.0.18.172.in-addr.arpa", PTR) == (0, ["db.back"])
    assert engine.networks.has_resolver(ONE)


async def test_names_are_known_only_on_their_network_and_only_while_there(engine: Engine) -> None:
    for name in ("a", "b"):
        await engine.networks.create(name, internal=True)  # internal: nobody else is asked
    one, two = await member(engine, ONE, "a", "one"), await member(engine, TWO, "b", "two")
    assert await ask(one, "two") == (3, [])
    await engine.networks.join(ONE, engine.networks.get("b"), EndpointSettings(), container_name="one")
    assert (await ask(one, "two"))[0] == 0
    assert (await ask(two, "one"))[0] == 0
    await engine.networks.leave(ONE, engine.networks.get("b").id)
    assert await ask(two, "one") == (3, [])
    await engine.networks.close_sandbox(ONE)
    await member(engine, THREE, "a", "three")
    assert await ask(two, "two.b") == (0, ["172.19.0.2"])


async def test_one_name_for_several(engine: Engine) -> None:
    await engine.networks.create("back")
    first = await member(engine, ONE, "back", "w1", aliases=["w"])
    await member(engine, TWO, "back", "w2", aliases=["w"])
    code, found = await ask(first, "w")
    assert (code, sorted(found)) == (0, ["172.18.0.2", "172.18.0.3"])


async def test_links_are_names_for_one_container_alone(engine: Engine) -> None:
    await engine.networks.create("back", internal=True)
    await member(engine, ONE, "back", "db")
    app = await member(engine, TWO, "back", "app", links=["db:store"])
    other = await member(engine, THREE, "back", "other")
    assert (await ask(app, "store"))[0] == 0
    assert await ask(other, "store") == (3, [])


async def test_a_renamed_container(engine: Engine) -> None:
    await engine.networks.create("back", internal=True)
    path = await member(engine, ONE, "back", "old")
    engine.networks.rename(ONE, "new")
    assert (await ask(path, "new"))[0] == 0
    assert await ask(path, "old") == (3, [])


async def test_the_default_bridge_has_no_server(engine: Engine) -> None:
    path = await member(engine, ONE, "bridge", "c")
    assert not engine.networks.has_resolver(ONE)
    with pytest.raises(OSError, match=r"refused|timed out"):
        await ask(path, "c")


async def test_a_container_may_have_a_dns_server_of_its_own(engine: Engine) -> None:
    await engine.networks.create("back")
    path = await member(engine, ONE, "back", "dns")
    with udp_server(path, 53, "mine"):
        assert await ask(path, "dns") == (0, ["172.18.0.2"])


@contextmanager
def other_server(path: Path | None, answer: Callable[[bytes], bytes]) -> Iterator[list[bytes]]:
    """A DNS server at 127.0.0.99 that answers by UDP and TCP, on the host or in a namespace."""
    import threading

    def listen() -> tuple[socket.socket, socket.socket]:
        udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        udp.bind(("127.0.0.99", 53))
        tcp.bind(("127.0.0.99", 53))
        tcp.listen()
        udp.settimeout(0.05)
        tcp.settimeout(0.05)
        return udp, tcp

    udp, tcp = namespaces.inside(path, listen) if path else listen()
    asked: list[bytes] = []
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                data, client = udp.recvfrom(65535)
                asked.append(data)
                udp.sendto(answer(data), client)
            except TimeoutError:
                pass
            try:
                connection, _ = tcp.accept()
            except TimeoutError:
                continue
            with connection:
                data = connection.recv(65535)[2:]
                asked.append(data)
                reply = answer(data)
                connection.sendall(struct.pack("!H", len(reply)) + reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield asked
    finally:
        stop.set()
        thread.join()
        udp.close()
        tcp.close()


def known(data: bytes) -> bytes:
    """Answer any question with 192.0.2.7."""
    return data[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + data[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x07"


async def test_others_are_asked_about_everything_else(start_engine: StartEngine) -> None:
    engine = await start_engine(dns=["127.0.0.99"])
    await engine.networks.reconcile({})
    await engine.networks.create("back")
    path = await member(engine, ONE, "back", "c")
    with other_server(path, known) as asked:  # servers that are named are asked from the sandbox
        assert await ask(path, "example.org") == (0, ["192.0.2.7"])
        assert await ask(path, "example.org", by=ask_tcp) == (0, ["192.0.2.7"])
        assert asked == [question("example.org")] * 2
    code, found = await ask(path, "example.org")
    assert (code, found) == (2, [])


async def test_the_hosts_servers_are_asked_from_the_host(own_network: None, tmp_path: Path) -> None:
    host_file = tmp_path / "resolv.conf"
    host_file.write_text("nameserver 127.0.0.98\nnameserver 127.0.0.99\n")
    upstream = Upstream(tmp_path / "no-namespace", [], host_file)
    with other_server(None, known):
        for tcp in (False, True):
            answer = await upstream.ask(question("x.org"), tcp=tcp)
            assert answer is not None
            assert read_answer(answer) == (0, ["192.0.2.7"])
    host_file.write_text("")
    assert await upstream.ask(question("x.org"), tcp=False) is None


async def test_a_failure_counts_only_if_nobody_knows_better(own_network: None, tmp_path: Path) -> None:
    host_file = tmp_path / "resolv.conf"
    host_file.write_text("nameserver 127.0.0.99\nnameserver nonsense\n")
    upstream = Upstream(tmp_path, [], host_file)
    with other_server(None, lambda data: data[:2] + b"\x81\x82" + data[4:]):
        answer = await upstream.ask(question("x.org"), tcp=False)
        assert answer is not None
        assert read_answer(answer)[0] == 2


async def test_the_server_is_back_after_a_crash(start_engine: StartEngine) -> None:
    one = await start_engine()
    await one.networks.reconcile({})
    made = await one.networks.create("back")
    path = await member(one, ONE, "back", "c")
    had = one.networks.endpoints(made.id)[ONE]
    await one.crash()
    two = await start_engine()
    await two.networks.reconcile({ONE: {"back": had}})
    assert await ask(path, "c") == (0, ["172.18.0.2"])
    await two.networks.close_sandbox(ONE)
    assert not two.networks.has_resolver(ONE)


async def test_what_is_no_question_is_not_answered(engine: Engine) -> None:
    await engine.networks.create("back")
    path = await member(engine, ONE, "back", "c")
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(namespaces.inside, path, _send_garbage)
    assert await ask(path, "c") == (0, ["172.18.0.2"])


def _send_garbage() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.3)
        sock.connect(("127.0.0.11", 53))
        sock.send(b"\0" * 5)
        sock.recv(100)
