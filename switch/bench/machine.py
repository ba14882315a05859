"""What the machine says of processes and of itself: CPU seconds and memory. Reads only; knows no rate and no wall clock."""

from pathlib import Path
from typing import NamedTuple, Self

import psutil


class Cpu(NamedTuple):
    """CPU seconds used: by Python's processes, and by PostgreSQL's."""

    python: float
    postgres: float

    def since(self, before: Self) -> "Cpu":
        """Return what was used since an earlier reading."""
        return Cpu(self.python - before.python, self.postgres - before.postgres)

    def per(self, payments: int) -> dict[str, float]:
        """Say microseconds a payment, and the sum."""
        each = {name: round(1e6 * seconds / max(payments, 1), 1) for name, seconds in self._asdict().items()}
        return {**each, "sum": round(sum(each.values()), 1)}


def cpu(python: int, postgres: int) -> Cpu:
    """Read what the processes under two pids have used so far."""
    return Cpu(tree_seconds(python), tree_seconds(postgres))


def tree_seconds(pid: int) -> float:
    """Sum the CPU seconds of a process and its living descendants, and of their children that ended and were waited for.

    One look at the process table, some milliseconds.
    """
    try:
        first = psutil.Process(pid)
        family = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(own_seconds(each) for each in family)


def own_seconds(process: psutil.Process) -> float:
    """Return the CPU seconds of one process and of its children that ended and were waited for; 0 where it is gone."""
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.NoSuchProcess:
        return 0.0


class Ticks(NamedTuple):
    """CPU seconds of the whole machine: those its host gave to others while it had work, and all."""

    stolen: float
    total: float

    def stolen_since(self, before: Self) -> float:
        """Return the share of the machine that was taken from it since an earlier reading, 0 to 1."""
        return (self.stolen - before.stolen) / max(self.total - before.total, 1e-6)


def ticks() -> Ticks:
    """Read what the machine says of its CPU time; where the system knows no theft, none is told."""
    times = psutil.cpu_times()
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user and nice, too
    return Ticks(getattr(times, "steal", 0.0), sum(times) - guests)


def resident_mb(pid: int) -> float:
    """Return the resident memory of one process in MB."""
    return round(psutil.Process(pid).memory_info().rss / 1e6, 1)


def cpu_model() -> str:
    """Return what the processor calls itself; "" where the system does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
