"""A whole Dockerfile becomes stages of typed instructions; what is wrong in it is told with its line."""

from __future__ import annotations

import pytest

from pogu.engine.build.dockerfile import (
    Add,
    Argument,
    Cmd,
    CommandLine,
    Copy,
    DockerfileError,
    Env,
    Onbuild,
    Pair,
    Run,
    parse,
    parse_instruction,
)


def test_stages_have_names_bases_platforms_and_lines() -> None:
    dockerfile = parse(
        b"ARG V=1\nFROM --platform=$BUILDPLATFORM debian:$V AS Build\nRUN make\n\nFROM scratch\nUSER me\n"
    )
    assert [a.arguments for a in dockerfile.arguments] == [(Argument("V", "1"),)]
    first, second = dockerfile.stages
    assert (first.name, first.base, first.platform, first.line) == ("build", "debian:$V", "$BUILDPLATFORM", 2)
    assert (second.name, second.base, second.platform, second.line) == ("", "scratch", "", 5)
    assert [i.text for i in first.instructions] == ["RUN make"]
    assert (second.instructions[0].first_line, second.instructions[0].name) == (6, "USER")


def test_continuation_lines_are_joined_and_comments_within_go() -> None:
    dockerfile = parse(b"FROM a\nRUN one && \\\n  # why\n  two \\\n\n  three\n")
    (run,) = dockerfile.stages[0].instructions
    assert run.text == "RUN one &&   two   three"
    assert (run.first_line, run.last_line) == (2, 6)
    assert dockerfile.empty_continuations[0].line == 6


def test_heredocs_belong_to_their_instruction() -> None:
    text = b'FROM a\nRUN <<EOF\necho $x\nEOF\nCOPY <<-"a.txt" <<b.txt from /to/\n\tA\na.txt\nB\nb.txt\nADD x /\n'
    run, copy, add = parse(text).stages[0].instructions
    assert isinstance(run, Run)
    assert isinstance(copy, Copy)
    assert isinstance(add, Add)
    assert run.script is not None
    assert (run.script.text, run.script.expand, run.last_line) == ("echo $x\n", True, 4)
    assert (copy.sources, copy.destination) == (("from",), "/to/")
    assert [(c.name, c.text, c.expand) for c in copy.contents] == [("a.txt", "A\n", False), ("b.txt", "B\n", True)]
    assert (add.sources, add.first_line) == (("x",), 10)


def test_shell_and_exec_form() -> None:
    one, two, three = parse(b'FROM a\nCMD  echo  "a b"\nCMD ["echo", "a b"]\nCMD [echo]\n').stages[0].instructions
    assert isinstance(one, Cmd)
    assert isinstance(two, Cmd)
    assert isinstance(three, Cmd)
    assert one.command == CommandLine(('echo  "a b"',), shell=True)
    assert two.command == CommandLine(("echo", "a b"), shell=False)
    assert three.command == CommandLine(("[echo]",), shell=True)


def test_trigger_is_read_later() -> None:
    (onbuild,) = parse(b"FROM a\nONBUILD  COPY <<EOF /x\nhi\nEOF\n").stages[0].instructions
    assert isinstance(onbuild, Onbuild)
    assert onbuild.trigger == "COPY <<EOF /x\nhi\nEOF"
    copy = parse_instruction(onbuild.trigger)
    assert isinstance(copy, Copy)
    assert (copy.contents[0].content, copy.destination) == ("hi\n", "/x")


def test_escape_directive_changes_escapes_and_continuations() -> None:
    dockerfile = parse(b"# escape=`\nFROM a\nENV A=c:\\x` y `\n B=2\n")
    (env,) = dockerfile.stages[0].instructions
    assert isinstance(env, Env)
    assert dockerfile.directives.escape == "`"
    assert env.pairs == (Pair("A", "c:\\x` y"), Pair("B", "2"))


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "the Dockerfile cannot be empty", 0),
        ("# nothing\n", "file with no instructions", 1),
        ("FROM a\n\nCPOY a b", "dockerfile parse error on line 3: unknown instruction: CPOY (did you mean COPY?)", 3),
        ("FROM a b", "dockerfile parse error on line 1: FROM requires either one or three arguments", 1),
        ("FROM a\nRUN <<EOF\nx\n", "unterminated heredoc", 2),
        ("FROM a\nENV x\n", "ENV must have two arguments", 2),
        ("RUN a\n", "no build stage in current context", 1),
        ("ARG a\n", "dockerfile contains no stages to build", 0),
    ],
)
def test_errors_name_their_line(text: str, message: str, line: int) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(text.encode())
    assert (caught.value.message, caught.value.line) == (message, line)
