"""`docker rmi`: what goes, what stays, and what is said, by moby's rules."""

import pytest

from pogu.engine.images.digests import short_id
from pogu.engine.images.reference import parse_reference
from pogu.engine.images.store import Update
from pogu.engine.model import ContainerConfig
from pogu.errors import Conflict, InvalidArgument, NotFound
from tests.engine.images.conftest import Machine, stream_of, tar_of

STOPPED = ("c1" * 32, "stopped", False)
RUNNING = ("d2" * 32, "running", True)


async def child_of(machine: Machine, parent: str, name: str) -> str:
    layer = tar_of({f"layer-{name}": name.encode()})
    repo, _, tag = name.partition(":")
    return await machine.images.commit(stream_of(layer), parent, ContainerConfig(), repo, tag)


async def test_the_last_name_takes_the_image_with_it(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    layer = machine.images.get(identifier).chain_ids[0]
    machine.told()
    assert await machine.images.remove("app:1") == [
        {"Untagged": "app:1"},
        {"Deleted": identifier},
        {"Deleted": layer},
    ]
    assert machine.told() == [("untag", identifier), ("delete", identifier)]
    assert machine.files() == []


async def test_one_of_several_names(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    await machine.images.tag("app:1", "app", "2")
    assert await machine.images.remove("app:1") == [{"Untagged": "app:1"}]
    assert machine.images.get(identifier).repo_tags == ["app:2"]


async def test_latest_is_the_default_tag(machine: Machine) -> None:
    await machine.add("app")
    assert (await machine.images.remove("app"))[0] == {"Untagged": "app:latest"}


async def test_by_id_with_one_name(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    items = await machine.images.remove(identifier[7:19])
    assert items[:2] == [{"Untagged": "app:1"}, {"Deleted": identifier}]


async def test_by_id_with_names_in_several_repositories(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    await machine.images.tag("app:1", "other", "1")
    with pytest.raises(Conflict) as error:
        await machine.images.remove(identifier)
    assert error.value.message == (
        f"conflict: unable to delete {short_id(identifier)} (must be forced) - "
        "image is referenced in multiple repositories"
    )
    items = await machine.images.remove(identifier, force=True)
    assert items[:3] == [{"Untagged": "app:1"}, {"Untagged": "other:1"}, {"Deleted": identifier}]


async def test_two_tags_of_one_repository_need_force_too(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    await machine.images.tag("app:1", "app", "2")
    with pytest.raises(Conflict, match="image is referenced in multiple repositories"):
        await machine.images.remove(identifier)


async def test_a_stopped_container_keeps_the_only_name(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    machine.users[identifier] = [STOPPED]
    with pytest.raises(Conflict) as error:
        await machine.images.remove("app:1")
    assert error.value.message == (
        'conflict: unable to remove repository reference "app:1" (must force) - '
        f"container c1c1c1c1c1c1 is using its referenced image {short_id(identifier)}"
    )


async def test_a_stopped_container_keeps_the_id(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    machine.users[identifier] = [STOPPED]
    with pytest.raises(Conflict) as error:
        await machine.images.remove(identifier)
    assert error.value.message == (
        f"conflict: unable to delete {short_id(identifier)} (must be forced) - "
        "image is being used by stopped container c1c1c1c1c1c1"
    )


async def test_force_removes_the_image_of_a_stopped_container_but_not_its_layers(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    chain = machine.images.get(identifier).chain_ids[0]
    await machine.driver.create("c1", chain)
    machine.users[identifier] = [STOPPED]
    assert await machine.images.remove("app:1", force=True) == [{"Untagged": "app:1"}, {"Deleted": identifier}]
    assert machine.files() == [f"layer {chain}"]
    # the layer goes with the container, at the latest with the next start
    await machine.images.collect()
    assert machine.driver.has_layer(chain)
    await machine.driver.remove("c1")
    await machine.restart()
    assert machine.files() == []


@pytest.mark.parametrize("force", [False, True])
async def test_a_running_container_keeps_the_image(machine: Machine, force: bool) -> None:
    identifier = await machine.add("app:1")
    machine.users[identifier] = [RUNNING]
    with pytest.raises(Conflict) as error:
        await machine.images.remove(identifier, force)
    assert error.value.message == (
        f"conflict: unable to delete {short_id(identifier)} (cannot be forced) - "
        "image is being used by running container d2d2d2d2d2d2"
    )


async def test_force_takes_the_name_of_a_running_containers_image_and_leaves_the_image(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    machine.users[identifier] = [RUNNING]
    assert await machine.images.remove("app:1", force=True) == [{"Untagged": "app:1"}]
    assert machine.images.get(identifier).repo_tags == []


async def test_a_second_name_goes_although_a_container_runs(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    await machine.images.tag("app:1", "b", "1")
    machine.users[identifier] = [RUNNING]
    assert await machine.images.remove("b:1") == [{"Untagged": "b:1"}]


@pytest.mark.parametrize("force", [False, True])
async def test_children_keep_their_parent(machine: Machine, force: bool) -> None:
    base = await machine.add("base:1")
    await child_of(machine, base, "child:1")
    with pytest.raises(Conflict) as error:
        await machine.images.remove(base, force)
    assert error.value.message == (
        f"conflict: unable to delete {short_id(base)} (cannot be forced) - image has dependent child images"
    )
    assert await machine.images.remove("base:1") == [{"Untagged": "base:1"}]
    assert base in [s.id for s in machine.images.list(all=True)]


async def test_nameless_parents_go_with_the_last_child(machine: Machine) -> None:
    base = await machine.add("base:1")
    middle = await child_of(machine, base, "middle:1")
    child = await child_of(machine, middle, "child:1")
    chains = machine.images.get(child).chain_ids
    await machine.images.remove("middle:1")
    await machine.images.remove("base:1")
    assert await machine.images.remove("child:1") == [
        {"Untagged": "child:1"},
        {"Deleted": child},
        {"Deleted": chains[2]},
        {"Deleted": middle},
        {"Deleted": chains[1]},
        {"Deleted": base},
        {"Deleted": chains[0]},
    ]
    assert machine.files() == []


async def test_named_or_used_parents_stay(machine: Machine) -> None:
    base = await machine.add("base:1")
    middle = await child_of(machine, base, "middle:1")
    child = await child_of(machine, middle, "child:1")
    await machine.images.remove("middle:1")
    machine.users[base] = [STOPPED]
    items = await machine.images.remove("child:1")
    assert [i["Deleted"] for i in items if i.get("Deleted") in (child, middle, base)] == [child, middle]


async def test_noprune_keeps_nameless_parents(machine: Machine) -> None:
    base = await machine.add("base:1")
    await child_of(machine, base, "child:1")
    await machine.images.remove("base:1")
    await machine.images.remove("child:1", noprune=True)
    assert [s.id for s in machine.images.list()] == [base]


async def test_shared_layers_stay_until_nobody_has_them(machine: Machine) -> None:
    one = await machine.add("one:1", {"f": b"same"})
    two = await machine.add("two:1", {"f": b"same"}, message="other")
    assert one != two
    (chain,) = machine.images.get(one).chain_ids
    assert await machine.images.remove("one:1") == [{"Untagged": "one:1"}, {"Deleted": one}]
    assert machine.driver.has_layer(chain)
    assert {"Deleted": chain} in await machine.images.remove("two:1")
    assert machine.files() == []


async def test_a_digest_goes_with_the_last_tag_of_its_repository(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    digest = parse_reference(f"app@{identifier}")
    await machine.images._store.change(lambda: (Update(references={digest: identifier}), None))
    assert machine.images.resolve("app:1").repo_digests == [f"app@{identifier}"]
    assert machine.images.resolve(f"app@{identifier}").id == identifier
    items = await machine.images.remove("app:1")
    assert items[:3] == [{"Untagged": "app:1"}, {"Untagged": f"app@{identifier}"}, {"Deleted": identifier}]


async def test_a_digest_alone_can_be_removed(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    digest = parse_reference(f"app@{identifier}")
    await machine.images._store.change(lambda: (Update(references={digest: identifier}), None))
    assert await machine.images.remove(f"app@{identifier}") == [{"Untagged": f"app@{identifier}"}]
    assert machine.images.resolve("app:1").repo_digests == []


async def test_what_is_not_there(machine: Machine) -> None:
    with pytest.raises(NotFound, match=r"^No such image: nothing:latest$"):
        await machine.images.remove("nothing")
    with pytest.raises(InvalidArgument):
        await machine.images.remove("NOTHING")
