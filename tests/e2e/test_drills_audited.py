"""All drills on one sandbox with PostgreSQL, one after the other over HTTP: each holds, and the auditor finds nothing amiss."""

import time

from builders import a_clock
from serving import drop_schemas, serving

from loadtest.audit.audit import audit
from switch.drills import drill
from switch.main import postgres_sandbox

_SCHEMA = "drilled"


async def test_all_drills_hold_on_one_sandbox_and_its_books_are_right(postgres_url: str) -> None:
    async with serving(postgres_sandbox(postgres_url, _SCHEMA, clock=a_clock())) as served:
        async with served.operator() as operator:
            for name in sorted(drill.names(), key=lambda name: name == "lunar-new-year"):  # it goes a year ahead
                outcome = await operator.run_drill(name)
                assert outcome["met"], (name, outcome["unmet"])
        found = await audit(postgres_url, _SCHEMA, time.time())
        assert found.violations == [] and found.payments > 30
    await drop_schemas(postgres_url, _SCHEMA)
