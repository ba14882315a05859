"""What a day of traffic is made of, read from traffic.yaml: plain values, every one with a source or assumed. No chance here."""

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, Generic, NamedTuple, TypeVar

import yaml

from limits.lab.shapes import ORDINARY, Shape, Shapes

T = TypeVar("T")

IN_ALL = 10_000  # what shares `in_10000` are shares of
_QUANTILES = ("p0", "p25", "p50", "p75", "p90", "p99", "p100")
_SHARES_PERCENT = (0, 25, 50, 75, 90, 99, 100)


class Weights(NamedTuple, Generic[T]):
    """Things to choose from and their weights, added up as they go."""

    things: tuple[T, ...]
    cumulative: tuple[int, ...]

    def draw(self, chance: Random) -> T:
        """Draw one thing."""
        return chance.choices(self.things, cum_weights=self.cumulative)[0]


class Amounts(NamedTuple):
    """A distribution of amounts by its quantiles, in whole RMB, straight between them."""

    levels: tuple[int, ...]
    mean: int | None  # what the table is set to, where a source names a mean

    def draw_minor(self, chance: Random) -> int:
        """Draw an amount in minor units of RMB; whole numbers only, so that every machine draws the same."""
        place = chance.randrange(100 * IN_ALL)  # in hundredths of a basis point
        for n in range(1, len(self.levels)):
            low, high = _SHARES_PERCENT[n - 1] * IN_ALL, _SHARES_PERCENT[n] * IN_ALL
            if place < high:
                below, above = self.levels[n - 1] * 100, self.levels[n] * 100
                return below + (above - below) * (place - low) // (high - low)
        raise AssertionError("a place lies above the last quantile")

    def table_mean(self) -> int:
        """Return the mean of the distribution, in whole RMB."""
        twice = sum(
            (_SHARES_PERCENT[n] - _SHARES_PERCENT[n - 1]) * (self.levels[n] + self.levels[n - 1])
            for n in range(1, len(self.levels))
        )
        return twice // 200


class Side(NamedTuple):
    """Who may stand on one side of a kind of payment; "" where it does not matter."""

    country: str  # of the agent
    kind: str  # person | firm
    scheme: str
    agent_kind: str
    sector: str


class Way(NamedTuple):
    """The currency debited and the one the creditor receives."""

    debit: str
    settlement: str


class Kind(NamedTuple):
    """One kind of payment."""

    name: str
    debtor: Side
    creditor: Side
    to_self: bool
    lane: str
    ways: Weights[Way]
    fixes_creditor: bool
    purposes: Weights[str]
    category_purposes: Mapping[str, int]  # code -> percent of payments that carry it
    documents: Mapping[str, int]  # type -> percent of payments that carry it
    amounts: Amounts
    hours: Weights[int]


class Mishaps(NamedTuple):
    """What goes wrong, each in 10,000 payments."""

    magic: Mapping[str, int]
    name: int
    identification: int
    decimals: int


class Habits(NamedTuple):
    """How payees are addressed and messages sent, in percent."""

    registered: int
    proxy: int
    other_name_order: int
    message: int


class Population(NamedTuple):
    """Where people live and bank."""

    documents: Weights[str]
    lives_elsewhere_percent: Mapping[str, int]
    lives_elsewhere_in: Mapping[str, str]
    institutions: Weights[int]
    firms_per_100_persons: int
    familiar_payees: int


class Parameters(NamedTuple):
    """All of traffic.yaml."""

    payments_per_100_persons: int
    population: Population
    sizes_percent: Mapping[str, int]
    mishaps: Mishaps
    habits: Habits
    amounts: Mapping[str, Amounts]
    kinds: Weights[Kind]
    shape: Shape = Shape()


def load_parameters(path: Path | None = None, shape: str = ORDINARY, shapes: Shapes | None = None) -> Parameters:
    """Read traffic.yaml, or a file of the same form, with a shape laid over it.

    Raises ValueError for a figure with neither source nor reason, and for a shape that is none.
    """
    data = yaml.load((path or Path(__file__).with_name("traffic.yaml")).read_text(encoding="utf-8"), yaml.CSafeLoader)
    shaped = (shapes or Shapes()).laid_over(data, shape)
    for name in ("payments", "population", "hours", "mishaps_in_10000", "habits_percent"):
        _sourced(name, data[name])
    amounts = {name: _amounts(name, row) for name, row in data["amounts"].items()}
    hours = {name: weights(dict(enumerate(row))) for name, row in data["hours"].items() if isinstance(row, list)}
    kinds = [_kind(name, row, amounts, hours) for name, row in data["kinds"].items()]
    often = accumulate(row["weight"] for row in data["kinds"].values())
    mishaps, habits, population = data["mishaps_in_10000"], data["habits_percent"], data["population"]
    return Parameters(
        data["payments"]["per_100_persons"],
        Population(
            weights(population["documents"]),
            population["lives_elsewhere_percent"],
            population["lives_elsewhere_in"],
            weights(population["institutions"]),
            population["firms_per_100_persons"],
            population["familiar_payees"],
        ),
        data["sizes_percent"],
        Mishaps(mishaps["magic"], mishaps["name"], mishaps["identification"], mishaps["decimals"]),
        Habits(habits["registered"], habits["proxy"], habits["other_name_order"], habits["message"]),
        amounts,
        Weights(tuple(kinds), tuple(often)),
        shaped,
    )


def weights(table: Mapping[T, int]) -> Weights[T]:
    """Make a choice of a table of weights."""
    return Weights(tuple(table), tuple(accumulate(table.values())))


def _sourced(name: str, row: Mapping[str, Any]) -> None:
    if not (row.get("reference") or (row.get("assumed") and row.get("reason"))):
        raise ValueError(f"{name}: neither a reference nor `assumed: true` with a reason")


def _amounts(name: str, row: Mapping[str, Any]) -> Amounts:
    _sourced(name, row)
    levels = tuple(row[quantile] for quantile in _QUANTILES)
    if list(levels) != sorted(levels):
        raise ValueError(f"{name}: the quantiles must ascend")
    return Amounts(levels, row.get("mean"))


def _kind(name: str, row: Mapping[str, Any], amounts: Mapping[str, Amounts], hours: Mapping[str, Weights[int]]) -> Kind:
    return Kind(
        name,
        _side(row["debtor"]),
        _side(row["creditor"]),
        row.get("relation") == "self",
        row.get("lane", ""),
        weights({Way(*way.split(">")): weight for way, weight in row["ways"].items()}),
        row.get("fixes") == "creditor",
        weights(row["purposes"]),
        row.get("category_purposes", {}),
        row.get("documents", {}),
        amounts[row["amounts"]],
        hours[row["hours"]],
    )


def _side(row: Mapping[str, str]) -> Side:
    return Side(row["country"], row["kind"], row.get("scheme", ""), row.get("agent", ""), row.get("sector", ""))
