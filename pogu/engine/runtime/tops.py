"""`top`: what the host's ps says of a container's processes."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pogu.engine.runtime.supervisor import Processes
from pogu.errors import InvalidArgument, Unsupported
from pogu.linux import processes

_COLUMNS = "131072"  # no line is cut, whatever terminal the daemon was started from


async def top(pids: Sequence[int], ps_args: Sequence[str]) -> Processes:
    """Run `ps` with the arguments and keep the rows of `pids`; see Supervisor.top.

    The last column takes the rest of its line, so that a command with spaces stays whole (as dockerd does).
    """
    try:
        done = await processes.run(["ps", *ps_args], env={**os.environ, "COLUMNS": _COLUMNS})
    except FileNotFoundError:
        raise Unsupported("ps is not installed on this host: install procps") from None
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().partition("\n")[0]  # usage follows
        raise InvalidArgument(f"ps: {why or f'exit status {done.returncode}'}")
    lines = done.stdout.decode(errors="replace").splitlines()
    titles = lines[0].split() if lines else []
    if "PID" not in titles:
        raise InvalidArgument("Couldn't find PID field in ps output")
    column = titles.index("PID")
    wanted = {str(p) for p in pids}
    rows = []
    keep = False
    for line in lines[1:]:
        fields = line.split(None, len(titles) - 1)
        if len(fields) <= column:
            continue
        # with -T or -m ps shows a process's threads on lines of their own, whose PID is "-"
        keep = keep if fields[column] == "-" else fields[column] in wanted
        if keep:
            rows.append(fields)
    return Processes(titles, rows)
