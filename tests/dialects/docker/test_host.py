import os
from pathlib import Path

from pogu.dialects.docker.host import filesystem_of, program_version, read_host


def test_the_facts_of_this_host():
    host = read_host()
    assert host.kernel == os.uname().release
    assert host.cpus == os.cpu_count()
    assert host.memory > 0
    assert "memory" in host.controllers
    assert host.cgroup_version in ("1", "2")


def test_the_file_system_of_a_directory():
    assert filesystem_of(Path("/proc/self")) == "proc"
    assert filesystem_of(Path("/")) != ""


async def test_versions_of_programs():
    version = await program_version("crun")
    assert version[0].isdigit()
    assert await program_version("crun") == version
    assert await program_version("no-such-program") == ""
