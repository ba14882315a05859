"""A round that is played again leaves no trace of its first try: the store's yardsticks write the rows of the pipeline that counts."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import asyncpg
import pytest

from switch.bench import runner
from switch.bench.doors import Doors
from switch.bench.machine import Ticks
from switch.bench.setting import QUICK, Bench, Round, Turn

SHORT = QUICK._replace(seconds=0.3, warm_up_seconds=0.2, rounds=2, persons=100)


def readings(stolen: list[bool]) -> Iterator[Ticks]:
    """Two readings for each try: whether the host took half of the machine meanwhile."""
    for taken in stolen:
        yield Ticks(0, 0)
        yield Ticks(5 if taken else 0, 10)


async def paid_in(url: str, sandbox: str) -> int:
    """Count how many payments of the sample were paid in a sandbox."""
    connection = await asyncpg.connect(url)
    try:
        return int(
            await connection.fetchval(
                f"SELECT count(*) FROM bench_sample.place JOIN {sandbox}.payment USING (payment_id)"
            )
        )
    finally:
        await connection.close()


@pytest.mark.prove
def test_the_yardstick_writes_the_rows_of_the_try_that_counts_however_often_each_is_played(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, SHORT, postgres_url, os.getpid(), cast(Doors, None), lambda _: None)
    origins: list[list[bool]] = []  # after each try of raw_insert: which of the sandboxes its rows come from
    raw_insert = runner.ROWS["raw_insert"]

    def told(bench: Bench, turn: Turn) -> Round:
        played = raw_insert(bench, turn)
        counts = [asyncio.run(paid_in(postgres_url, sandbox)) for sandbox in bench.sandboxes]
        assert sum(counts) == played.seen["payments"] > 0
        origins.append([count > 0 for count in counts])
        return played

    monkeypatch.setattr(runner, "ROWS", {"pipeline": runner.ROWS["pipeline"], "raw_insert": told})
    # Round 1: the pipeline twice, its yardstick once. Round 2: the pipeline once, its yardstick twice.
    monkeypatch.setattr(runner, "ticks", readings([True, False, False, False, True, False]).__next__)
    runner.play(bench, ["pipeline", "raw_insert"])

    assert len(bench.sandboxes) == 3, "a yardstick that is played again pays nothing of its own"
    assert origins == [[False, True], [False, False, True], [False, False, True]]
