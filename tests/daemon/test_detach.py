"""Going into the background: the parent ends when the child is ready, or with what the child said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_READY = "lambda ready: (ready('here I am'), time.sleep(0))[1] or 0"
_FAILS = "lambda ready: (print('no luck'), 7)[1]"
_RAISES = "lambda ready: 1 / 0"
_HANGS = "lambda ready: time.sleep(30)"


def _detach(run: str, log: Path, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys, time; from pathlib import Path; from pogu.daemon.detach import detach; "
        f"sys.exit(detach({run}, Path({str(log)!r}), {timeout}))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)


def test_ready(tmp_path: Path) -> None:
    done = _detach(_READY, tmp_path / "new" / "log")
    assert (done.returncode, done.stdout, done.stderr) == (0, "here I am\n", "")


def test_a_child_that_fails_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("from an earlier time\n")
    done = _detach(_FAILS, tmp_path / "log")
    assert done.returncode != 0
    assert done.stderr == "no luck\n"
    done = _detach(_RAISES, tmp_path / "log")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_a_child_that_takes_too_long(tmp_path: Path) -> None:
    done = _detach(_HANGS, tmp_path / "log", timeout=0.2)
    assert done.returncode == 1
    assert "not ready after 0.2 s" in done.stderr
