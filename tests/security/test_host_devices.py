"""What a container's programs get as standard input and output is never a device of the host that they then own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import RunningDaemon, eventually


def _owner() -> tuple[int, int]:
    status = Path("/dev/null").stat()
    return status.st_uid, status.st_gid


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_a_user_is_not_given_the_hosts_null_device(daemon: RunningDaemon, runtime: str) -> None:
    name = f"null-{runtime}"
    user = ("-u", "12345:12345")
    before = _owner()
    daemon.docker("run", "-d", "--runtime", runtime, "--name", name, *user, "busybox", "sleep", "1000")
    try:
        assert _owner() == before
        assert daemon.docker("exec", *user, name, "cat").out == ""  # its input has ended
        daemon.docker("exec", *user, name, "true")
        assert _owner() == before
        daemon.docker("exec", "-d", *user, name, "touch", "/tmp/there")
        eventually(lambda: daemon.docker("exec", name, "ls", "/tmp/there", check=False).code == 0)
        assert _owner() == before
        daemon.docker("exec", "-i", *user, name, "cat", input="typed")
        assert _owner() == before
    finally:
        daemon.docker("rm", "-f", name)
