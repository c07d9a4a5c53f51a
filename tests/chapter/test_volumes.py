"""Sections 볼륨 and 데이터 볼륨 컨테이너."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from tests.running import RunningDaemon, eventually


def test_an_anonymous_volume(with_nginx: RunningDaemon) -> None:
    with_nginx.docker("run", "-v", "/data", "--rm", "--hostname", "web", "--name", "web", "-d", "nginx")
    (mount,) = json.loads(with_nginx.docker("inspect", "-f", "{{ json .Mounts }}", "web").out)
    assert len(mount["Name"]) == 64
    assert mount["Source"] == str(with_nginx.root / "volumes" / mount["Name"] / "_data")
    assert (mount["Destination"], mount["Driver"], mount["RW"]) == ("/data", "local", True)


def test_files_of_the_image_are_copied_into_a_new_volume(harbour: RunningDaemon) -> None:
    harbour.docker("run", "-v", "copied:/etc/apt", "debian", "true")
    source = harbour.docker("volume", "inspect", "-f", "{{.Mountpoint}}", "copied").out
    assert (Path(source) / "sources.list.d").is_dir()


def test_a_bind_mount(harbour: RunningDaemon, tmp_path: Path) -> None:
    """The chapter's /mnt/data is a folder of this test."""
    harbour.docker(
        "run", "-v", f"{tmp_path}:/data", "--rm", "--name", "web", "debian", "sh", "-c", "echo x >/data/seen"
    )
    assert (tmp_path / "seen").read_text() == "x\n"


def test_a_bind_mount_hides_the_image_files(harbour: RunningDaemon, tmp_path: Path) -> None:
    shown = harbour.docker("run", "-v", f"{tmp_path}:/etc/apt", "--rm", "debian", "ls", "-A", "/etc/apt").out
    assert shown == ""
    assert list(tmp_path.iterdir()) == []


def test_a_volume_outlives_its_container(harbour: RunningDaemon) -> None:
    harbour.docker("run", "--rm", "-v", "kept:/data", "debian", "sh", "-c", "echo kept >/data/note")
    assert "kept" in harbour.docker("volume", "ls", "-q").out.split()
    assert harbour.docker("run", "--rm", "-v", "kept:/data", "debian", "cat", "/data/note").out == "kept"


def test_a_data_container(with_nginx: RunningDaemon, tmp_path: Path, port: int) -> None:
    (tmp_path / "index.html").write_text("from the data container\n")
    tmp_path.chmod(0o755)  # for the worker process of nginx, which is not root
    with_nginx.docker("create", "-v", f"{tmp_path}:/var/www/html", "--name", "nginx-data", "nginx")
    with_nginx.docker("run", "--volumes-from", "nginx-data", "-p", f"{port}:80", "--name", "web", "-d", "nginx")

    def served() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                return b"data container" in answer.read()
        except OSError:
            return False

    eventually(served)
    assert with_nginx.docker("inspect", "-f", "{{.State.Status}}", "nginx-data").out == "created"
