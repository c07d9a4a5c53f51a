"""Mounts as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.engine.containers.mounts import clean, parse_bind, parse_mount, parse_volumes_from, valid_mode
from pogu.engine.model import Mount
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("/dst", {"type": "volume", "name": "", "destination": "/dst", "rw": True}),
        ("/src:/dst", {"type": "bind", "source": "/src", "destination": "/dst", "propagation": "rprivate"}),
        ("/src/../a//b:/dst/", {"source": "/a/b", "destination": "/dst"}),
        ("name:/dst", {"type": "volume", "name": "name", "destination": "/dst"}),
        ("name:/dst:ro", {"rw": False, "mode": "ro"}),
        ("name:/dst:nocopy", {"no_copy": True, "mode": "nocopy"}),
        ("/a:/b:rshared,ro,z", {"rw": False, "propagation": "rshared", "mode": "rshared,ro,z"}),
        ("/a:/b:cached", {"rw": True}),
    ],
)
def test_binds(raw: str, expected: dict[str, Any]) -> None:
    point = parse_bind(raw)
    assert {name: getattr(point, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("", "invalid volume specification: ''"),
        (":", "invalid volume specification: ':'"),
        (":/dst", "invalid volume specification: ':/dst'"),
        ("a:/b:ro:x", "invalid volume specification: 'a:/b:ro:x'"),
        ("/dst:ro", "invalid volume specification: '/dst:ro'"),
        ("/src:", "invalid volume specification: '/src:'"),
        ("a:/b:foo", "invalid mode: foo"),
        ("a:/b:ro,rw", "invalid mode: ro,rw"),
        ("a:b", "invalid mount path: 'b' mount path must be absolute"),
        ("/a:/", "invalid specification: destination can't be '/'"),
        ("/a:/..", "invalid specification: destination can't be '/'"),
    ],
)
def test_bad_binds(raw: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_bind(raw)
    assert message in caught.value.message


def mount(kind: str, **fields: Any) -> Mount:
    return Mount(**{"type": kind, "target": "/t", **fields})


@pytest.mark.parametrize(
    ("given_mount", "fault"),
    [
        (mount("bind", target=""), "field Target must not be empty"),
        (mount("bind", target="/", source="/"), "invalid specification: destination can't be '/'"),
        (mount("bind", target="t", source="/"), "invalid mount path: 't' mount path must be absolute"),
        (mount("bind"), "field Source must not be empty"),
        (mount("bind", source="a"), "invalid mount path: 'a' mount path must be absolute"),
        (mount("bind", source="/no/such"), "bind source path does not exist: /no/such"),
        (mount("bind", source="/", bind_options={"Propagation": "x"}), "invalid propagation mode: x"),
        (mount("bind", source="/", volume_options={}), "field VolumeOptions must not be specified"),
        (mount("volume", bind_options={}), "field BindOptions must not be specified"),
        (mount("volume", volume_options={"Subpath": "a"}), "must not set Subpath when using anonymous volumes"),
        (
            mount("volume", source="v", volume_options={"Subpath": "../a"}),
            "subpath must be a relative path within the volume",
        ),
        (mount("tmpfs", source="x"), "field Source must not be specified"),
        (mount("tmpfs", tmpfs_options={"Options": [["dance"]]}), "invalid option: dance"),
        (mount("tmpfs", tmpfs_options={"Options": [[]]}), "invalid option array length"),
        (mount("image"), "field Source must not be empty"),
        (mount("npipe"), "mount type unknown"),
    ],
)
def test_bad_mounts(given_mount: Mount, fault: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_mount(given_mount)
    assert caught.value.message == f'invalid mount config for type "{given_mount.type}": {fault}'


def test_mounts() -> None:
    point = parse_mount(
        mount("bind", source="/etc", read_only=True, bind_options={"Propagation": "rslave", "NonRecursive": True})
    )
    assert (point.source, point.rw, point.propagation, point.options) == (
        "/etc",
        False,
        "rslave",
        {"NonRecursive": True},
    )
    made = parse_mount(mount("bind", source="/no/such", bind_options={"CreateMountpoint": True}))
    assert made.options == {"CreateMountpoint": True}
    point = parse_mount(mount("volume", source="v", volume_options={"NoCopy": True, "DriverConfig": {"Name": "local"}}))
    assert (point.name, point.no_copy, point.driver) == ("v", True, "local")


@pytest.mark.parametrize(("spec", "expected"), [("a", ("a", "rw")), ("a:ro", ("a", "ro")), ("a:ro,z", ("a", "ro,z"))])
def test_volumes_from(spec: str, expected: tuple[str, str]) -> None:
    assert parse_volumes_from(spec) == expected


@pytest.mark.parametrize("spec", ["", "a:foo", "a:nocopy", "a:rshared"])
def test_bad_volumes_from(spec: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_volumes_from(spec)


@given(st.text(alphabet="abr/:.,ozZ-", max_size=20))
def test_nothing_but_invalid_argument_comes_out(raw: str) -> None:
    try:
        point = parse_bind(raw)
    except InvalidArgument:
        return
    assert point.destination.startswith("/")
    assert point.destination == clean(point.destination) != "/"


@given(st.lists(st.sampled_from(["ro", "rw", "z", "Z", "shared", "rslave", "nocopy", "cached"]), max_size=4))
def test_one_mode_of_each_kind(options: list[str]) -> None:
    kinds = {"ro": "a", "rw": "a", "z": "l", "Z": "l", "shared": "p", "rslave": "p", "nocopy": "c", "cached": "s"}
    chosen = [kinds[o] for o in options]
    assert valid_mode(",".join(options)) == (len(chosen) == len(set(chosen)))
