"""Contexts and settings against real daemons: one command line, the daemon that the context names."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
import trustme

from pogu.cli.contexts import Store
from tests.running import POGU, RunningDaemon, docker_command


def _pogu(config: Path, *args: str, program: str | Path = POGU, **env: str) -> tuple[int, str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "POGU_"))}
    done = subprocess.run(
        [program, *args],
        env={**clean, "DOCKER_CONFIG": str(config), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def test_both_commands_know_the_same_daemons(daemon: RunningDaemon, tmp_path: Path) -> None:
    endpoint = f"host={daemon.url}"
    assert _pogu(tmp_path, "context", "create", "here", "--docker", endpoint)[0] == 0
    assert _pogu(tmp_path, "context", "use", "here")[0] == 0
    assert _pogu(tmp_path, "info", "-f", "{{.DockerRootDir}}")[1] == str(daemon.root)
    assert _pogu(tmp_path, "info", "-f", "{{.DockerRootDir}}", program=docker_command())[1] == str(daemon.root)
    theirs = _pogu(tmp_path, "context", "create", "there", "--docker", "host=unix:///nowhere", program=docker_command())
    assert theirs[0] == 0
    assert _pogu(tmp_path, "context", "ls", "-q")[1].split() == ["default", "here", "there"]
    code, _, err = _pogu(tmp_path, "ps", DOCKER_CONTEXT="there")
    assert (code, "unix:///nowhere" in err) == (1, True)
    assert _pogu(tmp_path, "-c", "here", "ps", "-q", DOCKER_CONTEXT="there")[0] == 0


def test_a_context_with_certificates_goes_through_a_file(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(ca)
    config, other = tmp_path / "one", tmp_path / "two"
    made = _pogu(config, "context", "create", "far", "--description", "x", "--docker", f"host=tcp://far:1,ca={ca}")
    assert made[:2] == (0, "far")
    archive = tmp_path / "far.tar"
    assert _pogu(config, "context", "export", "far", str(archive)) == (0, "", f'Written file "{archive}"')
    with tarfile.open(archive) as opened:
        assert opened.getnames() == ["meta.json", "tls", "tls/docker", "tls/docker/ca.pem"]
    assert _pogu(other, "context", "import", "near", str(archive))[:2] == (0, "near")
    found = Store(other).load("near")
    assert (found.host, found.metadata, found.tls) == ("tcp://far:1", {"Description": "x"}, {"ca.pem": ca.read_bytes()})
    assert _pogu(other, "context", "rm", "near")[:2] == (0, "near")
    assert not any(path.is_file() for path in other.rglob("*.pem"))


@pytest.mark.parametrize(("member", "words"), [("../x", "is not part of one"), ("tls/../../x", "is not part of one")])
def test_an_archive_cannot_reach_out(tmp_path: Path, member: str, words: str) -> None:
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as out:
        out.add(__file__, member)
    code, _, err = _pogu(tmp_path / "config", "context", "import", "evil", str(archive))
    assert (code, words in err) == (1, True)


def test_formats_of_the_settings(daemon: RunningDaemon, sleeper: str, tmp_path: Path) -> None:
    settings = {"psFormat": "{{.Names}}!", "imagesFormat": "{{.Repository}}?", "detachKeys": "nonsense"}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    one = ("--filter", f"name={sleeper}")
    assert _pogu(tmp_path, "ps", *one, DOCKER_HOST=daemon.url)[1] == f"{sleeper}!"
    assert _pogu(tmp_path, "ps", *one, "--format", "{{.State}}", DOCKER_HOST=daemon.url)[1] == "running"
    assert _pogu(tmp_path, "images", "busybox", DOCKER_HOST=daemon.url)[1] == "busybox?"
    code, _, err = _pogu(tmp_path, "exec", sleeper, "true", DOCKER_HOST=daemon.url)
    assert (code, "nonsense" in err) == (1, True)
    assert _pogu(tmp_path, "exec", "--detach-keys", "ctrl-a", sleeper, "true", DOCKER_HOST=daemon.url)[0] == 0


def test_an_older_version_of_the_api(daemon: RunningDaemon, tmp_path: Path) -> None:
    form = ("version", "-f", "{{.Client.APIVersion}}")
    assert _pogu(tmp_path, *form, DOCKER_HOST=daemon.url, DOCKER_API_VERSION="1.30")[1] == "1.30"
    assert "too new" in _pogu(tmp_path, "ps", DOCKER_HOST=daemon.url, DOCKER_API_VERSION="1.99")[2]
