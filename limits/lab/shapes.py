"""Shapes of a day of traffic, read from shapes.yaml: what a day that presses on one part of a switch changes of traffic.yaml. No chance here."""

from bisect import bisect
from collections.abc import Mapping
from decimal import Context, Decimal
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import yaml

ORDINARY = "ordinary"
_KNOWN = {
    "per_100_persons", "tail", "hot_agents", "kinds_percent", "only", "bursts", "hours", "amounts", "mishaps_in_10000", "habits_percent",
    "assumed", "reason", "reference",
}  # fmt: skip
_WEIGHT_OF_FIRST = 10**9  # weights are whole numbers, so that every machine draws the same
_TWELVE_DIGITS = Context(prec=12)


class HotAgents(NamedTuple):
    """So many percent of payments are between the first `per_country` agents of their countries."""

    percent: int
    per_country: int


class Burst(NamedTuple):
    """So many percent of the payments of some kinds come within `seconds` from a second of the day on."""

    kinds: frozenset[str]
    from_second: int
    seconds: int
    percent: int


class Tail:
    """Zipf's law over the places of a list: the n-th is drawn n^-exponent as often as the first."""

    def __init__(self, exponent: Decimal) -> None:
        self.exponent = exponent
        self._cumulative: list[int] = []

    def draw(self, chance: Random, count: int) -> int:
        """Draw a place below `count`."""
        if len(self._cumulative) < count:
            self._cumulative = self._summed(count)
        return bisect(self._cumulative, chance.randrange(self._cumulative[count - 1]), 0, count)

    def _summed(self, count: int) -> list[int]:
        power = _TWELVE_DIGITS.power
        weights = (_WEIGHT_OF_FIRST // power(Decimal(n), self.exponent) for n in range(1, count + 1))
        return list(accumulate(max(int(weight), 1) for weight in weights))


class Shape(NamedTuple):
    """What a shape draws otherwise than an ordinary day; its figures have taken their places in the parameters already."""

    tail: Tail | None = None
    hot_agents: HotAgents | None = None
    bursts: tuple[Burst, ...] = ()


class Shapes:
    """All of shapes.yaml, or a file of the same form; raises ValueError for a shape with neither source nor reason."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or Path(__file__).with_name("shapes.yaml")

    @cached_property
    def _rows(self) -> Mapping[str, Mapping[str, Any]]:
        rows: Mapping[str, Mapping[str, Any]] = yaml.load(self._path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        for name, row in rows.items():
            if not (row.get("reference") or (row.get("assumed") and row.get("reason"))):
                raise ValueError(f"{name}: neither a reference nor `assumed: true` with a reason")
            if unknown := set(row) - _KNOWN:
                raise ValueError(f"{name}: {', '.join(sorted(unknown))} means nothing here")
        return rows

    def names(self) -> tuple[str, ...]:
        """Return the shapes there are, the ordinary one first."""
        return (ORDINARY, *self._rows)

    def laid_over(self, data: dict[str, Any], name: str) -> Shape:
        """Lay a shape over the data of traffic.yaml (changed in place) and return the rest of it; raises ValueError for another name."""
        if name == ORDINARY:
            return Shape()
        if name not in self._rows:
            raise ValueError(f"there is no shape {name}; there are {', '.join(self.names())}")
        row = self._rows[name]
        if "per_100_persons" in row:
            data["payments"] |= {"per_100_persons": row["per_100_persons"]}
        for table in ("hours", "amounts", "mishaps_in_10000", "habits_percent"):
            data[table] |= row.get(table, {})
        data["kinds"] = _weighted(name, data["kinds"], row)
        hot = row.get("hot_agents")
        return Shape(
            Tail(Decimal(row["tail"])) if "tail" in row else None,
            HotAgents(hot["percent"], hot["per_country"]) if hot else None,
            tuple(_burst(name, each, data["kinds"]) for each in row.get("bursts", ())),
        )


def _weighted(name: str, kinds: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    percents = row.get("kinds_percent", {})
    _known(name, percents, kinds)
    kept = {kind: given for kind, given in kinds.items() if kind in percents or not row.get("only")}
    return {kind: {**given, "weight": given["weight"] * percents.get(kind, 100) // 100} for kind, given in kept.items()}


def _burst(name: str, row: Mapping[str, Any], kinds: Mapping[str, Any]) -> Burst:
    _known(name, row["kinds"], kinds)
    hour, minute = row["at"].split(":")
    return Burst(frozenset(row["kinds"]), int(hour) * 3600 + int(minute) * 60, row["minutes"] * 60, row["percent"])


def _known(name: str, wanted: Any, kinds: Mapping[str, Any]) -> None:
    if unknown := set(wanted) - set(kinds):
        raise ValueError(f"{name}: there is no kind {', '.join(sorted(unknown))}")
