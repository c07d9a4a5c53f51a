"""What the firewall of others drops is named, with the rules that let it pass, and those rules do."""

from __future__ import annotations

import pytest

from pogu.linux.nftables import Nftables
from tests.engine.networks.conftest import Engine
from tests.engine.networks.test_publishing import ONE, THREE, binding, box
from tests.engine.networks.traffic import SHORT, ask, tcp_server


async def test_a_dropping_chain_is_named_with_its_remedy(engine: Engine) -> None:
    assert await engine.networks.publish_warnings("bridge") == []
    await engine.networks.create("elsewhere")
    server, stranger = await box(engine, ONE), await box(engine, THREE, "elsewhere")
    await engine.networks.publish(ONE, {"80/tcp": binding("8080")}, ["80/tcp"])
    nft = Nftables()
    nft.apply("add table ip strict; add chain ip strict FORWARD { type filter hook forward priority 0; policy drop; }")
    try:
        with tcp_server(server, 80, "served"):
            with pytest.raises(TimeoutError):
                await ask("172.18.0.1", 8080, stranger, seconds=SHORT)
            (warning,) = await engine.networks.publish_warnings("bridge")
            assert "the chain ip strict FORWARD drops forwarded packets by default" in warning
            for text in (warning, *await engine.networks.publish_warnings("elsewhere")):
                nft.apply(text.partition("To let them pass: ")[2].replace("nft insert", "insert").replace("; ", "\n"))
            assert await ask("172.18.0.1", 8080, stranger) == "served"
    finally:
        nft.close()


async def test_networks_without_a_bridge_have_no_obstacles(engine: Engine) -> None:
    nft = Nftables()
    nft.apply("add table ip strict; add chain ip strict FORWARD { type filter hook forward priority 0; policy drop; }")
    nft.close()
    assert len(await engine.networks.publish_warnings("bridge")) == 1
    for mode in ("host", "none", "container:x", "not there"):
        assert await engine.networks.publish_warnings(mode) == []
