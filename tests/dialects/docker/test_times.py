import pytest

from pogu.dialects.docker.times import (
    human_duration,
    parse_rfc3339,
    parse_timestamp,
    render_log_time,
    render_rfc3339,
)
from pogu.errors import InvalidArgument

S = 1_000_000_000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (2 * 3600, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (14 * 24 * 3600, "2 weeks"),
        (60 * 24 * 3600, "2 months"),
        (3 * 365 * 24 * 3600, "3 years"),
        (-5, "Less than a second"),
    ],
)
def test_durations_are_spoken_as_docker_does(seconds, words):
    assert human_duration(int(seconds * S)) == words


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("", None),
        ("0", 0),
        ("1700000000", 1700000000 * S),
        ("1700000000.5", 1700000000 * S + S // 2),
        ("1700000000.000000001", 1700000000 * S + 1),
        ("1700000000.0000000019", 1700000000 * S + 1),
        ("2023-11-14T22:13:20Z", 1700000000 * S),
        ("2023-11-14T23:13:20.5+01:00", 1700000000 * S + S // 2),
    ],
)
def test_timestamps(text, ns):
    assert parse_timestamp("since", text) == ns


@pytest.mark.parametrize("text", ["x", "1.x", "1e3", "99999999999999999", "2023-13-01T00:00:00Z", "１", "--1", "1.5.5"])
def test_other_timestamps_are_refused(text):
    with pytest.raises(InvalidArgument, match='invalid value for "since"'):
        parse_timestamp("since", text)


def test_rfc3339_there_and_back():
    for text in ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20.5Z", "2023-11-14T22:13:20.123456789Z"):
        assert render_rfc3339(parse_rfc3339(text)) == text
    assert parse_rfc3339("0001-01-01T00:00:00Z") == 0
    assert parse_rfc3339("") == 0


def test_log_times_have_nine_digits():
    assert render_log_time(1700000000 * S + 5) == "2023-11-14T22:13:20.000000005Z"
