"""Rotation of a running container's log."""

from __future__ import annotations

import pytest

from pogu.engine.containers import AttachOptions
from pogu.engine.logs import LogOptions
from pogu.engine.model import HostConfig, LogConfig
from pogu.errors import InvalidArgument
from tests.engine.containers.conftest import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


def limited(size: str, files: str) -> HostConfig:
    return HostConfig(log_config=LogConfig(type="json-file", config={"max-size": size, "max-file": files}))


async def test_no_line_is_lost_by_rotation(bench: Bench) -> None:
    script = "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done; sleep 100"
    id_ = await bench.create("sh", "-c", script, host=limited("200k", "50"))
    session = await bench.containers.attach(id_, AttachOptions(stdout=True, stream=True))
    await bench.containers.start(id_)
    path = bench.config.root / "containers" / id_ / "output.log"
    seen = b""
    async for _, data in session.output:
        seen += data
        if seen.endswith(b"\n19999\n"):
            break
    await session.close()
    expected = [b"%d" % n for n in range(20000)]
    assert seen.split() == expected
    await bench.until(lambda: path.with_name("output.log.1").exists())
    for options, wanted in ((LogOptions(), expected), (LogOptions(tail=19000), expected[-19000:])):
        batches = bench.containers.logs(id_, options)
        assert [line.data.strip() async for batch in batches for line in batch] == wanted
    await bench.containers.kill(id_)


async def test_what_is_kept_is_bounded(bench: Bench) -> None:
    id_ = await bench.start("sh", "-c", "while :; do seq 1 2000; sleep 0.02; done", host=limited("100k", "2"))
    directory = bench.config.root / "containers" / id_
    first = (directory / "output.log").stat().st_ino
    await bench.until(lambda: (directory / "output.log").exists() and first not in [
        f.stat().st_ino for f in directory.glob("output.log*")
    ])  # fmt: skip
    assert len(list(directory.glob("output.log*"))) <= 2
    await bench.containers.kill(id_)


async def test_bad_options_are_refused(bench: Bench) -> None:
    with pytest.raises(InvalidArgument, match="invalid size: 'huge'"):
        await bench.create("true", host=limited("huge", "2"))
