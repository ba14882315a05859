"""A row is played in rounds, and a round again where the host took the machine: which payments each turn makes, and whose rows count."""

import re
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, cast

import pytest

from switch.bench import rows_in_process, runner, yardsticks
from switch.bench.doors import Doors
from switch.bench.machine import Ticks
from switch.bench.setting import QUICK, Bench, Round, Turn

SOURCES = Path(runner.__file__).parent.glob("*.py")


def a_bench(rounds: int = 1) -> Bench:
    return Bench(Path("."), QUICK._replace(rounds=rounds), "", 0, cast(Doors, None), lambda _: None)


def ticks(*stolen: bool) -> Iterator[Ticks]:
    """Two readings for each try: whether the host took half of the machine meanwhile."""
    for taken in stolen:
        yield Ticks(0, 0)
        yield Ticks(5 if taken else 0, 10)


@pytest.fixture
def paid(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sandboxes that programs were started for; none is."""
    sandboxes: list[str] = []
    said = '{"per_second": 1.0, "payments": 1, "refused": 0, "rejected": 0, "ran_out": false, "all_ended": true}'

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        sandboxes.append(command[command.index("--sandbox") + 1])
        return subprocess.CompletedProcess(command, 0, said)

    monkeypatch.setattr(rows_in_process.subprocess, "run", run)
    return sandboxes


def sources_of_a_run(monkeypatch: pytest.MonkeyPatch, names: list[str], *stolen: bool, rounds: int = 1) -> list[str]:
    """Play rows with so many tries and give the sandbox whose rows each try of raw_insert would write."""
    sources: list[str] = []

    def raw_insert(bench: Bench, turn: Turn) -> Round:
        sources.append(yardsticks.source_of(bench, turn))
        return Round(1.0, [], {})

    monkeypatch.setattr(runner, "ROWS", {"pipeline": rows_in_process.pipeline, "raw_insert": raw_insert})
    monkeypatch.setattr(runner, "ticks", ticks(*stolen).__next__)
    runner.play(a_bench(rounds), names)
    return sources


def test_no_two_turns_of_a_run_share_a_seed_or_a_sandbox() -> None:
    named = {name for file in SOURCES for name in re.findall(r'(?:played\(bench, |\.seed\()"(\w+)"', file.read_text())}
    assert {"pipeline", "sample", "grown_large", "half"} <= named, "not all that is played was read"
    rows, bench = named | runner.ROWS.keys(), a_bench()
    turns = [Turn(n, attempt) for n in (*range(1, 200), 999) for attempt in range(1, runner.TRIES + 1)]
    made = list(product(rows, turns))
    assert len({bench.seed(row, turn) for row, turn in made}) == len(made)
    assert len({bench.sandbox(row, turn) for row, turn in made}) == len(made)


def test_a_yardstick_takes_the_rows_of_the_pipelines_try_that_was_kept(
    paid: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sources_of_a_run(monkeypatch, ["pipeline", "raw_insert"], True, False, False) == ["bench_pipeline_1_2"]
    assert paid == ["bench_pipeline_1_1", "bench_pipeline_1_2"]


def test_a_yardstick_that_is_played_again_takes_the_same_rows_and_pays_nothing(
    paid: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = sources_of_a_run(monkeypatch, ["pipeline", "raw_insert"], False, False, False, True, False, rounds=2)
    assert found == ["bench_pipeline_1_1", "bench_pipeline_2_1", "bench_pipeline_2_1"]
    assert paid == ["bench_pipeline_1_1", "bench_pipeline_2_1"]


def test_a_yardstick_whose_pipeline_is_not_played_has_payments_made_for_it(
    paid: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sources_of_a_run(monkeypatch, ["raw_insert"], False) == ["bench_sample_1_1"] == paid


def test_the_rows_of_a_pipeline_that_failed_are_not_taken(paid: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(bench: Bench, turn: Turn) -> Round:
        raise subprocess.CalledProcessError(1, ["in_process"])

    monkeypatch.setattr(rows_in_process, "pipeline", failing)
    assert sources_of_a_run(monkeypatch, ["pipeline", "raw_insert"], False, False) == ["bench_sample_1_1"] == paid
