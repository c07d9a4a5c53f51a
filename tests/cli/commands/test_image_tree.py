"""The page of `images --tree`, which the comparison of both commands sees without its columns."""

from __future__ import annotations

import pytest

from pogu.cli.commands.image_tree import Line, Tree, lines
from tests.cli.commands.test_listing import Both
from tests.running import POGU, RunningDaemon, Terminal, docker_version

_FIGURES = ("0123456789ab", "1.99MB", "2.14MB")
_APP = Tree(
    ["registry.example/app:1"],
    Line("app:1", _FIGURES, True),
    [Line("linux/amd64", _FIGURES, True), Line("linux/arm64/v8", ("ba9876543210", "0B", "12.3kB"), False, False)],
)
_NAMELESS = Tree([], Line("<untagged>", _FIGURES, False), [])


def test_a_page() -> None:
    assert "\n".join(lines([_APP, _NAMELESS], 80, fancy=False)) == (
        "                                                              Info ->  U In Use \n"
        "\n"
        "IMAGE                    ID             DISK USAGE   CONTENT SIZE   EXTRA\n"
        "registry.example/app:1\n"
        "app:1                    0123456789ab       1.99MB         2.14MB   U    \n"
        "├─ linux/amd64           0123456789ab       1.99MB         2.14MB   U    \n"
        "└─ linux/arm64/v8        ba9876543210           0B         12.3kB        \n"
        "\n"
        "<untagged>               0123456789ab       1.99MB         2.14MB        \n"
    )


@pytest.mark.parametrize(("width", "titles"), [(60, 4), (45, 3), (30, 2), (20, 1)])
def test_a_narrow_page_has_fewer_columns(width: int, titles: int) -> None:
    page = list(lines([_APP], width, fancy=False))
    assert len(page[2].replace("DISK USAGE", "DISK").replace("CONTENT SIZE", "CONTENT").split()) == titles
    assert all(len(line) <= width for line in page[4:])


def test_on_a_terminal(daemon: RunningDaemon) -> None:
    terminal = Terminal(["sh", "-c", f"stty cols 100; exec {POGU} images --tree busybox"], daemon.environment())
    assert "\x1b[34m\x1b[1mbusybox:latest\x1b[0m" in terminal.read_until("linux/")
    assert terminal.end() == 0


def test_it_is_dockers(both: Both) -> None:
    if docker_version() < (28,):
        pytest.skip("this docker command draws no trees")
    for flag in ("-q", "--no-trunc", "--digests", "--format=json"):
        both("images", "--tree", flag)
