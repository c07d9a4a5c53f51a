"""Filters are checked, and labels matched."""

import pytest

from pogu.engine.images.filters import boolean, check_keys, labels_match
from pogu.errors import InvalidArgument


def test_unknown_filters_are_named() -> None:
    check_keys({"label": ["x"]}, ("label",))
    with pytest.raises(InvalidArgument, match=r"^invalid filter 'colour'$"):
        check_keys({"colour": ["red"]}, ("label",))


@pytest.mark.parametrize(
    ("values", "result"), [([], None), (["1"], True), (["true", "1"], True), (["0"], False), (["false"], False)]
)
def test_booleans(values: list[str], result: bool | None) -> None:
    for default in (True, False):
        assert boolean({"dangling": values}, "dangling", default) is (default if result is None else result)


@pytest.mark.parametrize("values", [["yes"], ["true", "false"], ["True"], [""]])
def test_other_words_are_no_booleans(values: list[str]) -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid filter 'dangling=\["):
        boolean({"dangling": values}, "dangling", False)


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ({}, True),
        ({"label": ["a"]}, True),
        ({"label": ["a=1", "b"]}, True),
        ({"label": ["a=2"]}, False),
        ({"label": ["c"]}, False),
        ({"label!": ["c"]}, True),
        ({"label!": ["a"]}, False),
        ({"label!": ["a=2"]}, True),
        ({"label": ["a"], "label!": ["b="]}, False),
    ],
)
def test_labels(filters: dict[str, list[str]], passes: bool) -> None:
    assert labels_match(filters, {"a": "1", "b": ""}) is passes
