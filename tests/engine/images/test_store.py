"""Finding images: names, digests, IDs and their beginnings; and records that survive."""

import pytest

from pogu.engine.images.reference import parse_reference
from pogu.engine.images.store import REFERENCE, Update
from pogu.engine.state import Put
from pogu.errors import InvalidArgument, NotFound
from tests.engine.images.conftest import Machine


async def test_every_way_to_name_an_image(machine: Machine) -> None:
    identifier = await machine.add("example.com/team/app:1")
    await machine.images.tag(identifier, "app")
    for ref in (
        "example.com/team/app:1",
        "app",
        "app:latest",
        "docker.io/library/app",
        identifier,
        identifier[7:],
        identifier[7:19],
        identifier[:19],
        identifier[7:8],
    ):
        assert machine.images.resolve(ref).id == identifier, ref


@pytest.mark.parametrize(
    ("ref", "why"),
    [
        ("nothing", "No such image: nothing:latest"),
        ("nothing:2", "No such image: nothing:2"),
        ("docker.io/library/nothing", "No such image: nothing:latest"),
        ("h:5/x", "No such image: h:5/x:latest"),
        ("0" * 64, f"No such image: sha256:{'0' * 64}"),
        (f"app@sha256:{'0' * 64}", f"No such image: app@sha256:{'0' * 64}"),
        ("sha256:zzz", "No such image: sha256:zzz"),
    ],
)
async def test_what_is_not_there(machine: Machine, ref: str, why: str) -> None:
    await machine.add("app:1")
    with pytest.raises(NotFound) as error:
        machine.images.resolve(ref)
    assert error.value.message == why


@pytest.mark.parametrize("ref", ["", "UP", "a b", "a:b:c", "../x", "x" * 5000])
async def test_what_cannot_be_a_name(machine: Machine, ref: str) -> None:
    with pytest.raises(InvalidArgument):
        machine.images.resolve(ref)


async def test_the_beginning_of_several_ids_means_none(machine: Machine) -> None:
    by_digit: dict[str, list[str]] = {}
    number = 0
    while not any(len(found) > 1 for found in by_digit.values()):
        identifier = await machine.add("", {"f": str(number).encode()})
        by_digit.setdefault(identifier[7], []).append(identifier)
        number += 1
    digit, (one, two) = next((d, found) for d, found in by_digit.items() if len(found) > 1)
    with pytest.raises(NotFound, match=f"^No such image: {digit}:latest$"):
        machine.images.resolve(digit)
    assert machine.images.resolve(one[7:40]).id == one
    assert machine.images.resolve(two[7:40]).id == two


async def test_a_name_wins_over_the_beginning_of_an_id(machine: Machine) -> None:
    one = await machine.add("", {"f": b"1"})
    two = await machine.add("", {"f": b"2"})
    await machine.images.tag(two, one[7:15])
    assert machine.images.resolve(one[7:15]).id == two


async def test_a_name_for_a_missing_image_is_forgotten(machine: Machine) -> None:
    await machine.state.commit(Put(REFERENCE, "docker.io/library/ghost:1", b"sha256:" + b"0" * 64))
    await machine.restart()
    with pytest.raises(NotFound):
        machine.images.resolve("ghost:1")


async def test_a_failed_change_changes_nothing(machine: Machine) -> None:
    identifier = await machine.add("app:1")

    def decide() -> tuple[Update, None]:
        raise RuntimeError("on second thoughts")

    with pytest.raises(RuntimeError):
        await machine.images._store.change(decide)
    assert machine.images.resolve("app:1").id == identifier


async def test_an_unwritable_disk_changes_nothing_in_memory(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    machine.state.close()
    with pytest.raises(Exception, match="closed"):
        await machine.images.tag("app:1", "app", "2")
    assert machine.images.get(identifier).repo_tags == ["app:1"]
    assert machine.images._store.find_reference(parse_reference("app:2")) is None
