from types import SimpleNamespace

import msgspec
import pytest

from pogu.dialects.docker.call import Call, empty_response, json_response, primed
from pogu.errors import InvalidArgument, NotFound
from pogu.http import Headers, Query


def call(query="", **headers):
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Call(SimpleNamespace(query=Query(query), headers=Headers(fields), params={"name": "x"}), (1, 50))


@pytest.mark.parametrize("value", ["1", "true", "True", "yes", "x", "2"])
def test_flags_that_are_set(value):
    assert call(f"all={value}").flag("all")


@pytest.mark.parametrize("value", ["", "0", "no", "false", "FALSE", "none", "+0+"])
def test_flags_that_are_not(value):
    assert not call(f"all={value}").flag("all", default=True)


def test_a_flag_that_is_not_given_is_its_default():
    assert call().flag("all", default=True)
    assert not call().flag("all")


@pytest.mark.parametrize(("value", "number"), [("5", 5), ("-5", -5), ("%2B5", 5), ("", None)])
def test_whole_numbers(value, number):
    assert call(f"t={value}").integer("t") == number


@pytest.mark.parametrize("value", ["x", "1.5", "1e3", "9223372036854775808", "9" * 5000, "%EF%BC%91"])
def test_other_numbers_are_refused(value):
    with pytest.raises(InvalidArgument, match="strconv"):
        call(f"t={value}").integer("t")


@pytest.mark.parametrize("value", ["", "-1", "4294967296", "x", "+1"])
def test_bad_sizes_are_refused(value):
    with pytest.raises(InvalidArgument, match="invalid resize height"):
        call(f"h={value}").size("h", "height")


def test_sizes_have_32_bits():
    assert call("h=4294967295").size("h", "height") == 4294967295


def test_repeated_parameters():
    assert call("names=a&names=b").texts("names") == ["a", "b"]


def test_whether_there_is_a_body():
    assert not call().has_body()
    assert not call(content_length="0").has_body()
    assert call(content_length="5").has_body()
    assert call(transfer_encoding="chunked").has_body()


def test_json_ends_with_a_line_feed():
    response = json_response({"a": None}, 201)
    assert (response.status, response.body) == (201, b'{"a":null}\n')
    assert ("Content-Type", "application/json") in response.headers
    assert empty_response().body == b""
    assert msgspec.json.decode(response.body) == {"a": None}


async def test_a_primed_stream_fails_before_it_begins():
    async def broken():
        raise NotFound("gone")
        yield b""

    with pytest.raises(NotFound):
        await primed(broken())


async def test_a_primed_stream_is_whole_and_closed():
    closed = []

    async def pieces():
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    assert [p async for p in await primed(pieces())] == [b"a", b"b"]
    stream = await primed(pieces())
    await anext(stream)
    await stream.aclose()
    assert closed == [True, True]
