"""What crun 1.8 and runc 1.1 say, and what Docker's users read."""

from __future__ import annotations

import pytest

from pogu.engine.runtime import failures
from pogu.errors import CommandNotExecutable, CommandNotFound, Conflict, PoguError

CREATE = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
)
START = "unable to start container process: "


@pytest.mark.parametrize(
    "said, kind, text",
    [
        (
            "executable file `nope` not found in $PATH: No such file or directory",
            CommandNotFound,
            'exec: "nope": executable file not found in $PATH',
        ),
        (
            "executable file `/x/nope` not found in $PATH: No such file or directory",
            CommandNotFound,
            'exec: "/x/nope": stat /x/nope: no such file or directory',
        ),
        ("open executable: Permission denied", CommandNotExecutable, 'exec: "prog": permission denied'),
        (
            'runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH',
            CommandNotFound,
            'exec: "nope": executable file not found in $PATH',
        ),
        (
            'unable to start container process: exec: "/a b": stat /a b: no such file or directory',
            CommandNotFound,
            'exec: "/a b": stat /a b: no such file or directory',
        ),
        ('exec: "/etc": is a directory', CommandNotExecutable, 'exec: "/etc": is a directory'),
        (
            "chdir `/no`: No such file or directory",
            CommandNotFound,
            'chdir to cwd ("/no") set in config.json failed: no such file or directory',
        ),
    ],
)
def test_what_cannot_be_run(said: str, kind: type[PoguError], text: str) -> None:
    error = failures.create_failure("runc", said, "prog")
    assert type(error) is kind
    assert error.message == f"{CREATE}{START}{text}: unknown"
    error = failures.exec_failure(said, "prog")
    assert type(error) is kind
    assert error.message == f"OCI runtime exec failed: exec failed: {START}{text}: unknown"


def test_anything_else_is_passed_on() -> None:
    error = failures.create_failure("crun", "set propagation for `proc`: Permission denied", "sh")
    assert type(error) is PoguError
    assert (
        "OCI runtime create failed: crun create failed: set propagation for `proc`: Permission denied" in error.message
    )
    assert "ended without a word" in failures.create_failure("crun", "", "sh").message


@pytest.mark.parametrize(
    "said",
    [
        "fail startup",
        "the container `abc` is not running",
        "the container `abc` is paused",
        "cannot exec in a paused container (use --ignore-paused to override)",
        "exec failed: cannot exec in a stopped container",
    ],
)
def test_exec_where_nothing_runs_is_a_conflict(said: str) -> None:
    assert isinstance(failures.exec_failure(said, "sh"), Conflict)


@pytest.mark.parametrize(
    "log, message",
    [
        ("", ""),
        ('{"msg": "one", "level": "error"}\n{"msg": "two", "level": "error"}\n', "two"),
        ('{"msg": "bad", "level": "error"}\n{"msg": "by the way", "level": "warning"}\n', "bad"),
        ("plain words\n", "plain words"),
        ('{"torn', '{"torn'),
        ('["odd"]', ""),
    ],
)
def test_the_last_error_of_a_log(log: str, message: str) -> None:
    assert failures.last_error(log) == message
