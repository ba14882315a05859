"""What a payment costs with millions of them stored: the pipeline on a sandbox made large, beside a new one, in turn.

A hundredth is really paid, the rest is multiplied from it (`loadtest.audit.grown`), over many days and with persons of their own,
statistics up to date. Who pays in both is the same number of persons, so that only what is stored differs.
"""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from switch.bench.budget import connect
from switch.bench.rows_in_process import common_faults, played
from switch.bench.setting import Bench, Round, Turn
from switch.bench.statistics import ratio
from switch.embedded.process import tied
from switch.queries import queries

SANDBOX = "bench_grown"
SEED_SHARE = 100  # of so many payments one is really paid: 10,000,000 of 100,000, and 10,000 persons become 1,000,000
DAYS = 30
ASKED = 1.2  # a payment may cost so much more than with nothing stored
SPARE_BYTES = 5 * 10**9  # of disk left free
# With indexes (4,454 at 300,000 payments) and the log, for the look at the disk before anything is written.
BYTES_A_PAYMENT_MAX = 5_000


def rounds(bench: Bench, payments: int) -> list[Round]:
    """Fill, multiply, and measure in turn; a round's rate is that of the large sandbox."""
    free = shutil.disk_usage(bench.folder).free
    if free < payments * BYTES_A_PAYMENT_MAX + SPARE_BYTES:
        fault = f"{payments:,} payments take up to {payments * BYTES_A_PAYMENT_MAX / 1e9:.0f} GB, and {free / 1e9:.0f} GB are free"
        return [Round(0.0, [fault], {})]
    before = asyncio.run(_database_bytes(bench))
    seed = max(payments // SEED_SHARE, 1)
    bench.say(f"grown: paying {seed:,} payments, then multiplying them to {payments:,}")
    played(bench, "grown_fill", Turn(1), ["--payments", str(seed)], load="fill", sandbox=SANDBOX)
    size = multiply(bench, payments)
    taken = asyncio.run(_database_bytes(bench)) - before
    size |= {
        "persons": bench.settings.persons * (size["clones"] + 1),
        "bytes_per_payment": round(taken / size["payments"]),
    }
    return [_round(bench, Turn(n), size) for n in range(1, bench.settings.rounds + 1)]


def multiply(bench: Bench, payments: int) -> dict[str, Any]:
    """Have the sandbox multiplied; raises CalledProcessError with what it said where it cannot be."""
    command = [
        sys.executable, "-m", "loadtest.audit.grown", "--database-url", bench.database_url, "--sandbox", SANDBOX,
        "--payments", str(payments), "--days", str(DAYS), "--json",
    ]  # fmt: skip
    return dict(json.loads(subprocess.run(tied(command), check=True, capture_output=True, text=True).stdout))


def _round(bench: Bench, turn: Turn, size: Mapping[str, Any]) -> Round:
    bench.say(f"grown: round {turn.round} of {bench.settings.rounds}")
    empty = played(bench, "grown_empty", turn, load="pipeline")
    large = played(bench, "grown_large", turn, load="pipeline", sandbox=SANDBOX)
    faults = [*common_faults(empty), *common_faults(large)]
    if large["refused"] or large["rejected"]:
        faults.append(f"{large['refused']} payments were refused and {large['rejected']} rejected")
    return Round(
        large["per_second"], faults, {"cpu_us": large["cpu_us"], "empty": empty, "large": large, "size": dict(size)}
    )


def told(found: Sequence[Round]) -> dict[str, Any]:
    """Say how much more a payment costs, in CPU time of all and on the clock, round by round; {} where it was not measured."""
    seen = [each.seen for each in found if each.seen]
    if not seen:
        return {}
    cpu = ratio([each["large"]["cpu_us"]["sum"] for each in seen], [each["empty"]["cpu_us"]["sum"] for each in seen])
    wall = ratio([each["empty"]["per_second"] for each in seen], [each["large"]["per_second"] for each in seen])
    return {
        **seen[0]["size"],
        "cpu_ratio": cpu._asdict() if cpu else None,
        "wall_ratio": wall._asdict() if wall else None,
        "asked": ASKED,
        "met": cpu is not None and wall is not None and max(cpu.median, wall.median) <= ASKED,
    }


async def _database_bytes(bench: Bench) -> int:
    connection = await connect(bench.database_url)
    try:
        return int(await connection.fetchval(queries(__package__, "yardsticks")["size"]))
    finally:
        await connection.close()
