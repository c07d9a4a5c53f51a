"""What the made-up requests are about: a daemon with some of everything, put back in order now and then."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.dialects.docker.fuzz.archives import archives
from tests.dialects.docker.fuzz.enclosure import EnclosedDaemon
from tests.dialects.docker.fuzz.making import Made
from tests.dialects.docker.fuzz.offers import PATIENT, Offers
from tests.dialects.docker.fuzz.verdict import Judge
from tests.dialects.docker.fuzz.wire import Reply, ask
from tests.dialects.docker.http_client import Answer, Client

CONTAINERS: dict[str, dict[str, Any]] = {
    "running": {"Cmd": PATIENT, "OpenStdin": True},
    "terminal": {"Cmd": PATIENT, "OpenStdin": True, "Tty": True},
    "paused": {"Cmd": PATIENT},
    "ended": {"Cmd": ["sh", "-c", "echo out; echo err >&2; ln -s / /escape; ln -s loop /loop"]},
    "stopped": {"Cmd": PATIENT, "HostConfig": {"Binds": ["volume:/data"], "NetworkMode": "network"}},
}
STATES = {"running": "running", "terminal": "running", "paused": "paused", "ended": "exited", "stopped": "created"}
# These may keep their client waiting for as long as they like: reading them is given up after a while.
ENDLESS = {
    "SystemEvents": 0.1,
    "ContainerLogs": 0.1,
    "ContainerStats": 0.1,
    "ContainerWait": 0.1,
    "ContainerAttach": 0.1,
    "ContainerAttachWebsocket": 0.1,
    "ExecStart": 0.1,
}
# These wait for a container's end before they answer, if they are told to (t=9223372036854775807).
PATIENT_OPERATIONS = {"ContainerStop": 5.0, "ContainerRestart": 5.0, "ContainerWait": 0.5, "ContainerStats": 5.0}


class Ground:
    """A daemon, its description, and the objects that requests name."""

    def __init__(self) -> None:
        self.daemon = EnclosedDaemon()
        self.offers = Offers(archives=archives())
        self.counts: Counter[str] = Counter()

    def open(self) -> None:
        self.daemon.start()
        self.daemon.load_image("busybox")
        self.api = Client(self.daemon.socket)
        self.description: dict[str, Any] = json.loads(self.api.get("/openapi.json").body)
        self.judge = Judge(self.description)
        self._image = self.api.get("/images/busybox/json").json["Id"]
        self.furnish()

    @property
    def socket(self) -> Path:
        return self.daemon.socket

    def operations(self) -> list[tuple[str, str]]:
        """Return (method, path) of all that is described."""
        return [(method, path) for path, methods in self.description["paths"].items() for method in methods]

    # -- asking --------------------------------------------------------------------------------------------------

    def try_out(self, made: Made) -> Reply | None:
        """Send a request and hold its answer against the description."""
        linger = ENDLESS.get(made.operation)
        try:
            if made.operation in PATIENT_OPERATIONS:
                reply = ask(self.socket, made, header=PATIENT_OPERATIONS[made.operation], linger=linger or 60)
            else:
                reply = ask(self.socket, made, **({"linger": linger} if linger else {}))
        except AssertionError:
            if made.operation not in PATIENT_OPERATIONS:
                raise
            self.counts[f"{made.operation} waits"] += 1
            return None
        self.counts[f"{made.operation} {reply.status if reply else 'closed'}"] += 1
        if reply is not None:
            self.judge.check(made, reply)
            assert reply.whole or linger or len(reply.body) > 1 << 20, f"an answer without an end: {made}\n{reply}"
        return reply

    # -- the objects ---------------------------------------------------------------------------------------------

    def furnish(self) -> None:
        """Make what the names in requests mean, where it is no longer what it was."""
        for name, tag in (("busybox", "latest"), ("spare", "1")):
            if self.api.get(f"/images/{name}:{tag}/json").json.get("Id") != self._image:
                self._tag_image(name, tag)
        states = {c["Names"][0][1:]: c["State"] for c in self.api.get("/containers/json", all="1").json}
        if states != STATES or not self.offers.names:
            self._refurnish(states)

    def _tag_image(self, name: str, tag: str) -> None:
        if self.api.get(f"/images/{self._image}/json").status != 200:
            self.daemon.load_image("busybox")
            self._image = self.api.get("/images/busybox/json").json["Id"]
        self._must(self.api.post(f"/images/{self._image}/tag", repo=name, tag=tag), 201)

    def _refurnish(self, states: dict[str, str]) -> None:
        for name in states:
            self._must(self.api.delete(f"/containers/{name}", force="1", v="1"), 204, 404, 409)
        for network in self.api.get("/networks", filters={"type": ["custom"]}).json:
            self.api.delete(f"/networks/{network['Id']}")
        self._must(self.api.post("/volumes/prune", filters={"all": ["1"]}), 200)
        self._must(self.api.post("/volumes/create", {"Name": "volume"}), 201)
        pool = {"Config": [{"Subnet": "10.99.0.0/24"}]}
        network = self.api.post("/networks/create", {"Name": "network", "IPAM": pool}).json["Id"]
        ids = {}
        for name, settings in CONTAINERS.items():
            made = self.api.post("/containers/create", {"Image": "busybox", **settings}, name=name)
            self._must(made, 201)
            ids[name] = made.json["Id"]
            if name != "stopped":
                self._must(self.api.post(f"/containers/{name}/start"), 204)
        self._must(self.api.post("/containers/paused/pause"), 204)
        self._must(self.api.post("/containers/ended/wait"), 200)
        wanted = {"Cmd": PATIENT, "AttachStdout": True, "AttachStdin": True}
        execs = [
            self.api.post(f"/containers/{n}/exec", {**wanted, "Tty": n == "terminal"}).json["Id"]
            for n in ("running", "terminal")
        ]
        self.offers.names = {
            "containers": [*ids, *ids, *ids.values()],
            "volumes": ["volume"],
            "networks": ["network", "network", network, "bridge", "none"],
            "images": ["spare:1", "spare:1", "busybox", self._image, self._image[7:19]],
            "distribution": ["spare:1"],
            "exec": execs,
        }

    @staticmethod
    def _must(answer: Answer, *wanted: int) -> None:
        assert answer.status in wanted, (answer.status, answer.body)

    # -- the daemon's health -------------------------------------------------------------------------------------

    def check_health(self) -> None:
        """The daemon answers, has not stumbled, and has touched nothing outside."""
        begun = time.monotonic()
        assert self.api.get("/_ping").body == b"OK"
        assert time.monotonic() - begun < 10
        log = self.daemon.log()
        assert "Traceback" not in log, log[log.index("Traceback") - 2000 :][:6000]
        escaped, changed = self.daemon.escaped(), self.daemon.changed_settings()
        assert not escaped, f"written outside: {escaped}"
        assert not changed, f"changed on the host: {changed}"

    def close(self) -> None:
        self.daemon.close()
