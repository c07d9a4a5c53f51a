"""A pytest plugin for long runs: each failure is shown when it happens, and the time that a test took."""

from __future__ import annotations

import sys
import time

import pytest

_STARTED = time.monotonic()


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Show a failure with its traceback; the summary at the end repeats only the name."""
    if report.failed:
        minutes = (time.monotonic() - _STARTED) / 60
        sys.stdout.write(f"\n___ {report.nodeid} ({report.when}, after {minutes:.1f} min)\n{report.longreprtext}\n\n")
        sys.stdout.flush()
