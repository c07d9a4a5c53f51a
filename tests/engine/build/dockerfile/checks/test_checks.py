"""Each documented check, on the smallest file that it finds something in, and on one that is right."""

from __future__ import annotations

import pytest

from pogu.engine.build.dockerfile import DockerfileError, parse
from pogu.engine.build.dockerfile.checks import (
    CheckOptions,
    Setting,
    checks,
    in_short,
    options_for,
    parse_options,
    violation,
)
from pogu.engine.build.ignore import Ignore

_SETTING = Setting(
    predefined={"BUILDPLATFORM": "linux/amd64", "TARGETPLATFORM": "linux/arm64"},
    environments={0: {"LANG": "C"}},
    ignore=Ignore(["secret.txt", "*.log"]),
)


def _found(text: str, setting: Setting = _SETTING) -> list[str]:
    return [in_short(warning) for warning in checks(parse(text.encode()), setting)]


_FOUND: dict[str, list[tuple[str, int, str]]] = {
    "StageNameCasing": [
        ("FROM a AS Build\n", 1, "Stage name 'Build' should be lowercase"),
    ],
    "FromAsCasing": [
        ("FROM a as b\n", 1, "'as' and 'FROM' keywords' casing do not match"),
        ("from a AS b\n", 1, "'AS' and 'from' keywords' casing do not match"),
    ],
    "NoEmptyContinuation": [
        ("FROM a\nRUN a \\\n\n b\n", 4, "Empty continuation line"),
    ],
    "ConsistentInstructionCasing": [
        ("FROM a\nrun b\nRUN c\n", 2, "Command 'run' should match the case of the command majority (uppercase)"),
        ("from a\nrun b\nRun c\n", 3, "Command 'Run' should match the case of the command majority (lowercase)"),
    ],
    "DuplicateStageName": [
        ("FROM a AS b\nFROM c AS b\n", 2, 'Duplicate stage name "b", stage names should be unique'),
    ],
    "ReservedStageName": [
        ("FROM a AS scratch\n", 1, 'Stage name should not use the same name as reserved stage "scratch"'),
    ],
    "JSONArgsRecommended": [
        (
            "FROM a\nENTRYPOINT run me\n",
            2,
            "JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals",
        ),
    ],
    "MaintainerDeprecated": [
        ("FROM a\nMAINTAINER me\n", 2, "Maintainer instruction is deprecated in favor of using label"),
    ],
    "UndefinedArgInFrom": [
        ("ARG TAG=1\nFROM a${TAGS}\n", 2, "FROM argument 'TAGS' is not declared (did you mean TAG?)"),
        (
            "FROM --platform=$BUILDPLATFROM a\n",
            1,
            "FROM argument 'BUILDPLATFROM' is not declared (did you mean BUILDPLATFORM?)",
        ),
    ],
    "WorkdirRelativePath": [
        (
            "FROM a\nWORKDIR src\nWORKDIR more\n",
            2,
            'Relative workdir "src" can have unexpected results if the base image changes',
        ),
    ],
    "UndefinedVar": [
        ("FROM debian\nENV LANGUAGE=$LAN\n", 2, "Usage of undefined variable '$LAN' (did you mean $LANG?)"),
        ("FROM scratch\nCOPY a $to\n", 2, "Usage of undefined variable '$to'"),
        ("FROM scratch\nCOPY <<E /x\n$who\nE\n", 2, "Usage of undefined variable '$who'"),
    ],
    "MultipleInstructionsDisallowed": [
        (
            'FROM a\nCMD ["a"]\nCMD ["b"]\n',
            2,
            "Multiple CMD instructions should not be used in the same stage because only the last one will be used",
        ),
    ],
    "LegacyKeyValueFormat": [
        ("FROM a\nLABEL who me\n", 2, '"LABEL key=value" should be used instead of legacy "LABEL key value" format'),
    ],
    "RedundantTargetPlatform": [
        (
            "FROM --platform=$TARGETPLATFORM a\n",
            1,
            "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
        ),
    ],
    "SecretsUsedInArgOrEnv": [
        (
            "FROM a\nENV DB_PASSWORD=x DB_PASSWORD_FILE=y\n",
            2,
            'Do not use ARG or ENV instructions for sensitive data (ENV "DB_PASSWORD")',
        ),
        ("FROM a\nARG api_token\n", 2, 'Do not use ARG or ENV instructions for sensitive data (ARG "api_token")'),
    ],
    "InvalidDefaultArgInFrom": [
        ("ARG TAG\nFROM a:${TAG}\n", 2, "Default value for ARG a:${TAG} results in empty or invalid base image name"),
    ],
    "FromPlatformFlagConstDisallowed": [
        ("FROM --platform=linux/arm64 a\n", 1, 'FROM --platform flag should not use constant value "linux/arm64"'),
    ],
    "CopyIgnoredFile": [
        ("FROM a\nCOPY /secret.txt /x\n", 2, 'Attempting to Copy file "secret.txt" that is excluded by .dockerignore'),
        ("FROM a\nADD b.log /x\n", 2, 'Attempting to Add file "b.log" that is excluded by .dockerignore'),
    ],
    "ExposeProtoCasing": [
        ("FROM a\nEXPOSE 80/TCP\n", 2, "Defined protocol '80/TCP' in EXPOSE instruction should be lowercase"),
    ],
    "ExposeInvalidFormat": [
        (
            "FROM a\nEXPOSE 8080:80\n",
            2,
            "EXPOSE instruction should not define an IP address or host-port mapping, found '8080:80'",
        ),
    ],
    "InvalidDefinitionDescription": [
        (
            "# check=experimental=all\n# about it\nFROM a AS b\n",
            3,
            "Comment for FROM should follow the format: `# b <description>`",
        ),
        (
            "# check=experimental=InvalidDefinitionDescription\n# x y\nARG a b\nFROM c\n",
            3,
            "Comment for ARG should follow the format: `# <arg_key> <description>`",
        ),
    ],
}


@pytest.mark.parametrize(
    ("rule", "text", "line", "message"),
    [(rule, *case) for rule, cases in _FOUND.items() for case in cases],
)
def test_what_is_found(rule: str, text: str, line: int, message: str) -> None:
    assert _found(text) == [f"{rule}: {message} (line {line})"]


@pytest.mark.parametrize(
    "text",
    [
        "ARG TAG=1\nFROM a:$TAG AS b\nFROM b\n",
        "from a as b\nrun c\n",
        "FROM a\nRUN a \\\n# comment\n b\n",
        'FROM a\nSHELL ["/bin/bash", "-c"]\nCMD run me\n',
        "FROM a\nWORKDIR /src\nWORKDIR more\n",
        "FROM debian\nARG maybe\nENV A=$maybe B=$PATH C=${LANG}\n",
        "FROM debian AS b\nENV A=1\nARG B=2\nFROM b\nENV C=$A$B\n",
        "FROM --platform=linux/arm64 a AS build-arm64\n",
        "FROM --platform=$BUILDPLATFORM a\n",
        "FROM a\nENV PUBLIC_KEY=x KEY_FILE=y MONKEY=z\n",
        "FROM a\nCOPY --from=b secret.txt /x\nADD https://a/secret.txt /y\nCOPY . .\n",
        "FROM a\nEXPOSE 80/tcp 81/udp 90-95\n",
        "# about it\nFROM a AS b\n",
        "# check=experimental=all\n# about it\n\nFROM a AS b\n# a is this\nARG a\n",
        'FROM a\nCMD ["a"]\nFROM b\nCMD ["c"]\n',
    ],
)
def test_nothing_is_found(text: str) -> None:
    assert _found(text) == []


def test_findings_have_rule_description_address_and_lines() -> None:
    (warning,) = checks(parse(b"FROM a\nCMD run \\\n  me\n"), Setting(vertex="sha256:0"))
    assert (warning.rule, warning.vertex, warning.first_line, warning.last_line) == (
        *("JSONArgsRecommended", "sha256:0"),
        *(2, 3),
    )
    assert warning.url == "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"
    assert warning.detail.startswith("JSON arguments recommended for ENTRYPOINT/CMD")


def test_checks_are_skipped_for_a_file_or_an_instruction() -> None:
    body = "FROM a\nMAINTAINER me\n{}CMD run\n"
    assert len(_found(body.format(""))) == 2
    assert len(_found("# check=skip=MaintainerDeprecated\n" + body.format(""))) == 1
    assert _found("# check=skip=MaintainerDeprecated,JSONArgsRecommended\n" + body.format("")) == []
    assert _found("# check=skip=all\n" + body.format("")) == []
    assert len(_found(body.format("# check=skip=JSONArgsRecommended\n"))) == 1
    assert len(_found(body.format("# check=skip=JSONArgsRecommended\n\n"))) == 2


def test_only_stages_that_are_built_are_looked_into() -> None:
    text = "FROM a AS one\nCMD run\nFROM one AS two\nCMD run\nFROM two\nWORKDIR x\n"
    assert [w.first_line for w in checks(parse(text.encode()))] == [2, 4, 6]
    assert [w.first_line for w in checks(parse(text.encode()), Setting(stages={2}))] == [6]


def test_variables_may_be_of_a_base_image_that_is_not_known() -> None:
    text = "FROM a AS b\nENV A=$SOMETHING\nFROM b\nENV B=$SOMETHING\n"
    assert _found(text, Setting()) == []
    assert len(_found(text, Setting(environments={0: {}}))) == 2


def test_build_arguments_are_known() -> None:
    text = b"ARG TAG\nFROM a:$TAG\n"
    assert [w.rule for w in checks(parse(text), Setting(arguments={"TAG": "1"}))] == ["InvalidDefaultArgInFrom"]
    typed = b"FROM scratch\nARG A=$nothing\nENV B=$A\n"
    assert [w.rule for w in checks(parse(typed))] == ["UndefinedVar"]
    assert checks(parse(typed), Setting(arguments={"A": "1"})) == []


def test_patterns_that_take_back_in_make_no_finding() -> None:
    setting = Setting(ignore=Ignore(["*", "!src/keep"]))
    assert _found("FROM a\nCOPY src /\n", setting) == []
    assert len(_found("FROM a\nCOPY . /\n", Setting(ignore=Ignore(["*"])))) == 1


def test_error_option_makes_findings_an_error() -> None:
    text = b"# check=error=true\nFROM a\nCMD run\nMAINTAINER me\n"
    dockerfile = parse(text)
    options = parse_options(dockerfile.directives.check)
    error = violation(checks(dockerfile), options)
    assert error is not None
    assert error.message == "lint violation found for rules: JSONArgsRecommended, MaintainerDeprecated"
    assert error.line == 3
    assert violation([], options) is None
    assert violation(checks(dockerfile), CheckOptions()) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("skip", 'failed to parse check options: invalid check option "skip"'),
        ("leave=all", 'failed to parse check options: invalid check option "leave"'),
        ("error=maybe", 'failed to parse check options: failed to parse check option "error=maybe"'),
    ],
)
def test_options_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        checks(parse(f"# check={text}\nFROM a\n".encode()))
    assert caught.value.message == message


def test_a_build_argument_takes_the_place_of_the_file_s_options() -> None:
    dockerfile = parse(b"# check=skip=MaintainerDeprecated\nFROM a\nMAINTAINER me\nCMD run\n")
    arguments = {"BUILDKIT_DOCKERFILE_CHECK": "skip=JSONArgsRecommended;error=true"}
    found = checks(dockerfile, Setting(arguments=arguments))
    assert [warning.rule for warning in found] == ["MaintainerDeprecated"]
    assert violation(found, options_for(dockerfile, arguments)) is not None


def test_options() -> None:
    assert parse_options("") == CheckOptions()
    assert parse_options(" skip = A , B ; error = 1 ") == CheckOptions(skip=frozenset("AB"), error=True)
