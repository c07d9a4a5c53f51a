"""The debian image: which suite a name means, and what its file system holds."""

import io
import tarfile
from pathlib import Path

import pytest

from pogu.engine.images.debian import HostRelease, host_release, suite_of, write_debian
from pogu.errors import InvalidArgument, PoguError


def test_what_a_tag_means() -> None:
    assert suite_of("bookworm") == "bookworm"
    assert suite_of("12") == "bookworm"
    assert suite_of("12.5") == "bookworm"
    assert suite_of("sid") == "sid"
    host = host_release()
    assert suite_of("latest") == (host.codename if host.id == "debian" else "bookworm")


@pytest.mark.parametrize("tag", ["UP", "a/b", "x" * 60, "_", "9-slim"])
def test_what_is_no_suite(tag: str) -> None:
    with pytest.raises(InvalidArgument, match="is not a Debian suite"):
        suite_of(tag)


def test_this_machines_release(tmp_path: Path) -> None:
    (tmp_path / "os").write_text('# x\nID="ubuntu"\nVERSION_CODENAME=noble\nBROKEN\n')
    assert host_release(tmp_path / "os") == HostRelease("ubuntu", "noble")
    assert host_release(tmp_path / "none") == HostRelease("", "")


async def test_a_suite_that_no_mirror_has_fails_with_what_was_said(tmp_path: Path) -> None:
    with pytest.raises(PoguError, match=r"(?s)mmdebstrap failed \(\d+\); it said:\n.*nosuchsuite"):
        await write_debian("nosuchsuite", tmp_path / "root.tar")
    assert not (tmp_path / "root.tar").exists() or (tmp_path / "root.tar").stat().st_size == 0


@pytest.mark.slow
def test_the_file_system(debian_tar: Path) -> None:
    with tarfile.open(debian_tar) as tar:
        members = {m.name.removeprefix("./"): m for m in tar}

        def text(name: str) -> str:
            content = tar.extractfile(members[name])
            return io.TextIOWrapper(content).read() if content else ""

        assert "VERSION_CODENAME=bookworm" in text("usr/lib/os-release")
        assert " bookworm main" in text("etc/apt/sources.list")
        assert text("etc/resolv.conf") == text("etc/hostname") == text("etc/machine-id") == ""
        assert text("usr/sbin/policy-rc.d").endswith("exit 101\n")
        installed = text("var/lib/dpkg/status").count("\nStatus: install ok installed\n")
    assert members["usr/sbin/policy-rc.d"].mode & 0o777 == 0o755
    assert members["bin"].issym()
    assert members["tmp"].mode & 0o7777 == 0o1777
    assert 60 < installed < 120
    for clean in ("var/lib/apt/lists/", "var/cache/apt/", "var/log/apt/", "dev/"):
        assert [n for n in members if n.startswith(clean) and members[n].size] == []
    assert not any(m.ischr() or m.isblk() for m in members.values())
    assert sum(m.size for m in members.values()) < 150_000_000
