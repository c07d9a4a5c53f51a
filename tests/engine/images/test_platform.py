"""Platforms: what people write, and what runs where."""

import pytest

from pogu.engine.images.platform import Platform, host_platform, parse_platform
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("linux/x86_64", Platform("linux", "amd64")),
        ("Linux/ARM64", Platform("linux", "arm64", "v8")),
        ("linux/arm64/v8", Platform("linux", "arm64", "v8")),
        ("linux/arm", Platform("linux", "arm", "v7")),
        ("linux/arm/6", Platform("linux", "arm", "v6")),
        ("arm64", Platform("linux", "arm64", "v8")),
        ("aarch64", Platform("linux", "arm64", "v8")),
        ("windows/amd64", Platform("windows", "amd64")),
    ],
)
def test_parsing(text: str, platform: Platform) -> None:
    assert parse_platform(text) == platform


def test_an_operating_system_alone_is_of_this_machine() -> None:
    assert parse_platform("linux").architecture == host_platform().architecture


@pytest.mark.parametrize("text", ["", "a/b/c/d", "linux/", "what", "linux/am d64", "/"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid platform specifier"):
        parse_platform(text)


@pytest.mark.parametrize(
    ("machine", "image", "runs"),
    [
        ("linux/amd64", Platform("linux", "amd64"), True),
        ("linux/amd64", Platform("linux", "386"), True),
        ("linux/amd64", Platform("linux", "arm64"), False),
        ("linux/amd64", Platform("windows", "amd64"), False),
        ("linux/arm64", Platform("linux", "arm64"), True),
        ("linux/arm64", Platform("linux", "arm", "v7"), True),
        ("linux/arm/v7", Platform("linux", "arm", "v6"), True),
        ("linux/arm/v6", Platform("linux", "arm", "v7"), False),
        ("linux/arm/v6", Platform("linux", "arm"), True),
        ("linux/arm/v7", Platform("linux", "arm64"), False),
    ],
)
def test_what_runs_where(machine: str, image: Platform, runs: bool) -> None:
    assert parse_platform(machine).runs(image) is runs


def test_the_nearest_variant_is_the_best() -> None:
    v7 = parse_platform("linux/arm/v7")
    variants = ["v5", "v6", "v7"]
    assert min(variants, key=lambda v: v7.rank(Platform("linux", "arm", v)) or 0) == "v7"
    ranks = [v7.rank(Platform("linux", "arm", v)) for v in variants]
    assert ranks == [2, 1, 0]
