"""What a load was measured on: as the benchmark says it, and the load's own seed and traffic."""

import asyncio
from contextlib import suppress
from typing import Any

from switch.bench.manifest import NOT_ASKED, machine_facts, server_settings
from switch.cli.load_reach import Business

_HERE, _ELSEWHERE = "the machine of generator and switch", "the generator's machine; the switch's is not known"


def manifest(
    database_url: str | None, workers: int | None, seed: int, traffic: str, business: Business, elsewhere: bool
) -> dict[str, Any]:
    """Say on what and with what was measured; PostgreSQL's settings where it is known and can be asked.

    `elsewhere`: the switch was not started here, so that commit, cores and versions are the generator's.
    """
    server: dict[str, str] = {}
    if database_url:
        with suppress(*NOT_ASKED):
            server = asyncio.run(server_settings(database_url))
    told = {"business_at": business.at, "rails_closed": ", ".join(business.closed) or "none"}
    asked = {"postgres": server, "workers": workers, "seed": seed, "traffic": traffic}
    return {"of": _ELSEWHERE if elsewhere else _HERE} | machine_facts() | asked | told
