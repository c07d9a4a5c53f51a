"""`pogu build` from end to end, on the daemon."""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import POGU, Ran, RunningDaemon, Terminal


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


def _classic(daemon: RunningDaemon, *words: str | Path, check: bool = True, input: str | bytes | None = None) -> Ran:
    """Build in the classic builder's way."""
    data = input.encode() if isinstance(input, str) else input
    done = subprocess.run(
        [POGU, "build", *words], env={**daemon.environment(), "DOCKER_BUILDKIT": "0"}, input=data or b"",
        capture_output=True, check=False,
    )  # fmt: skip
    ran = Ran(done.returncode, done.stdout, done.stderr.decode())
    assert ran.code == 0 or not check, ran.err
    return ran


class TestClassic:
    """The classic builder's way, which every daemon has."""

    def test_a_directory(self, daemon: RunningDaemon, context: Path, tag: str) -> None:
        ran = _classic(daemon, "-t", tag, "--build-arg", "WORD=said", "--iidfile", context.parent / "iid", context)
        assert ran.out.startswith("Sending build context to Pogu daemon")
        assert "Step 1/5 : FROM busybox" in ran.out
        assert ran.out.endswith(f"Successfully tagged {tag}:latest")
        identifier = json.loads(daemon.pogu("inspect", tag).out)[0]["Id"]
        assert (context.parent / "iid").read_text() == identifier
        assert daemon.pogu("run", "--rm", tag).out == "from the context\nsaid\nDockerfile\na"
        assert _classic(daemon, "-q", "--build-arg", "WORD=said", context).out == identifier

    def test_standard_input(self, daemon: RunningDaemon, context: Path, tag: str) -> None:
        archive = context.parent / "archive.tgz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(context, ".")
        _classic(daemon, "-t", tag, "-", input=archive.read_bytes())
        assert daemon.pogu("run", "--rm", tag, "cat", "/ctx/a").out == "from the context"
        assert _classic(daemon, "-q", "-", input="FROM busybox\nRUN true\n").out.startswith("sha256:")
        _classic(daemon, "--compress", "-t", tag, "-f", "-", context, input="FROM busybox\nCOPY . /ctx\n")
        assert daemon.pogu("run", "--rm", tag, "ls", "-A", "/ctx").out == ".dockerignore\nDockerfile\na"

    def test_a_failed_command_gives_its_exit_code(self, daemon: RunningDaemon, tmp_path: Path) -> None:
        (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo before; exit 9\n")
        ran = _classic(daemon, "--iidfile", tmp_path / "iid", tmp_path, check=False)
        assert ran.code == 9
        assert "before" in ran.out
        assert ran.err == "The command '/bin/sh -c echo before; exit 9' returned a non-zero code: 9\n"
        assert not (tmp_path / "iid").exists()

    def test_what_needs_a_session_is_refused(self, daemon: RunningDaemon, context: Path) -> None:
        ran = _classic(daemon, "--secret", "id=x", context, check=False)
        assert ran.code == 1
        assert ran.err == "--secret needs BuildKit, which is not in force here\n"

    def test_security_options_are_refused(self, daemon: RunningDaemon, context: Path) -> None:
        ran = _classic(daemon, "--security-opt", "seccomp=unconfined", context, check=False)
        assert "does not support setting security options on build" in ran.err


class TestSession:
    """BuildKit's way, with a session that this side answers on."""

    def test_a_directory(self, daemon: RunningDaemon, context: Path, tag: str) -> None:
        ran = daemon.pogu("build", "-t", tag, "--build-arg", "WORD=said", "--iidfile", context.parent / "iid", context)
        assert ran.out == ""
        assert "#1 [internal] load build definition from Dockerfile\n" in ran.err
        assert "] COPY . /ctx/\n" in ran.err
        identifier = json.loads(daemon.pogu("inspect", tag).out)[0]["Id"]
        assert (context.parent / "iid").read_text() == identifier
        assert daemon.pogu("run", "--rm", tag).out == "from the context\nsaid\nDockerfile\na"
        assert daemon.pogu("builder", "build", "-q", "--build-arg", "WORD=said", context).out == identifier
        assert " CACHED\n" in daemon.pogu("build", "--build-arg", "WORD=said", context).err
        kinds = {
            row.split()[0] for row in daemon.pogu("system", "df", "-v").out.rpartition("CACHE ID")[2].splitlines()[1:]
        }
        assert kinds  # the build cache is shown

    def test_standard_input_and_dockerfiles_elsewhere(self, daemon: RunningDaemon, context: Path, tag: str) -> None:
        archive = context.parent / "archive.tgz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(context, ".")
        daemon.pogu("build", "-t", tag, "-", input=archive.read_bytes())
        assert daemon.pogu("run", "--rm", tag, "cat", "/ctx/a").out == "from the context"
        assert daemon.pogu("build", "-q", "-", input="FROM busybox\nRUN true\n").out.startswith("sha256:")
        daemon.pogu("build", "-t", tag, "-f", "-", context, input="FROM busybox\nCOPY . /ctx\n")
        assert daemon.pogu("run", "--rm", tag, "ls", "-A", "/ctx").out == ".dockerignore\nDockerfile\na"

    def test_links_are_followed_and_owners_are_roots(self, daemon: RunningDaemon, tmp_path: Path, tag: str) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "file").write_text("x")
        os.chown(tmp_path / "real" / "file", 1234, 1234)
        (tmp_path / "link").symlink_to("real")
        (tmp_path / "Dockerfile").write_text("FROM busybox\nCOPY link/fi* /out/\n")
        daemon.pogu("build", "-t", tag, tmp_path)
        assert daemon.pogu("run", "--rm", tag, "stat", "-c", "%u:%g %s", "/out/file").out == "0:0 1"

    def test_secrets(self, daemon: RunningDaemon, tmp_path: Path, tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "password").write_text("from a file")
        monkeypatch.setenv("WORD", "from the environment")
        (tmp_path / "Dockerfile").write_text(
            "FROM busybox\nRUN --mount=type=secret,id=one --mount=type=secret,id=two,target=/two "
            "cat /run/secrets/one /two | rev > /seen\n"
        )
        words = ("--secret", f"id=one,src={tmp_path}/password", "--secret", "id=two,env=WORD")
        daemon.pogu("build", "--no-cache", "-t", tag, *words, tmp_path)
        assert daemon.pogu("run", "--rm", tag, "cat", "/seen").out == "from a filefrom the environment"[::-1]

    def test_an_ssh_agent(self, daemon: RunningDaemon, tmp_path: Path) -> None:
        if not shutil.which("ssh-keygen"):
            pytest.skip("no OpenSSH here")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
        (tmp_path / "Dockerfile").write_text(
            "FROM busybox\nRUN --mount=type=ssh,id=mine,required=true test -S $SSH_AUTH_SOCK && echo a socket\n"
        )
        assert " a socket\n" in daemon.pogu("build", "--ssh", f"mine={tmp_path}/key", tmp_path).err
        assert daemon.pogu("build", "--no-cache", tmp_path, check=False).code == 1

    def test_outputs(self, daemon: RunningDaemon, tmp_path: Path) -> None:
        (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY a* /dir/\n")
        (tmp_path / "abc").write_text("content")
        out = tmp_path / "out"
        (out / "dir").mkdir(parents=True)
        (out / "mine").write_text("stays")
        daemon.pogu("build", "-o", out, tmp_path)
        assert (out / "dir" / "abc").read_text() == "content"
        assert (out / "mine").read_text() == "stays"
        daemon.pogu("build", "-o", f"type=tar,dest={tmp_path}/x.tar", tmp_path)
        with tarfile.open(tmp_path / "x.tar") as tar:
            assert tar.getnames() == ["dir", "dir/abc"]
        streamed = daemon.pogu("build", "-o", "-", tmp_path).raw
        with tarfile.open(fileobj=io.BytesIO(streamed)) as tar:
            assert tar.getnames() == ["dir", "dir/abc"]
        oci = daemon.pogu("build", "-o", "type=oci", tmp_path).raw
        with tarfile.open(fileobj=io.BytesIO(oci)) as tar:
            assert "index.json" in tar.getnames()

    def test_the_same_times_wherever_it_is_built(self, daemon: RunningDaemon, tmp_path: Path) -> None:
        (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo a > /a\n")
        environment = {**daemon.environment(), "SOURCE_DATE_EPOCH": "1000000000"}
        done = subprocess.run(
            [POGU, "build", "-q", tmp_path], env=environment, capture_output=True, text=True, check=True
        )
        assert json.loads(daemon.pogu("inspect", done.stdout.strip()).out)[0]["Created"].startswith(
            "2001-09-09T01:46:40"
        )

    def test_pruning_the_cache(self, daemon: RunningDaemon, tmp_path: Path) -> None:
        word = secrets.token_hex(5)
        (tmp_path / "Dockerfile").write_text(f"FROM busybox\nRUN echo {word} > /a\n")
        daemon.pogu("build", "-o", tmp_path / "out", tmp_path)
        pruned = daemon.pogu("builder", "prune", "-af", "--filter", f"description={word}").out
        assert pruned.startswith("Deleted build cache objects:\n")
        assert "Total reclaimed space: " in pruned
        assert daemon.pogu("builder", "prune", "-af", "--filter", f"description={word}").out == (
            "Total reclaimed space: 0B"
        )

    def test_named_contexts_and_stages_without_cache(self, daemon: RunningDaemon, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "file").write_text("of the other")
        (tmp_path / "ctx").mkdir()
        (tmp_path / "ctx" / "Dockerfile").write_text(
            "FROM base AS a\nRUN echo a\nFROM a AS b\nCOPY --from=more file /\nRUN cat /file; date +%N\n"
        )
        words = ("--build-context", f"more={tmp_path}/other", "--build-context", "base=docker-image://busybox")
        assert "of the other" in daemon.pogu("build", *words, tmp_path / "ctx").err
        again = daemon.pogu("build", "--no-cache-filter", "b", *words, tmp_path / "ctx").err
        assert "RUN echo a\n" in again
        assert "of the other" in again

    def test_a_failure_says_where_and_why(self, daemon: RunningDaemon, tmp_path: Path) -> None:
        (tmp_path / "Dockerfile").write_text("FROM busybox AS one\nRUN echo shown &&\\\n  exit 9\nRUN echo later\n")
        ran = daemon.pogu("build", "--metadata-file", tmp_path / "m", tmp_path, check=False)
        assert ran.code == 1
        _, _, report = ran.err.partition("------\n")
        assert report.startswith(" > [2/3] RUN echo shown &&")
        assert " shown\n------\nDockerfile:2\n--------------------\n   1 |     FROM busybox AS one\n" in report
        assert "   2 | >>> RUN echo shown &&\\\n   3 | >>>   exit 9\n   4 |     RUN echo later\n" in report
        assert "did not complete successfully: exit code: 9\n" in report
        assert not (tmp_path / "m").exists()

    def test_interrupted(self, daemon: RunningDaemon, tmp_path: Path) -> None:
        (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo it runs; exec sleep 3600\n")
        terminal = Terminal([str(POGU), "build", "--no-cache", str(tmp_path)], daemon.environment())
        terminal.read_until("# it runs")
        terminal.process.send_signal(signal.SIGINT)
        shown = terminal.read_until("Canceled: context canceled")
        assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
        assert terminal.end() == 130
