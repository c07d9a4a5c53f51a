"""`pogu system check`: what this host has and lacks for running containers, and how to get what it lacks.

`check_host` returns findings; a module for each subject makes them; nothing is changed on the host.
"""

from __future__ import annotations

from pathlib import Path

from pogu.daemon.hostcheck import kernel, network, programs, storage
from pogu.daemon.hostcheck.finding import Finding, render_json, render_text

__all__ = ["Finding", "check_host", "render_json", "render_text"]


def check_host(root: Path) -> list[Finding]:
    """Return what is found for a daemon that keeps its data in `root`."""
    return [*kernel.check(), *programs.check(), *network.check(), *storage.check(root)]
