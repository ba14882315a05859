"""CPU and memory of processes by role, once a second, as JSON lines: a process of its own, so that looking costs the generator nothing.

It looks at given pids and all that descends from them, and touches none. `python -m loadtest.resources --root switch=PID --out
FILE` goes on until its standard input ends. PostgreSQL's and Valkey's processes count apart from those that started them.
"""

import argparse
import json
import select
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

import psutil

ROLES = {"postgres": "postgres", "valkey-server": "valkey"}  # by the name of the process, wherever it hangs
EVERY_SECONDS = 1.0
SECONDS_MAX = 24 * 3_600.0  # it ends by itself if nobody ends it


class Used(NamedTuple):
    """What one process has used until now."""

    cpu_seconds: float
    memory_bytes: int  # PostgreSQL's shared pages count once, for the process that has the most of them


class Watch:
    """Looks at the processes under its roots; CPU since its last look, memory as it is."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = roots
        self._known: dict[int, psutil.Process] = {}
        self._before: dict[int, float] = {}
        self._looked_at = time.perf_counter()
        self._machine = (0.0, 0.0)
        self.stolen()

    def look(self) -> dict[str, dict[str, float]]:
        """Return {role: {"cpu": cores in use, "memory_mb", "processes"}}."""
        now = time.perf_counter()
        elapsed, self._looked_at = max(now - self._looked_at, 1e-6), now
        cpu: dict[str, float] = defaultdict(float)
        memory: dict[str, list[int]] = defaultdict(list)
        seen: dict[int, float] = {}
        for role, process in self._processes():
            try:
                with process.oneshot():
                    times, size = process.cpu_times(), process.memory_info()
            except psutil.Error:  # ended between two looks
                continue
            spent = times.user + times.system
            seen[process.pid] = spent
            cpu[role] += max(spent - self._before.get(process.pid, spent), 0.0)
            memory[role] += [size.rss - size.shared, size.shared] if role == "postgres" else [size.rss, 0]
        self._before = seen
        return {
            role: {
                "cpu": round(cpu[role] / elapsed, 4),
                "memory_mb": round((sum(sizes[::2]) + max(sizes[1::2])) / 2**20, 1),
                "processes": len(sizes) // 2,
            }
            for role, sizes in memory.items()
        }

    def stolen(self) -> float:
        """Return the share of the machine's CPU time that its host gave to others since it was last asked, 0 to 1."""
        times = psutil.cpu_times()
        taken, total = getattr(times, "steal", 0.0), sum(times[:8])
        before, self._machine = self._machine, (taken, total)
        return round((taken - before[0]) / max(total - before[1], 1e-6), 4)

    def _processes(self) -> Iterator[tuple[str, psutil.Process]]:
        found: dict[int, psutil.Process] = {}
        for role, pid in self._roots.items():
            try:
                root = self._known.get(pid) or psutil.Process(pid)
                if root.is_running():
                    family = [root, *root.children(recursive=True)]
                    found |= {one.pid: one for one in family}
                    yield from ((ROLES.get(one.name(), role), one) for one in family if one.pid != psutil.Process().pid)
            except psutil.Error:
                continue
        self._known = found


def memory(lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return for each role its memory in MB: the median of the first and of the last tenth of the looks, and the most."""
    by_role: dict[str, list[float]] = defaultdict(list)
    for line in lines:
        for role, used in line["roles"].items():
            by_role[role].append(used["memory_mb"])
    return {
        role: {"first": median(sizes[:tenth]), "last": median(sizes[-tenth:]), "peak": max(sizes)}
        for role, sizes in by_role.items()
        if (tenth := max(len(sizes) // 10, 1))
    }


def stolen(lines: Sequence[Mapping[str, Any]]) -> float:
    """Return the share of the machine that its host gave to others over all looks."""
    return round(fmean([float(line["stolen"]) for line in lines] or [0.0]), 4)


def main() -> int:
    """Look until standard input ends."""
    parser = argparse.ArgumentParser(prog="loadtest.resources")
    parser.add_argument("--root", action="append", required=True, metavar="ROLE=PID")
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args()
    watch = Watch({role: int(pid) for role, _, pid in (root.partition("=") for root in given.root)})
    watch.look()
    until = time.monotonic() + SECONDS_MAX
    with given.out.open("w", encoding="utf-8") as out:
        while time.monotonic() < until and not select.select([sys.stdin], [], [], EVERY_SECONDS)[0]:
            line: dict[str, Any] = {"at": time.time(), "roles": watch.look(), "stolen": watch.stolen()}
            out.write(json.dumps(line) + "\n")
            out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
