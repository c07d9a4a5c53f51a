"""nftables scripts: applied whole, refused whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pogu.linux.nftables import Nftables, NftablesError

pytestmark = pytest.mark.usefixtures("own_network")


@pytest.fixture
def nft() -> Iterator[Nftables]:
    opened = Nftables()
    yield opened
    opened.close()


def test_a_script_is_applied_and_can_be_read_back(nft: Nftables) -> None:
    nft.apply("add table inet t\nadd set inet t s { type inet_service; }\nadd element inet t s { 80, 443 }")
    objects = nft.query("list set inet t s")
    elements = next(o["set"]["elem"] for o in objects if "set" in o)
    assert sorted(elements) == [80, 443]
    assert nft.query("list table inet t")


def test_a_refused_script_changes_nothing_and_says_why(nft: Nftables) -> None:
    with pytest.raises(NftablesError, match="No such file"):
        nft.apply("add table inet t\nadd element inet t nowhere { 80 }")
    with pytest.raises(NftablesError):
        nft.query("list table inet t")
    with pytest.raises(NftablesError, match="syntax error"):
        nft.apply("this is not nft")


def test_a_closed_context_refuses(nft: Nftables) -> None:
    nft.close()
    with pytest.raises(NftablesError, match="closed"):
        nft.apply("add table inet t")
    nft.close()
