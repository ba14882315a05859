"""What was measured on what: commit, machine, versions, durability as the server says it, load. It reads and judges nothing."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from switch.bench import calls
from switch.bench.machine import cpu_model
from switch.bench.setting import Bench

LIBRARIES = ("asyncpg", "fastapi", "pydantic", "uvicorn", "uvloop", "httptools", "lxml", "numpy", "redis")
SHOWN = (
    "server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "wal_sync_method", "wal_buffers",
    "wal_compression", "commit_delay", "max_wal_size", "checkpoint_timeout", "shared_buffers", "max_connections", "jit",
)  # fmt: skip
NOT_ASKED = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)  # the server is away, or lets nobody in
_REPOSITORY = Path(__file__).parents[2]


def manifest(bench: Bench, server: dict[str, str], date: str) -> dict[str, Any]:
    """Put the manifest together, after the run."""
    settings = bench.settings
    return machine_facts() | {
        "date": date,
        "postgres": server,
        "load": {
            "model": "closed",
            "persons": settings.persons,
            "seed": settings.seed,
            "in_flight": {"pipeline": calls.IN_FLIGHT, "storm": calls.IN_FLIGHT, "slow_rails": calls.SLOW_IN_FLIGHT},
            "rails": "own durable books, no delay; slow_rails 200 ms",
        },
        "workers": 1,
        "rounds": settings.rounds,
        "order": "the rows in turn, round after round",
        "measured_seconds": settings.seconds,
        "warm_up_seconds": settings.warm_up_seconds,
        "pgbench": {
            "scale": settings.pgbench_scale,
            "seconds_by_clients": settings.pgbench_seconds,
            "mode": "prepared",
        },
        "generator": {
            "program": "loadtest.closed",
            "ceiling_per_second": {name: round(ceiling) for name, ceiling in bench.ceilings.items()},
        },
    }


def machine_facts() -> dict[str, Any]:
    """Say which commit runs on what: cores, CPU, memory (GB of 10^9 bytes), versions."""
    return {
        "commit": commit(),
        "cores": os.cpu_count(),
        "cpu": cpu_model(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "machine": platform.machine(),
        "system": platform.release(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
    }


async def server_settings(url: str) -> dict[str, str]:
    """Read the server's own word on version and durability."""
    connection = await asyncpg.connect(url)
    try:
        return {name: str(await connection.fetchval(f"SHOW {name}")) for name in SHOWN}
    finally:
        await connection.close()


def commit() -> str:
    """Return the commit that is measured, with `-dirty` where files differ from it; "" outside a repository."""
    return _git("describe", "--always", "--dirty")


def commit_day() -> str:
    """Return the day of the commit, YYYY-MM-DD; "" outside a repository."""
    return _git("log", "-1", "--format=%cs")


def _git(*words: str) -> str:
    try:
        found = subprocess.run(["git", *words], cwd=_REPOSITORY, check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return found.stdout.strip()
