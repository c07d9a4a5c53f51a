"""What is written on a command line or in a file becomes one Python value, or an error in dockerd's words."""

from __future__ import annotations

from typing import Any

import pytest

from pogu.daemon.settings import BY_KEY
from pogu.daemon.settings.values import from_file, from_flags, parse_size
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("key", "given", "value"),
    [
        ("debug", ["true"], True),
        ("icc", ["0"], False),
        ("mtu", ["1400"], 1400),
        ("mtu", ["1", "9000"], 9000),
        ("log-driver", ["local"], "local"),
        ("default-shm-size", ["128M"], 128 << 20),
        ("dns", ["1.1.1.1", "8.8.8.8"], ["1.1.1.1", "8.8.8.8"]),
        ("log-opts", ["max-size=10m", "max-file=3"], {"max-size": "10m", "max-file": "3"}),
        ("default-ulimits", ["nofile=1024:2048", "nproc=5"], {"nofile": (1024, 2048), "nproc": (5, 5)}),
        ("default-address-pools", ["base=10.9.0.0/16,size=24"], [("10.9.0.0/16", 24)]),
        ("runtimes", ["fast=/usr/bin/fast"], {"fast": ("/usr/bin/fast", [])}),
        ("default-network-opts", ["bridge=a.b=1", "bridge=c=2"], {"bridge": {"a.b": "1", "c": "2"}}),
        ("features", ["x=true"], {"x": True}),
    ],
)
def test_flags(key: str, given: list[str], value: Any) -> None:
    assert from_flags(BY_KEY[key], given) == value


@pytest.mark.parametrize(
    ("key", "given", "message"),
    [
        (
            "mtu",
            "x",
            'invalid argument "x" for "--mtu" flag: strconv.ParseInt: parsing "x": invalid syntax',
        ),
        (
            "debug",
            "ja",
            'invalid argument "ja" for "-D, --debug" flag: strconv.ParseBool: parsing "ja": invalid syntax',
        ),
        ("log-opts", "alone", 'invalid argument "alone" for "--log-opt" flag: invalid key=value pair: alone'),
        (
            "default-ulimits",
            "nofile=9:3",
            'invalid argument "nofile=9:3" for "--default-ulimit" flag: '
            "ulimit soft limit must be less than or equal to hard limit: 9 > 3",
        ),
        ("default-shm-size", "big", 'invalid argument "big" for "--default-shm-size" flag: invalid size: \'big\''),
    ],
)
def test_wrong_flags(key: str, given: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as e:
        from_flags(BY_KEY[key], [given])
    assert e.value.message == message


@pytest.mark.parametrize(
    ("key", "given", "value"),
    [
        ("debug", True, True),
        ("default-shm-size", "1g", 1 << 30),
        ("default-shm-size", 4096, 4096),
        ("default-ulimits", {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}}, {"nofile": (1, 2)}),
        ("default-ulimits", {"nofile": {"Soft": 1, "Hard": -1}}, {"nofile": (1, -1)}),
        ("default-address-pools", [{"base": "10.0.0.0/8", "size": 24}], [("10.0.0.0/8", 24)]),
        ("runtimes", {"r": {"path": "/r", "runtimeArgs": ["-v"]}}, {"r": ("/r", ["-v"])}),
        ("default-network-opts", {"bridge": {"k": "v"}}, {"bridge": {"k": "v"}}),
    ],
)
def test_files(key: str, given: Any, value: Any) -> None:
    assert from_file(BY_KEY[key], given) == value


@pytest.mark.parametrize(
    ("key", "given", "kind", "wanted"),
    [
        ("debug", "yes", "string", "bool"),
        ("mtu", "1500", "string", "int"),
        ("mtu", True, "bool", "int"),
        ("dns", "8.8.8.8", "string", "list"),
        ("log-opts", ["a"], "array", "map"),
        ("bip", None, "null", "string"),
    ],
)
def test_a_wrong_type_in_a_file_is_named_as_go_names_it(key: str, given: Any, kind: str, wanted: str) -> None:
    with pytest.raises(InvalidArgument) as e:
        from_file(BY_KEY[key], given)
    assert e.value.message == f"json: cannot unmarshal {kind} into Go struct field Config.{key} of type {wanted}"


def test_a_runtime_of_containerd_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="containerd's shims"):
        from_file(BY_KEY["runtimes"], {"r": {"runtimeType": "io.containerd.runc.v2"}})


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("1k", 1024), ("1.5KiB", 1536), ("2 MB", 2 << 20), ("3t", 3 << 40)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size
