"""The run: stores, rounds of all rows in turn, audits, one document. It knows no row by itself but their table."""

import subprocess
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import uvloop

from switch import proof
from switch.bench import grown, messages, rows_in_process, rows_over_http, yardsticks
from switch.bench.doors import Doors
from switch.bench.machine import ticks
from switch.bench.manifest import manifest, server_settings
from switch.bench.setting import Bench, Round, Settings, Turn
from switch.bench.statistics import ratios, summary
from switch.embedded.postgres import EmbeddedPostgres
from switch.embedded.process import meant

# In the order they are played: each subject beside what it is held against.
ROWS: Mapping[str, Callable[[Bench, Turn], Round]] = {
    "pipeline": rows_in_process.pipeline,
    "pgbench": yardsticks.pgbench,
    "raw_insert": yardsticks.raw_insert,
    "one_per_transaction": yardsticks.one_per_transaction,
    "storm": rows_in_process.storm,
    "slow_rails": rows_in_process.slow_rails,
    **{name: rows_over_http.row(name) for name in rows_over_http.FORMS},
    "messages": messages.messages,
    "orders": rows_in_process.orders,
}


SAID_MAX = 500  # characters of what a failed program said
STOLEN_SHARE_MAX = 0.05  # of the machine, by its host, during a round: above, the round is played again
TRIES = 3


class Wanted(NamedTuple):
    """What a run is to do: which rows (none: all), and what besides."""

    rows: frozenset[str] = frozenset()
    budget: bool = False
    grown_payments: int = 0  # measured once more with so many stored
    picture: Path | None = None  # where to draw a flame graph


def run(folder: Path, settings: Settings, wanted: Wanted, date: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Play the rows in turn, round after round, on one PostgreSQL in `folder`; audit; give the document."""
    names = [name for name in ROWS if not wanted.rows or name in wanted.rows]
    server = EmbeddedPostgres(folder / "postgres")
    with server as url, closing(Doors(folder, url)) as doors:
        bench = Bench(folder, settings, url, server.pid, doors, say)
        rounds = play(bench, names)
        more: dict[str, Any] = {}
        if "http_single" in rounds:
            more["latency_ms"] = latency(bench, rounds)
        if wanted.grown_payments:
            rounds["grown"] = whole(lambda: grown.rounds(bench, wanted.grown_payments))
            more["grown"] = grown.told(rounds["grown"])
        if wanted.budget:
            say("CPU budget: the pipeline once more, sampled")
            more["budget"] = rows_in_process.sampled(bench)
        if wanted.picture is not None:
            say("flame graph: the pipeline once more, under py-spy")
            rows_in_process.drawn(bench, wanted.picture)
        say("audit")
        audits = [proof.audit(url, sandbox) for sandbox in bench.sandboxes]
        more["manifest"] = manifest(bench, uvloop.run(server_settings(url)), date)
        return document(rounds, audits) | more


def play(bench: Bench, names: Iterable[str]) -> dict[str, list[Round]]:
    """Play all rounds; a row that cannot be played is told as a fault, and the others go on."""
    rounds: dict[str, list[Round]] = {name: [] for name in names}
    for n in range(1, bench.settings.rounds + 1):
        for name, played in rounds.items():
            bench.say(f"round {n} of {bench.settings.rounds}: {name}")
            played += whole(partial(_one, name, bench, n))
    return rounds


def _one(name: str, bench: Bench, n: int) -> list[Round]:
    """Play a round; where others had the machine meanwhile, again: it said nothing of the row."""
    stolen: list[float] = []
    while True:
        turn = Turn(n, len(stolen) + 1)
        before = ticks()
        played = ROWS[name](bench, turn)
        stolen.append(round(ticks().stolen_since(before), 3))
        if stolen[-1] <= STOLEN_SHARE_MAX or len(stolen) == TRIES:
            bench.kept[name, n] = turn
            return [played._replace(seen={**played.seen, "stolen_shares": stolen})]
        bench.say(f"{name}: the host took {stolen[-1]:.0%} of the machine; once more")


def whole(play_it: Callable[[], list[Round]]) -> list[Round]:
    """Play rounds; a program of theirs that fails is their fault, and the run goes on."""
    try:
        return play_it()
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "")[-SAID_MAX:]
        return [Round(0.0, [f"could not be played: {meant(error.cmd)[:4]} ended with {error.returncode}. {said}"], {})]


def latency(bench: Bench, rounds: dict[str, list[Round]]) -> dict[str, Any]:
    """Measure the door at half of what it can do; what speaks against it counts with the row of the whole."""
    bench.say("latency at half of http_single's rate")
    half = rows_over_http.half_max(bench, median(each.per_second for each in rounds["http_single"]) / 2)
    if half.faults:
        last = rounds["http_single"][-1]
        rounds["http_single"][-1] = last._replace(faults=[*last.faults, *half.faults])
    return {"http_half_max": half.seen}


def document(rounds: Mapping[str, list[Round]], audits: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Put together what the rounds and the audits say."""
    by_round = {name: [round(each.per_second, 1) for each in played] for name, played in rounds.items()}
    summaries = {name: summary(values) for name, values in by_round.items()}
    judged = list(audits)
    return {
        "rates": {name: found.median for name, found in summaries.items()},
        "intervals": {name: {"low": found.low, "high": found.high} for name, found in summaries.items()},
        "ratios": ratios(by_round),
        "by_round": by_round,
        "rows": {name: [each.seen for each in played] for name, played in rounds.items()},
        "faults": [
            f"{name}, round {n}: {fault}"
            for name, played in rounds.items()
            for n, each in enumerate(played, 1)
            for fault in each.faults
        ],
        "audit": {
            "payments": sum(found["payments"] for found in judged),
            "violations": [violation for found in judged for violation in found["violations"]],
        },
    }
