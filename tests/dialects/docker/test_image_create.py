import asyncio

import msgspec
import pytest

from pogu.dialects.docker.image_create import progress_stream
from pogu.errors import InvalidArgument


async def test_messages_come_as_they_are_reported():
    reported = asyncio.Event()
    go_on = asyncio.Event()

    async def work(report):
        report({"status": "one"})
        reported.set()
        await go_on.wait()
        report({"stream": "two"})

    stream = progress_stream(work)
    assert msgspec.json.decode(await anext(stream)) == {"status": "one"}
    assert reported.is_set()
    go_on.set()
    assert [msgspec.json.decode(m) async for m in stream] == [{"stream": "two"}]


async def test_a_failure_is_the_last_message():
    async def work(report):
        report({"status": "one"})
        raise InvalidArgument("broken archive")

    messages = [msgspec.json.decode(m) async for m in progress_stream(work)]
    assert messages == [
        {"status": "one"},
        {"error": "broken archive", "errorDetail": {"message": "broken archive"}},
    ]


async def test_a_client_that_leaves_ends_the_work():
    ended = asyncio.Event()

    async def work(report):
        report({"status": "one"})
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    stream = progress_stream(work)
    await anext(stream)
    await stream.aclose()
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_mistake_of_ours_is_not_hidden():
    async def work(report):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await anext(progress_stream(work))
