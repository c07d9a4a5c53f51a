"""Host ports held by sockets."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from pogu.engine.networks.port_claims import Claim, PortClaims
from pogu.errors import Conflict, InvalidArgument

ANY4, ANY6, LOCAL, OTHER = (ip_address(a) for a in ("0.0.0.0", "::", "127.0.0.1", "127.0.0.2"))
pytestmark = pytest.mark.usefixtures("own_network")


@pytest.fixture
def claims() -> PortClaims:
    return PortClaims()


def claim(claims: PortClaims, port: int, address: object = ANY4, protocol: str = "tcp") -> Claim:
    (made,) = claims.claim(protocol, [address], range(port, port + 1), "10.0.0.2:80/tcp")  # type: ignore[list-item]
    return made


def test_a_port_is_one_owners_on_overlapping_addresses(claims: PortClaims) -> None:
    held = [claim(claims, 80), claim(claims, 81, LOCAL)]
    for port, address in ((80, ANY4), (80, LOCAL), (81, ANY4), (81, LOCAL)):
        with pytest.raises(Conflict, match=f"^Bind for {address}:{port} failed: port is already allocated$"):
            claim(claims, port, address)
    held += [claim(claims, 81, OTHER), claim(claims, 80, ANY6), claim(claims, 80, protocol="udp")]
    for one in held:
        claims.release(one)
        claims.release(one)
    claims.release(claim(claims, 80))


def test_all_addresses_or_none(claims: PortClaims) -> None:
    taken = claim(claims, 80, ANY6)
    with pytest.raises(Conflict, match=r"\[::\]:80"):
        claims.claim("tcp", [ANY4, ANY6], range(80, 81), "x")
    free = claim(claims, 80, ANY4)
    for one in (taken, free):
        claims.release(one)


def test_release_twice_does_not_free_what_another_has_since(claims: PortClaims) -> None:
    first = claim(claims, 80)
    claims.release(first)
    second = claim(claims, 80)
    claims.release(first)
    with pytest.raises(Conflict, match="already allocated"):
        claim(claims, 80)
    claims.release(second)


def test_ephemeral_ports_go_round_and_skip_what_is_taken(claims: PortClaims) -> None:
    with socket.socket() as sock:
        sock.bind(("0.0.0.0", 32769))
        sock.listen()
        made = [claims.claim("tcp", [ANY4], range(0), "x")[0] for _ in range(3)]
    assert [c.port for c in made] == [32768, 32770, 32771]
    claims.release(made[0])
    made.append(claims.claim("tcp", [ANY4], range(0), "x")[0])
    assert made[-1].port == 32772  # not the one just given back: a late client would meet a stranger
    for one in made:
        claims.release(one)


def test_a_socket_in_time_wait_is_no_obstacle(claims: PortClaims) -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 8080))
        server.listen()
        with socket.create_connection(("127.0.0.1", 8080)) as client:
            connection, _ = server.accept()
            connection.close()  # the server ends first: TIME_WAIT is on its port
            assert client.recv(1) == b""
    claims.release(claim(claims, 8080))


def test_stray_datagrams_are_dropped(claims: PortClaims) -> None:
    held = claim(claims, 5353, LOCAL, "udp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"?", ("127.0.0.1", 5353))
    assert held.socket is not None
    with pytest.raises(BlockingIOError):
        held.socket.recv(1)
    claims.release(held)


def test_an_address_that_the_host_does_not_have(claims: PortClaims) -> None:
    message = r"^failed to bind host port for 192\.0\.2\.9:80:10\.0\.0\.2:80/tcp: cannot assign requested address$"
    with pytest.raises(InvalidArgument, match=message):
        claim(claims, 80, ip_address("192.0.2.9"))


def test_sctp_is_accounted_for_even_where_the_kernel_lacks_it(claims: PortClaims) -> None:
    held = claim(claims, 80, protocol="sctp")
    with pytest.raises(Conflict, match="already allocated"):
        claim(claims, 80, protocol="sctp")
    claims.release(held)
    claims.release(claim(claims, 80, protocol="sctp"))
