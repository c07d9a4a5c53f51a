"""`python -m bench`: run every case in turn on both daemons and report."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from bench.cases import CASES, Case
from bench.peers import REPOSITORY, Dockerd, Peer, Pogu, started

DOCS = REPOSITORY / "docs"


def measure(case: Case, peers: tuple[Pogu, Dockerd]) -> dict[str, object]:
    """Return the paired result: medians and spread in milliseconds, and the ratio of each pair."""
    times: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for turn in range(case.rounds + 1):
        for peer in peers:
            elapsed = _once(case, peer)
            if turn:  # the first round warms both
                times[peer.name].append(elapsed)
    ratios = [d / p for p, d in zip(times["pogu"], times["docker"], strict=True)]
    ratio = statistics.median(ratios)
    return {
        "case": case.name,
        "pogu_ms": _spread(times["pogu"]),
        "docker_ms": _spread(times["docker"]),
        "ratio": round(ratio, 2),
        "target": case.target,
        "met": ratio >= case.target,
    }


def _once(case: Case, peer: Peer) -> float:
    case.before(peer)
    began = time.perf_counter()
    case.work(peer)
    elapsed = time.perf_counter() - began
    case.after(peer)
    return elapsed


def _spread(times: list[float]) -> list[float]:
    return [round(1000 * t, 1) for t in (min(times), statistics.median(times), max(times))]


def memory_mib(peer: Peer) -> float:
    """Return the proportional set size of the idle daemon's processes in MiB."""
    total = 0
    for pid in peer.processes():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return round(total / 1024, 1)


def report(results: list[dict[str, object]], peers: tuple[Pogu, Dockerd], memory: list[float]) -> str:
    """Return the page for docs/performance.md."""
    pogu, docker = peers
    version = docker.docker("version", "-f", "{{.Server.Version}}")
    lines = [
        "# Performance",
        "",
        f"Measured by `make bench` in one run: the same docker command against Pogu and dockerd {version}",
        "in turn, each daemon with its own root and network namespace. Times are min / median / max in milliseconds;",
        "the ratio is the median over the pairs, dockerd divided by Pogu.",
        "",
        "| case | Pogu | dockerd | ratio | target |",
        "|---|---|---|---|---|",
    ]
    for r in results:
        mark = "met" if r["met"] else "missed"
        lines.append(
            f"| {r['case']} | {_cell(r['pogu_ms'])} | {_cell(r['docker_ms'])} | {r['ratio']} | ≥ {r['target']} {mark} |"
        )
    lines += [
        f"| start until ready, s | {pogu.ready_seconds:.2f} | {docker.ready_seconds:.2f} | | < 1 |",
        f"| idle memory (PSS), MiB | {memory[0]} | {memory[1]} | | < 80 |",
        "",
    ]
    return "\n".join(lines)


def _cell(spread: object) -> str:
    assert isinstance(spread, list)
    return " / ".join(f"{v:g}" for v in spread)


def main() -> int:
    with started() as peers:
        memory = [memory_mib(peer) for peer in peers]
        results = []
        for case in CASES:
            results.append(measure(case, peers))
            print(f"{case.name}: ratio {results[-1]['ratio']}", file=sys.stderr, flush=True)
        page = report(results, peers, memory)
    (DOCS / "performance.md").write_text(page)
    (DOCS / "performance.json").write_text(json.dumps(results, indent=1) + "\n")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
