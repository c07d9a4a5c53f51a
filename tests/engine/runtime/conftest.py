"""A small root file system, and supervisors with directories and cgroups of their own."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.engine.runtime.ground import Ground


@pytest.fixture(scope="session")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with busybox and a user, made once for each worker."""
    root = tmp_path_factory.mktemp("rootfs")
    root.chmod(0o755)
    for name in ("bin", "proc", "sys", "dev", "tmp", "etc", "root", "home/ann"):
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin" / "busybox")
    subprocess.run(["chroot", root, "/bin/busybox", "--install", "-s", "/bin"], check=True)
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nann:x:1000:\nwheel:x:10:root,ann\nvideo:x:44:ann\n")
    (root / "etc/not-a-program").write_text("text\n")
    return root


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory on a tmpfs with a short path, as the daemon's run directory is."""
    path = Path("/run") / f"pogu-test-{secrets.token_hex(4)}"
    path.mkdir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
async def ground(request: pytest.FixtureRequest, rootfs: Path, short_dir: Path) -> AsyncIterator[Ground]:
    """A supervisor over the runtime that the test class names (`runtime_name`)."""
    name = getattr(request.cls, "runtime_name", "crun")
    driver, spares = getattr(request.cls, "cgroup_driver", "cgroupfs"), getattr(request.cls, "spares", 0)
    ground = Ground(rootfs, short_dir, name, driver, spares)
    try:
        await ground.supervisor.prepare()
        yield ground
    finally:
        with contextlib.suppress(Exception):
            await ground.clear()
