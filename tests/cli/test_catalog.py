"""The catalogue names every command as it is, and each takes the flags docker's command takes."""

from __future__ import annotations

import importlib
import re
import subprocess
from collections.abc import Iterator

import pytest

from pogu.cli import catalog
from pogu.cli.pflag import Command
from tests.running import docker_command, docker_is_new, docker_version


def _all() -> Iterator[tuple[str, catalog.Entry]]:
    yield from catalog.ROOT.items()
    for group, (_, commands) in catalog.GROUPS.items():
        for name, entry in commands.items():
            yield f"{group} {name}", entry


def _load(entry: catalog.Entry) -> Command:
    module, _, attribute = entry.target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, Command)
    return command


@pytest.mark.parametrize(("name", "entry"), list(_all()))
def test_every_target_is_there_and_documented(name: str, entry: catalog.Entry) -> None:
    command = _load(entry)
    assert command.name == name.rsplit(maxsplit=1)[-1] or name.rsplit(maxsplit=1)[-1] in {"ls", "rm"}
    assert command.help
    assert all(flag.help for flag in command.flags)


# What docker's commands have that has no meaning here, or not yet.
_LEFT_OUT = {
    "*": {"--help", "--disable-content-trust"},
    "run": {"--cpu-count", "--cpu-percent", "--io-maxbandwidth", "--io-maxiops", "--use-api-socket"},
    "create": {"--cpu-count", "--cpu-percent", "--io-maxbandwidth", "--io-maxiops", "--use-api-socket"},
    "update": {"--kernel-memory"},
    "start": {"--checkpoint", "--checkpoint-dir"},
    "volume create": set(
        "--availability --group --limit-bytes --required-bytes --scope --secret --sharing --topology-preferred "
        "--topology-required --type".split()
    ),
    "volume ls": {"--cluster"},
    "volume inspect": set(),
}  # fmt: skip
# Commands of docker whose usage line has not all that they take.
_SHORT_USAGE = {"builder prune", "context export", "container cp"}

_OWN = set(catalog.OWN)


@pytest.mark.parametrize("name", [name for name, _ in _all() if name not in _OWN])
def test_flags_of_the_docker_command(name: str) -> None:
    if not docker_is_new():
        pytest.skip("this docker command has other flags than the one that pogu follows")
    done = subprocess.run([docker_command(), *name.split(), "--help"], capture_output=True, text=True, check=True)
    theirs = set(re.findall(r"^\s+(?:-\w, )?(--[\w-]+)", done.stdout, re.MULTILINE))
    shorts = dict(re.findall(r"^\s+(-\w), (--[\w-]+)", done.stdout, re.MULTILINE))
    short_name = name.removeprefix("container ")
    command = _load(dict(_all())[name])
    ours = {o for flag in command.flags for o in flag.opts}
    assert theirs - ours - _LEFT_OUT["*"] - _LEFT_OUT.get(name, set()) - _LEFT_OUT.get(short_name, set()) == set()
    pairs = {o: flag.opts for flag in command.flags for o in flag.opts}
    assert {s: long for s, long in shorts.items() if long in ours and long not in pairs.get(s, ())} == {}
    usage = done.stdout.partition("\n\n")[0].replace("docker", "pogu")
    if docker_version() >= (28,) and name not in _SHORT_USAGE:
        assert "Usage:  " + "\n\t".join(command.usage_lines(f"pogu {name}")) == usage
