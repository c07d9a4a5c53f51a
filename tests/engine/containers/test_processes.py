"""`top`."""

from __future__ import annotations

import pytest

from pogu.errors import Conflict, InvalidArgument
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_titles_and_rows(bench: Bench) -> None:
    id_ = await bench.start("sleep", "55")
    titles, rows = await bench.containers.top(id_)
    assert titles == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert [row[-1] for row in rows] == ["sleep 55"]
    assert rows[0][1] == str(bench.containers.get(id_).state.pid)
    titles, rows = await bench.containers.top(id_, "-o pid,comm")
    assert (titles, rows[0][1]) == (["PID", "COMMAND"], "sleep")
    assert "top" in bench.actions(id_)


async def test_refusals(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    with pytest.raises(InvalidArgument, match="Couldn't find PID field"):
        await bench.containers.top(id_, "-o comm")
    with pytest.raises(InvalidArgument, match='specifying "comm=PID" is not allowed'):
        await bench.containers.top(id_, "-o pid -o comm=PID")
    with pytest.raises(InvalidArgument):
        await bench.containers.top(id_, "--nosuchoption")
    with pytest.raises(InvalidArgument, match="malformed"):
        await bench.containers.top(id_, "-o 'pid")
    idle = await bench.create("true")
    with pytest.raises(Conflict, match="is not running"):
        await bench.containers.top(idle)
