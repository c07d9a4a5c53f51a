"""`cp` by docker's rules about what is copied where, and never outside of it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tests.running import RunningDaemon


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_text("A")
    (folder / "sub" / "b").write_text("B")
    (folder / "link").symlink_to("/etc/passwd")
    return folder


def _inside(daemon: RunningDaemon, name: str, path: str) -> list[str]:
    return sorted(daemon.pogu("exec", name, "find", path).out.split())


@pytest.mark.parametrize("command", ["pogu", "docker"])
def test_in(daemon: RunningDaemon, sleeper: str, tree: Path, command: str) -> None:
    """Each rule of docker's page about cp; docker's own command does the same with this daemon."""
    cp = getattr(daemon, command)
    cp("cp", f"{tree}/a", f"{sleeper}:/new")
    assert daemon.pogu("exec", sleeper, "cat", "/new").out == "A"
    cp("cp", f"{tree}/a", f"{sleeper}:/tmp")
    cp("cp", f"{tree}/a", f"{sleeper}:/tmp/other")
    assert _inside(daemon, sleeper, "/tmp") == ["/tmp", "/tmp/a", "/tmp/other"]
    cp("cp", tree, f"{sleeper}:/made")
    cp("cp", tree, f"{sleeper}:/made")
    assert _inside(daemon, sleeper, "/made/sub") == ["/made/sub", "/made/sub/b"]
    assert _inside(daemon, sleeper, "/made/tree/sub") == ["/made/tree/sub", "/made/tree/sub/b"]
    cp("cp", f"{tree}/.", f"{sleeper}:/tmp")
    assert "/tmp/sub/b" in _inside(daemon, sleeper, "/tmp")
    assert daemon.pogu("exec", sleeper, "readlink", "/tmp/link").out == "/etc/passwd"
    for source, target in (
        (f"{tree}/a", f"{sleeper}:/none/"),
        (tree, f"{sleeper}:/new"),
        ("/nowhere", f"{sleeper}:/x"),
    ):
        assert cp("cp", source, target, check=False).code == 1


@pytest.mark.parametrize("command", ["pogu", "docker"])
def test_out(daemon: RunningDaemon, sleeper: str, tmp_path: Path, command: str) -> None:
    cp = getattr(daemon, command)
    daemon.pogu("exec", sleeper, "sh", "-c", "mkdir -p /d/s; echo A > /d/a; echo B > /d/s/b; ln -s a /d/l")
    cp("cp", f"{sleeper}:/d/a", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "A\n"
    cp("cp", f"{sleeper}:/d", tmp_path / "new")
    cp("cp", f"{sleeper}:/d", tmp_path / "new")
    cp("cp", f"{sleeper}:/d/.", tmp_path)
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.name == "b")
    assert found == ["new/d/s/b", "new/s/b", "s/b"]
    assert (tmp_path / "l").readlink() == Path("a")
    cp("cp", "-L", f"{sleeper}:/d/l", tmp_path / "followed")
    assert (tmp_path / "followed").read_text() == "A\n"
    for target in (tmp_path / "none" / "x", f"{tmp_path}/none/"):
        assert cp("cp", f"{sleeper}:/d/a", target, check=False).code == 1
    assert cp("cp", f"{sleeper}:/d", tmp_path / "file", check=False).code == 1


def test_archives(daemon: RunningDaemon, sleeper: str) -> None:
    with tarfile.open(fileobj=io.BytesIO(daemon.pogu("cp", f"{sleeper}:/etc", "-").raw)) as archive:
        assert "etc/hostname" in archive.getnames()
        assert archive.getnames()[0].rstrip("/") == "etc"
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo("x/y")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"hi"))
    daemon.pogu("cp", "-", f"{sleeper}:/tmp", input=data.getvalue())
    assert daemon.pogu("exec", sleeper, "cat", "/tmp/x/y").out == "hi"


def test_a_container_cannot_write_outside_of_the_target(daemon: RunningDaemon, sleeper: str, tmp_path: Path) -> None:
    """A symlink that the container's archive lays is replaced or kept, never walked through."""
    target = tmp_path / "target"
    (target / "d").mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.mkdir()
    daemon.pogu("exec", sleeper, "sh", "-c", f"mkdir /d; ln -s {outside} /d/s; mkdir /e /e/s; echo bad > /e/s/f")
    daemon.pogu("cp", f"{sleeper}:/d/.", target / "d")
    daemon.pogu("cp", f"{sleeper}:/e/.", target / "d", check=False)
    assert list(outside.iterdir()) == []


def test_neither_side_or_both(daemon: RunningDaemon) -> None:
    assert "must specify at least one container source" in daemon.pogu("cp", "./a", "./b", check=False).err
    assert "copying between containers is not supported" in daemon.pogu("cp", "a:/x", "b:/y", check=False).err
