"""One round of a row in process, as a program: opens a sandbox of its own, warms up, measures, prints one JSON document.

`python -m switch.bench.in_process ROW --database-url URL --sandbox NAME ...`; the runner starts it. It audits nothing.
"""

import argparse
import json
import sys

import uvloop

from switch.bench.budget import budget, connect, postgres_seconds
from switch.bench.calls import LOADS, Asked
from switch.bench.load import START_AT
from switch.bench.pipeline import Drive, Window
from switch.bench.sampling import Sampler
from switch.clock import BusinessClock
from switch.door import freeze_garbage
from switch.main import open_sandbox, postgres_sandbox


def tell(window: Window, whole: bool, spent: int) -> dict[str, object]:
    """Put a round's document together."""
    return {
        "per_second": window.ended / window.seconds,
        "payments": window.ended,
        "seconds": window.seconds,
        "refused": window.refused,
        "rejected": window.rejected,
        "refused_share": round(window.refused / max(window.ended, 1), 4),
        "before": spent,
        "cpu_us": window.cpu.per(window.ended),
        "ran_out": window.ran_out,
        "all_ended": whole,
    }


async def measure(asked: Asked) -> dict[str, object]:
    """Open, warm up, measure, let all end, close."""
    load = LOADS[asked.row](asked)
    sandbox = postgres_sandbox(
        asked.database_url, asked.sandbox, clock=BusinessClock(), instant=True, delays=load.delays
    )
    await open_sandbox(sandbox, START_AT)
    try:
        freeze_garbage()  # the load is no garbage
        before = Drive(sandbox, iter(load.before), load.in_flight, asked.postgres_pid)
        while not (await before.run(1.0)).ran_out:
            pass
        await before.settle()
        drive = Drive(sandbox, load.calls, load.in_flight, asked.postgres_pid)
        await drive.run(asked.warm_up_seconds)
        if asked.sampled:
            return await _sampled(drive, asked)
        window = await drive.run(asked.seconds)
        return tell(window, await drive.settle(), len(load.before))
    finally:
        await sandbox.stop()


async def _sampled(drive: Drive, asked: Asked) -> dict[str, object]:
    """Measure with the sampler on: no figure of a rate, but of where CPU time goes."""
    connection = await connect(asked.database_url)
    sampler = Sampler()
    before = await postgres_seconds(connection, asked.postgres_pid)
    sampler.start()
    window = await drive.run(asked.seconds)
    sampler.stop()
    after = await postgres_seconds(connection, asked.postgres_pid)
    await connection.close()
    used = {where: after[where] - before[where] for where in before}
    found = budget(sampler.by_stage(), used, window.cpu.python, window.ended)
    return tell(window, await drive.settle(), 0) | {"budget": found}


def main() -> int:
    """Measure one round and print its document."""
    parser = argparse.ArgumentParser(prog="switch.bench.in_process")
    parser.add_argument("row", choices=LOADS)
    for name in ("database-url", "sandbox"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("postgres-pid", "persons", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--payments", type=int, default=0)
    for name in ("seconds", "warm-up-seconds"):
        parser.add_argument(f"--{name}", type=float, required=True)
    parser.add_argument("--sampled", action="store_true")
    print(json.dumps(uvloop.run(measure(Asked(**vars(parser.parse_args()))))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
