import pytest

from pogu.dialects.docker.filters import (
    check_keys,
    labels_match,
    matches_pattern,
    matches_prefix,
    parse_filters,
    truth,
)
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("", {}),
        ("{}", {}),
        ('{"status":["running","paused"]}', {"status": ["running", "paused"]}),
        ('{"status":{"running":true,"paused":true}}', {"status": ["running", "paused"]}),
        ('{"status":{"running":false}}', {"status": []}),
        ('{"label":["a","a"]}', {"label": ["a"]}),
        ('{"name":[]}', {"name": []}),
    ],
)
def test_both_forms_are_read(text, filters):
    assert parse_filters(text) == filters


@pytest.mark.parametrize(
    "text", ["x", "[]", '{"a":1}', '{"a":"b"}', '{"a":[1]}', '"', "null", '{"a":{"b":1}}', "[" * 9999]
)
def test_other_forms_are_refused(text):
    with pytest.raises(InvalidArgument, match="invalid filter"):
        parse_filters(text)


def test_unknown_keys_are_named():
    with pytest.raises(InvalidArgument) as e:
        check_keys({"nosuch": ["x"]}, ("name",))
    assert e.value.message == "invalid filter 'nosuch'"


@pytest.mark.parametrize(("values", "is_true"), [(["true"], True), (["1"], True), (["false"], False), (["0"], False)])
def test_truth(values, is_true):
    assert truth({"dangling": values}, "dangling") is is_true


@pytest.mark.parametrize("values", [[], ["maybe"], ["true", "false"]])
def test_what_is_neither_true_nor_false_is_refused(values):
    with pytest.raises(InvalidArgument, match="invalid filter 'dangling="):
        truth({"dangling": values}, "dangling")


def test_an_absent_truth_is_none():
    assert truth({}, "dangling") is None


def test_all_label_terms_must_hold():
    labels = {"a": "1", "b": ""}
    assert labels_match({"label": ["a=1", "b"]}, labels)
    assert not labels_match({"label": ["a=2"]}, labels)
    assert not labels_match({"label": ["a", "c"]}, labels)
    assert labels_match({}, None)
    assert not labels_match({"label": ["a"]}, None)


def test_patterns_and_prefixes():
    assert matches_pattern({"name": ["^we"]}, "name", "web")
    assert matches_pattern({"name": ["eb"]}, "name", "web")
    assert not matches_pattern({"name": ["^eb"]}, "name", "web")
    assert not matches_pattern({"name": ["("]}, "name", "web")
    assert matches_prefix({"id": ["ab"]}, "id", "abcd")
    assert not matches_prefix({"id": ["b"]}, "id", "abcd")
