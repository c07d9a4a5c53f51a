"""EXPOSE's ports, ranges and protocols."""

from __future__ import annotations

import pytest

from pogu.engine.build.dockerfile import DockerfileError, parse_ports


@pytest.mark.parametrize(
    ("word", "ports"),
    [
        ("80", ["80/tcp"]),
        ("53/UDP", ["53/udp"]),
        ("80/", ["80/tcp"]),
        ("7-9/sctp", ["7/sctp", "8/sctp", "9/sctp"]),
        ("5-5", ["5/tcp"]),
        ("8080:80", ["80/tcp"]),
        ("127.0.0.1:8080:80/udp", ["80/udp"]),
        ("[::1]:8080:80", ["80/tcp"]),
        ("::1:8080:80", ["80/tcp"]),
        ("8000-9000:80", ["80/tcp"]),
        ("0", ["0/tcp"]),
    ],
)
def test_ports(word: str, ports: list[str]) -> None:
    assert parse_ports([word]) == ports


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("", 'invalid port: "": no port specified'),
        ("/tcp", 'invalid port: "/tcp": no port specified'),
        ("80/http", 'invalid port: "80/http": invalid proto: http'),
        ("eighty", "invalid containerPort: eighty"),
        ("65536", "invalid containerPort: 65536"),
        ("9-7", "invalid containerPort: 9-7"),
        ("-1", "invalid containerPort: -1"),
        ("x:80", "invalid hostPort: x"),
        ("1.2.3:8080:80", "invalid IP address: 1.2.3"),
        ("8000-8001:80-82", "invalid ranges specified for container and host Ports: 80-82 and 8000-8001"),
    ],
)
def test_errors(word: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_ports([word])
    assert caught.value.message == message
