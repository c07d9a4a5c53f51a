"""The attributes of a build as buildx sends them."""

from __future__ import annotations

import pytest

from pogu.dialects.buildkit.frontend import check_frontend, client_directories, options_of
from pogu.errors import InvalidArgument, Unsupported


def test_everything_that_buildx_says() -> None:
    options = options_of(
        {
            "filename": "Containerfile", "target": "final", "build-arg:A": "1", "build-arg:BUILDKIT_INLINE_CACHE": "1",
            "label:b": "2", "platform": "linux/arm64", "force-network-mode": "host", "no-cache": "",
            "image-resolve-mode": "pull", "add-hosts": "one=10.0.0.1,two=::1", "shm-size": "1024",
            "ulimit": "nofile=10:20,nproc=5", "cgroup-parent": "/x", "hostname": "here",
            "cache-imports": '[{"Type":"registry","Attrs":{"ref":"r/a"}},{"Type":"local","Attrs":{"src":"/"}}]',
            "cache-from": "r/b,r/a", "context:base": "docker-image://busybox", "context:dir": "local:dir",
        }
    )  # fmt: skip
    assert (options.dockerfile, options.target, options.platform) == ("Containerfile", "final", "linux/arm64")
    assert options.args == {"A": "1", "BUILDKIT_INLINE_CACHE": "1"}
    assert options.inline_cache
    assert options.labels == {"b": "2"}
    assert (options.network, options.no_cache, options.pull, options.hostname) == ("host", True, True, "here")
    assert options.limits.extra_hosts == ("one:10.0.0.1", "two:::1")
    assert options.limits.ulimits == (("nofile", 10, 20), ("nproc", 5, 5))
    assert (options.limits.shm_size, options.limits.cgroup_parent) == (1024, "/x")
    assert options.cache_from == ("r/a", "r/b")


def test_nothing_said_is_a_plain_build() -> None:
    options = options_of({})
    assert options.dockerfile == "Dockerfile"
    assert not options.no_cache
    assert not options.pull


def test_the_cache_is_left_out_for_some_stages() -> None:
    options = options_of({"no-cache": "one, two"})
    assert (options.no_cache, options.no_cache_filter) == (False, ("one", "two"))


def test_the_clients_directories_among_the_contexts() -> None:
    attributes = {"context:a": "local:_a", "context:b": "docker-image://b", "context": "https://x"}
    assert client_directories(attributes) == {"a": "_a"}


@pytest.mark.parametrize("attributes", [{"shm-size": "1k"}, {"ulimit": "nofile"}, {"cache-imports": "[1]"}])
def test_values_that_cannot_be(attributes: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument):
        options_of(attributes)


def test_only_the_front_end_of_dockerfiles() -> None:
    check_frontend("dockerfile.v0", {})
    check_frontend("gateway.v0", {"source": "docker/dockerfile:1"})
    for frontend, source in (("gateway.v0", "someone/else"), ("gateway.v0", ""), ("", ""), ("other", "")):
        with pytest.raises(Unsupported):
            check_frontend(frontend, {"source": source})
