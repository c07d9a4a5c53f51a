"""`DOCKER_BUILDKIT=1 docker build`, as Debian's docker command does it without a plugin."""

from __future__ import annotations

import io
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.dialects.buildkit.docker_build import debian_docker
from tests.dialects.docker.http_client import Client
from tests.running import RunningDaemon


class BuildKit:
    """The docker command, with BuildKit's progress in plain lines."""

    def __init__(self, daemon: RunningDaemon) -> None:
        environment = daemon.environment()
        self._environment = {**environment, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
        self._quiet = {**environment, "DOCKER_BUILDKIT": "1"}

    def popen(self, *args: str | Path, quiet: bool = False) -> subprocess.Popen[bytes]:
        environment = self._quiet if quiet else self._environment
        return subprocess.Popen(
            [debian_docker(), *args], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def __call__(self, *args: str | Path, input: bytes = b"", fails: bool = False, quiet: bool = False) -> str:
        with self.popen(*args, quiet=quiet) as process:
            output = process.communicate(input, timeout=60)[0].decode()
        assert (process.returncode != 0) == fails, output
        return output


@pytest.fixture(scope="module")
def docker(daemon: RunningDaemon) -> BuildKit:
    return BuildKit(daemon)


@pytest.fixture
def tag(docker: BuildKit, unique: str) -> Iterator[str]:
    yield unique
    subprocess.run([debian_docker(), "rmi", "-f", unique], env=docker._environment, capture_output=True, check=False)


@pytest.fixture
def context(tmp_path: Path) -> Callable[..., Path]:
    def make(dockerfile: str, **files: str) -> Path:
        (tmp_path / "context").mkdir(exist_ok=True)
        for name, text in {"Dockerfile": dockerfile, **files}.items():
            (tmp_path / "context" / name).write_text(text)
        return tmp_path / "context"

    return make


def test_stages_a_secret_and_the_cache(
    docker: BuildKit, context: Callable[..., Path], tag: str, api: Client, tmp_path: Path
) -> None:
    directory = context(
        "FROM busybox AS one\nCOPY data /data\nRUN --mount=type=secret,id=s wc -c < /run/secrets/s > /size\n"
        "FROM busybox\nCOPY --from=one /data /size /\nRUN cat /data; cat /size\nLABEL made=here\n",
        data="something\n",
    )
    (tmp_path / "secret").write_text("twelve bytes")
    arguments = ("build", "-t", tag, "--secret", f"id=s,src={tmp_path}/secret", "--iidfile", tmp_path / "id", directory)
    first = docker(*arguments)
    assert "something" in first
    assert "transferring context: 10B" in first
    assert " 12\n" in first
    assert "CACHED" not in first
    assert "twelve bytes" not in first
    image = api.get(f"/images/{tag}/json").json
    assert image["Id"] == (tmp_path / "id").read_text()
    assert image["Config"]["Labels"] == {"made": "here"}
    second = docker(*arguments)
    assert second.count("CACHED") == 4
    assert image["Id"] == (tmp_path / "id").read_text()
    assert docker("build", "-q", "--secret", f"id=s,src={tmp_path}/secret", directory, quiet=True).strip().endswith(
        image["Id"]
    )  # fmt: skip


def test_only_what_is_not_ignored_comes(docker: BuildKit, context: Callable[..., Path]) -> None:
    directory = context("FROM busybox\nCOPY . /c\nRUN ls /c\n", drop="", keep="", **{".dockerignore": "drop\n*.md"})
    output = docker("build", "--no-cache", directory)
    assert "keep" in output
    assert "drop" not in output.replace("ls /c", "")


def test_a_dockerfile_or_a_whole_context_on_standard_input(docker: BuildKit, context: Callable[..., Path]) -> None:
    directory = context("FROM busybox\nRUN exit 1\n", data="from a file\n")
    assert "from nowhere" in docker("build", "-", input=b"FROM busybox\nRUN echo from nowhere\n")
    assert "from a file" in docker(
        "build", "--no-cache", "-f", "-", directory, input=b"FROM busybox\nCOPY data /\nRUN cat /data\n"
    )
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in {"Dockerfile": b"FROM busybox\nCOPY d /d\nRUN cat /d\n", "d": b"from an archive\n"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    assert "from an archive" in docker("build", "--no-cache", "-", input=archive.getvalue())


def test_the_result_as_files(docker: BuildKit, context: Callable[..., Path], tmp_path: Path) -> None:
    directory = context("FROM scratch\nCOPY data /sub/made\n", data="made\n")
    docker("build", "-o", tmp_path / "out", directory)
    assert (tmp_path / "out" / "sub" / "made").read_text() == "made\n"
    docker("build", "-o", f"type=tar,dest={tmp_path}/out.tar", directory)
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert sorted(tar.getnames()) == ["sub", "sub/made"]
    assert "exporter 'nothing' could not be found" in docker("build", "-o", "type=nothing", directory, fails=True)


def test_a_command_that_fails_is_shown_with_its_output(docker: BuildKit, context: Callable[..., Path]) -> None:
    output = docker("build", context("FROM busybox\nRUN echo why; exit 3\n"), fails=True)
    assert "> [2/2] RUN echo why; exit 3" in output
    assert "why\n" in output
    reason = 'failed to solve: process "/bin/sh -c echo why; exit 3" did not complete successfully: exit code: 3'
    assert output.rstrip().endswith(reason)


@pytest.mark.parametrize(
    ("dockerfile", "why"),
    [
        ("FROM busybox\nRUNN x\n", "unknown instruction: RUNN"),
        ("FROM busybox\nCOPY absent /\n", "absent"),
        ("FROM busybox\nRUN --mount=type=secret,id=none,required=true true\n", "secret none: not found"),
        ("FROM busybox\nRUN --mount=type=ssh,required=true true\n", "unset ssh forward key default"),
    ],
)
def test_what_cannot_be_built_says_why(
    docker: BuildKit, context: Callable[..., Path], dockerfile: str, why: str
) -> None:
    assert why in docker("build", context(dockerfile), fails=True)


def test_a_build_ends_with_its_client(
    docker: BuildKit, context: Callable[..., Path], unique: str, daemon: RunningDaemon
) -> None:
    with docker.popen("build", context(f"FROM busybox\nRUN echo {unique}; sleep 6543\n")) as process:
        assert process.stdout
        for line in process.stdout:
            if line.rstrip().endswith(unique.encode()):
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    deadline = time.monotonic() + 10
    while sleeping(b"6543"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def sleeping(seconds: bytes) -> bool:
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if (process / "cmdline").read_bytes().split(b"\0")[:2] == [b"sleep", seconds]:
                    return True
            except OSError:
                pass
    return False


def test_what_has_to_come_in_another_request_and_does_not(api: Client) -> None:
    queries = [
        {"remote": "client-session", "session": "none"},
        {"remote": "upload-request", "buildid": "a"},
        {"buildid": "upload-request:b"},
    ]
    with ThreadPoolExecutor() as threads:
        session, build, upload = threads.map(lambda each: api.post("/build", None, version="2", **each), queries)
    assert (session.status, build.status, upload.status) == (404, 408, 408)
    assert session.message.startswith("no active session for none")


def test_cancelling_what_does_not_run_is_fine(api: Client) -> None:
    assert api.post("/build/cancel", None, id="nobody").status == 200


@pytest.mark.parametrize(
    ("headers", "status", "why"),
    [
        ({}, 400, "no upgrade proto"),
        ({"Upgrade": "tcp", "Connection": "Upgrade"}, 400, "protocol tcp not supported"),
        ({"Upgrade": "h2c", "Connection": "Upgrade"}, 400, "X-Docker-Expose-Session-Uuid"),
    ],
)
def test_sessions_that_cannot_be(api: Client, headers: dict[str, str], status: int, why: str) -> None:
    answer = api.call("POST", "/session", headers=headers)
    assert answer.status == status
    assert why in answer.message


def test_what_the_cache_keeps_has_no_labels(docker: BuildKit, context: Callable[..., Path], api: Client) -> None:
    docker("build", context("FROM busybox\nRUN echo kept\n"))
    assert api.post("/build/prune", None, filters={"label": ["a=b"]}).json["CachesDeleted"] is None
    assert api.post("/build/prune", None, filters={"label!": ["a=b"]}, all="1").json["CachesDeleted"]
    assert api.post("/build/prune", None, filters={"colour": ["red"]}).status == 400
