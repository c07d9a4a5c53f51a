from __future__ import annotations

import os

import pytest

from pogu.errors import InvalidArgument
from pogu.http import Headers, Query


def test_header_names_compare_without_case() -> None:
    headers = Headers([("Content-Type", "text/plain"), ("X-A", "1"), ("x-a", "2")])
    assert headers.get("content-TYPE") == "text/plain"
    assert headers.get_all("X-a") == ["1", "2"]
    assert "X-A" in headers and "x-b" not in headers and 3 not in headers
    assert headers.get("none") is None
    assert headers.get("none", "other") == "other"
    assert headers.items() == [("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")]
    assert list(headers) == ["content-type", "x-a"]
    assert len(headers) == 3


def test_list_fields_are_joined_over_lines() -> None:
    headers = Headers([("Connection", "Upgrade, Keep-Alive"), ("connection", ", x")])
    assert headers.tokens("Connection") == ["upgrade", "keep-alive", "x"]


def test_query_decodes_and_keeps_order() -> None:
    query = Query("a=1&b=%7B%22x%22%3A1%7D&a=2&flag&plus=a+b&empty=")
    assert query.get("a") == "1"
    assert query.get_all("a") == ["1", "2"]
    assert query.get("b") == '{"x":1}'
    assert query.get("flag") == "" and "flag" in query
    assert query.get("plus") == "a b"
    assert query.get("no") is None and query.get("no", "x") == "x" and "no" not in query
    assert [name for name, _ in query.items()] == ["a", "b", "a", "flag", "plus", "empty"]
    assert len(query) == 6


def test_a_query_value_can_always_be_answered_back() -> None:
    assert Query("x=%FF").get("x", "").encode() == "�".encode()


def test_a_file_name_keeps_its_bytes() -> None:
    name = Query("path=%2Ftmp%2F%FF").get_file_name("path")
    assert name is not None
    assert os.fsencode(name) == b"/tmp/\xff"
    assert Query("path=x").get_file_name("other") is None


def test_a_flood_of_parameters_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="1000 parameters"):
        Query("&".join("a=1" for _ in range(1001))).get("a")


def test_an_empty_query_has_nothing() -> None:
    assert Query("").items() == []
