"""Why a container could not be started: what the daemon's and the runtime's errors mean, and what to try."""

from __future__ import annotations

import re

_Advice = tuple[str, ...]

# What an error has in it, what that means, what to try. The first that fits is it. This is the one place where words of
# errors are looked at: they are kept as text in a container's record, and come from the runtime.
_KNOWN: tuple[tuple[str, str, _Advice], ...] = (
    (
        r'exec: "(?P<program>[^"]*)": executable file not found',
        "The image has no program `{program}` in its PATH.",
        (
            "Check the spelling of the command, or give its whole path.",
            "Look what the image has: pogu run --rm -it --entrypoint sh IMAGE",
        ),
    ),
    (
        r'exec: "(?P<program>[^"]*)":.*(stat|no such file or directory)',
        "The program `{program}` is not in the image, or the interpreter that its first line names is not.",
        ("Look what the image has: pogu run --rm -it --entrypoint sh IMAGE",),
    ),
    (
        r'exec: "(?P<program>[^"]*)":.*(permission denied|is a directory)',
        "`{program}` is there but cannot be run: it is no program, or has no permission to be executed.",
        ("chmod +x the file in the image, or name its interpreter: sh SCRIPT",),
    ),
    (
        r"[Ee]xec format error",
        "The program is for another kind of processor, or is a script without a first line such as #!/bin/sh.",
        ("Compare `pogu image inspect -f '{{{{.Architecture}}}}' IMAGE` with `uname -m`.",),
    ),
    (
        r"(port is already allocated|address already in use)",
        "A port that it publishes on this machine is taken by another container or program.",
        (
            "See who has it: pogu ps --filter publish=PORT, or ss -ltnp",
            "Publish another one (-p), or stop what has this one.",
        ),
    ),
    (
        r"bind source path does not exist: (?P<path>\S+)",
        "The directory `{path}` that is to be mounted is not on this machine.",
        ("mkdir -p {path}",),
    ),
    (
        r"network (?P<network>\S+) not found|could not find a network matching (?P<matching>\S+)",
        "A network that it belongs to is gone.",
        ("Make it again (pogu network create), or connect the container to another one.",),
    ),
    (
        r"[Nn]o such container|cannot join network of a non running container",
        "It shares a namespace with another container that is gone or does not run.",
        ("Start that one first.",),
    ),
    (
        r"unable to find user (?P<user>\S+?):",
        "The image has no user `{user}`.",
        ("Name a user that is in the image's /etc/passwd, or a number.",),
    ),
    (
        r"chdir to cwd|mkdir .*working",
        "Its working directory is not in the image.",
        ("Give another one with -w.",),
    ),
    (
        r"[Nn]o space left on device",
        "The disk is full.",
        ("pogu system df", "pogu system prune"),
    ),
    (
        r"cannot allocate memory|memory\.max|memory limit",
        "There was not enough memory, or the limit is too small to start in.",
        ("pogu update --memory SIZE CONTAINER",),
    ),
    (
        r"[Nn]o such image",
        "The image that it was made from is gone.",
        ("Load or pull it again.",),
    ),
)


def explain_start_failure(error: str) -> tuple[str, _Advice]:
    """Return (reason, what to try) of a start that failed with `error`."""
    for pattern, reason, advice in _KNOWN:
        match = re.search(pattern, error)
        if match:
            names = {key: value or "" for key, value in match.groupdict().items()}
            return reason.format(**names), tuple(line.format(**names) for line in advice)
    return "The runtime refused to start it.", ("Look at the daemon's log.", "pogu system check")
