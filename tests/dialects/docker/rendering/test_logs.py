import pytest

from pogu.dialects.docker.rendering.logs import attributes_of, render_line
from pogu.engine.logs import LogLine
from pogu.engine.model import Container, ContainerConfig, HostConfig, LogConfig

LINE = LogLine(1, 1_700_000_000_000_000_005, b"hello\n", False)


@pytest.mark.parametrize(
    ("timestamps", "attributes", "shown"),
    [
        (False, None, b"hello\n"),
        (True, None, b"2023-11-14T22:13:20.000000005Z hello\n"),
        (False, b"", b" hello\n"),
        (False, b"a=b", b"a=b hello\n"),
        (True, b"a=b", b"2023-11-14T22:13:20.000000005Z a=b hello\n"),
    ],
)
def test_what_stands_before_a_line(timestamps, attributes, shown):
    assert render_line(LINE, timestamps, attributes) == shown


def test_the_attributes_that_the_log_options_name():
    container = Container(
        id="x",
        name="x",
        created="",
        image_id="",
        config=ContainerConfig(labels={"a": "b c", "other": "1"}, env=["V=1", "W=2"]),
        host_config=HostConfig(log_config=LogConfig(config={"labels": "a,nosuch", "env": "W"})),
    )
    assert attributes_of(container) == b"W=2,a=b%20c"
    container.host_config.log_config = None
    assert attributes_of(container) == b""
