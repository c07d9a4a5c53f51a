"""Addresses that people ask for."""

from __future__ import annotations

import pytest

from pogu.engine.containers.create.networking import check_mac
from pogu.errors import InvalidArgument


@pytest.mark.parametrize("address", ["02:42:ac:11:00:02", "02-42-AC-11-00-02", "00:00:00:00:00:01"])
def test_an_interface_can_have_it(address: str) -> None:
    check_mac(address)


@pytest.mark.parametrize(
    "address",
    ["x", "02:42:ac:11:00", "02:42-ac:11:00:02", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:00:00:00:00:00"],
)
def test_no_interface_can_have_it(address: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid MAC address"):
        check_mac(address)
