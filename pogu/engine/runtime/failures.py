"""What an OCI runtime says when it fails, in the words that Docker's users and clients know.

The docker command ends with 127 for "executable file not found" and "no such file or directory", and with 126 for
"permission denied"; it looks for those words in the message.
"""

from __future__ import annotations

import json
import re

from pogu.errors import CommandNotExecutable, CommandNotFound, Conflict, PoguError

_CREATE = "failed to create task for container: failed to create shim task: OCI runtime create failed: "
_EXEC = "OCI runtime exec failed: exec failed: "
_PROGRAM = "unable to start container process: "
# crun: executable file `x` not found in $PATH: No such file or directory
_CRUN_MISSING = re.compile(r"executable file [`'](?P<program>.*)[`'] not found in \$PATH")
# crun: open executable: Permission denied
_CRUN_DENIED = re.compile(
    r"^open executable: (?:Permission denied|Operation not permitted|Not a directory)", re.MULTILINE
)
# crun: chdir `/x`: No such file or directory
_CRUN_CHDIR = re.compile(r"chdir [`'](?P<path>.*)[`']: (?P<why>.+)")
# runc: exec: "x": permission denied
_RUNC_PROGRAM = re.compile(r'exec: "(?P<program>(?:[^"\\]|\\.)*)": (?P<why>[^:\n]+(?:: [a-z ]+)?)')

# crun's "fail startup": the new process was killed before it had begun, as the container was ending
_EXEC_STATE = re.compile(r"is not running|not running container|is paused|paused container|in a stopped|^fail startup")


def last_error(log: str) -> str:
    """Return the last error message in a runtime's JSON log; text that is not JSON is returned as it is."""
    message = ""
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            message = line.strip() or message
            continue
        if isinstance(entry, dict) and entry.get("msg") and entry.get("level", "error") in ("error", "fatal"):
            message = str(entry["msg"])
    return message.strip()


def create_failure(runtime: str, message: str, program: str) -> PoguError:
    """Return the error for a container that could not be created or started. `program` is its first argument."""
    kind, text = _explain(message, program)
    return kind(f"{_CREATE}{runtime} create failed: {text}: unknown")


def exec_failure(message: str, program: str) -> PoguError:
    """Return the error for a process that could not be started in a running container."""
    if _EXEC_STATE.search(message):
        return Conflict(f"{_EXEC}{message}: unknown")
    kind, text = _explain(message, program)
    return kind(f"{_EXEC}{text}: unknown")


def _explain(message: str, program: str) -> tuple[type[PoguError], str]:
    """Return the kind of error and the message from the program's name on."""
    if found := _CRUN_MISSING.search(message):
        name = found["program"]
        why = "no such file or directory" if "/" in name else "executable file not found in $PATH"
        where = f"stat {name}: {why}" if "/" in name else why
        return CommandNotFound, f'{_PROGRAM}exec: "{name}": {where}'
    if not program:  # crun looks at the working directory then, and runc on PATH
        return CommandNotFound, f'{_PROGRAM}exec: "": executable file not found in $PATH'
    if _CRUN_DENIED.search(message):  # a directory too: access(2) on it succeeds, and crun looks on
        return CommandNotExecutable, f'{_PROGRAM}exec: "{program}": permission denied'
    if found := _CRUN_CHDIR.search(message):
        kind = CommandNotFound if "No such" in found["why"] else CommandNotExecutable
        return (
            kind,
            f"{_PROGRAM}chdir to cwd ({json.dumps(found['path'])}) set in config.json failed: {found['why'].lower()}",
        )
    if found := _RUNC_PROGRAM.search(message):
        kind = CommandNotExecutable if _not_executable(found["why"]) else CommandNotFound
        return kind, _from_program(message)
    if "chdir to cwd" in message and "no such file or directory" in message:
        return CommandNotFound, _from_program(message)
    return PoguError, message or "the runtime ended without a word"


def _not_executable(why: str) -> bool:
    return any(words in why for words in ("permission denied", "is a directory", "not a directory", "format error"))


def _from_program(message: str) -> str:
    """Cut runc's own prefixes, which name its steps: `runc create failed: unable to start container process: …`."""
    start = message.find(_PROGRAM)
    return message[start:] if start >= 0 else _PROGRAM + message
