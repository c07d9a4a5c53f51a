"""Another kind of host: Debian in a virtual machine, with systemd and cgroup v2.

This boots it and runs the tests marked `vm_smoke` in it; `make test-vm` runs many more there.
"""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.conftest import REPOSITORY
from tests.vm.service import INSIDE


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(INSIDE, reason="this is the virtual machine")
def test_the_virtual_machine() -> None:
    subprocess.run([REPOSITORY / "scripts/setup.sh", "test", "vm"], check=True, capture_output=True)
    done = subprocess.run(
        [REPOSITORY / "scripts/vm/run.sh", "smoke"], env={**os.environ, "VM_TIMEOUT": "900"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
