from __future__ import annotations

import pytest

from pogu.http.targets import plain_path, routing_path, split_target


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/containers/json?all=1&x=/y?z", "/containers/json", "all=1&x=/y?z"),
        ("http://docker/v1.50/info?a", "/v1.50/info", "a"),
        ("HTTPS://docker:2376", "/", ""),
        ("http://docker?x=1", "/", "x=1"),
        ("//double", "//double", ""),
        ("/path#part?x", "/path", ""),
        ("*", "*", ""),
    ],
)
def test_targets_split(target: str, path: str, query: str) -> None:
    assert split_target(target) == (path, query)


@pytest.mark.parametrize("target", ["registry:443", "", "ftp://x/y", "info"])
def test_other_forms_are_no_paths(target: str) -> None:
    assert split_target(target) is None


def test_an_encoded_slash_stays_within_its_segment() -> None:
    path = routing_path("/%63ontainers/%2Fweb%2fx/json")
    assert path.split("/") == ["", "containers", "\0web\0x", "json"]
    assert plain_path(path) == "/containers//web/x/json"


def test_a_path_is_decoded_once() -> None:
    assert routing_path("/a%252Fb%20c") == "/a%2Fb c"


def test_bytes_that_are_not_text_are_replaced() -> None:
    assert routing_path("/%ff") == "/�"
