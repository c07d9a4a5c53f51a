"""Capabilities added and dropped, as Docker combines them."""

from __future__ import annotations

import pytest

from pogu.engine.runtime.capabilities import DEFAULT, NAMES, effective, from_mask, normalize
from pogu.errors import InvalidArgument

ALL = frozenset(NAMES)


def held(add: list[str] | None = None, drop: list[str] | None = None, available: frozenset[str] = ALL) -> set[str]:
    return set(effective(add, drop, privileged=False, available=available))


def test_there_are_fourteen_by_default() -> None:
    assert held() == set(DEFAULT)
    assert len(DEFAULT) == 14


@pytest.mark.parametrize(
    "add, drop, expected",
    [
        (["NET_ADMIN"], None, {*DEFAULT, "CAP_NET_ADMIN"}),
        (["cap_sys_time"], ["mknod"], {*DEFAULT, "CAP_SYS_TIME"} - {"CAP_MKNOD"}),
        (["ALL"], ["SYS_ADMIN"], ALL - {"CAP_SYS_ADMIN"}),
        (["CHOWN"], ["ALL"], {"CAP_CHOWN"}),
        (None, ["all"], set()),
        (["ALL"], None, ALL),
    ],
)
def test_adding_and_dropping(add: list[str] | None, drop: list[str] | None, expected: set[str]) -> None:
    assert held(add, drop) == expected


def test_privileged_is_all_that_the_daemon_has() -> None:
    available = ALL - {"CAP_SYS_RESOURCE"}
    assert set(effective([], ["ALL"], privileged=True, available=available)) == available


def test_what_the_daemon_lacks_is_left_out_or_refused() -> None:
    available = ALL - {"CAP_MKNOD", "CAP_SYS_RESOURCE"}
    assert held(available=available) == set(DEFAULT) - {"CAP_MKNOD"}
    with pytest.raises(InvalidArgument, match=r'not supported by your kernel .*: "CAP_SYS_RESOURCE"'):
        held(["SYS_RESOURCE"], available=available)


def test_names_are_completed_and_checked() -> None:
    assert normalize(["net_admin", "CAP_CHOWN", "all"]) == ["CAP_NET_ADMIN", "CAP_CHOWN", "ALL"]
    with pytest.raises(InvalidArgument, match='unknown capability: "FLY"'):
        normalize(["FLY"])


def test_masks_are_read_as_the_kernel_writes_them() -> None:
    assert from_mask(0xA80425FB) == set(DEFAULT)
    assert from_mask((1 << 41) - 1) == ALL
