"""A build as lines."""

from __future__ import annotations

import io

from pogu.cli.building.display.plain import PlainDisplay
from tests.cli.building.display.telling import log, parcel, part, vertex


def _shown(*parcels: object) -> str:
    out = io.StringIO()
    display = PlainDisplay(out)
    for each in parcels:
        display.update(each)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_step_from_its_beginning_to_its_end() -> None:
    assert (
        _shown(
            parcel(vertex("[1/2] RUN a", 1)),
            parcel(log("[1/2] RUN a", "out\nput", 1.123)),
            parcel(vertex("[1/2] RUN a", 1, 1.25)),
            parcel(vertex("[1/2] RUN a", 1, 1.25)),
        )
        == "#1 [1/2] RUN a\n#1 0.123 out\n#1 0.250 put\n#1 DONE 0.2s\n"
    )


def test_steps_that_run_at_once_say_whose_turn_it_is() -> None:
    assert _shown(
        parcel(vertex("a")),
        parcel(vertex("b"), log("b", "1\n", 1)),
        parcel(log("a", "2\n", 2)),
        parcel(vertex("b", 1, 2), vertex("a", 1, 3)),
    ) == (
        "#1 a\n#1 ...\n\n#2 b\n#2 0.000 1\n#2 ...\n\n#1 a\n#1 1.000 2\n#1 ...\n\n"
        "#2 b\n#2 DONE 1.0s\n\n#1 a\n#1 DONE 2.0s\n"
    )  # fmt: skip


def test_how_steps_end() -> None:
    assert (
        _shown(
            parcel(vertex("a", None, None, cached=True)),
            parcel(vertex("b", 1, 2, error="no")),
            parcel(vertex("c", 1, 2, error="context canceled")),
        )
        == "#1 a\n#1 CACHED\n\n#2 b\n#2 ERROR: no\n\n#3 c\n#3 CANCELED\n"
    )


def test_the_builders_own_steps_are_told_whole() -> None:
    name = "[internal] load"
    assert (
        _shown(
            parcel(vertex(name)),
            parcel(part(name, "transferring context:", 2)),
            parcel(vertex(name, 1, 2), part(name, "transferring context:", 2000, done=1)),
        )
        == "#1 [internal] load\n#1 transferring context: 2kB done\n#1 DONE 1.0s\n"
    )


def test_parts_are_told_at_their_end() -> None:
    assert (
        _shown(
            parcel(vertex("a"), part("a", "sha256:x", 5, 10)),
            parcel(part("a", "sha256:x", 7, 10)),
            parcel(part("a", "sha256:x", 10, 10, done=3)),
        )
        == "#1 a\n#1 sha256:x 10B / 10B 2.0s done\n"
    )
