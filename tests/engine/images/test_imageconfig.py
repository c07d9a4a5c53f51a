"""Image configurations: read strictly, written in one form."""

import json
from typing import Any

import pytest

from pogu.engine.images.imageconfig import (
    History,
    container_defaults,
    is_empty_layer,
    new_image_config,
    parse_image_config,
)
from pogu.engine.model import ContainerConfig, HealthConfig
from pogu.errors import InvalidArgument
from tests.engine.images.conftest import digest_of, image_config


def changed(**fields: Any) -> bytes:
    return image_config([b"layer"], **fields)


def test_what_docker_writes_is_understood() -> None:
    config = parse_image_config(
        changed(
            config={
                "Hostname": "",
                "Cmd": None,
                "Entrypoint": "/x",
                "ExposedPorts": {"80/tcp": {}},
                "Volumes": None,
                "Healthcheck": {"Test": ["CMD", "x"], "Interval": 5},
                "Unknown": [1, 2],
            },
            container_config={"Cmd": ["/bin/sh"]},
            variant="v8",
            **{"os.version": "1"},
        )
    )
    assert config.config is not None
    assert config.config.entrypoint == "/x"
    assert config.config.healthcheck == HealthConfig(test=["CMD", "x"], interval=5)
    assert config.diff_ids == [digest_of(b"layer")]
    assert (config.variant, config.os_version) == ("v8", "1")
    assert config.created_ns == 1714979289123456789


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "invalid image configuration"),
        (b"{}", "missing required field `rootfs`"),
        (b'{"rootfs":null}', "Expected `object`"),
        (b"[]", "Expected `object`"),
        (b"\xff", "invalid image configuration"),
        (b"[" * 100_000, "invalid image configuration"),
        (changed(rootfs={"type": "base", "diff_ids": []}), "rootfs type 'base' is not layers"),
        (changed(rootfs={"type": "layers", "diff_ids": ["x"]}), "invalid checksum digest format"),
        (changed(rootfs={"type": "layers", "diff_ids": ["../../etc"]}), "invalid checksum digest format"),
        (changed(rootfs={"type": "layers", "diff_ids": ["sha512:" + "a" * 128]}), "unsupported digest algorithm"),
        (changed(os="windows"), "cannot load windows image on linux"),
        (changed(created="yesterday"), "parsing time"),
        (changed(history=[{}, {}]), "too many non-empty layers in History section"),
        (changed(config={"Env": "A=1"}), "Expected `array"),
        (changed(config={"Labels": {"a": 1}}), "Expected `str`"),
    ],
)
def test_what_is_wrong_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        parse_image_config(data)
    assert why in error.value.message


def test_a_container_gives_an_image_its_defaults_alone() -> None:
    config = ContainerConfig(
        hostname="h", tty=True, image="x", cmd=["a"], env=["A=1"], labels={}, entrypoint=[], open_stdin=True
    )
    assert container_defaults(config) == {"Cmd": ["a"], "Env": ["A=1"]}
    assert container_defaults(ContainerConfig(entrypoint=[""])) == {}


def test_a_new_configuration_reads_back() -> None:
    raw = new_image_config(
        diff_ids=[digest_of(b"x")],
        history=[History(created="2024-01-01T00:00:00Z", created_by="make", comment="c", empty_layer=False)],
        config=ContainerConfig(cmd=["a"]),
        architecture="amd64",
        created="2024-01-01T00:00:00Z",
        author="me",
    )
    config = parse_image_config(raw)
    assert config.author == "me"
    assert config.config == ContainerConfig(cmd=["a"])
    assert [h.created_by for h in config.history or ()] == ["make"]
    assert list(json.loads(raw)) == sorted(json.loads(raw))


def test_the_empty_layer() -> None:
    assert is_empty_layer(digest_of(bytes(1024)))
    assert not is_empty_layer(digest_of(bytes(10240)))
