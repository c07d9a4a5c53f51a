import pytest

from pogu.dialects.docker.version import MAXIMUM, negotiate, parse, render, split_path
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/v1.44/containers/json", ("1.44", "/containers/json")),
        ("/containers/json", (None, "/containers/json")),
        ("/v1.24/_ping", ("1.24", "/_ping")),
        ("/volumes/v1.30", (None, "/volumes/v1.30")),
        ("/v1.44", (None, "/v1.44")),
        ("/version", (None, "/version")),
    ],
)
def test_the_version_is_cut_off_the_path(path, parts):
    assert split_path(path) == parts


def test_no_version_means_the_newest():
    assert negotiate(None) == MAXIMUM


@pytest.mark.parametrize("text", ["1.24", "1.30", "1.50", "1.24.1"])
def test_versions_in_range_are_spoken(text):
    assert negotiate(text) == parse(text)


def test_too_new_and_too_old_are_refused_in_dockers_words():
    with pytest.raises(InvalidArgument) as new:
        negotiate("1.99")
    assert new.value.message == "client version 1.99 is too new. Maximum supported API version is 1.50"
    with pytest.raises(InvalidArgument) as old:
        negotiate("1.23")
    assert old.value.message.startswith(
        "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade"
    )


@pytest.mark.parametrize("text", [".", "...", "1.", "9" * 5000, "1..50"])
def test_odd_versions_are_refused_not_crashed_on(text):
    with pytest.raises(InvalidArgument):
        negotiate(text)


def test_a_version_is_compared_by_numbers_not_letters():
    assert negotiate("1.30") < parse("1.100")
    assert render((1, 50)) == "1.50"
