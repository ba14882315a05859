"""What a load was measured on: as the benchmark says it, and the load's own seed and traffic."""

import asyncio
from contextlib import suppress
from typing import Any

from switch.bench.manifest import NOT_ASKED, machine_facts, server_settings


def manifest(database_url: str | None, workers: int | None, seed: int, traffic: str) -> dict[str, Any]:
    """Say on what and with what was measured; PostgreSQL's settings where it is known and can be asked."""
    server: dict[str, str] = {}
    if database_url:
        with suppress(*NOT_ASKED):
            server = asyncio.run(server_settings(database_url))
    return machine_facts() | {"postgres": server, "workers": workers, "seed": seed, "traffic": traffic}
