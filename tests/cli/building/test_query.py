"""The flags of a build in the API's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pogu.cli.building.query import build_arguments, build_query, cache_sources, cache_targets, with_proxies
from pogu.cli.commands.build import build
from pogu.cli.pflag import UsageError


def _query(*words: str, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    given, _ = build.parse([*words, "."])
    query = build_query(given, settings or {}, "unix:///x.sock")
    return {name: value for name, value in query.items() if value is not None}


def test_nothing_is_asked_for_that_was_not_said() -> None:
    assert _query() == {"rm": True}


def test_flags() -> None:
    assert _query("-t", "a", "-t", "b:1", "--no-cache", "--pull", "--rm=false", "-q") == {
        "t": ["a", "b:1"], "nocache": True, "pull": True, "rm": False, "q": True,
    }  # fmt: skip
    assert _query("-m", "64m", "--memory-swap", "-1", "--shm-size", "1k", "-c", "5", "--cpu-quota", "7") == {
        "memory": 64 << 20, "memswap": -1, "shmsize": 1024, "cpushares": 5, "cpuquota": 7, "rm": True,
    }  # fmt: skip
    found = _query(
        "--ulimit", "nofile=1:2", "--cache-from", "a,b", "--cache-from", "c", "--label", "k=v", "--label", "e"
    )
    assert json.loads(found["ulimits"]) == [{"Name": "nofile", "Soft": 1, "Hard": 2}]
    assert json.loads(found["cachefrom"]) == ["a", "b", "c"]
    assert found["labels"] == {"k": "v", "e": ""}
    assert _query("--add-host", "a:1.2.3.4", "--add-host", "b=::1")["extrahosts"] == ["a:1.2.3.4", "b:::1"]


def test_build_arguments_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "yes")
    monkeypatch.delenv("GONE", raising=False)
    assert build_arguments(["A=1", "B=", "HERE", "GONE"]) == {"A": "1", "B": "", "HERE": "yes", "GONE": None}


def test_proxies_are_arguments_that_given_ones_override() -> None:
    settings = {
        "proxies": {"default": {"httpProxy": "http://p", "noProxy": "x"}, "tcp://h": {"httpsProxy": "http://q"}}
    }
    assert with_proxies({"http_proxy": "mine", "A": "1"}, settings, "unix:///x") == {
        "http_proxy": "mine", "HTTP_PROXY": "http://p", "NO_PROXY": "x", "no_proxy": "x", "A": "1",
    }  # fmt: skip
    assert with_proxies({}, settings, "tcp://h") == {"HTTPS_PROXY": "http://q", "https_proxy": "http://q"}
    assert _query(settings=settings)["buildargs"]["HTTP_PROXY"] == "http://p"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-t", "UP"), 'invalid argument "UP" for "-t, --tag" flag: invalid reference format'),
        (("--build-arg", "=x"), 'invalid argument "=x" for "--build-arg" flag: invalid environment variable: =x'),
        (("--ulimit", "x"), 'invalid argument "x" for "--ulimit" flag: invalid ulimit argument: x'),
        (("--add-host", "x"), 'invalid argument "x" for "--add-host" flag: bad format for add-host: "x"'),
        (("-m", "many"), 'invalid argument "many" for "-m, --memory" flag: invalid size: \'many\''),
    ],
)
def test_values_that_cannot_be(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        _query(*words)
    assert caught.value.message.startswith(message)


def test_caches() -> None:
    assert cache_targets(["type=inline", "type=registry,ref=a:1", "b"]) == (["a:1", "b"], True)
    assert cache_sources("a,b") == ["a", "b"]
    assert cache_sources("type=registry,ref=a") == ["a"]
    with pytest.raises(UsageError, match='caches of the type "gha" are not supported'):
        cache_targets(["type=gha"])
