"""`pogu stats`."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from pogu.cli.client import ApiError, Client, segment
from pogu.cli.connect import connect
from pogu.cli.invoke import Session
from pogu.cli.output import Listing, print_rows, render_rows
from pogu.cli.pflag import argument, command, switch, value
from pogu.cli.terminal import is_terminal
from pogu.cli.units import human_binary, human_size

_TABLE = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}"
_LISTING = Listing(
    _TABLE,
    {
        "ID": "CONTAINER ID",
        "CPUPerc": "CPU %",
        "MemUsage": "MEM USAGE / LIMIT",
        "MemPerc": "MEM %",
        "NetIO": "NET I/O",
        "BlockIO": "BLOCK I/O",
        "PIDs": "PIDS",
    },
    kind="*container.statsContext",
)
_NONE = {"CPUPerc": "--", "MemUsage": "-- / --", "MemPerc": "--", "NetIO": "--", "BlockIO": "--", "PIDs": "--"}
_INTERVAL = 0.5  # seconds between two drawings, as docker has it


@command("stats", help="Display a live stream of container(s) resource usage statistics")
@switch("-a", "--all", "all_", help="Show all containers (default shows just running)")
@value("--format", "form", help="Format output using a template: table, table TEMPLATE, json, TEMPLATE")
@switch("--no-stream", help="Disable streaming stats and only pull the first result")
@switch("--no-trunc", help="Do not truncate output")
@argument("containers", nargs=-1, metavar="[CONTAINER...]")
def stats(session: Session, /, containers: tuple[str, ...], **given: Any) -> None:
    """Show containers' use of CPU, memory, network, disks and processes."""
    client = connect(session)
    if containers:
        found = [client.get(f"/containers/{segment(ref)}/json")["Id"] for ref in containers]
        given["named"] = dict(zip(found, containers, strict=True))
    else:
        found = [entry["Id"] for entry in client.get("/containers/json", all=given["all_"] or None)]
    given["form"] = given["form"] or session.settings.get("statsFormat")
    if given["no_stream"]:
        print_rows(given["form"], _once(client, found, given), _LISTING)
        return
    _live(client, found, given, fixed=bool(containers))


def _once(client: Client, ids: list[str], given: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask for all at the same time: each answer takes the second between two samples."""
    rows: dict[str, dict[str, Any]] = {}

    def ask(id_: str) -> None:
        try:
            rows[id_] = _shown(id_, client.get(f"/containers/{id_}/stats", stream=False), given)
        except ApiError:
            pass  # it went away meanwhile

    threads = [threading.Thread(target=ask, args=(id_,), daemon=True) for id_ in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [rows[id_] for id_ in ids if id_ in rows]


def _live(client: Client, ids: list[str], given: dict[str, Any], *, fixed: bool) -> None:
    rows: dict[str, dict[str, Any]] = {}
    watched: set[str] = set()

    def watch(id_: str) -> None:
        try:
            for sample in client.request("GET", f"/containers/{id_}/stats", query={"stream": True}).json_lines():
                rows[id_] = _shown(id_, sample, given)
        except (ApiError, OSError):
            pass
        if not fixed:
            rows.pop(id_, None)
            watched.discard(id_)

    while True:
        if not fixed:
            ids = [entry["Id"] for entry in client.get("/containers/json", all=given["all_"] or None)]
        for id_ in ids:
            if id_ not in watched:
                watched.add(id_)
                rows.setdefault(id_, {"ID": id_[:12], "Container": id_, "Name": "--", **_NONE})
                threading.Thread(target=watch, args=(id_,), daemon=True).start()
        text = render_rows(given["form"], [rows[id_] for id_ in ids if id_ in rows], _LISTING)
        clear = "\033[H\033[J" if is_terminal(sys.stdout) else ""
        print(f"{clear}{text}", flush=True)
        time.sleep(_INTERVAL)


def _shown(id_: str, sample: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    row = stats_row(sample, trunc=not given["no_trunc"])
    return {**row, "Container": given.get("named", {}).get(id_, row["Container"])}


def stats_row(sample: dict[str, Any], *, trunc: bool) -> dict[str, Any]:
    """Return what docker shows of one sample: CPU since the previous one, memory without the page cache."""
    memory = sample.get("memory_stats") or {}
    used, limit = _memory(memory), memory.get("limit") or 0
    received, sent = (
        sum(each[key] for each in (sample.get("networks") or {}).values()) for key in ("rx_bytes", "tx_bytes")
    )
    read, written = _block_io(sample.get("blkio_stats") or {})
    id_ = sample.get("id", "")
    return {
        "ID": id_[:12] if trunc else id_,
        "Container": id_,
        "Name": sample.get("name", "").lstrip("/"),
        "CPUPerc": f"{_cpu_percent(sample):.2f}%",
        "MemUsage": f"{human_binary(used)} / {human_binary(limit)}",
        "MemPerc": f"{used / limit * 100 if limit else 0:.2f}%",
        "NetIO": f"{human_size(received)} / {human_size(sent)}",
        "BlockIO": f"{human_size(read)} / {human_size(written)}",
        "PIDs": str((sample.get("pids_stats") or {}).get("current") or 0),
    }


def _cpu_percent(sample: dict[str, Any]) -> float:
    now, before = sample.get("cpu_stats") or {}, sample.get("precpu_stats") or {}
    used = (now.get("cpu_usage") or {}).get("total_usage", 0) - (before.get("cpu_usage") or {}).get("total_usage", 0)
    passed = (now.get("system_cpu_usage") or 0) - (before.get("system_cpu_usage") or 0)
    cpus = now.get("online_cpus") or len((now.get("cpu_usage") or {}).get("percpu_usage") or []) or 1
    return used / passed * cpus * 100 if used > 0 and passed > 0 else 0.0


def _memory(memory: dict[str, Any]) -> int:
    """Return use without inactive file pages (`total_inactive_file` of cgroup v1, `inactive_file` of v2)."""
    usage, details = memory.get("usage") or 0, memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return int(usage - cache if cache < usage else usage)


def _block_io(block: dict[str, Any]) -> tuple[int, int]:
    totals = {"read": 0, "write": 0}
    for entry in block.get("io_service_bytes_recursive") or []:
        kind = entry["op"].lower()
        if kind in totals:
            totals[kind] += entry["value"]
    return totals["read"], totals["write"]
