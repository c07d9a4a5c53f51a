"""`--change`: each instruction alters the configuration as in a Dockerfile."""

from typing import Any

import pytest

from pogu.engine.images.changes import apply_changes
from pogu.engine.model import ContainerConfig, HealthConfig
from pogu.errors import InvalidArgument

S = 10**9


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ('CMD ["a", "b c"]', "cmd", ["a", "b c"]),
        ("CMD a b", "cmd", ["/bin/sh", "-c", "a b"]),
        ("cmd a", "cmd", ["/bin/sh", "-c", "a"]),
        ("CMD [not json", "cmd", ["/bin/sh", "-c", "[not json"]),
        ('ENTRYPOINT ["/x"]', "entrypoint", ["/x"]),
        ("ENTRYPOINT exec x", "entrypoint", ["/bin/sh", "-c", "exec x"]),
        ("ENV A=2", "env", ["A=2", "P=/bin"]),
        ("ENV B=$A C='x y'", "env", ["A=1", "P=/bin", "B=1", "C=x y"]),
        ("ENV B two words", "env", ["A=1", "P=/bin", "B=two words"]),
        ("ENV P=/opt:$P", "env", ["A=1", "P=/opt:/bin"]),
        ("EXPOSE 80 53/udp", "exposed_ports", {"80/tcp": {}, "53/udp": {}}),
        ("EXPOSE 7000-7002/TCP", "exposed_ports", {"7000/tcp": {}, "7001/tcp": {}, "7002/tcp": {}}),
        ("EXPOSE 8080:80", "exposed_ports", {"80/tcp": {}}),
        ('LABEL a=1 "b c"="d $A"', "labels", {"old": "x", "a": "1", "b c": "d 1"}),
        ("LABEL old=y", "labels", {"old": "y"}),
        ("USER $A:daemon", "user", "1:daemon"),
        ('VOLUME ["/a", "/b c"]', "volumes", {"/a": {}, "/b c": {}}),
        ("VOLUME /a /b", "volumes", {"/a": {}, "/b": {}}),
        ("WORKDIR sub/../dir", "working_dir", "/srv/dir"),
        ("WORKDIR /abs/", "working_dir", "/abs"),
        ("ONBUILD RUN x $A", "on_build", ["RUN x $A"]),
        ("STOPSIGNAL SIGUSR1", "stop_signal", "SIGUSR1"),
        ("STOPSIGNAL 9", "stop_signal", "9"),
        ("STOPSIGNAL RTMIN+3", "stop_signal", "RTMIN+3"),
        ("HEALTHCHECK NONE", "healthcheck", HealthConfig(test=["NONE"])),
        ("HEALTHCHECK CMD true x", "healthcheck", HealthConfig(test=["CMD-SHELL", "true x"])),
        (
            'HEALTHCHECK --interval=5s --timeout=1m --retries=3 --start-period=2s --start-interval=1s CMD ["t"]',
            "healthcheck",
            HealthConfig(
                test=["CMD", "t"], interval=5 * S, timeout=60 * S, retries=3, start_period=2 * S, start_interval=S
            ),
        ),
    ],
)
def test_instructions(change: str, field: str, value: Any) -> None:
    before = ContainerConfig(env=["A=1", "P=/bin"], labels={"old": "x"}, working_dir="/srv")
    assert getattr(apply_changes(before, [change]), field) == value
    assert before == ContainerConfig(env=["A=1", "P=/bin"], labels={"old": "x"}, working_dir="/srv")


def test_another_entrypoint_drops_the_inherited_command_but_not_a_new_one() -> None:
    before = ContainerConfig(cmd=["old"])
    assert apply_changes(before, ['ENTRYPOINT ["x"]']).cmd is None
    assert apply_changes(before, ['CMD ["new"]', 'ENTRYPOINT ["x"]']).cmd == ["new"]


def test_lines_continue_and_comments_are_skipped() -> None:
    config = apply_changes(ContainerConfig(), ["# nothing", "", "ENV a=1 \\", "  b=2", "LABEL x=y"])
    assert config.env == ["a=1", "b=2"]
    assert config.labels == {"x": "y"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("RUN x", "run is not a valid change command"),
        ("FROM x", "from is not a valid change command"),
        ('SHELL ["a"]', "shell is not a valid change command"),
        ("CMD [1]", "when using JSON array syntax, arrays must be comprised of strings only"),
        ("ENV", "ENV requires at least one argument"),
        ("ENV =x", "ENV names can not be blank"),
        ("ENV a", "ENV must have two arguments"),
        ("EXPOSE x", "invalid containerPort: x"),
        ("EXPOSE 70000", "invalid containerPort: 70000"),
        ("EXPOSE 9-8", "invalid containerPort: 9-8"),
        ("EXPOSE 1/xyz", "invalid proto: xyz"),
        ("EXPOSE", "EXPOSE requires at least one argument"),
        ("USER", "USER requires exactly one argument"),
        ('VOLUME [""]', "VOLUME specified can not be an empty string"),
        ("VOLUME", "VOLUME requires at least one argument"),
        ("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
        ("ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
        ("STOPSIGNAL SIGFOO", "invalid signal: SIGFOO"),
        ("STOPSIGNAL 0", "invalid signal: 0"),
        ("HEALTHCHECK", "HEALTHCHECK requires at least one argument"),
        ("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"),
        ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
        ("HEALTHCHECK FOO x", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'),
        ("HEALTHCHECK --interval=1us CMD x", "cannot be less than 1ms"),
        ("HEALTHCHECK --retries=-1 CMD x", "--retries cannot be negative (-1)"),
        ("HEALTHCHECK --what=1 CMD x", "unknown flag: --what"),
        ("LABEL 'a=1", "unexpected end of statement"),
    ],
)
def test_what_is_malformed_is_refused(change: str, why: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        apply_changes(ContainerConfig(), [change])
    assert why in error.value.message
