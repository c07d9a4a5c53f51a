"""Networks that take their settings from a configuration-only network."""

from __future__ import annotations

import pytest

from pogu.engine.model import IPAM, EndpointIPAM, EndpointSettings, IPAMConfig
from pogu.errors import Forbidden, InvalidArgument, NotFound
from tests.engine.networks.conftest import Engine

ONE = "1" * 64


async def test_a_network_has_the_settings_of_its_configuration(engine: Engine) -> None:
    networks = engine.networks
    pool = IPAMConfig(subnet="10.9.3.0/24")
    made = await networks.create("c", ipam=IPAM(config=[pool]), labels={"a": "b"}, config_only=True)
    assert (made.driver, made.config_only) == ("null", True)
    user = await networks.create("u", config_from="c")
    assert [p.subnet for p in user.ipam.config or []] == ["10.9.3.0/24"]
    assert user.labels == {"a": "b"}
    with pytest.raises(Forbidden, match='configuration network "c" is in use'):
        await networks.remove("c")
    await networks.remove("u")
    await networks.remove("c")


async def test_nobody_joins_a_configuration(engine: Engine) -> None:
    made = await engine.networks.create("c", config_only=True)
    await engine.networks.open_sandbox(ONE)
    with pytest.raises(Forbidden, match="configuration-only network"):
        await engine.networks.join(ONE, made, EndpointSettings())


async def test_refusals(engine: Engine) -> None:
    networks = engine.networks
    with pytest.raises(NotFound, match='configuration network "nope" does not exist'):
        await networks.create("u", config_from="nope")
    with pytest.raises(Forbidden, match="network specific fields"):
        await networks.create("c", internal=True, config_only=True)
    await networks.create("c", config_only=True)
    with pytest.raises(Forbidden, match="cannot depend on another"):
        await networks.create("d", config_from="c", config_only=True)
    with pytest.raises(Forbidden, match="user specified configurations are not supported"):
        await networks.create("u", config_from="c", labels={"a": "b"})
    with pytest.raises(Forbidden, match="network driver options are not supported"):
        await networks.create("u", config_from="c", options={"a": "b"})


async def test_an_address_may_be_asked_for_only_in_a_subnet_that_was_given(engine: Engine) -> None:
    given = IPAMConfig(subnet="fd7a:115c::/64")
    made = await engine.networks.create("six", ipam=IPAM(config=[given]), enable_ipv6=True)
    await engine.networks.open_sandbox(ONE)
    with pytest.raises(InvalidArgument, match="only when connecting to networks with user configured subnets"):
        await engine.networks.join(ONE, made, EndpointSettings(ipam_config=EndpointIPAM(ipv4_address="172.18.0.9")))
    asked = EndpointSettings(ipam_config=EndpointIPAM(ipv6_address="fd7a:115c::9"))
    assert (await engine.networks.join(ONE, made, asked)).global_ipv6_address == "fd7a:115c::9"
