"""How cost grows with what is there: containers that exist, and images."""

from __future__ import annotations

import io
import statistics
import tarfile
import time
from collections.abc import Callable, Iterator

from bench.api import Api
from bench.case import Case, Row, spread
from bench.many import empty, fill
from bench.peers import Scene

_STEPS = (0, 100, 500)
_IMAGES = 50
_ROUNDS = 30


def _times(work: Callable[[], object]) -> list[float]:
    work()
    found = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1000)
    return found


def _growth(scene: Scene) -> Iterator[Row]:
    api = Api(scene.pogu.socket)
    one = api.create("true")
    ids: list[str] = []
    start: dict[str, list[float]] = {}
    answer: dict[str, list[float]] = {}
    for number in _STEPS:
        ids += fill(scene.pogu, number - len(ids))
        if number == _STEPS[-1]:
            _add_images(api)
        what = f"{number} containers" + (f", {_IMAGES} images" if number == _STEPS[-1] else "")
        start[what] = _times(lambda: api.run("true", HostConfig={"NetworkMode": "host"}))
        answer[what] = _times(lambda: [api.call("GET", f"/containers/{one}/json") for _ in range(10)])
    yield from _rows("create, start, wait, remove", start)
    yield from _rows("10 inspections", answer)
    empty(scene.pogu, [one, *ids])
    for number in range(_IMAGES):
        api.call("DELETE", f"/images/small:{number}")


def _rows(title: str, found: dict[str, list[float]]) -> Iterator[Row]:
    first = statistics.median(next(iter(found.values())))
    for what, times in found.items():
        grown = statistics.median(times) / first
        ratio = round(1 / grown, 2)
        yield Row(f"{title}: {what}", "ms", spread(times), None, "", ratio, "≤ 1.3 times", grown <= 1.3)


def _add_images(api: Api) -> None:
    for number in range(_IMAGES):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            member = tarfile.TarInfo(f"file{number}")
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
        headers = {"Content-Type": "application/x-tar"}
        api.request("POST", f"/v1.41/images/create?fromSrc=-&repo=small&tag={number}", out.getvalue(), headers)
        api.getresponse().read()


CASES = [Case("growth", _growth)]
