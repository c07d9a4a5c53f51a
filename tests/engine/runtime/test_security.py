"""Security options, and which seccomp profile they lead to."""

from __future__ import annotations

from pathlib import Path

import pytest

from pogu.engine.runtime.host import HostFacts
from pogu.engine.runtime.security import SecurityOptions, parse_security_options, seccomp_profile
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    "options, expected",
    [
        (None, SecurityOptions()),
        (["no-new-privileges"], SecurityOptions(no_new_privileges=True)),
        (["no-new-privileges=true"], SecurityOptions(no_new_privileges=True)),
        (["no-new-privileges", "no-new-privileges:false"], SecurityOptions()),
        (["writable-cgroups=true"], SecurityOptions(writable_cgroups=True)),
        (["writable-cgroups=0"], SecurityOptions(writable_cgroups=False)),
        (["apparmor=x", "seccomp=unconfined"], SecurityOptions(apparmor="x", seccomp="unconfined")),
        (["label=disable", "label:type:x", "disable"], SecurityOptions()),
    ],
)
def test_options(options: list[str] | None, expected: SecurityOptions) -> None:
    assert parse_security_options(options) == expected


def test_the_engine_can_forbid_new_privileges() -> None:
    assert parse_security_options([], no_new_privileges=True).no_new_privileges
    assert not parse_security_options(["no-new-privileges=false"], no_new_privileges=True).no_new_privileges


@pytest.mark.parametrize("option", ["nope", "nope=x", "no-new-privileges=perhaps", "writable-cgroups=2"])
def test_bad_options(option: str) -> None:
    with pytest.raises(InvalidArgument, match=f'invalid --security-opt .: "{option}"'):
        parse_security_options([option])


def profile(wanted: str, default: str = "", privileged: bool = False) -> object:
    found = seccomp_profile(SecurityOptions(seccomp=wanted), frozenset(), HostFacts(), default, privileged=privileged)
    return None if found is None else found["defaultAction"]


def test_which_profile(tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    file.write_text('{"defaultAction": "SCMP_ACT_LOG"}')
    assert profile("") == "SCMP_ACT_ERRNO"
    assert profile("", default="unconfined") is None
    assert profile("", default=str(file)) == "SCMP_ACT_LOG"
    assert profile("builtin", default="unconfined") == "SCMP_ACT_ERRNO"
    assert profile("unconfined") is None
    assert profile("", privileged=True) is None
    assert profile('{"defaultAction": "SCMP_ACT_TRACE"}', privileged=True) == "SCMP_ACT_TRACE"
    with pytest.raises(InvalidArgument, match="opening seccomp profile"):
        profile("", default=str(tmp_path / "nope"))
