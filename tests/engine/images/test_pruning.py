"""`docker image prune`."""

import asyncio

import pytest

from pogu.engine.model import ContainerConfig
from pogu.errors import Conflict, InvalidArgument
from tests.engine.images.conftest import Machine, docker_archive, stream_of, tar_of

STOPPED = ("c1" * 32, "stopped", False)


async def test_nameless_images_go(machine: Machine) -> None:
    dangling = await machine.add("", {"f": b"123"})
    await machine.add("kept:1")
    machine.told()
    report = await machine.images.prune()
    assert report.deleted[0] == {"Deleted": dangling}
    assert report.space_reclaimed == 3
    assert [s.repo_tags for s in machine.images.list()] == [["kept:1"]]
    assert [action for action, _ in machine.told()] == ["delete", "prune"]
    assert machine.images.resolve("kept:1")


async def test_the_event_says_what_came_back(machine: Machine) -> None:
    await machine.add("", {"f": b"123"})
    await machine.images.prune()
    assert machine.events[-1].attributes == {"reclaimed": "3"}


async def test_all_unused_images_go_on_request(machine: Machine) -> None:
    await machine.add("one:1", {"f": b"1"})
    await machine.images.tag("one:1", "one", "2")
    used = await machine.add("used:1", {"f": b"22"})
    await machine.images.tag("used:1", "used", "2")
    machine.users[used] = [STOPPED]
    report = await machine.images.prune({"dangling": ["false"]})
    assert [d["Untagged"] for d in report.deleted if "Untagged" in d] == ["one:1", "one:2"]
    assert report.space_reclaimed == 1
    assert machine.images.get(used).repo_tags == ["used:1", "used:2"]


async def test_children_and_then_their_nameless_parents(machine: Machine) -> None:
    base = await machine.add("base:1", {"f": b"1"})
    child = await machine.images.commit(stream_of(tar_of({"x": b"22"})), base, ContainerConfig())
    await machine.images.remove("base:1")
    report = await machine.images.prune()
    assert [d["Deleted"] for d in report.deleted if d["Deleted"] in (base, child)] == [child, base]
    assert report.space_reclaimed == 3
    assert machine.files() == []


async def test_a_named_image_with_children_stays_until_they_go(machine: Machine) -> None:
    base = await machine.add("base:1", {"f": b"1"})
    await machine.images.commit(stream_of(tar_of({"x": b"22"})), base, ContainerConfig(), "child")
    machine.users[machine.images.resolve("child").id] = [STOPPED]
    await machine.images.prune()
    assert machine.images.resolve("base:1")


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"until": ["2022-06-01T00:00:00Z"]}, {"2023"}),
        ({"label": ["year=2021"]}, {"2022", "2023"}),
        ({"label": ["year"]}, set()),
        ({"label!": ["year=2021"]}, {"2021"}),
        ({"label!": ["year=2021"], "until": ["2022-06-01"]}, {"2021", "2023"}),
    ],
)
async def test_filters(machine: Machine, filters: dict[str, list[str]], left: set[str]) -> None:
    for year in ("2021", "2022", "2023"):
        archive = docker_archive(
            [tar_of({"y": year.encode()})], None, created=f"{year}-01-01T00:00:00Z", config={"Labels": {"year": year}}
        )
        await machine.load(archive)
    await machine.images.prune(filters)
    assert {s.labels["year"] for s in machine.images.list()} == left


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        ({"before": ["x"]}, "invalid filter 'before'"),
        ({"until": ["1h", "2h"]}, "more than one until filter specified"),
        ({"until": ["x"]}, "invalid value for 'until' filter"),
        ({"dangling": ["x"]}, "invalid filter 'dangling=[x]'"),
    ],
)
async def test_bad_filters(machine: Machine, filters: dict[str, list[str]], why: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        await machine.images.prune(filters)
    assert why in error.value.message
    await machine.images.prune()


async def test_one_prune_at_a_time(machine: Machine) -> None:
    await machine.add("", {"f": b"1"})
    first = asyncio.create_task(machine.images.prune())
    await asyncio.sleep(0)
    with pytest.raises(Conflict, match=r"^a prune operation is already running$"):
        await machine.images.prune()
    assert (await first).space_reclaimed == 1
