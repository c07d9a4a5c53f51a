"""What is listed and inspected looks as docker's command shows it; docker's command is asked the same to compare."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.running import RunningDaemon

Both = Callable[..., str]


@pytest.mark.parametrize(
    "args",
    [
        ["-a"],
        ["-a", "--no-trunc"],
        ["-aq"],
        ["-as"],
        ["-n", "1"],
        ["-l"],
        ["-a", "--format", "json"],
        ["-a", "--format", "{{.Names}}: {{.Status}} {{.Ports}} {{.Labels}}"],
        [
            "-a",
            "--format",
            "table {{.ID}}\\t{{.Image}}\\t{{.Networks}}\\t{{.Mounts}}\\t{{.LocalVolumes}}\\t{{.CreatedAt}}",
        ],
        ["--filter", "status=exited", "-a", "--filter", "name=nothing"],
    ],
)
def test_ps(both: Both, sleeper: str, args: list[str]) -> None:
    both("ps", "--filter", f"label=test={sleeper}", *args)


@pytest.mark.parametrize(
    "args",
    [
        ["images"],
        ["images", "--digests", "--no-trunc"],
        ["images", "-q"],
        ["images", "busybox", "--format", "{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}} {{.CreatedSince}}"],
        ["images", "--format", "json"],
        ["history", "busybox"],
        ["history", "--no-trunc", "-q", "busybox"],
        ["history", "-H=false", "--format", "{{.Size}} {{.CreatedBy}}", "busybox"],
        ["network", "ls"],
        ["network", "ls", "--no-trunc", "--filter", "driver=bridge", "--format", "json"],
        ["volume", "ls"],
        ["volume", "ls", "-q"],
        ["system", "df"],
        ["system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Reclaimable}}"],
        ["version", "-f", "{{.Server.Version}} {{.Server.APIVersion}}"],
        ["inspect", "nobody"],
        ["image", "inspect", "nobody"],
        ["network", "inspect", "nobody"],
        ["volume", "inspect", "nobody"],
        ["inspect", "--type", "image", "nobody"],
        ["rmi", "nobody"],
        ["rm", "nobody"],
        ["rm", "-f", "nobody"],
        ["stop", "nobody"],
        ["logs", "nobody"],
        ["cp", "nobody:/x", "."],
        ["diff", "nobody"],
        ["volume", "rm", "nobody"],
        ["port", "nobody"],
    ],
)  # fmt: skip
def test_others(both: Both, args: list[str]) -> None:
    both(*args)


@pytest.mark.parametrize(
    "template",
    [
        "{{.State.Status}} {{.State.Running}} {{.State.ExitCode}} {{.RestartCount}} {{.ID}} {{.Name}}",
        "{{.Id}} {{.State.Pid}}",
        "{{range .Mounts}}{{.Type}}{{end}}{{range $k, $v := .NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}}{{end}}",
        "{{json .Config.Labels}} {{json .HostConfig.PortBindings}} {{json .State.Running}}",
        '{{index .Config.Labels "test"}}|{{index .Config.Labels "none"}}|{{.Config.Labels.test}}',
        "{{if eq .State.Status \"running\"}}up{{else}}down{{end}} {{len .Args}} {{join .Args \",\"}}",
        "{{.Config.Cmd}} {{.Config.Env}} {{.HostConfig.Memory}} {{.Driver}} {{.Path}}",
        '{{with .Config}}{{.Hostname}}{{end}} {{printf "%.5s" .Id}} {{.HostConfig.RestartPolicy.Name}}',
        "json",
    ],
)  # fmt: skip
def test_inspect_through_templates(both: Both, sleeper: str, template: str) -> None:
    both("inspect", "-f", template, sleeper)


def test_inspect_is_the_same_json(both: Both, sleeper: str) -> None:
    both("inspect", sleeper, "busybox", "bridge")
    both("container", "inspect", "-s", sleeper)
    both("inspect", sleeper, "nobody")


def test_a_container_in_detail(both: Both, daemon: RunningDaemon, sleeper: str) -> None:
    both("port", sleeper)
    both("diff", sleeper)
    both("top", sleeper, "-o", "pid,args")
    both("logs", sleeper)
    both("logs", "--tail", "1", sleeper)
    both("logs", "-t", sleeper)
    assert daemon.pogu("logs", sleeper).err == "err\n"
    both(
        "events",
        "--since",
        "1h",
        "--until",
        str(int(time.time())),
        "--filter",
        f"container={sleeper}",
        "--format",
        "{{json .}}",
    )
