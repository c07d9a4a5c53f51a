"""Containers through their states."""

from __future__ import annotations

from tests.running import RunningDaemon


def _status(daemon: RunningDaemon, name: str) -> str:
    return daemon.pogu("inspect", "-f", "{{.State.Status}}", name).out


def test_states(daemon: RunningDaemon, sleeper: str) -> None:
    assert daemon.pogu("pause", sleeper).out == sleeper
    assert _status(daemon, sleeper) == "paused"
    assert daemon.pogu("unpause", sleeper).out == sleeper
    assert daemon.pogu("restart", "-t", "0", sleeper).out == sleeper
    assert _status(daemon, sleeper) == "running"
    assert daemon.pogu("stop", "-t", "0", sleeper).out == sleeper
    assert _status(daemon, sleeper) == "exited"
    assert daemon.pogu("start", sleeper).out == sleeper
    assert daemon.pogu("kill", "-s", "KILL", sleeper).out == sleeper
    assert daemon.pogu("wait", sleeper).out == "137"
    assert daemon.pogu("rm", sleeper).out == sleeper


def test_one_that_fails_does_not_keep_the_others(daemon: RunningDaemon, sleeper: str) -> None:
    ran = daemon.pogu("kill", "nobody", sleeper, check=False)
    assert (ran.code, ran.out) == (1, sleeper)
    assert ran.err.startswith("Error response from daemon: ")
    ran = daemon.pogu("rm", "-f", "nobody", sleeper)
    assert (ran.out, "No such container: nobody" in ran.err) == (sleeper, True)


def test_update_and_rename(daemon: RunningDaemon, sleeper: str) -> None:
    daemon.pogu("update", "-m", "64m", "--memory-swap", "128m", "--cpus", "0.5", "--restart", "on-failure:2", sleeper)
    found = daemon.pogu(
        "inspect", "-f", "{{with .HostConfig}}{{.Memory}} {{.NanoCpus}} {{.RestartPolicy.Name}}{{end}}", sleeper
    ).out
    assert found == f"{64 << 20} 500000000 on-failure"
    ran = daemon.pogu("update", sleeper, check=False)
    assert (ran.code, ran.err) == (1, "you must provide one or more flags when using this command\n")
    daemon.pogu("rename", sleeper, f"{sleeper}-new")
    daemon.pogu("rename", f"{sleeper}-new", sleeper)


def test_stats_of_a_running_container(daemon: RunningDaemon, sleeper: str) -> None:
    row = daemon.pogu("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}} {{.MemUsage}} {{.CPUPerc}}", sleeper).out
    name, pids, *memory, cpu = row.split(" ")
    assert name == sleeper
    assert int(pids) >= 1
    assert memory[0].endswith("iB")
    assert cpu.endswith("%")
    assert daemon.pogu("stats", "--no-stream", "nobody", check=False).code == 1
