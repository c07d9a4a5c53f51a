"""Operations in random order: one container against a model of its states, and a crowd of clients on a few names."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.dialects.docker.fuzz.ground import Ground
from tests.dialects.docker.fuzz.offers import PATIENT
from tests.dialects.docker.http_client import Answer, Client
from tests.running import eventually

pytestmark = [pytest.mark.xdist_group("fuzz"), pytest.mark.soak, pytest.mark.timeout(600)]

Soak = Callable[[float, float], float]


def machine(api: Client) -> type[RuleBasedStateMachine]:
    """Return the model of one container: which answer each operation gives in which state, and the state after it."""

    class OneContainer(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.state = "absent"
            self.name = "walker"
            api.delete("/containers/walker", force="1", v="1")
            api.delete("/containers/renamed", force="1", v="1")

        def post(self, verb: str, /, **query: Any) -> int:
            return api.post(f"/containers/{self.name}/{verb}", **query).status

        def expect(self, got: int, **by_state: int) -> None:
            wanted = by_state.get(self.state, by_state.get("other"))
            assert got == wanted, f"{got}, not {wanted}, while {self.state}"

        @rule(tty=st.booleans(), network=st.sampled_from(("bridge", "none", "network")), rm=st.booleans())
        def create(self, tty: bool, network: str, rm: bool) -> None:
            host = {"NetworkMode": network, "AutoRemove": rm}
            body = {"Image": "busybox", "Cmd": PATIENT, "Tty": tty, "OpenStdin": tty, "HostConfig": host}
            self.expect(api.post("/containers/create", body, name=self.name).status, absent=201, other=409)
            if self.state == "absent":
                self.state, self.rm = "created", rm

        @rule()
        def start(self) -> None:
            self.expect(self.post("start"), absent=404, running=304, paused=409, other=204)
            if self.state in ("created", "exited"):
                self.state = "running"

        @rule(t=st.sampled_from(("", "0", "1", "5")), signal=st.sampled_from(("", "TERM", "KILL", "9")))
        def stop(self, t: str, signal: str) -> None:
            self.expect(self.post("stop", t=t, signal=signal), absent=404, running=204, paused=204, other=304)
            self.ended()

        @rule(signal=st.sampled_from(("", "KILL")))
        def kill(self, signal: str) -> None:
            self.expect(self.post("kill", signal=signal), absent=404, running=204, paused=204, other=409)
            self.ended()

        @rule(signal=st.sampled_from(("CHLD", "WINCH", "28")))
        def nudge(self, signal: str) -> None:
            self.expect(self.post("kill", signal=signal), absent=404, running=204, paused=204, other=409)
            if (
                self.state == "paused"
            ):  # any signal may be meant to end what has no stop signal of its own: it is thawed
                self.state = "running"

        @rule()
        def pause(self) -> None:
            self.expect(self.post("pause"), absent=404, running=204, other=409)
            if self.state == "running":
                self.state = "paused"

        @rule()
        def unpause(self) -> None:
            # Docker answers 500 where a container is not paused, though its document says 409
            self.expect(self.post("unpause"), absent=404, paused=204, other=409)
            if self.state == "paused":
                self.state = "running"

        @rule(t=st.sampled_from(("0", "1")))
        def restart(self, t: str) -> None:
            self.expect(self.post("restart", t=t), absent=404, other=204)
            if self.state != "absent":
                self.state = "running"

        @rule()
        def rename(self) -> None:
            to = "renamed" if self.name == "walker" else "walker"
            self.expect(self.post("rename", name=to), absent=404, other=204)
            if self.state != "absent":
                self.name = to

        @rule(force=st.booleans())
        def remove(self, force: bool) -> None:
            got = api.delete(f"/containers/{self.name}", force=str(int(force)), v="1").status
            live = 204 if force else 409
            self.expect(got, absent=404, running=live, paused=live, other=204)
            if got == 204:
                self.state = "absent"

        @precondition(lambda self: self.state == "running")
        @rule(code=st.integers(0, 255))
        def run_inside(self, code: int) -> None:
            made = api.post(f"/containers/{self.name}/exec", {"Cmd": ["sh", "-c", f"exit {code}"]})
            assert made.status == 201
            path = f"/exec/{made.json['Id']}"
            assert api.post(f"{path}/start", {"Detach": True}).status == 200
            eventually(lambda: not api.get(f"{path}/json").json["Running"])
            assert api.get(f"{path}/json").json["ExitCode"] == code

        @precondition(lambda self: self.state in ("created", "exited", "paused"))
        @rule()
        def not_inside(self) -> None:
            assert api.post(f"/containers/{self.name}/exec", {"Cmd": ["true"]}).status == 409

        @rule(memory=st.sampled_from((64 << 20, 128 << 20)))
        def update(self, memory: int) -> None:
            limits = {"Memory": memory, "MemorySwap": memory}
            self.expect(api.post(f"/containers/{self.name}/update", limits).status, absent=404, other=200)

        def ended(self) -> None:
            if self.state in ("running", "paused"):
                self.state = "exited"
                if self.rm:
                    eventually(lambda: api.get(f"/containers/{self.name}/json").status == 404)
                    self.state = "absent"

        @invariant()
        def what_is_shown_is_so(self) -> None:
            shown = api.get(f"/containers/{self.name}/json")
            listed = {c["Names"][0]: c["State"] for c in api.get("/containers/json", all="1").json}
            if self.state == "absent":
                assert shown.status == 404
                assert f"/{self.name}" not in listed
                return
            state = shown.json["State"]
            assert state["Status"] == listed[f"/{self.name}"] == self.state
            assert state["Running"] is (self.state in ("running", "paused"))
            assert state["Paused"] is (self.state == "paused")
            assert (state["Pid"] > 0) is state["Running"]
            assert not state["Running"] or Path(f"/proc/{state['Pid']}").exists()

    return OneContainer


def test_a_container_does_what_its_state_allows(ground: Ground, soak: Soak) -> None:
    limits = settings(
        max_examples=int(soak(8, 40)),
        stateful_step_count=int(soak(20, 50)),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine(ground.api), settings=limits)
    for name in ("walker", "renamed"):
        ground.api.delete(f"/containers/{name}", force="1", v="1")


class Walker:
    """One client of a crowd that all act on the same few names."""

    NAMES = ("w0", "w1", "w2")

    def __init__(self, ground: Ground, seed: int) -> None:
        self.api, self.rng = ground.api, random.Random(seed)
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []

    def walk(self, steps: int) -> None:
        for _ in range(steps):
            try:
                self.step()
            except Exception as e:
                self.failures.append(repr(e))

    def step(self) -> None:
        name, rng = self.rng.choice(self.NAMES), self.rng
        path = f"/containers/{name}"
        verb = rng.choice(
            "create create create start start start stop kill pause unpause restart rename remove force exec inspect "
            "list logs top stats update wait connect disconnect changes put get commit prune resize export".split()
        )
        answer: Answer
        match verb:
            case "create":
                answer = self.api.post("/containers/create", self.settings(), name=name)
            case "remove" | "force":
                answer = self.api.delete(path, force=str(int(verb == "force")), v=rng.choice("01"))
            case "stop" | "restart":
                answer = self.api.post(f"{path}/{verb}", t=rng.choice("01"))
            case "rename":
                answer = self.api.post(f"{path}/rename", name=rng.choice(self.NAMES))
            case "exec":
                answer = self.api.post(f"{path}/exec", {"Cmd": rng.choice((["true"], ["sleep", "100"], ["nosuch"]))})
                if answer.status == 201:
                    answer = self.api.post(f"/exec/{answer.json['Id']}/start", {"Detach": True})
            case "inspect":
                answer = self.inspect(path)
            case "list":
                answer = self.list()
            case "logs":
                answer = self.api.get(f"{path}/logs", stdout="1", stderr="1", tail="5")
            case "top" | "changes" | "export":
                answer = self.api.get(f"{path}/{verb}")
            case "stats":
                answer = self.api.get(f"{path}/stats", stream="0", **{"one-shot": "1"})
            case "update":
                answer = self.api.post(f"{path}/update", {"CpuShares": rng.choice((2, 512, 1024))})
            case "wait":
                with self.api.stream("POST", f"{path}/wait", condition=rng.choice(("not-running", "removed"))) as begun:
                    self.answers[f"wait {begun.status}"] += 1
                return
            case "connect" | "disconnect":
                answer = self.api.post(f"/networks/network/{verb}", {"Container": name, "Force": rng.random() < 0.3})
            case "put":
                answer = self.api.call("PUT", f"{path}/archive", bytes(1024), path="/tmp")
            case "get":
                answer = self.api.get(f"{path}/archive", path="/etc")
            case "commit":
                answer = self.api.post("/commit", None, container=name, repo="made/walk", tag="1")
            case "prune":
                answer = self.api.post("/containers/prune", filters={"label": ["walk=prune"]})
            case "resize":
                answer = self.api.post(f"{path}/resize", h=rng.randrange(1, 100), w=80)
            case _:
                answer = self.api.post(f"{path}/{verb}")
        self.answers[f"{verb} {answer.status}"] += 1
        if answer.status >= 500:
            self.failures.append(f"{verb} {name}: {answer.status} {answer.body!r}")

    def settings(self) -> dict[str, Any]:
        rng = self.rng
        host = {
            "NetworkMode": rng.choice(
                ("bridge", "bridge", "none", "network", "host", f"container:{rng.choice(self.NAMES)}")
            ),
            "AutoRemove": rng.random() < 0.2,
            "PortBindings": rng.choice(({}, {"80/tcp": [{"HostPort": rng.choice(("8081", "8082", "0"))}]})),
            "Binds": rng.choice(([], ["volume:/data"], ["/anonymous"], ["/fuzz/d:/d"])),
            "RestartPolicy": {"Name": "no"},
            "PidMode": rng.choice(("", "", "", f"container:{rng.choice(self.NAMES)}")),
        }
        if not host["AutoRemove"] and rng.random() < 0.3:
            host["RestartPolicy"] = {"Name": rng.choice(("always", "on-failure", "unless-stopped"))}
        command = rng.choice(
            (PATIENT, PATIENT, PATIENT, ["true"], ["false"], ["sh", "-c", "sleep 0.2; exit 3"], ["nosuch"])
        )
        health = rng.choice((None, None, {"Test": ["CMD", "true"], "Interval": 10**9}))
        labels = rng.choice(({}, {"walk": "prune"}))
        return {
            "Image": "busybox",
            "Cmd": command,
            "HostConfig": host,
            "Healthcheck": health,
            "Labels": labels,
            "Tty": rng.random() < 0.3,
        }

    def inspect(self, path: str) -> Answer:
        answer = self.api.get(f"{path}/json")
        if answer.status == 200:
            state = answer.json["State"]
            assert not state["Paused"] or state["Running"], state
            assert not state["Restarting"] or state["Running"], state
            assert state["Running"] or state["Pid"] == 0, state
        return answer

    def list(self) -> Answer:
        answer = self.api.get("/containers/json", all="1")
        names = [name for c in answer.json for name in c["Names"]]
        ids = [c["Id"] for c in answer.json]
        assert len(set(names)) == len(names), names
        assert len(set(ids)) == len(ids), ids
        return answer


def leftovers(ground: Ground) -> list[str]:
    """Return what the daemon keeps of containers that are not there: runtime state, namespaces, mounts, cgroups."""
    daemon = ground.daemon
    known = {c["Id"] for c in ground.api.get("/containers/json", all="1").json}
    live = {c["Id"] for c in ground.api.get("/containers/json").json}
    inside = Path(f"/proc/{daemon.pid}/root")
    mounts = (inside / f"proc/{daemon.pid}/mounts").read_text()
    found = []
    for folder, allowed in (
        (daemon.root / "containers", known),
        (daemon.run_dir / "runtime", live),
        (daemon.run_dir / "crun", live),
        (daemon.run_dir / "netns", live),
    ):
        if folder.is_dir():
            found += [str(p) for p in folder.iterdir() if len(p.name) == 64 and p.name not in allowed]
    found += [line for line in mounts.splitlines() if "/rootfs/" in line and not any(i in line for i in live)]
    for cgroup in Path("/sys/fs/cgroup").glob(f"*/{daemon.cgroup_parent.strip('/')}/*"):
        if len(cgroup.name) >= 64 and not any(i in cgroup.name for i in live):
            found.append(str(cgroup))
    return found


def test_a_crowd_leaves_order_behind(ground: Ground, soak: Soak, evidence: Callable[..., None]) -> None:
    walkers = [Walker(ground, seed) for seed in range(4)]
    threads = [threading.Thread(target=w.walk, args=(int(soak(80, 400)),)) for w in walkers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    evidence(answers=dict(sorted(sum((w.answers for w in walkers), Counter()).items())))
    assert [f for w in walkers for f in w.failures] == []
    for name in Walker.NAMES:
        inspected = ground.api.get(f"/containers/{name}/json")
        if inspected.status == 200 and inspected.json["State"]["Running"] and not inspected.json["State"]["Restarting"]:
            assert Path(f"/proc/{inspected.json['State']['Pid']}").exists(), inspected.json["State"]
        assert ground.api.delete(f"/containers/{name}", force="1", v="1").status in (204, 404)
    end = time.monotonic() + 30
    while left := leftovers(ground):
        assert time.monotonic() < end, json.dumps(left, indent=1)
        time.sleep(0.2)
    ground.api.delete("/images/made/walk:1", force="1")
    body = {"Image": "busybox", "Cmd": PATIENT, "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "8081"}]}}}
    assert ground.api.post("/containers/create", body, name="w0").status == 201
    assert ground.api.post("/containers/w0/start").status == 204, "the port is still taken"
    ground.api.delete("/containers/w0", force="1")
