"""The room as a whole: naming, what an image shows, and what survives a kill."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pogu.engine.moments import NEVER
from pogu.errors import InvalidArgument, NotFound
from tests.engine.images.conftest import Machine, digest_of, docker_archive, tar_of

ONE = tar_of({"one": b"1"})


async def test_a_new_name(machine: Machine) -> None:
    identifier = await machine.add("app:1")
    machine.told()
    await machine.images.tag("app:1", "example.com/app", "x")
    image = machine.images.resolve("example.com/app:x")
    assert image.id == identifier
    assert image.repo_tags == ["app:1", "example.com/app:x"]
    assert image.last_tag_time != NEVER
    assert machine.told() == [("tag", "example.com/app:x")]


async def test_a_name_moves_from_one_image_to_another(machine: Machine) -> None:
    old = await machine.add("app:1", {"f": b"old"})
    new = await machine.add("app:2", {"f": b"new"})
    await machine.images.tag(new, "app", "1")
    assert machine.images.resolve("app:1").id == new
    assert machine.images.get(old).repo_tags == []
    assert machine.images.get(new).repo_tags == ["app:1", "app:2"]
    await machine.restart()
    assert machine.images.get(new).repo_tags == ["app:1", "app:2"]


async def test_tagging_what_is_not_there_or_cannot_be(machine: Machine) -> None:
    await machine.add("app:1")
    with pytest.raises(NotFound, match=r"^No such image: nothing:latest$"):
        await machine.images.tag("nothing", "app", "2")
    for repo, tag in (("", ""), ("UP", ""), ("x", "!"), ("x@sha256:" + "0" * 64, "")):
        with pytest.raises(InvalidArgument):
            await machine.images.tag("app:1", repo, tag)


async def test_what_an_image_shows(machine: Machine) -> None:
    config = {"Cmd": ["run"], "Labels": {"a": "b"}, "User": "1"}
    await machine.load(docker_archive([ONE], ["app:1"], config=config, author="me", comment="hi", extra={"kept": [1]}))
    image = machine.images.resolve("app:1")
    assert image.created == "2024-05-06T07:08:09.123456789Z"
    assert image.created_unix == 1714979289
    assert (image.author, image.comment, image.labels) == ("me", "hi", {"a": "b"})
    assert (image.config.cmd, image.config.user) == (["run"], "1")
    assert image.document["extra"] == {"kept": [1]}
    assert image.chain_id == digest_of(ONE)
    assert image.last_tag_time == NEVER
    assert str(image.platform) == "linux/amd64"


async def test_an_image_for_another_platform_is_not_the_one_wanted(machine: Machine) -> None:
    await machine.load(docker_archive([ONE], ["app:1"], architecture="arm64"))
    assert machine.images.resolve("app:1", "linux/arm64")
    with pytest.raises(NotFound) as error:
        machine.images.resolve("app:1", "linux/s390x")
    assert error.value.message == (
        "image with reference app:1 was found but its platform (linux/arm64) "
        "does not match the specified platform (linux/s390x)"
    )


async def test_everything_is_there_after_a_restart(machine: Machine) -> None:
    await machine.load(docker_archive([ONE, tar_of({"two": b"2"})], ["app:1", "app:2"]))
    await machine.add("base:1")
    await machine.images.tag("base:1", "example.com/base")
    await machine.images.remove("app:2")
    before = [machine.images.get(row.id) for row in machine.images.list()]
    files = machine.files()
    await machine.restart()
    assert [machine.images.get(row.id) for row in machine.images.list()] == before
    assert machine.files() == files


async def test_a_damaged_configuration_costs_one_image_only(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    good = await machine.add("good:1")
    bad = await machine.add("bad:1")
    (machine.config.root / "content" / "blobs" / "sha256" / bad[7:]).unlink()
    await machine.restart()
    assert [row.id for row in machine.images.list()] == [good]
    assert bad in caplog.text


async def test_a_caller_who_leaves_does_not_stop_a_removal(machine: Machine) -> None:
    await machine.add("app:1")
    task = asyncio.create_task(machine.images.remove("app:1"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while machine.files():
        await asyncio.sleep(0.01)
    assert len(machine.images) == 0


VICTIM = """
import asyncio, sys
from pathlib import Path
from tests.engine.images.conftest import Machine, docker_archive, tar_of

async def main():
    machine = Machine(Path(sys.argv[1]), "overlay")
    await machine.start()
    number = 0
    while True:
        number += 1
        layers = [tar_of({"base": b"1"}), tar_of({f"f{number}": b"x" * 100_000})]
        await machine.load(docker_archive(layers, [f"app{number}:1"]), quiet=True)
        print("loaded", number, flush=True)
        await machine.add(f"imported{number}:1", {f"i{number}": b"y" * 50_000})
        print("imported", number, flush=True)
        if number % 3 == 0:
            print("removing", number, flush=True)
            await machine.images.remove(f"app{number}:1")
            print("removed", number, flush=True)

asyncio.run(main())
"""


async def lines_of(process: asyncio.subprocess.Process) -> AsyncIterator[tuple[str, int]]:
    assert process.stdout is not None
    async for line in process.stdout:
        what, number = line.decode().split()
        yield what, int(number)


@pytest.mark.parametrize("after", [1, 5, 12, 18])
async def test_what_was_acknowledged_survives_a_kill_and_nothing_else_is_left(tmp_path: Path, after: int) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, str(tmp_path), stdout=asyncio.subprocess.PIPE, env=environment
    )
    done: list[tuple[str, int]] = []
    async for line in lines_of(victim):
        done.append(line)
        if len(done) == after:
            victim.send_signal(signal.SIGKILL)
    await victim.wait()
    machine = Machine(tmp_path, "overlay")
    await machine.start()
    try:
        unsure = {f"app{n}:1" for what, n in done if what == "removing"}
        for what, number in done:
            name = {"loaded": f"app{number}:1", "imported": f"imported{number}:1"}.get(what)
            if name is not None and name not in unsure:
                image = machine.images.resolve(name)
                assert all(machine.driver.has_layer(chain) for chain in image.chain_ids)
            if what == "removed":
                with pytest.raises(NotFound):
                    machine.images.resolve(f"app{number}:1")
        needed = set()
        for row in machine.images.list(all=True):
            image = machine.images.get(row.id)
            needed |= {f"blob {image.id[7:]}", *(f"blob {layer.digest[7:]}" for layer in image.layers)}
            needed |= {f"layer {chain}" for chain in image.chain_ids}
        assert set(machine.files()) == needed
        for row in machine.images.list(all=True):
            for ref in row.repo_tags or [row.id]:
                await machine.images.remove(ref)
        assert machine.files() == []
    finally:
        await machine.stop()
