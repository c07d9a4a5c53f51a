"""The built-in profile and Docker's JSON form; what it stops is tried in a container."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pogu.engine.runtime import seccomp
from pogu.engine.runtime.capabilities import DEFAULT
from pogu.errors import InvalidArgument
from tests.engine.runtime.ground import Ground

HELD = frozenset(DEFAULT)


def builtin(*extra: str, machine: str = "x86_64", kernel: tuple[int, int] = (6, 1)) -> dict[str, Any]:
    found = seccomp.builtin(HELD | set(extra), machine, kernel)
    assert found
    return found


def allowed(profile: dict[str, Any]) -> set[str]:
    """The calls that are allowed whatever their arguments."""
    return {
        name
        for rule in profile["syscalls"]
        if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule
        for name in rule["names"]
    }


def test_everything_else_fails_with_eperm() -> None:
    profile = builtin()
    assert (profile["defaultAction"], profile["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)
    assert profile["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    assert {"read", "openat", "execve", "futex", "ptrace", "chroot", "arch_prctl"} <= allowed(profile)
    forbidden = (
        "mount unshare setns bpf keyctl add_key kexec_load io_uring_setup userfaultfd clone clone3 reboot".split()
    )
    assert not allowed(profile) & set(forbidden)


@pytest.mark.parametrize(
    "capability, calls",
    [
        ("CAP_SYS_ADMIN", {"mount", "unshare", "setns", "clone", "clone3", "sethostname"}),
        ("CAP_SYS_MODULE", {"init_module"}),
        ("CAP_SYS_TIME", {"clock_settime"}),
        ("CAP_SYS_BOOT", {"reboot"}),
        ("CAP_BPF", {"bpf"}),
        ("CAP_SYS_PTRACE", {"kcmp", "pidfd_getfd"}),
    ],
)
def test_a_capability_brings_its_calls(capability: str, calls: set[str]) -> None:
    assert calls <= allowed(builtin(capability))
    assert not calls & allowed(builtin())


def test_clone_is_allowed_without_namespaces_and_clone3_seems_missing() -> None:
    rules = {rule["names"][0]: rule for rule in builtin()["syscalls"] if len(rule["names"]) == 1}
    [argument] = rules["clone"]["args"]
    assert argument == {"index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": 0x7E020000, "valueTwo": 0}
    assert (rules["clone3"]["action"], rules["clone3"]["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


def test_sockets_and_personalities_by_their_first_argument() -> None:
    def values(call: str, comparison: str) -> set[int]:
        rules = [rule for rule in builtin()["syscalls"] if rule["names"] == [call]]
        return {rule["args"][0]["value"] for rule in rules if rule["args"][0]["op"] == comparison}

    assert values("socket", "SCMP_CMP_LT") == {12}
    families = values("socket", "SCMP_CMP_EQ")
    assert {16, 17, 29, 44} <= families  # netlink, packet, CAN, XDP
    assert not families & {12, 19, 20, 23, 25, 34, 37, 38, 40} and max(families) == 45
    assert values("personality", "SCMP_CMP_EQ") == {0, 8, 0x20000, 0x20008, 0xFFFFFFFF}


def test_kernel_and_machine_matter() -> None:
    assert "ptrace" not in allowed(builtin(kernel=(4, 7)))
    arm = builtin(machine="aarch64")
    assert "arch_prctl" not in allowed(arm)
    assert "cacheflush" in allowed(arm)
    assert seccomp.builtin(HELD, "riscv64", (6, 1)) is None


PROFILE = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": None},
    ],
    "syscalls": [
        {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["only_arm"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64"]}},
        {"names": ["not_amd"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd64"]}},
        {"names": ["new"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "6.5"}},
        {"names": ["old"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "6.5"}},
        {"name": "single", "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
    ],
}


def test_dockers_form_is_resolved() -> None:
    found = seccomp.parse(json.dumps(PROFILE), HELD, "x86_64", (6, 1))
    assert found["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    assert [rule["names"] for rule in found["syscalls"]] == [["read", "write"], ["clone3"], ["old"], ["single"]]
    assert found["syscalls"][3]["args"] == [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]
    found = seccomp.parse(json.dumps(PROFILE), HELD | {"CAP_SYS_ADMIN"}, "aarch64", (6, 5))
    assert found["architectures"] == ["SCMP_ARCH_AARCH64"]
    names = [rule["names"][0] for rule in found["syscalls"]]
    assert names == ["read", "mount", "only_arm", "not_amd", "new", "single"]


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", "Decoding seccomp profile failed"),
        ("[]", "Expected `object`, got `array`"),
        ("[" * 100_000, "Decoding seccomp profile failed"),
        ('{"defaultAction":7}', "Expected `str`, got `int` - at `\\$.defaultAction`"),
        ('{"defaultAction":"x","syscalls":[7]}', "at `\\$.syscalls"),
        ('{"defaultAction":"x","syscalls":[{"args":[{"index":"x","op":""}]}]}', "args"),
        ('{"defaultAction":"x","syscalls":[{"includes":{"minKernel":"six"}}]}', "minKernel"),
        ('{"defaultAction":"x","archMap":7}', "archMap"),
        ("{}", "defaultAction is missing"),
        ('{"defaultAction":"x","architectures":["a"],"archMap":[{}]}', "either 'architectures' or 'archMap'"),
        ('{"defaultAction":"x","syscalls":[{"name":"a","names":["b"]}]}', "either 'name' or 'names'"),
    ],
)
def test_bad_profiles_are_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        seccomp.parse(text, HELD, "x86_64", (6, 1))


@pytest.mark.parametrize("runtime", ["crun", "runc"])
async def test_the_profile_holds_in_a_container(ground: Ground, runtime: str) -> None:
    ground.config.runtime = runtime
    script = "unshare -U true 2>&1; grep ^Seccomp: /proc/self/status"
    # twice: the second container gets the filter that crun compiled for the first
    for _ in range(2):
        code, text = await ground.run("sh", "-c", script)
        assert text == "unshare: unshare(0x10000000): Operation not permitted\nSeccomp:\t2\n"
        assert code == 0
    code, text = await ground.run("sh", "-c", script, security_opt=["seccomp=unconfined"])
    assert text == "Seccomp:\t0\n"
    denied = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}
    code, text = await ground.run("sh", "-c", "mkdir /tmp/x 2>&1", security_opt=[f"seccomp={json.dumps(denied)}"])
    assert text == "mkdir: can't create directory '/tmp/x': Operation not permitted\n"
