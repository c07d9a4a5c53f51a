"""Each instruction's arguments and flags, and what is refused, in BuildKit's words."""

from __future__ import annotations

import msgspec
import pytest

from pogu.engine.build.dockerfile import (
    Add,
    Arg,
    Argument,
    CommandLine,
    Copy,
    DockerfileError,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Instruction,
    Label,
    Maintainer,
    Pair,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
    parse,
)
from pogu.engine.build.dockerfile.instructions import Heredoc


def _read(line: str) -> Instruction:
    return parse(f"FROM a\n{line}\n".encode()).stages[0].instructions[0]


def _fields(instruction: Instruction) -> dict[str, object]:
    return {name: getattr(instruction, name) for name in instruction.__struct_fields__[6:]}


_SECOND = 10**9


@pytest.mark.parametrize(
    ("line", "kind", "fields"),
    [
        ("ARG a b= c=d", Arg, {"arguments": (Argument("a"), Argument("b", ""), Argument("c", "d"))}),
        ("ARG a='b c' d=\"e\"", Arg, {"arguments": (Argument("a", "'b c'"), Argument("d", '"e"'))}),
        ("ENV a b  c", Env, {"pairs": (Pair("a", "b  c", legacy=True),)}),
        ("ENV a=b c='d e' f=g\\ h", Env, {"pairs": (Pair("a", "b"), Pair("c", "'d e'"), Pair("f", "g\\ h"))}),
        ("LABEL a=b=c", Label, {"pairs": (Pair("a", "b=c"),)}),
        ('LABEL "a b"="c"', Label, {"pairs": (Pair('"a b"', '"c"'),)}),
        ("EXPOSE 90 80/tcp $x", Expose, {"ports": ("$x", "80/tcp", "90")}),
        ("USER me:us", User, {"user": "me:us"}),
        ("WORKDIR  a b ", Workdir, {"path": "a b"}),
        ("VOLUME /a /b", Volume, {"paths": ("/a", "/b")}),
        ('VOLUME ["/a b", " /c "]', Volume, {"paths": ("/a b", "/c")}),
        ("STOPSIGNAL SIGINT", Stopsignal, {"signal": "SIGINT"}),
        ('SHELL ["/bin/sh", "-c"]', Shell, {"words": ("/bin/sh", "-c")}),
        ("MAINTAINER a <b>", Maintainer, {"maintainer": "a <b>"}),
        ("ENTRYPOINT []", Entrypoint, {"command": CommandLine((), shell=False)}),
        ("ENTRYPOINT", Entrypoint, {"command": CommandLine((), shell=True)}),
        ("HEALTHCHECK none", Healthcheck, {"test": ("NONE",)}),
        (
            "HEALTHCHECK --interval=1m --timeout=1.5s --start-period=0s --start-interval=5ms --retries=3 cmd curl x",
            Healthcheck,
            {
                "test": ("CMD-SHELL", "curl x"),
                "interval": 60 * _SECOND,
                "timeout": 3 * _SECOND // 2,
                "start_interval": 5_000_000,
                "retries": 3,
            },
        ),
        ('HEALTHCHECK CMD ["a", "b c"]', Healthcheck, {"test": ("CMD", "a", "b c")}),
        (
            "RUN --mount=type=ssh --network=none --security=insecure --device=x make it",
            Run,
            {
                "command": CommandLine(("make it",), shell=True),
                "mounts": ("type=ssh",),
                "network": "none",
                "security": "insecure",
                "devices": ("x",),
            },
        ),
        ("RUN -- --x", Run, {"command": CommandLine(("--x",), shell=True)}),
        (
            "COPY --from=b --chown=$u:g --chmod=u=rw --link --parents=false --exclude=*.o --exclude='a b' x y /z/",
            Copy,
            {
                "sources": ("x", "y"),
                "destination": "/z/",
                "chown": "$u:g",
                "chmod": "u=rw",
                "link": True,
                "excludes": ("*.o", "a b"),
                "from_": "b",
            },
        ),
        ('COPY ["a b", "c d"]', Copy, {"sources": ("a b",), "destination": "c d"}),
        (
            "ADD --checksum=sha256:0 --keep-git-dir --unpack=false --link=TRUE https://x /y",
            Add,
            {
                "sources": ("https://x",),
                "destination": "/y",
                "link": True,
                "checksum": "sha256:0",
                "keep_git_dir": True,
                "unpack": False,
            },
        ),
        ("ADD a /b", Add, {"sources": ("a",), "destination": "/b", "keep_git_dir": None, "unpack": None}),
    ],
)
def test_fields(line: str, kind: type[Instruction], fields: dict[str, object]) -> None:
    instruction = _read(line)
    assert type(instruction) is kind
    defaults = {f.name: f.default for f in msgspec.structs.fields(kind)}
    assert _fields(instruction) == {name: fields.get(name, defaults[name]) for name in _fields(instruction)}
    assert (instruction.text, instruction.first_line, instruction.last_line) == (line.strip(), 2, 2)


def test_scripts_and_commands_with_heredocs() -> None:
    script = _read("RUN <<-'E'\n\techo $a\nE")
    assert isinstance(script, Run)
    assert script.script == Heredoc(name="E", content="\techo $a\n", expand=False, chomp=True)
    assert script.script.text == "echo $a\n"
    command = _read("RUN cat <<A - <<B > /x\na\nA\nb\nB")
    assert isinstance(command, Run)
    assert command.script is None
    assert command.shell_text == "cat <<A - <<B > /x\na\nA\nb\nB\n"
    exec_form = parse(b'FROM a\nRUN ["a", "<<E"]\nRUN echo "<<E"\nRUN echo \'<<E\n').stages[0].instructions
    assert [instruction.heredocs for instruction in exec_form] == [(), (), ()]


def test_heredoc_of_copy_that_is_quoted_with_a_blank_is_no_source() -> None:
    copy = _read("COPY <<a.txt /x\ntext\na.txt")
    assert isinstance(copy, Copy)
    assert (copy.sources, copy.contents) == ((), (Heredoc(name="a.txt", content="text\n"),))


_TWO = "requires at least two arguments, but only one was provided. Destination could not be determined"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("FROM", "FROM requires either one or three arguments"),
        ("FROM a is b", "FROM requires either one or three arguments"),
        ("FROM a AS 1b", 'invalid name for build stage: "1b", name can\'t start with a number or contain symbols'),
        ("FROM a AS b:c", 'invalid name for build stage: "b:c", name can\'t start with a number or contain symbols'),
        ("FROM --os=x a", "unknown flag: --os"),
        ("FROM --platfrm=x a", "unknown flag: --platfrm (did you mean platform?)"),
        ("FROM --platform a", "missing a value on flag: --platform"),
        ("RUN --network=some x", 'invalid network mode "some"'),
        ("RUN --network=host --network=none x", "duplicate flag specified: --network"),
        ("RUN --security=none x", 'security "none" is not valid'),
        ("COPY a", f"COPY {_TWO}"),
        ("ADD", f"ADD {_TWO}"),
        ("COPY --link=x a b", "expecting boolean value for flag --link, not: x"),
        ("COPY --link= a b", "missing a value on flag: --link"),
        ("COPY --unpack a b", "unknown flag: --unpack"),
        ("ADD --from=x a b", "unknown flag: --from"),
        ("COPY a <<b\nb", "COPY cannot accept a heredoc as a destination"),
        ("ENV", "ENV requires at least one argument"),
        ("ENV =b", "ENV names can not be blank"),
        ("LABEL", "LABEL requires at least one argument"),
        ("ARG", "ARG requires at least one argument"),
        ("ARG =b", "ARG names can not be blank"),
        ("EXPOSE", "EXPOSE requires at least one argument"),
        ("USER", "USER requires exactly one argument"),
        ("WORKDIR", "WORKDIR requires exactly one argument"),
        ("WORKDIR --x /y", "unknown flag: --x"),
        ("VOLUME", "VOLUME requires at least one argument"),
        ('VOLUME [""]', "VOLUME specified can not be an empty string"),
        ("STOPSIGNAL", "STOPSIGNAL requires exactly one argument"),
        ("SHELL bash -c", "SHELL requires the arguments to be in JSON form"),
        ("SHELL []", "SHELL requires at least one argument"),
        ("MAINTAINER", "MAINTAINER requires exactly one argument"),
        ("HEALTHCHECK", "HEALTHCHECK requires at least one argument"),
        ("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"),
        ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
        ("HEALTHCHECK curl x", 'Unknown type "CURL" in HEALTHCHECK (try CMD)'),
        ("HEALTHCHECK --interval=5 CMD x", 'time: invalid duration "5"'),
        ("HEALTHCHECK --timeout=1us CMD x", 'Interval "timeout" cannot be less than 1ms'),
        ("HEALTHCHECK --retries=-1 CMD x", "--retries cannot be negative (-1)"),
        ("HEALTHCHECK --retries=x CMD x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("ONBUILD", "ONBUILD requires at least one argument"),
        ("ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"),
        ("ONBUILD from x", "FROM isn't allowed as an ONBUILD trigger"),
        ("ONBUILD MAINTAINER x", "MAINTAINER isn't allowed as an ONBUILD trigger"),
        ("INCLUDE x", "unknown instruction: INCLUDE"),
        ("cop a b", "unknown instruction: cop (did you mean copy?)"),
    ],
)
def test_errors(line: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        _read(line)
    assert (caught.value.message, caught.value.line) == (f"dockerfile parse error on line 2: {message}", 2)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ENV a", "ENV must have two arguments"),
        ("ENV a=b c", 'Syntax error - can\'t find = in "c". Must be of the form: name=value'),
        ("CMD [1]", "when using JSON array syntax, arrays must be comprised of strings only"),
        ("COPY [[]]", "when using JSON array syntax, arrays must be comprised of strings only"),
        ("COPY <<a /b\n", "unterminated heredoc"),
    ],
)
def test_errors_before_instructions_have_a_meaning(line: str, message: str) -> None:
    """These come before any error above, wherever in the file they are."""
    with pytest.raises(DockerfileError) as caught:
        parse(f"NONSENSE\n{line}\n".encode())
    assert (caught.value.message, caught.value.line) == (message, 2)


def test_stage_names_are_in_small_letters_and_keep_what_was_written() -> None:
    start = parse(b"FROM --platform=$BUILDPLATFORM a aS B_1.x-Y\n").stages[0].start
    assert isinstance(start, From)
    assert (start.stage, start.stage_text, start.as_keyword) == ("b_1.x-y", "B_1.x-Y", "aS")
    assert start.platform == "$BUILDPLATFORM"
