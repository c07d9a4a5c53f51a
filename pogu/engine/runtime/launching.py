"""Starting conmon, which creates the container, and hearing from it how that went.

Facts about conmon 2.1.6 that shape this file: it tells the container's PID, or the failure, as a JSON line on the
descriptor named by _OCI_SYNCPIPE; with `--sync` it does not fork itself away, so it is our child and its end is the
container's end; without `--no-sync-log` it syncs the log to disk before it says that the container has ended.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from functools import cache
from pathlib import Path

from pogu.engine.runtime import failures
from pogu.engine.runtime.bundle import Bundle
from pogu.engine.runtime.runtimes import SYSTEM_PATH, OciRuntime, environment, read_text
from pogu.engine.runtime.supervisor import LaunchSpec
from pogu.errors import Unsupported
from pogu.failpoints import step
from pogu.linux import processes
from pogu.linux.ptys import Stream

_SYNC_FD = 3


async def launch(
    spec: LaunchSpec, bundle: Bundle, runtime: OciRuntime, temporary: Path
) -> tuple[processes.Process, int]:
    """Start conmon in the bundle; return it and the PID of the created container's first process.

    `temporary` is where conmon may put the socket on which it gets a terminal.

    Raises:
        CommandNotFound, CommandNotExecutable, PoguError: as Supervisor.create; conmon has ended, the bundle and what
            the runtime made in it are left to the caller.
        Unsupported: conmon is not installed.
    """
    read_end, write_end = os.pipe()
    sync = Stream(read_end)
    try:
        process = start_conmon(spec, bundle, runtime, temporary, write_end)
        return process, await created(process, sync, spec, bundle, runtime)
    finally:
        sync.close()


async def created(
    process: processes.Process, sync: Stream, spec: LaunchSpec, bundle: Bundle, runtime: OciRuntime
) -> int:
    """Wait until a conmon that was started with the other end of `sync` has created the container; return its PID.

    Raises as `launch`.
    """
    step("runtime.create.spawned")
    pid, message = await _read_sync(sync)
    if pid > 0:
        return pid
    await process.wait()
    words = failures.last_error(read_text(bundle.runtime_log)) or message or read_text(bundle.conmon_log).strip()
    arguments = spec.spec.get("process", {}).get("args") or [""]
    raise failures.create_failure(runtime.name, words, arguments[0])


def start_conmon(
    spec: LaunchSpec, bundle: Bundle, runtime: OciRuntime, temporary: Path, sync_fd: int
) -> processes.Process:
    """Start conmon in the bundle, of which it is told nothing but `spec`'s names; closes `sync_fd`."""
    errors = os.open(bundle.conmon_log, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    env = {**environment(), "_OCI_SYNCPIPE": str(_SYNC_FD)}
    if len(str(temporary)) < 80:  # else the socket's address would be too long (unix(7)), and /tmp must do
        env["TMPDIR"] = str(temporary)
    try:
        return processes.spawn(
            _arguments(spec, bundle, runtime),
            fds={1: errors, 2: errors, _SYNC_FD: sync_fd},
            env=env,
            cwd=bundle.path,  # where it drops the file `oom`
        )
    except FileNotFoundError as e:
        raise Unsupported(f"{e.filename} is not installed on this host") from e
    finally:
        os.close(sync_fd)
        os.close(errors)


def _arguments(spec: LaunchSpec, bundle: Bundle, runtime: OciRuntime) -> list[str]:
    arguments = [_conmon(os.environ.get("PATH", ""))]
    arguments += ["--sync", "--api-version=1", "--full-attach", "--no-sync-log", "--log-level=error"]
    arguments += ["--cid", spec.id, "--cuuid", spec.id, "--name", spec.id, "--runtime", runtime.executable()]
    arguments += ["--bundle", str(bundle.path), "--container-pidfile", bundle.pid_file.name]  # in its directory
    arguments += ["--persist-dir", str(spec.persist_dir), "--log-path", f"k8s-file:{spec.log_path}"]
    if spec.terminal:
        arguments.append("--terminal")
    if spec.stdin:
        arguments.append("--stdin")
    if spec.terminal or not spec.stdin_once:
        arguments.append("--leave-stdin-open")
    for argument in runtime.global_arguments(bundle.runtime_log):
        arguments += ["--runtime-arg", argument]
    return arguments


@cache
def _conmon(path: str) -> str:
    """Return where conmon is. Raises FileNotFoundError."""
    found = shutil.which("conmon", path=f"{path}:{SYSTEM_PATH}")
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "conmon")
    return found


async def _read_sync(sync: Stream) -> tuple[int, str]:
    """Return the container's PID, or 0 and what conmon says of the failure."""
    data = b""
    while b"\n" not in data:
        piece = await sync.read()
        if not piece:
            return 0, ""
        data += piece
    answer = json.loads(data.splitlines()[0])
    return int(answer.get("data", 0)), str(answer.get("message", "")).strip()
