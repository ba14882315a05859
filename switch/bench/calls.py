"""What the rows in process send: for each row the payments that come before, those that are measured, and the rails they meet."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from rails.delays import STEPS, Delays
from switch.bench.load import Template, instructions, paying, templates, uetr
from switch.bench.pipeline import Call

IN_FLIGHT = 4_096  # payments between door and final status: less than a second of work
SLOW_IN_FLIGHT = 10_000
PER_SECOND_MAX = 20_000  # payments made beforehand for each second: making them is not measured
STORM_PER_SECOND_MAX = 30_000
SLOW = Delays((timedelta(milliseconds=200),) * STEPS, (timedelta(0),) * STEPS)
# Northbound over Payment Connect a person may send HKD 10,000 a day from one institution (payment-connect.northbound.day).
ALLOWANCE_HALF = "5000.00"
SPENT_PERSONS_MAX = 1_000  # each of them is refused several times a second: the board knows them
REFUSED_SHARE = 0.9


@dataclass(frozen=True)
class Asked:
    """What the runner asks of one round."""

    row: str
    database_url: str
    sandbox: str
    postgres_pid: int
    seconds: float
    warm_up_seconds: float
    persons: int
    seed: int
    payments: int = 0  # how many, of a row that ends by count
    sampled: bool = False  # whether to tell where the CPU time goes

    def ready(self, per_second: int) -> int:
        """Return how many payments are to be made beforehand."""
        return int(per_second * (self.seconds + self.warm_up_seconds)) + SLOW_IN_FLIGHT


class Load(NamedTuple):
    """One row's load."""

    before: list[Call]  # brought to their end before anything is measured
    calls: Iterator[Call]
    in_flight: int
    delays: Delays | None = None  # of the rails; None = none


def pipeline(asked: Asked) -> Load:
    """The mix; every payment fits."""
    return Load([], _ready(instructions(templates(asked.persons), asked.seed), asked.ready(PER_SECOND_MAX)), IN_FLIGHT)


def slow_rails(asked: Asked) -> Load:
    """The mix over rails that answer after 200 ms, 10,000 in flight."""
    return pipeline(asked)._replace(in_flight=SLOW_IN_FLIGHT, delays=SLOW)


def storm(asked: Asked) -> Load:
    """Nine of ten come from persons whose day's allowance is spent: they are refused by the quota."""
    northbound = [each for n, each in enumerate(templates(asked.persons)) if n % 4 == 0]
    spent = northbound[: min(SPENT_PERSONS_MAX, len(northbound) // 2)]
    fresh = northbound[len(spent) :]
    calls = _ready(_storm(spent, fresh, asked.seed), asked.ready(STORM_PER_SECOND_MAX))
    return Load(list(_spending(spent, asked.seed)), calls, IN_FLIGHT)


def fill(asked: Asked) -> Load:
    """So many payments of the mix, and nothing to measure: what a sandbox is grown from."""
    return Load(list(islice(instructions(templates(asked.persons), asked.seed), asked.payments)), iter(()), IN_FLIGHT)


LOADS: dict[str, Callable[[Asked], Load]] = {
    "pipeline": pipeline,
    "slow_rails": slow_rails,
    "storm": storm,
    "fill": fill,
}


def _ready(calls: Iterator[Call], count: int) -> Iterator[Call]:
    return iter(list(islice(calls, count)))


def _spending(spent: list[Template], seed: int) -> Iterator[Call]:
    """Use up each person's allowance of the day in two payments."""
    chance = random.Random(seed + 1)
    for n, (agent, instruction) in enumerate(spent):
        for half in (1, 2):
            own = paying(instruction, f"S{seed}-{n}-{half}", uetr(chance), ALLOWANCE_HALF)
            yield agent, f"s{seed}-{n}-{half}", own


def _storm(spent: list[Template], fresh: list[Template], seed: int) -> Iterator[Call]:
    """Interleave calls of both kinds, drawn from the seed."""
    chance = random.Random(seed + 2)
    refused, paid = instructions(spent, seed), instructions(fresh, seed + 500)
    while True:
        yield next(refused if chance.random() < REFUSED_SHARE else paid)
