"""The CPU budget of a payment by stage: microseconds of Python by sampling, of PostgreSQL by its processes. Pure but for reading them."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import psutil

from switch.bench.machine import own_seconds
from switch.bench.sampling import LOAD, STAGES
from switch.queries import queries

ACTIVITY = "PostgreSQL, the switch's connections", "PostgreSQL, the rails' connections", "PostgreSQL, behind them"
_SWITCH, _RAILS, _BEHIND = ACTIVITY


def budget(
    samples: Mapping[str, int], postgres: Mapping[str, float], python_seconds: float, payments: int
) -> dict[str, Any]:
    """Share out CPU time over the stages, microseconds a payment; the load's own samples are left out of the sum."""
    taken = sum(samples.values()) or 1
    each = 1e6 * python_seconds / taken / max(payments, 1)
    stages = {stage: round(each * samples.get(stage, 0), 1) for stage in STAGES}
    stages |= {where: round(1e6 * seconds / max(payments, 1), 1) for where, seconds in postgres.items()}
    return {
        "payments": payments,
        "samples": taken,
        "stages": stages,
        "sum": round(sum(stages.values()), 1),
        "left_out": {LOAD: round(each * samples.get(LOAD, 0), 1)},
    }


async def postgres_seconds(connection: Any, postmaster: int) -> dict[str, float]:
    """Read the CPU seconds of PostgreSQL's processes so far, by whom they serve."""
    serving = await connection.fetch(queries(__package__, "yardsticks")["activity"])
    names = {row["pid"]: row["application_name"] or "" for row in serving}
    found = dict.fromkeys(ACTIVITY, 0.0)
    first = psutil.Process(postmaster)
    for process in [first, *first.children(recursive=True)]:
        name = names.get(process.pid, "")
        where = _RAILS if name.startswith("rail ") else _SWITCH if name == "bayswitch" else _BEHIND
        found[where] += own_seconds(process)
    return found


async def connect(url: str) -> Any:
    """Open a connection of the bench's own."""
    return await asyncpg.connect(url, server_settings={"application_name": "bench"})
