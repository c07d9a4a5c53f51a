"""The busybox image's file system."""

import subprocess
import tarfile
from pathlib import Path

from pogu.engine.images.busybox import write_busybox


async def test_it_runs_by_itself(tmp_path: Path) -> None:
    await write_busybox(tmp_path / "root.tar")
    root = tmp_path / "root"
    with tarfile.open(tmp_path / "root.tar") as tar:
        names = tar.getnames()
        tar.extractall(root)
    assert len(names) == len(set(names))

    def inside(*command: str) -> str:
        return subprocess.run(["chroot", root, *command], capture_output=True, check=True, text=True).stdout

    assert inside("/bin/sh", "-c", "echo $((6 * 7)); id -u; ls -d /tmp") == "42\n0\n/tmp\n"
    assert inside("/usr/bin/env", "-i", "A=1", "/bin/env") == "A=1\n"
    assert inside("/bin/stat", "-c", "%a %u:%g", "/tmp", "/root", "/home", "/etc/shadow").split("\n") == [
        "1777 0:0",
        "700 0:0",
        "755 65534:65534",
        "600 0:0",
        "",
    ]
    assert inside("/bin/grep", "-c", "", "/etc/passwd") == "9\n"
    assert {p.name for p in root.iterdir()} >= set("bin dev etc home proc root sys tmp usr var".split())
