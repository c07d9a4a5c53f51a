"""`RUN --mount`: keys, types, values, and variables in them."""

from __future__ import annotations

import pytest

from pogu.engine.build.dockerfile import DockerfileError, Mount, Run, parse, parse_mount


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("target=/x", Mount(target="/x", readonly=True)),
        ("type=bind,from=build,src=/a,dst=/b,rw", Mount(from_="build", source="/a", target="/b")),
        ("TYPE=BIND,destination=/b,readwrite=false", Mount(target="/b", readonly=True)),
        (
            "type=cache,target=/c,id=i,sharing=locked,mode=0750,uid=1,gid=2,ro",
            Mount(type="cache", target="/c", id="i", sharing="locked", mode=0o750, uid=1, gid=2, readonly=True),
        ),
        ("type=cache,target=/c", Mount(type="cache", target="/c")),
        ("type=tmpfs,target=/t,size=64m", Mount(type="tmpfs", target="/t", size=64 << 20)),
        (
            "type=secret,id=s,target=/s,required,mode=400,uid=7",
            Mount(type="secret", id="s", target="/s", required=True, mode=0o400, uid=7, readonly=True),
        ),
        ("type=secret,id=s,env=TOKEN", Mount(type="secret", id="s", env="TOKEN", readonly=True)),
        ("type=secret,id=s,env=", Mount(type="secret", id="s", env="", readonly=True)),
        ("type=ssh,required=true", Mount(type="ssh", required=True, readonly=True)),
        ('"source=a,b",target=/x', Mount(source="a,b", target="/x", readonly=True)),
        ('target=/x,"source=say ""hi"""', Mount(source='say "hi"', target="/x", readonly=True)),
    ],
)
def test_values(text: str, mount: Mount) -> None:
    assert parse_mount(text) == mount


def test_a_comma_in_a_variable_makes_no_field() -> None:
    assert parse_mount("target=$t,source=$s", {"$t": "/x", "$s": "a,rw"}.__getitem__) == Mount(
        source="a,rw", target="/x", readonly=True
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type=bnd", 'unsupported mount type "bnd" (did you mean bind?)'),
        ("type=volume", 'unsupported mount type "volume"'),
        ("targt=/x", "unexpected key 'targt' in 'targt=/x' (did you mean target?)"),
        ("target", "invalid field 'target' must be a key=value pair"),
        ("type=bind,required", "unexpected key 'required' for mount type 'bind'"),
        ("type=cache,size=1m", "unexpected key 'size' for mount type 'cache'"),
        ("type=tmpfs,size=much", "invalid value for size: much"),
        ("type=tmpfs,size=" + "9" * 400, "invalid value for size: " + "9" * 400),
        ("type=cache,sharing=lock", 'unsupported sharing value "lock" (did you mean locked?)'),
        ("type=bind,sharing=shared", "invalid cache sharing set for bind mount"),
        ("type=bind,mode=755", 'mode not allowed for "bind" type mounts'),
        ("type=tmpfs,uid=1", 'uid not allowed for "tmpfs" type mounts'),
        ("type=cache,mode=9", "invalid value 9 for mode"),
        ("type=cache,uid=-1", "invalid value -1 for uid"),
        ("type=cache,gid=4294967296", "invalid value 4294967296 for gid"),
        ("ro=maybe", "invalid value for ro: maybe"),
        ("type=secret,required=x,id=a", "invalid value for required: x"),
        ("type=secret", "invalid secret mount. one of source, target required"),
        ("type=secret,id=a,source=b", "both source and id can't be set"),
        ("type=secret,id=a,from=b", "secret mount should not have a from"),
        ("", "failed to parse csv mounts: EOF"),
        ('a"b', 'failed to parse csv mounts: parse error on line 1, column 2: bare " in non-quoted-field'),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_mount(text)
    assert caught.value.message == message


def test_a_stage_cannot_be_a_variable() -> None:
    with pytest.raises(DockerfileError, match="line 2: 'from' doesn't support variable expansion"):
        parse(b"FROM a\nRUN --mount=from=$stage,target=/x true\n")


def test_everything_else_waits_for_variables() -> None:
    (run,) = parse(b"FROM a\nRUN --mount=type=$kind,target=/x --mount=type=ssh true\n").stages[0].instructions
    assert isinstance(run, Run)
    assert run.mounts == ("type=$kind,target=/x", "type=ssh")
