"""Whole builds: what comes of instructions, the cache, stages side by side, failures."""

from __future__ import annotations

import asyncio

import pytest

from pogu.engine.build.failures import BuildFailed, CommandFailed
from pogu.engine.build.progress import BuildEvent, Log, Warned
from pogu.errors import InvalidArgument
from tests.engine.build.conftest import Site, link

pytestmark = pytest.mark.asyncio(loop_scope="module")

TWO_STAGES = """
FROM busybox AS base
ARG WHO=world
ENV GREETING="hello $WHO"
WORKDIR /app
COPY a.txt sub/ files/
RUN echo "$GREETING" > greeting
FROM busybox
COPY --from=base /app /copied
LABEL x=y
CMD ["cat", "/copied/greeting"]
"""
FILES = {"a.txt": "A", "sub/": "", "sub/b.txt": ("B", 0o755), "other": "unused"}


async def test_stages_copy_from_one_another(site: Site) -> None:
    built = await site.build(TWO_STAGES, FILES)
    assert await site.tree(built.image, "/copied") == {
        "files": "drwxr-xr-x 0:0",
        "files/a.txt": "-rw-r--r-- 0:0 A",
        "files/b.txt": "-rwxr-xr-x 0:0 B",
        "greeting": "-rw-r--r-- 0:0 hello world\n",
    }
    assert built.image.config.cmd == ["cat", "/copied/greeting"]
    assert built.image.labels == {"x": "y"}
    assert len(built.image.layers) == 2
    assert [entry.empty_layer for entry in built.image.history][-3:] == [False, True, True]


async def test_what_was_done_is_not_done_again(site: Site) -> None:
    first = await site.build(TWO_STAGES, FILES)
    again = await site.build(TWO_STAGES, FILES)
    assert again.done == []
    assert again.image.id == first.image.id
    unused = await site.build(TWO_STAGES, {**FILES, "other": "changed"})
    assert unused.done == []
    changed = await site.build(TWO_STAGES, {**FILES, "a.txt": "AA"})
    assert [name.partition("] ")[2] for name in changed.done] == [
        "COPY a.txt sub/ files/",
        'RUN echo "$GREETING" > greeting',
        "COPY --from=base /app /copied",
    ]
    assert [name.partition("] ")[2] for name in changed.cached] == ["WORKDIR /app"]
    fresh = await site.build(TWO_STAGES, FILES, no_cache=True)
    assert fresh.cached == []


async def test_the_same_content_from_a_stage_that_was_built_anew_is_found_in_the_cache(site: Site) -> None:
    dockerfile = "FROM busybox AS a\nRUN date +%N > /now && echo same > /same\nFROM busybox\nCOPY --from=a /same /\n"
    await site.build(dockerfile)
    again = await site.build(dockerfile.replace("/now", "/then"))
    assert len(again.done) == 1
    assert len(again.cached) == 1


async def test_stages_that_nothing_needs_are_not_run(site: Site) -> None:
    built = await site.build("FROM busybox AS a\nRUN false\nFROM busybox AS b\nRUN echo b\nFROM b\nRUN echo c\n")
    assert built.output == "b\nc\n"
    target = await site.build("FROM busybox AS a\nRUN echo a\nFROM nosuchimage\nRUN false\n", target="A")
    assert target.output == "a\n"


async def test_stages_run_side_by_side(site: Site) -> None:
    """Each waits for the other, in a directory that both have."""
    meet = "RUN --mount=type=cache,id=meeting,target=/m touch /m/%s && until [ -e /m/%s ]; do sleep 0.05; done"
    dockerfile = (
        f"FROM busybox AS a\n{meet % ('a', 'b')}\nFROM busybox AS b\n{meet % ('b', 'a')}\n"
        "FROM scratch\nCOPY --from=a /etc /a\nCOPY --from=b /etc /b\n"
    )
    await asyncio.wait_for(site.build(dockerfile), 30)


async def test_two_builds_do_the_same_step_once(site: Site) -> None:
    dockerfile = "FROM busybox\nRUN --mount=type=cache,id=once,target=/c echo ran >> /c/log; sleep 1; wc -l < /c/log\n"
    one, two = await asyncio.gather(site.build(dockerfile), site.build(dockerfile))
    assert one.output == two.output == "1\n"
    assert one.image.id == two.image.id


async def test_a_command_that_fails_tells_its_line_code_and_output(site: Site) -> None:
    events: list[BuildEvent] = []
    with pytest.raises(CommandFailed) as failed:
        await site.build("FROM busybox\nENV A=1\nRUN echo before; \\\n  exit 7\n", events=events)
    assert (failed.value.code, failed.value.line) == (7, 3)
    assert failed.value.message == (
        'process "/bin/sh -c echo before;   exit 7" did not complete successfully: exit code: 7'
    )
    assert b"".join(e.data for e in events if isinstance(e, Log)) == b"before\n"


@pytest.mark.parametrize(
    ("dockerfile", "line", "says"),
    [
        ("FROM busybox\nCOPY missing /\n", 2, '"/missing": not found'),
        ("FROM busybox\nCOPY --from=9 / /\n", 2, "invalid stage index 9"),
        ("FROM nosuchimage.invalid/x\n", 1, "nosuchimage.invalid"),
        ("FROM busybox\nUSER nobody-here\nRUN true\n", 0, "unable to find user nobody-here"),
        ("FROM busybox\nCOPY --chown=ghost a /\n", 2, "unable to find user ghost"),
        ("FROM busybox\nRUN --mount=type=secret,id=x,required true\n", 2, "secret x: not found"),
        ("FROM busybox\nRUN --mount=type=bind,source=nope,target=/m true\n", 2, '"/nope": not found'),
    ],
)
async def test_what_cannot_be_built(site: Site, dockerfile: str, line: int, says: str) -> None:
    with pytest.raises(InvalidArgument) as failed:
        await site.build(dockerfile, {"a": ""})
    assert says in failed.value.message
    assert getattr(failed.value, "line", 0) == line


async def test_a_target_that_is_not_there(site: Site) -> None:
    with pytest.raises(BuildFailed, match="target stage nope could not be found"):
        await site.build("FROM busybox AS a\n", target="nope")


async def test_a_failure_ends_the_other_stages(site: Site) -> None:
    dockerfile = (
        "FROM busybox AS slow\nRUN sleep 60\nFROM busybox AS bad\nRUN exit 3\n"
        "FROM scratch\nCOPY --from=slow /etc /a\nCOPY --from=bad /etc /b\n"
    )
    with pytest.raises(CommandFailed):
        await asyncio.wait_for(site.build(dockerfile), 20)


async def test_a_build_that_is_given_up_leaves_nothing(site: Site) -> None:
    events: list[BuildEvent] = []
    task = asyncio.ensure_future(site.build("FROM busybox\nRUN echo up; sleep 60\n", events=events))
    await site.bench.until(lambda: any(isinstance(e, Log) for e in events))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_triggers_run_in_the_next_build(site: Site) -> None:
    await site.build("FROM busybox\nONBUILD COPY a /from-trigger\nONBUILD ENV T=1\n", {"a": "A"}, tags=("trigger",))
    built = await site.build("FROM trigger\nRUN echo $T\n", {"a": "AA"})
    assert built.output == "1\n"
    assert await site.text(built.image, "/from-trigger") == "AA"
    assert not built.image.config.on_build


async def test_ignored_files_are_no_part_of_the_context(site: Site) -> None:
    files = {".dockerignore": "*\n!keep\n!d/in\n", "keep": "1", "gone": "2", "d/": "", "d/in": "3", "d/out": "4"}
    built = await site.build("FROM scratch\nCOPY . /\n", files)
    assert sorted(await site.tree(built.image)) == ["d", "d/in", "keep"]


async def test_arguments(site: Site) -> None:
    dockerfile = """
ARG TAG=latest
ARG SHARED=global
FROM busybox:$TAG
ARG SHARED
ARG GIVEN=default
ARG LATER=${GIVEN}-more
ENV SHADOWED=env
ARG SHADOWED=arg
RUN echo "$SHARED $GIVEN $LATER $SHADOWED ${UNSET:-none} $http_proxy"
"""
    built = await site.build(dockerfile, args={"GIVEN": "given", "http_proxy": "http://proxy.invalid"})
    assert built.output == "global given given-more env none http://proxy.invalid\n"
    assert "proxy.invalid" not in str(built.image.raw)
    assert built.image.config.env == ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "SHADOWED=env"]


async def test_a_context_cannot_lead_out(site: Site) -> None:
    """Whatever links a context or an image has, only what is inside of them is read and written."""
    files = {"out": link("/etc/hostname"), "up": link("../../../../etc"), "a": "A"}
    for source in ("out", "up/hostname", "../../../etc/hostname"):
        with pytest.raises(BuildFailed):
            await site.build(f"FROM busybox\nCOPY {source} /x\n", files)
    built = await site.build("FROM busybox\nRUN ln -s ../../../../../../root /away\nCOPY a /away/a\n", files)
    assert await site.text(built.image, "/root/a") == "A"


async def test_a_dockerfile_alone_cannot_make_a_command_privileged(site: Site) -> None:
    dockerfile = "FROM busybox\nRUN --security=insecure grep CapEff /proc/self/status\n"
    with pytest.raises(BuildFailed, match="is not allowed"):
        await site.build(dockerfile)
    allowed = await site.build(dockerfile, allowed=frozenset(["security.insecure"]))
    usual = await site.build("FROM busybox\nRUN grep CapEff /proc/self/status\n")
    assert int(allowed.output.split()[1], 16) > int(usual.output.split()[1], 16)


async def test_another_front_end_is_refused(site: Site) -> None:
    await site.build("# syntax=docker/dockerfile:1.7-labs\nFROM busybox\n")
    with pytest.raises(BuildFailed, match="is not supported"):
        await site.build("# syntax=example.com/other:1\nFROM busybox\n")


async def test_probable_mistakes_are_told(site: Site) -> None:
    built = await site.build("FROM busybox\nCOPY gone /\nMAINTAINER me\n", {"gone": "", ".dockerignore": "none"})
    assert [e.rule for e in built.events if isinstance(e, Warned)] == ["MaintainerDeprecated"]
    built = await site.build("FROM busybox\nENV ABOUT=here\nENV A=$ABOUTS\n")
    (warning,) = (e for e in built.events if isinstance(e, Warned))
    assert (warning.rule, warning.first_line) == ("UndefinedVar", 3)
    assert warning.message == "Usage of undefined variable '$ABOUTS' (did you mean $ABOUT?)"
    with pytest.raises(InvalidArgument, match="lint violation found for rules: MaintainerDeprecated"):
        await site.build("# check=error=true\nFROM busybox\nMAINTAINER me\n")
