"""`pogu update`."""

from __future__ import annotations

import sys
from typing import Any

from pogu.cli.client import segment
from pogu.cli.commands.each import each
from pogu.cli.connect import connect
from pogu.cli.flags.body import nano_cpus, size, swap
from pogu.cli.flags.pairs import restart_policy
from pogu.cli.invoke import Failed, Session
from pogu.cli.pflag import argument, command, value


@command("update", help="Update configuration of one or more containers")
@value("--blkio-weight", type=int, help="Block IO (relative weight), between 10 and 1000, or 0 to disable")
@value("--cpu-period", type=int, help="Limit CPU CFS (Completely Fair Scheduler) period")
@value("--cpu-quota", type=int, help="Limit CPU CFS (Completely Fair Scheduler) quota")
@value("--cpu-rt-period", type=int, help="Limit the CPU real-time period in microseconds")
@value("--cpu-rt-runtime", type=int, help="Limit the CPU real-time runtime in microseconds")
@value("-c", "--cpu-shares", type=int, help="CPU shares (relative weight)")
@value("--cpus", metavar="decimal", help="Number of CPUs")
@value("--cpuset-cpus", help="CPUs in which to allow execution (0-3, 0,1)")
@value("--cpuset-mems", help="MEMs in which to allow execution (0-3, 0,1)")
@value("-m", "--memory", metavar="bytes", help="Memory limit")
@value("--memory-reservation", metavar="bytes", help="Memory soft limit")
@value("--memory-swap", metavar="bytes", help="Swap limit equal to memory plus swap: -1 to enable unlimited swap")
@value("--pids-limit", type=int, help="Tune container pids limit (set -1 for unlimited)")
@value("--restart", help="Restart policy to apply when a container exits")
@argument("containers", nargs=-1, required=True, metavar="CONTAINER [CONTAINER...]")
def update(session: Session, /, containers: tuple[str, ...], **given: Any) -> None:
    """Change the resources and the restart policy of containers."""
    body = _body(given)
    if not body:
        raise Failed("you must provide one or more flags when using this command")
    client = connect(session)
    warnings: list[str] = []

    def apply(ref: str) -> None:
        answer = client.post(f"/containers/{segment(ref)}/update", body)
        warnings.extend(answer.get("Warnings") or [])

    each(containers, apply)
    for warning in warnings:
        print(warning, file=sys.stderr)


_NUMBERS = {
    "blkio_weight": "BlkioWeight",
    "cpu_period": "CpuPeriod",
    "cpu_quota": "CpuQuota",
    "cpu_rt_period": "CpuRealtimePeriod",
    "cpu_rt_runtime": "CpuRealtimeRuntime",
    "cpu_shares": "CpuShares",
    "cpuset_cpus": "CpusetCpus",
    "cpuset_mems": "CpusetMems",
    "pids_limit": "PidsLimit",
}


def _body(given: dict[str, Any]) -> dict[str, Any]:
    body = {key: given[name] for name, key in _NUMBERS.items() if given[name] is not None}
    for name, flag, key in (
        ("memory", "-m, --memory", "Memory"),
        ("memory_reservation", "--memory-reservation", "MemoryReservation"),
    ):
        if given[name] is not None:
            body[key] = size(flag, given[name])
    if given["memory_swap"] is not None:
        body["MemorySwap"] = swap(given["memory_swap"])
    if given["cpus"] is not None:
        body["NanoCpus"] = nano_cpus(given["cpus"])
    if given["restart"] is not None:
        body["RestartPolicy"] = restart_policy(given["restart"])
    return body
