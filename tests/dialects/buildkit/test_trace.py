"""What a build tells, put together for those who draw it."""

from __future__ import annotations

import asyncio

from pogu.dialects.buildkit.messages.control import StatusResponse, Timestamp
from pogu.dialects.buildkit.trace import EVERY, Trace
from pogu.engine.build.progress import Log, Progress, Vertex, Warned

DIGEST = "sha256:" + "0" * 64
SECOND = 10**9


def test_of_what_is_told_again_only_the_last_word_goes_out() -> None:
    sent: list[StatusResponse] = []
    trace = Trace(sent.append)
    trace.take(Vertex(digest=DIGEST, name="[1/2] RUN make", started=3 * SECOND))
    trace.take(Progress(vertex=DIGEST, name="transferring context:", current=1, at=3 * SECOND))
    trace.take(Progress(vertex=DIGEST, name="transferring context:", current=7, total=9, at=4 * SECOND + 5))
    trace.take(Vertex(digest=DIGEST, name="[1/2] RUN make", started=3 * SECOND, completed=5 * SECOND, error="no"))
    trace.take(Log(vertex=DIGEST, stream=1, data=b"a", at=SECOND))
    trace.take(Log(vertex=DIGEST, stream=2, data=b"b", at=SECOND))
    trace.flush()
    trace.flush()
    [parcel] = sent
    [vertex] = parcel.vertexes
    assert (vertex.completed, vertex.error) == (Timestamp(seconds=5), "no")
    [status] = parcel.statuses
    assert (status.id, status.current, status.total) == ("transferring context:", 7, 9)
    assert status.timestamp == Timestamp(seconds=4, nanos=5)
    assert [(log.stream, log.msg) for log in parcel.logs] == [(1, b"a"), (2, b"b")]


def test_a_warning_has_its_rule_and_its_lines() -> None:
    sent: list[StatusResponse] = []
    trace = Trace(sent.append)
    trace.take(
        Warned(vertex=DIGEST, rule="Rule", message="odd", detail="more", url="http://x", first_line=2, last_line=3)
    )
    trace.take(Warned(vertex=DIGEST, rule="", message="plain"))
    trace.flush()
    first, second = sent[0].warnings
    assert (first.short, first.detail, first.url) == (b"Rule: odd", [b"more"], "http://x")
    assert [(each.start and each.start.line, each.end and each.end.line) for each in first.ranges] == [(2, 3)]
    assert (second.short, second.detail, second.ranges) == (b"plain", [], [])


def test_much_output_does_not_wait() -> None:
    sent: list[StatusResponse] = []
    trace = Trace(sent.append)
    for _ in range(40):
        trace.take(Log(vertex=DIGEST, stream=1, data=bytes(1 << 16), at=1))
    assert sent
    assert max(sum(len(log.msg) for log in parcel.logs) for parcel in sent) <= 1 << 20


async def test_it_goes_out_while_the_build_runs_and_at_its_end_however_it_ends() -> None:
    sent: list[StatusResponse] = []
    trace = Trace(sent.append)
    try:
        async with trace.running():
            trace.take(Log(vertex=DIGEST, stream=1, data=b"first", at=1))
            async with asyncio.timeout(20):
                while not sent:
                    await asyncio.sleep(EVERY)
            trace.take(Log(vertex=DIGEST, stream=1, data=b"last", at=1))
            raise ValueError
    except ValueError:
        pass
    assert [log.msg for parcel in sent for log in parcel.logs] == [b"first", b"last"]
