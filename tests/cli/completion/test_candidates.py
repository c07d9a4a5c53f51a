"""What may stand at the end of a command line."""

from __future__ import annotations

import importlib

import pytest

from pogu.cli import catalog
from pogu.cli.client import CannotConnect, Client
from pogu.cli.completion import candidates
from pogu.cli.completion.candidates import Found
from pogu.cli.completion.names import Names
from pogu.cli.invoke import Session
from pogu.cli.pflag import Command


class _Some(Names):
    """A daemon with two containers and a few other things, since the rules need no real one."""

    def __init__(self) -> None:
        super().__init__(Session(), _no_daemon)

    def containers(self, state: str = "") -> list[str]:
        return {"running": ["web"], "stopped": ["old"], "paused": []}.get(state, ["old", "web"])

    def images(self) -> list[str]:
        return ["busybox", "registry:5000/app:two"]

    def networks(self) -> list[str]:
        return ["bridge", "mine"]

    def volumes(self) -> list[str]:
        return ["data"]

    def contexts(self) -> list[str]:
        return ["default", "far"]


def _no_daemon(_session: Session) -> Client:
    raise CannotConnect("there is none")


def _load(target: str) -> Command:
    module, _, attribute = target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, Command)
    return command


def _found(line: str) -> Found:
    return candidates(line.split(" "), _Some(), _load)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vol", ["volume"]),
        ("volume ", ["create", "inspect", "ls", "prune", "rm"]),
        ("volume r", ["rm"]),
        ("volume rm ", ["data"]),
        ("volume create ", []),
        ("help net", ["network"]),
        ("--conte", ["--context"]),
        ("-c ", ["default", "far"]),
        ("-H unix:///x volume rm ", ["data"]),
        ("-l ", ["debug", "error", "fatal", "info", "warn"]),
        ("rm ", ["old", "web"]),
        ("rm old ", ["web"]),
        ("container rm w", ["web"]),
        ("container remove w", ["web"]),
        ("stop ", ["web"]),
        ("start ", ["old"]),
        ("unpause ", []),
        ("exec -it ", ["web"]),
        ("run --rm b", ["busybox"]),
        ("run -it --name x ", ["busybox", "registry:5000/app:two"]),
        ("run --name ", []),
        ("run --network m", ["mine"]),
        ("run --network=m", ["--network=mine"]),
        ("run --restart un", ["unless-stopped"]),
        ("run -itv ", ["data"]),
        ("run --rmm", []),
        ("run --rm", ["--rm"]),
        ("run busybox --r", []),
        ("ps --filt", ["--filter"]),
        ("ps --format j", ["json"]),
        ("ps ", []),
        ("rename web ", []),
        ("network connect ", ["bridge", "mine"]),
        ("network connect mine ", ["old", "web"]),
        ("inspect bu", ["busybox"]),
        ("cp we", ["web:"]),
        ("context use ", ["default", "far"]),
        ("tag ", ["busybox", "registry:5000/app:two"]),
        ("completion ", ["bash", "fish", "zsh"]),
        ("nosuch ", []),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert [candidate.word for candidate in _found(line).candidates] == words


@pytest.mark.parametrize(
    ("line", "files"),
    [("run --env-file ", True), ("load -i ", True), ("run busybox ", True), ("cp web:/x ", True), ("rm ", False)],
)
def test_files(line: str, files: bool) -> None:
    assert _found(line).files is files


def test_without_a_daemon_there_are_no_names() -> None:
    assert candidates(["rm", ""], Names(Session(), _no_daemon), _load) == Found([])


@pytest.mark.parametrize("entry", list(catalog.entries()))
def test_every_command_can_be_completed(entry: catalog.Entry) -> None:
    name = catalog.names_of(entry.target)[0]
    assert "--help" in [candidate.word for candidate in _found(f"{name} --").candidates]
