"""The local driver's rules for names, options and filters, in its words."""

from __future__ import annotations

import pytest

from pogu.engine.model import Volume
from pogu.engine.volumes import options
from pogu.errors import InvalidArgument


@pytest.mark.parametrize("name", ["ab", "a.b-c_d", "0" * 64, "x" * 255])
def test_names(name: str) -> None:
    options.check_name(name)


@pytest.mark.parametrize("name", ["", "a", "_a", ".hidden", "a/b", "/etc", "a b", "ab\n", "ä" * 3, "x" * 256])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgument):
        options.check_name(name)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"type": "tmpfs", "device": "tmpfs"},
        {"type": "nfs", "device": ":/export", "o": "addr=10.0.0.1,rw"},
        {"type": "cifs", "device": "//host/share", "o": "port=445"},
        {"size": "0"},
    ],
)
def test_driver_options(given: dict[str, str]) -> None:
    options.check_options(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"foo": "bar"}, 'invalid option: "foo"'),
        ({"device": "/dev/sda"}, 'missing required option: "type"'),
        ({"type": "ext4"}, 'missing required option: "device"'),
        ({"o": "ro"}, 'missing required option: "device"'),
        ({"size": "10m"}, "quota size requested but no quota support"),
        ({"size": "many"}, "invalid size: 'many'"),
        (
            {"type": "cifs", "device": "//host:445/share"},
            "port not allowed in CIFS device URL, include 'port' in 'o='",
        ),
    ],
)
def test_driver_options_that_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidArgument) as e:
        options.check_options(given)
    assert e.value.message == message


def test_host_names_of_network_volumes_are_looked_up() -> None:
    assert options.with_address("nfs", "addr=localhost,rw") in ("addr=127.0.0.1,rw", "addr=::1,rw")
    assert options.with_address("nfs", "addr=10.1.2.3,rw") == "addr=10.1.2.3,rw"
    assert options.with_address("ext4", "addr=localhost") == "addr=localhost"


def test_passwords_are_not_told() -> None:
    text = "username=u,password=hunter2"
    assert "hunter2" not in options.without_password(f"mount failed: {text}", text)
    assert options.without_password("mount failed", "rw") == "mount failed"


VOLUMES = [
    Volume(name="alpha", labels={"env": "prod", "tier": "db"}),
    Volume(name="beta", labels={"env": "test"}),
    Volume(name="alphabet"),
]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["alpha", "beta", "alphabet"]),
        ({"name": ["alpha"]}, ["alpha", "alphabet"]),
        ({"name": ["^alpha$", "beta"]}, ["alpha", "beta"]),
        ({"name": ["("]}, []),
        ({"driver": ["local"]}, ["alpha", "beta", "alphabet"]),
        ({"driver": ["other"]}, []),
        ({"label": ["env"]}, ["alpha", "beta"]),
        ({"label": ["env=prod", "tier"]}, ["alpha"]),
        ({"label": ["env=prod", "env=test"]}, []),
    ],
)
def test_filters(filters: dict[str, list[str]], names: list[str]) -> None:
    matches = options.matcher(filters, options.LIST_FILTERS)
    assert [v.name for v in VOLUMES if matches(v)] == names


def test_filters_that_exclude() -> None:
    matches = options.matcher({"label!": ["env=prod"]}, options.PRUNE_FILTERS)
    assert [v.name for v in VOLUMES if matches(v)] == ["beta", "alphabet"]


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="invalid filter 'colour'"):
        options.matcher({"colour": ["red"]}, options.LIST_FILTERS)


@pytest.mark.parametrize(("values", "expected"), [([], None), (["true"], True), (["1"], True), (["F"], False)])
def test_truth_values(values: list[str], expected: bool | None) -> None:
    assert options.parse_bool("dangling", values) is expected


@pytest.mark.parametrize("values", [["yes"], ["true", "false"], [""]])
def test_other_truth_values_are_refused(values: list[str]) -> None:
    with pytest.raises(InvalidArgument, match="invalid filter 'dangling="):
        options.parse_bool("dangling", values)
