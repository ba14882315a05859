"""What a load was measured on: commit, machine, versions, how durable PostgreSQL is. It reads and starts nothing of ours."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from switch.embedded.binaries import BinaryMissing, find_binary

_LIBRARIES = ("asyncpg", "fastapi", "httptools", "numpy", "pydantic", "uvicorn", "uvloop")
_SETTINGS = (
    "server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "wal_buffers",
    "checkpoint_timeout", "jit",
)  # fmt: skip


def manifest(database_url: str | None, workers: int | None, seed: int, traffic: str) -> dict[str, Any]:
    """Say on what and with what was measured; PostgreSQL's settings where its URL is known."""
    return {
        "commit": commit(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _LIBRARIES},
        "postgres": server_settings(database_url) if database_url else {},
        "workers": workers,
        "seed": seed,
        "traffic": traffic,
    }


def commit() -> str:
    """Return the commit of the checkout, marked where it was changed; "" outside of one."""
    command = ["git", "describe", "--always", "--dirty"]
    found = subprocess.run(command, cwd=Path(__file__).parent, check=False, capture_output=True, text=True)
    return found.stdout.strip()


def server_settings(url: str) -> dict[str, str]:
    """Read the server's own word on version and durability; nothing where it cannot be asked."""
    try:
        asked = [word for name in _SETTINGS for word in ("-c", f"SHOW {name}")]
        ran = subprocess.run([find_binary("psql"), "-XAtq", *asked, url], check=True, capture_output=True, text=True)
    except (BinaryMissing, subprocess.CalledProcessError):
        return {}
    return dict(zip(_SETTINGS, ran.stdout.splitlines(), strict=False))
