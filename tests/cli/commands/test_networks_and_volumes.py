"""Networks, volumes and pruning."""

from __future__ import annotations

from tests.running import RunningDaemon


def test_a_network(daemon: RunningDaemon, sleeper: str) -> None:
    network = f"{sleeper}-net"
    args = ["--subnet", "10.231.7.0/24", "--gateway", "10.231.7.9", "--ip-range", "10.231.7.128/25", "--label", "a=b"]
    id_ = daemon.pogu("network", "create", *args, "--aux-address", "x=10.231.7.130", network).out
    try:
        form = (
            "{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}} {{.IPRange}} {{.AuxiliaryAddresses}}{{end}} {{.Labels.a}}"
        )
        found = daemon.pogu("network", "inspect", "-f", form, network).out
        assert found == "10.231.7.0/24 10.231.7.9 10.231.7.128/25 map[x:10.231.7.130] b"
        daemon.pogu("network", "connect", "--ip", "10.231.7.77", "--alias", "other", network, sleeper)
        assert "10.231.7.77" in daemon.pogu("exec", sleeper, "ip", "addr").out
        ran = daemon.pogu("network", "rm", network, check=False)
        assert (ran.code, "has active endpoints" in ran.err) == (1, True)
        daemon.pogu("network", "disconnect", network, sleeper)
        assert "10.231.7.77" not in daemon.pogu("exec", sleeper, "ip", "addr").out
    finally:
        daemon.pogu("rm", "-f", sleeper)
        assert daemon.pogu("network", "rm", network).out == network
    assert daemon.pogu("network", "inspect", id_, check=False).code == 1


def test_options_that_do_not_fit(daemon: RunningDaemon) -> None:
    ran = daemon.pogu("network", "create", "--subnet", "10.231.8.0/24", "--gateway", "10.9.9.9", "x1", check=False)
    assert (ran.code, ran.err) == (1, "no matching subnet for gateway 10.9.9.9\n")
    ran = daemon.pogu("network", "create", "--subnet", "no", "x1", check=False)
    assert (ran.code, "invalid subnet no" in ran.err) == (1, True)


def test_a_volume(daemon: RunningDaemon, name: str) -> None:
    assert daemon.pogu("volume", "create", "--label", f"t={name}", name).out == name
    daemon.pogu("run", "--rm", "-v", f"{name}:/v", "busybox", "sh", "-c", "echo kept > /v/f")
    assert daemon.pogu("run", "--rm", "-v", f"{name}:/v", "busybox", "cat", "/v/f").out == "kept"
    assert daemon.pogu("volume", "ls", "-q", "--filter", f"label=t={name}").out == name
    assert daemon.pogu("volume", "inspect", "-f", "{{.Name}} {{.Labels.t}}", name).out == f"{name} {name}"
    assert daemon.pogu("volume", "prune", "-af", "--filter", f"label=t={name}").out.startswith(
        f"Deleted Volumes:\n{name}\n"
    )
    ran = daemon.pogu("volume", "rm", name, check=False)
    assert (ran.code, f"get {name}: no such volume" in ran.err) == (1, True)


def test_pruning_asks(daemon: RunningDaemon, name: str) -> None:
    daemon.pogu("create", "--name", name, "-l", f"t={name}", "busybox")
    shown = daemon.pogu("container", "prune", "--filter", f"label=t={name}", input="n\n").out
    assert shown.startswith("WARNING! This will remove all stopped containers.")
    id_ = daemon.pogu("inspect", "-f", "{{.Id}}", name).out
    shown = daemon.pogu("container", "prune", "--filter", f"label=t={name}", input="y\n").out
    assert f"Deleted Containers:\n{id_}\n" in shown
    assert "Total reclaimed space: " in shown
    daemon.pogu("system", "prune", "-f", "--filter", f"label=t={name}")
    ran = daemon.pogu("system", "prune", "-f", "--volumes", "--filter", "until=1h", check=False)
    assert (ran.code, 'The "until" filter is not supported' in ran.err) == (1, True)
