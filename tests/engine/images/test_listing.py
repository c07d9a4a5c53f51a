"""`docker images` with its filters, `docker history`, `docker system df`."""

import pytest

from pogu.engine.model import ContainerConfig
from pogu.errors import InvalidArgument, NotFound
from tests.engine.images.conftest import CREATED, Machine, docker_archive, stream_of, tar_of

YEARS = ("2021-01-01T00:00:00Z", "2022-01-01T00:00:00Z", "2023-01-01T00:00:00Z")


@pytest.fixture
async def shelf(machine: Machine) -> Machine:
    """Three images of three years: `old:1`, `mid:1` (also example.com/team/mid:2), and one without a name."""
    for number, (created, names) in enumerate(
        zip(YEARS, (["old:1"], ["mid:1", "example.com/team/mid:2"], None), strict=True)
    ):
        layers = [tar_of({"base": b"12345"}), tar_of({f"own{number}": b"x" * (number + 1)})]
        labels = {"number": str(number), "odd": "yes"} if number == 1 else {"number": str(number)}
        await machine.load(docker_archive(layers, names, created=created, config={"Labels": labels}))
    return machine


def names(machine: Machine, **filters: list[str]) -> list[str]:
    found = machine.images.list({k.replace("_", "!"): v for k, v in filters.items()})
    return [(s.repo_tags or ["-"])[0] for s in found]


async def test_newest_first_with_sizes_and_labels(shelf: Machine) -> None:
    rows = shelf.images.list()
    assert [row.repo_tags for row in rows] == [[], ["mid:1", "example.com/team/mid:2"], ["old:1"]]
    assert [row.size for row in rows] == [8, 7, 6]
    assert rows[1].labels == {"number": "1", "odd": "yes"}
    assert rows[2].created == 1609459200
    assert {(row.shared_size, row.containers) for row in rows} == {(-1, -1)}


async def test_shared_sizes_and_containers_on_request(shelf: Machine) -> None:
    old = shelf.images.resolve("old:1").id
    shelf.users[old] = [("a", "b", False), ("c", "d", True)]
    rows = shelf.images.list(shared_size=True, containers=True)
    assert [(row.shared_size, row.containers) for row in rows] == [(5, 0), (5, 0), (5, 2)]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"reference": ["old"]}, ["old:1"]),
        ({"reference": ["old:1"]}, ["old:1"]),
        ({"reference": ["*:1"]}, ["mid:1", "old:1"]),
        ({"reference": ["mid"]}, ["mid:1"]),
        ({"reference": ["example.com/*/mid"]}, ["example.com/team/mid:2"]),
        ({"reference": ["docker.io/library/old"]}, ["old:1"]),
        ({"reference": ["docker.io/library/old:1"]}, ["old:1"]),
        ({"reference": ["o?d", "[m]id"]}, ["mid:1", "old:1"]),
        ({"reference": ["[^o]*:1"]}, ["mid:1"]),
        ({"reference": ["none"]}, []),
        ({"dangling": ["true"]}, ["-"]),
        ({"dangling": ["false"]}, ["mid:1", "old:1"]),
        ({"label": ["number"]}, ["-", "mid:1", "old:1"]),
        ({"label": ["number=1"]}, ["mid:1"]),
        ({"label": ["number=1", "odd"]}, ["mid:1"]),
        ({"label": ["number=0", "odd"]}, []),
        ({"before": ["mid:1"]}, ["old:1"]),
        ({"since": ["mid:1"]}, ["-"]),
        ({"since": ["old:1"], "before": ["mid:1"]}, []),
        ({"since": ["old:1", "mid:1"]}, ["-"]),
        ({"until": ["2022-06-01T00:00:00Z"]}, ["mid:1", "old:1"]),
        ({"until": ["1630000000"]}, ["old:1"]),
        ({"until": ["1m"]}, ["-", "mid:1", "old:1"]),
    ],
)
async def test_filters(shelf: Machine, filters: dict[str, list[str]], found: list[str]) -> None:
    assert names(shelf, **filters) == found


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        ({"colour": ["red"]}, "invalid filter 'colour'"),
        ({"dangling": ["maybe"]}, "invalid filter 'dangling=[maybe]'"),
        ({"until": ["soon"]}, "invalid value for 'until' filter: failed to parse value as time or duration"),
        ({"reference": ["[a"]}, "syntax error in pattern"),
        ({"reference": ["a\\"]}, "syntax error in pattern"),
        ({"before": ["UP"]}, "must be lowercase"),
    ],
)
async def test_bad_filters(shelf: Machine, filters: dict[str, list[str]], why: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        shelf.images.list(filters)
    assert why in error.value.message


async def test_before_an_image_that_is_not_there(shelf: Machine) -> None:
    with pytest.raises(NotFound, match=r"^No such image: nothing:latest$"):
        shelf.images.list({"before": ["nothing"]})


async def test_intermediate_images_are_shown_on_request(machine: Machine) -> None:
    base = await machine.add("base:1")
    child = await machine.images.commit(stream_of(tar_of({"x": b"1"})), base, ContainerConfig(), "child", "1")
    await machine.images.remove("base:1")
    assert [row.id for row in machine.images.list()] == [child]
    assert {row.id for row in machine.images.list(all=True)} == {base, child}
    assert machine.images.list({"dangling": ["true"]}, all=True) == []
    assert machine.images.list()[0].parent_id == base


async def test_history_of_a_loaded_image(machine: Machine) -> None:
    steps = [
        {"created": CREATED, "created_by": "first", "comment": "c"},
        {"created": CREATED, "created_by": "ENV", "empty_layer": True},
        {"created_by": "last"},
    ]
    layers = [tar_of({"a": b"1234"}), tar_of({"b": b"12"})]
    await machine.load(docker_archive(layers, ["app:1", "app:2"], history=steps))
    image = machine.images.resolve("app:1").id
    rows = [(r.id, r.created, r.created_by, r.tags, r.size, r.comment) for r in machine.images.history("app:1")]
    assert rows == [
        (image, 0, "last", ["app:1", "app:2"], 2, ""),
        ("<missing>", 1714979289, "ENV", None, 0, ""),
        ("<missing>", 1714979289, "first", None, 4, "c"),
    ]


async def test_an_image_without_history_or_time(machine: Machine) -> None:
    await machine.load(docker_archive([tar_of({"a": b"1"})], ["app:1"], history=None, created=None))
    assert machine.images.history("app:1") == []
    assert machine.images.resolve("app:1").created == ""
    assert machine.images.list()[0].created == -62135596800
    assert machine.images.list({"before": ["app:1"]})  # a time that is not known orders nothing


async def test_disk_usage(shelf: Machine) -> None:
    usage = shelf.images.df()
    assert usage.layers_size == 5 + 1 + 2 + 3
    assert sum(row.size - row.shared_size for row in usage.images) == 1 + 2 + 3
    assert [row.containers for row in usage.images] == [0, 0, 0]
