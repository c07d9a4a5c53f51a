"""`pogu build`: asked of the daemon, which says itself what it cannot do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pogu.cli.connect import connect
from pogu.cli.invoke import Session
from pogu.cli.pflag import argument, command, many, switch
from pogu.cli.progress import show_progress


def _build_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add docker's options of a build, which are taken as they are."""
    for names in reversed(_BUILD_SWITCHES):
        function = switch(*names.split(), help="Passed on with the build")(function)
    for names in reversed(_BUILD_VALUES):
        function = many(*names.split(), help="Passed on with the build")(function)
    return function


_BUILD_SWITCHES = ("--compress", "--force-rm", "--no-cache", "--pull", "-q --quiet", "--rm", "--squash")
_BUILD_VALUES = (
    *("--add-host", "--build-arg", "--cache-from", "--cgroup-parent", "--cpu-period", "--cpu-quota", "-c --cpu-shares"),
    *("--cpuset-cpus", "--cpuset-mems", "-f --file", "--iidfile", "--isolation", "--label", "-m --memory"),
    *("--memory-swap", "--network", "--platform", "--security-opt", "--shm-size", "-t --tag", "--target", "--ulimit"),
)


@command("build", help="Build an image from a Dockerfile")
@_build_options
@argument("path", metavar="PATH | URL | -")
def build(session: Session, /, *, path: str, **given: Any) -> None:
    """Ask the daemon for a build."""
    show_progress(connect(session).request("POST", "/build", query={"t": list(given["tag"])}, body=b""))
