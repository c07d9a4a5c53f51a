import pytest

from pogu.dialects.docker.platforms import decode_platform, one_platform, parse_platform
from pogu.errors import InvalidArgument


@pytest.mark.parametrize("text", ["linux", "linux/amd64", "linux/arm64/v8", "linux/arm/v7"])
def test_platforms(text):
    assert parse_platform(text) == text


def test_no_platform_is_empty():
    assert parse_platform("") == decode_platform("") == one_platform([]) == ""


def test_the_json_form():
    assert decode_platform('{"os":"linux","architecture":"arm64","variant":"v8"}') == "linux/arm64/v8"


@pytest.mark.parametrize("text", ["x", "[]", "{}", '{"os":"linux"}', '{"os":"linux","architecture":1}'])
def test_other_json_is_refused(text):
    with pytest.raises(InvalidArgument):
        decode_platform(text)


def test_only_one_at_a_time():
    assert one_platform(["a"]) == "a"
    with pytest.raises(InvalidArgument, match="multiple platform parameters"):
        one_platform(["a", "b"])


@pytest.mark.parametrize("text", ["linux/", "/", "a/b/c/d", "lin ux", "linux/amd64/", "$"])
def test_malformed_platforms_are_refused(text):
    with pytest.raises(InvalidArgument):
        parse_platform(text)
