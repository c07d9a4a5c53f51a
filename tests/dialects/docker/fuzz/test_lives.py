"""Containers of made-up settings live a whole life: what could be created starts, or says what is wrong with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.dialects.docker.fuzz.ground import Ground
from tests.dialects.docker.fuzz.making import Made, Maker
from tests.dialects.docker.fuzz.test_walks import leftovers
from tests.running import eventually

pytestmark = [pytest.mark.xdist_group("fuzz"), pytest.mark.soak, pytest.mark.timeout(600)]

Soak = Callable[[float, float], float]


class Life:
    """Takes one container after another from its creation to its removal."""

    def __init__(self, ground: Ground, seed: object) -> None:
        self._ground = ground
        self._maker = Maker(ground.description, ground.offers, seed)
        self.answers: Counter[str] = Counter()

    def live(self) -> None:
        """Create a container, and if that was granted, do everything with it."""
        made = self._maker.make("post", "/containers/create")
        made.target, made.newest, made.plain = b"/v1.50/containers/create?name=life", True, True
        made.chunked, made.headers = False, [("Content-Type", "application/json")]
        created = self._ground.try_out(made)
        assert created
        self.answers[f"create {created.status}"] += 1
        if created.status != 201:
            return
        try:
            self._use(made)
        finally:
            self._ask("ContainerDelete", "DELETE", "/containers/life?force=1&v=1")
        assert self._ground.api.get("/containers/life/json").status == 404, made

    def _use(self, made: Made) -> None:
        shown = self._ask("ContainerInspect", "GET", "/containers/life/json")
        started = self._ask("ContainerStart", "POST", "/containers/life/start", about=made)
        if started != 204:
            state = self._ground.api.get("/containers/life/json").json["State"]
            assert not state["Running"], (made, state)
            assert state["Error"], f"a start failed without a word: {made}"
            return
        assert shown == 200
        for operation, method, path, body in (
            ("ContainerInspect", "GET", "/containers/life/json?size=1", None),
            ("ContainerList", "GET", "/containers/json?all=1&size=1", None),
            ("ContainerTop", "GET", "/containers/life/top", None),
            ("ContainerStats", "GET", "/containers/life/stats?stream=0&one-shot=1", None),
            ("ContainerLogs", "GET", "/containers/life/logs?stdout=1&stderr=1", None),
            ("ContainerChanges", "GET", "/containers/life/changes", None),
            ("ContainerArchive", "GET", "/containers/life/archive?path=/etc/passwd", None),
            ("ContainerExec", "POST", "/containers/life/exec", {"Cmd": ["true"]}),
            ("ContainerUpdate", "POST", "/containers/life/update", {"CpuShares": 512}),
            ("ContainerPause", "POST", "/containers/life/pause", None),
            ("ContainerUnpause", "POST", "/containers/life/unpause", None),
            ("ContainerStop", "POST", "/containers/life/stop?t=0", None),
            ("ContainerRestart", "POST", "/containers/life/restart?t=0", None),
            ("ImageCommit", "POST", "/commit?container=life", None),
        ):
            self._ask(operation, method, path, body, about=made)

    def _ask(self, operation: str, method: str, path: str, body: Any = None, about: Made | None = None) -> int:
        asked = Made(operation, method, f"/v1.50{path}".encode())
        if body is not None:
            asked.body, asked.headers = json.dumps(body).encode(), [("Content-Type", "application/json")]
        try:
            reply = self._ground.try_out(asked)
        except AssertionError as e:
            raise AssertionError(f"{e}\n  created by: {about}") from None
        assert reply, asked
        self.answers[f"{operation} {reply.status}"] += 1
        return reply.status


def test_what_can_be_created_lives_a_life(ground: Ground, soak: Soak, evidence: Callable[..., None]) -> None:
    life = Life(ground, "lives")
    for _ in range(int(soak(40, 300))):
        life.live()
    evidence(answers=dict(sorted(life.answers.items())))
    assert life.answers["ContainerStart 204"], life.answers
    ground.api.post("/images/prune")
    eventually(lambda: not leftovers(ground))
