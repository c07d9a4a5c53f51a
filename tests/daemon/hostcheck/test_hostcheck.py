"""The check of the host, on this host and on others that are described here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pogu.daemon.hostcheck import Finding, check_host, kernel, network, programs, render_json, render_text, storage
from pogu.engine.networks.obstacles import Obstacle
from pogu.linux import cgroups
from pogu.linux.cgroups import Hierarchy


def test_this_host_can_run_containers(tmp_path: Path) -> None:
    findings = check_host(tmp_path / "not" / "there" / "yet")
    assert [f for f in findings if f.level == "missing"] == []
    subjects = {f.subject for f in findings}
    assert {
        "rights",
        "kernel",
        "control groups",
        "conmon",
        "libnftables",
        "disk",
        "overlay",
        "IP forwarding",
    } <= subjects
    assert list(tmp_path.iterdir()) == []  # nothing is left of the tries


def test_rendering() -> None:
    findings = [Finding("b", "missing", "gone", "apt install b"), Finding("a", "ok", "fine")]
    text = render_text(findings)
    assert text.index("[ok] a: fine") < text.index("[XX] b: gone") < text.index("apt install b")
    assert "cannot run containers yet: 1 of" in text
    value = json.loads(render_json(findings))
    assert value["ok"] is False
    assert value["findings"][0] == {"subject": "b", "level": "missing", "text": "gone", "remedy": "apt install b"}
    assert "can run containers; 1 of" in render_text([Finding("a", "warning", "so so")])


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_which", lambda name: None)
    found = {f.subject: f for f in programs.check()}
    assert (found["OCI runtime"].level, found["OCI runtime"].remedy) == ("missing", "apt install crun")
    assert (found["conmon"].level, found["conmon"].remedy) == ("missing", "apt install conmon")
    assert found["catatonit"].level == "warning"
    assert found["busybox"].level == "note"


def test_runc_alone_is_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_which", lambda name: None if name == "crun" else f"/usr/bin/{name}")
    found = {f.subject: f.level for f in programs.check()}
    assert found["crun"] == "warning"
    assert found["runc"] == "ok"


def test_cgroups_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "hierarchy", lambda: Hierarchy({}, None))
    assert [f.level for f in kernel.check() if f.subject == "control groups"] == ["missing"]
    monkeypatch.setattr(cgroups, "hierarchy", lambda: Hierarchy({"cpu": Path("/x"), "pids": Path("/y")}, None))
    found = {f.subject: f for f in kernel.check()}
    assert found["control groups"].text == "version 1: cpu, pids"
    assert "cgroup_enable=memory" in found["controller memory"].remedy


def test_an_old_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel.platform, "release", lambda: "4.19.0-27-amd64")
    (found,) = [f for f in kernel.check() if f.subject == "kernel"]
    assert (found.level, found.text) == ("missing", "4.19.0-27-amd64 is older than 5.6")


def test_a_chain_that_drops_gets_the_rule_to_add() -> None:
    finding = network._advice(Obstacle("ip filter FORWARD"), "pogu0")
    assert finding.level == "warning"
    assert 'nft insert rule ip filter FORWARD iifname "pogu0" accept' in finding.remedy


def test_little_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_LEAST", 1 << 60)
    assert [f.level for f in storage.check(tmp_path) if f.subject == "disk"] == ["missing"]
    monkeypatch.setattr(storage, "_LEAST", 0)
    monkeypatch.setattr(storage, "_COMFORTABLE", 1 << 60)
    assert [f.level for f in storage.check(tmp_path) if f.subject == "disk"] == ["warning"]
