"""`pogu build` from end to end, on the daemon."""

from __future__ import annotations

import json
import secrets
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningDaemon


@pytest.fixture
def tag(daemon: RunningDaemon) -> Iterator[str]:
    """A name for an image, which goes with the test."""
    name = f"built-{secrets.token_hex(5)}"
    yield name
    daemon.pogu("rmi", "-f", name, check=False)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context whose image shows what it was built from."""
    (tmp_path / "a").write_text("from the context\n")
    (tmp_path / "left-out").write_text("no\n")
    (tmp_path / ".dockerignore").write_text("left-out\n")
    (tmp_path / "Dockerfile").write_text(
        "FROM busybox\nARG WORD=none\nCOPY . /ctx/\nRUN ls /ctx > /list; echo $WORD > /word\n"
        'CMD ["cat", "/ctx/a", "/word", "/list"]\n'
    )
    return tmp_path


class TestClassic:
    """The classic builder's way, which every daemon has."""

    @pytest.fixture(autouse=True)
    def classic(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_BUILDKIT", "0")

    def test_a_directory(self, daemon: RunningDaemon, context: Path, tag: str) -> None:
        ran = daemon.pogu("build", "-t", tag, "--build-arg", "WORD=said", "--iidfile", context.parent / "iid", context)
        assert ran.out.startswith("Sending build context to Pogu daemon")
        assert "Step 1/5 : FROM busybox" in ran.out
        assert ran.out.endswith(f"Successfully tagged {tag}:latest")
        identifier = json.loads(daemon.pogu("inspect", tag).out)[0]["Id"]
        assert (context.parent / "iid").read_text() == identifier
        assert daemon.pogu("run", "--rm", tag).out == "from the context\nsaid\nDockerfile\na"
        assert daemon.pogu("image", "build", "-q", "--build-arg", "WORD=said", context).out == identifier

    def test_standard_input(self, daemon: RunningDaemon, context: Path, tag: str) -> None:
        archive = context.parent / "archive.tgz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(context, ".")
        daemon.pogu("build", "-t", tag, "-", input=archive.read_bytes())
        assert daemon.pogu("run", "--rm", tag, "cat", "/ctx/a").out == "from the context"
        assert daemon.pogu("build", "-q", "-", input="FROM busybox\nRUN true\n").out.startswith("sha256:")
        daemon.pogu("build", "--compress", "-t", tag, "-f", "-", context, input="FROM busybox\nCOPY . /ctx\n")
        assert daemon.pogu("run", "--rm", tag, "ls", "-A", "/ctx").out == ".dockerignore\nDockerfile\na"

    def test_a_failed_command_gives_its_exit_code(self, daemon: RunningDaemon, tmp_path: Path) -> None:
        (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo before; exit 9\n")
        ran = daemon.pogu("build", "--iidfile", tmp_path / "iid", tmp_path, check=False)
        assert ran.code == 9
        assert "before" in ran.out
        assert ran.err == "The command '/bin/sh -c echo before; exit 9' returned a non-zero code: 9\n"
        assert not (tmp_path / "iid").exists()

    def test_what_needs_a_session_is_refused(self, daemon: RunningDaemon, context: Path) -> None:
        ran = daemon.pogu("build", "--secret", "id=x", context, check=False)
        assert ran.code == 1
        assert ran.err == "--secret needs a builder with sessions, which this daemon does not offer\n"

    def test_security_options_are_refused(self, daemon: RunningDaemon, context: Path) -> None:
        ran = daemon.pogu("build", "--security-opt", "seccomp=unconfined", context, check=False)
        assert "does not support setting security options on build" in ran.err
