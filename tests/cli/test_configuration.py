"""The settings that both commands share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pogu.cli import configuration


def test_the_folder() -> None:
    assert configuration.folder({}, {"HOME": "/home/me"}) == Path("/home/me/.docker")
    assert configuration.folder({}, {"HOME": "/home/me", "DOCKER_CONFIG": "/c"}) == Path("/c")
    assert configuration.folder({"config": "/option"}, {"DOCKER_CONFIG": "/c"}) == Path("/option")


def test_a_change_keeps_what_else_is_there(tmp_path: Path) -> None:
    place = tmp_path / "new"
    assert configuration.load(place) == {}
    configuration.change(place, "currentContext", "one")
    path = place / "config.json"
    assert path.read_text() == '{\n\t"auths": {},\n\t"currentContext": "one"\n}'
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(json.dumps({"auths": {"r": {"auth": "x"}}, "psFormat": "p", "currentContext": "one"}))
    configuration.change(place, "currentContext", None)
    assert configuration.load(place) == {"auths": {"r": {"auth": "x"}}, "psFormat": "p"}
    assert [p.name for p in place.iterdir()] == ["config.json"]


@pytest.mark.parametrize("content", [b"nonsense", b"[]", b"\xff"])
def test_what_is_wrong_is_a_warning(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_bytes(content)
    assert configuration.load(tmp_path) == {}
    assert capsys.readouterr().err.startswith(f"WARNING: Error parsing config file ({tmp_path}/config.json): ")
