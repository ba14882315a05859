"""What official returns show of a cell: ordered rows of statistics.yaml, the first whose conditions hold marks it.

Each row has its source, or is assumed and says why. It marks, and counts nothing: cells are limits.statistics'.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from fx.money import DOWN, EXPONENTS, round_minor
from fx.rates import Market
from limits.documents import Node, Source, read_decimal, read_source
from limits.statistics import Facts, Mark

FILE = "statistics.yaml"
REPORTS = ("receipts-and-payments", "conversion")
OBSERVABLE, MODEL_ONLY = "observable in official returns", "model only"
_ROW = ("id", "when", "observable", "description")
_SOURCE = ("reference", "assumed", "reason", "assumptions")
_MILLIONTHS = 10**6  # a walk's centre, one US dollar in a currency


class Row(NamedTuple):
    """One row: under which facts of a cell it holds, and what it says of them."""

    id: str
    when: Mapping[str, str | bool]
    observable: bool
    description: str
    source: Source

    @property
    def mark(self) -> str:
        """The mark in words."""
        return OBSERVABLE if self.observable else MODEL_ONLY


class Observability(NamedTuple):
    """The rows of each report, and the threshold of personal items."""

    rows: Mapping[str, tuple[Row, ...]]
    small_currency: str
    small: Decimal  # in major units
    small_reason: str

    def marker(self, report: str) -> Mark:
        """Return the function that marks the cells of a report; the rows' last has no condition left open."""
        rows, known = self.rows[report], dict[Facts, tuple[str, bool]]()

        def mark(facts: Facts) -> tuple[str, bool]:
            found = known.get(facts)
            if found is None:
                row = next(row for row in rows if _holds(row, facts))
                found = known[facts] = (row.id, row.observable)
            return found

        return mark

    def thresholds(self, market: Market) -> dict[str, int]:
        """Return the threshold of personal items in each currency, in minor units, at the centre of its walk."""
        assert self.small_currency == "USD", "walks are of one US dollar"
        return {
            currency: round_minor((self.small * rate).scaleb(EXPONENTS[currency]), DOWN)
            for currency, rate in _per_usd(market).items()
        }


def load_statistics() -> Mapping[str, Any]:
    """Read statistics.yaml as it stands."""
    data: Mapping[str, Any] = yaml.load(files("limits.statistics").joinpath(FILE).read_text("utf-8"), yaml.CSafeLoader)
    return data


def read_observability(data: Mapping[str, Any]) -> Observability:
    """Check and read what is observable; raises RulebookError naming the key."""
    Node(FILE, "", data, ("small", "places", *REPORTS, "bridge"))
    small = Node(FILE, "small", data["small"], ("currency", "amount"), _SOURCE)
    amount = read_decimal(small, "amount", small.data["amount"])
    rows = {report: _rows(report, data[report]) for report in REPORTS}
    return Observability(rows, small.text("currency"), amount, read_source(small).line)


def _rows(report: str, data: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    rows = []
    for n, each in enumerate(data):
        node = Node(FILE, f"{report}[{n}]", each, _ROW, _SOURCE)
        when = Node(FILE, node.where("when"), each["when"], (), Facts._fields)
        for key, value in when.data.items():
            if not isinstance(value, bool if key in ("persons", "small") else str):
                raise when.error(key, f"{value!r} is of the wrong kind")
        rows.append(Row(node.text("id"), dict(when.data), node.flag("observable"), node.text("description"), read_source(node)))  # fmt: skip
    if len({row.id for row in rows}) < len(rows):
        raise Node(FILE, "", {}, ()).error(report, "two rows have one id")
    return tuple(rows)


def _holds(row: Row, facts: Facts) -> bool:
    return all(getattr(facts, key) == value for key, value in row.when.items())


def _per_usd(market: Market) -> dict[str, Decimal]:
    found = {"USD": Decimal(1)} | {name: Decimal(walk.centre) / _MILLIONTHS for name, walk in market.walks.items()}
    pegged = {name: found[anchor] * rate for name, (anchor, rate) in market.pegs.items()}
    return {name: rate for name, rate in (found | pegged).items() if name in EXPONENTS}
