import pytest

from pogu.dialects.docker.times import parse_timestamp, render_log_time
from pogu.errors import InvalidArgument

S = 1_000_000_000


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


def test_log_times_have_nine_digits():
    assert render_log_time(1700000000 * S + 5) == "2023-11-14T22:13:20.000000005Z"
