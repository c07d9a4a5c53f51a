"""`pogu up --detach`: a daemon of its own session, and a parent that waits until it is ready or has failed."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from pathlib import Path

Ready = Callable[[str], None]


def detach(run: Callable[[Ready], int], log_file: Path, timeout: float) -> int:
    """Fork, run `run` in the child, and return in the parent once the child called ready (0) or ended (its code).

    Must be called before any thread or event loop exists. The child's output goes to `log_file`; when it fails, the
    parent shows what it logged. `timeout` is in seconds.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    offset = log_file.stat().st_size if log_file.exists() else 0
    reader, writer = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os._exit(_child(run, log_file, writer))
    os.close(writer)
    line = _read_line(reader, timeout)
    if line:
        print(line)
        return 0
    code = _exit_code(pid)
    text = log_file.read_bytes()[offset:].decode(errors="replace") if log_file.exists() else ""
    sys.stderr.write(text or f"the daemon is not ready after {timeout:g} s: see {log_file}\n")
    return code


def _child(run: Callable[[Ready], int], log_file: Path, writer: int) -> int:
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    out = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    for source, target in ((null, 0), (out, 1), (out, 2)):
        os.dup2(source, target)

    def ready(line: str) -> None:
        os.write(writer, line.encode() + b"\n")
        os.close(writer)

    try:
        code = run(ready)
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _read_line(reader: int, timeout: float) -> str:
    data = b""
    while not data.endswith(b"\n"):
        if not select.select([reader], [], [], timeout)[0]:
            break
        chunk = os.read(reader, 4096)
        if not chunk:
            break
        data += chunk
    os.close(reader)
    return data.decode(errors="replace").rstrip("\n")


def _exit_code(pid: int) -> int:
    """Return 1, or the child's own code where it has ended with one."""
    done, status = os.waitpid(pid, os.WNOHANG)
    if not done:
        return 1
    return os.waitstatus_to_exitcode(status) or 1
