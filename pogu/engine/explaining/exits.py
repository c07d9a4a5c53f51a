"""What an exit code means, together with what happened before it."""

from __future__ import annotations

import signal

from pogu.engine.explaining.facts import Facts

_Sentences = tuple[str, ...]
_SHELLS = ("sh", "bash", "ash", "dash", "zsh")
_SIGNALLED = 128  # plus the number of the signal (a shell's convention, and the runtime's)


def explain_exit(facts: Facts) -> tuple[_Sentences, _Sentences]:
    """Return (reasons, advice) for the end of the container's last run."""
    state = facts.container.state
    if state.oom_killed:
        return _out_of_memory(facts)
    code = state.exit_code
    if code == 0:
        return _success(facts)
    if code > _SIGNALLED and _name(code - _SIGNALLED):
        return _signalled(facts, code - _SIGNALLED)
    if facts.container.manually_stopped or _was("stop", facts):
        return (_stopped(facts), f"It ended with {code} of its own when it was told to stop."), ()
    return _failed(facts, code)


def _was(action: str, facts: Facts) -> bool:
    return any(happening.action == action for happening in facts.last_run())


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def _stopped(facts: Facts) -> str:
    return f"Somebody stopped it (`pogu stop {facts.container.name}`, or through the API)."


def _out_of_memory(facts: Facts) -> tuple[_Sentences, _Sentences]:
    limit = facts.container.host_config.memory or 0
    name = facts.container.name
    times = facts.count("oom")
    often = f" That has happened {times} times." if times > 1 else ""
    if not limit:
        return (
            (f"The kernel killed one of its processes because the machine had no memory left.{often}",),
            ("free -m", f"Give it a limit, so that it is not the machine that suffers: pogu update -m 512m {name}"),
        )
    return (
        (f"The kernel killed one of its processes: it used more than its limit of {_mebibytes(limit)}.{often}",),
        (
            f"Give it more: pogu update -m {_mebibytes(limit * 2)} --memory-swap {_mebibytes(limit * 2)} {name}",
            "Or find out what needs so much: pogu stats, and the program's own settings (heap, workers, caches).",
        ),
    )


def _mebibytes(size: int) -> str:
    return f"{max(1, size >> 20)}m"


def _success(facts: Facts) -> tuple[_Sentences, _Sentences]:
    if facts.container.manually_stopped or _was("stop", facts):
        return (_stopped(facts), "It ended in good order."), (f"pogu start {facts.container.name}",)
    config = facts.container.config
    if facts.container.path.rpartition("/")[2] in _SHELLS and not facts.container.args and not config.open_stdin:
        return (
            (f"Its command is only a shell (`{facts.command}`), which ends at once when there is no input.",),
            ("Run it with a terminal (-it), or give it a command that goes on.",),
        )
    return (
        (f"Its command (`{facts.command}`) has done what it had to do: 0 is success.",),
        ("A container lives as long as its first process. A server must stay in the foreground, not fork away.",),
    )


def _signalled(facts: Facts, number: int) -> tuple[_Sentences, _Sentences]:
    name, word = facts.container.name, _name(number)
    sent = next((h for h in reversed(facts.last_run()) if h.action == "kill" and h.signal == number), None)
    stopped = _was("stop", facts) or (facts.container.manually_stopped and sent is None)  # `kill` sets that as well
    if number == signal.SIGKILL and stopped and len({h.signal for h in facts.last_run() if h.action == "kill"}) > 1:
        return (
            (_stopped(facts), "It did not end in time after the stop signal, and was killed with SIGKILL."),
            (
                f"Give it longer (pogu stop -t 60 {name}) or another signal (--stop-signal).",
                "A shell as first process passes no signals on: begin the command with `exec`, or run with --init.",
            ),
        )
    if stopped:
        return (_stopped(facts), f"It was ended by {word}."), (f"pogu start {name}",)
    if sent is not None:
        return (f"Somebody sent it {word} (`pogu kill`, or through the API).",), (f"pogu start {name}",)
    return _by_itself(number, word)


def _by_itself(number: int, word: str) -> tuple[_Sentences, _Sentences]:
    if number == signal.SIGKILL:
        return (
            ("Its first process was killed with SIGKILL, not by Pogu: by somebody on this machine, or by the kernel.",),
            ("Look for `Out of memory` in `dmesg`.",),
        )
    if number in {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGABRT, signal.SIGFPE}:
        return (
            (f"Its first process crashed ({word}): that is a fault of the program or of its libraries.",),
            (
                "Look at its last lines, and whether the image is for this processor (uname -m).",
                "Run it with --ulimit core=-1 to keep a core file.",
            ),
        )
    return (
        (f"It ended because of {word}, which did not come through Pogu (or the code is the program's own).",),
        (),
    )


def _failed(facts: Facts, code: int) -> tuple[_Sentences, _Sentences]:
    if code == 127:
        return (
            (f"A shell in it found no command of some name (127); the container's command is `{facts.command}`.",),
            ("Its last lines name what was not found. Is that program in the image?",),
        )
    if code == 126:
        return (
            (f"A shell in it found a file that cannot be executed (126); its command is `{facts.command}`.",),
            ("chmod +x the file, and check its first line.",),
        )
    printed = "Its last lines may say why." if facts.lines else "It printed nothing."
    return (
        (f"Its command (`{facts.command}`) failed of itself with {code}. {printed}",),
        (
            f"pogu logs {facts.container.name}",
            f"Try it by hand: pogu run --rm -it --entrypoint sh {facts.container.config.image or 'IMAGE'}",
        ),
    )
