"""Images: tag, save, load, import, commit, export, prune."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningDaemon


@pytest.fixture
def image(daemon: RunningDaemon, name: str) -> Iterator[str]:
    yield f"{name}:1"
    daemon.pogu("rmi", "-f", f"{name}:1", check=False)


def test_commit_and_export(daemon: RunningDaemon, sleeper: str, image: str, tmp_path: Path) -> None:
    daemon.pogu("exec", sleeper, "sh", "-c", "echo new > /new")
    id_ = daemon.pogu("commit", "-m", "why", "-a", "who", "-c", "ENV A=1", sleeper, image).out
    found = daemon.pogu("image", "inspect", "-f", '{{.Comment}} {{.Author}} {{join .Config.Env ";"}}', id_).out
    assert found.startswith("why who ")
    assert found.endswith("A=1")
    assert daemon.pogu("run", "--rm", image, "cat", "/new").out == "new"
    with tarfile.open(fileobj=io.BytesIO(daemon.pogu("export", sleeper).raw)) as archive:
        assert "new" in archive.getnames()
    daemon.pogu("export", "-o", tmp_path / "x.tar", sleeper)
    assert tarfile.is_tarfile(tmp_path / "x.tar")


def test_save_and_load(daemon: RunningDaemon, image: str, tmp_path: Path) -> None:
    daemon.pogu("tag", "busybox", image)
    daemon.pogu("save", "-o", tmp_path / "i.tar", image)
    assert daemon.pogu("rmi", image).out == f"Untagged: {image}"
    assert daemon.pogu("load", "-i", tmp_path / "i.tar").out == f"Loaded image: {image}"
    assert daemon.pogu("load", "-q", input=(tmp_path / "i.tar").read_bytes()).out == f"Loaded image: {image}"
    ran = daemon.pogu("load", "-i", "/nowhere.tar", check=False)
    assert (ran.code, ran.err) == (1, "open /nowhere.tar: no such file or directory\n")
    assert daemon.pogu("load", input="not an archive", check=False).code == 1


def test_import(daemon: RunningDaemon, image: str, busybox_tar: Path) -> None:
    id_ = daemon.pogu("import", "-c", 'CMD ["echo", "imported"]', "-m", "note", busybox_tar, image).out
    assert id_.startswith("sha256:")
    assert daemon.pogu("run", "--rm", image).out == "imported"
    assert daemon.pogu("import", "-", image, input=busybox_tar.read_bytes()).out.startswith("sha256:")


def test_tags_that_cannot_be(daemon: RunningDaemon) -> None:
    digest = "busybox@sha256:" + "0" * 64
    assert "refusing to create a tag with a digest reference" in daemon.pogu("tag", "busybox", digest, check=False).err
    assert daemon.pogu("tag", "busybox", "UPPER", check=False).code == 1


def test_bootstrap(daemon: RunningDaemon) -> None:
    id_ = daemon.pogu("image", "bootstrap", "busybox").out
    assert id_.startswith("sha256:")
    assert daemon.pogu("run", "--rm", id_, "echo", "made").out == "made"
    ran = daemon.pogu("image", "bootstrap", "nosuch", check=False)
    assert (ran.code, "there is no recipe for the image nosuch" in ran.err) == (1, True)
    daemon.load_image("busybox")
