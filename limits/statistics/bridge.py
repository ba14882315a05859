"""The stated bridge from receipts and payments to the balance of payments (BPM6): numbers of the ledger, or why there is none.

A line adds up cells of one economy, each currency by itself: nothing is converted, estimated or made up. What cash cannot
show is a line of its own without a number. The lines are data, statistics.yaml.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from limits.classification.bpm6 import within
from limits.documents import Node, Source, read_source
from limits.statistics import PAYMENT, RECEIPT, RETURN, Cell
from limits.statistics.observability import FILE

CURRENT, FINANCIAL, CASH, RETURNS, NONE = "current", "financial", "cash", "returns", "none"
_MEASURES = frozenset({CURRENT, FINANCIAL, CASH, RETURNS, NONE})
NOT_OBSERVABLE = "not observable here"

# What each direction does to the money of the reporting economy: in or out.
_INFLOWS = frozenset({RECEIPT, "asset decrease", "liability increase"})


class Line(NamedTuple):
    """One line of the bridge: what it adds up, or why it has no number."""

    id: str
    part: str  # current | capital | financial | timing | accrual | valuation | coverage | position | residual
    measure: str
    items: tuple[str, ...]  # BPM6 items it takes, with all below them
    total: bool  # of lines before it
    description: str
    why: str  # why there is no number, "" where there is one
    source: Source


class Amounts(NamedTuple):
    """Two sides in minor units: credit and debit, or net acquisition of assets and net incurrence of liabilities."""

    first_minor: int
    second_minor: int


class Figure(NamedTuple):
    """A line's number in one currency, and the part of it that official returns show."""

    currency: str
    all: Amounts
    observable: Amounts


class Bridged(NamedTuple):
    """A line with its numbers by currency; none where nothing was paid, or where nothing can be observed."""

    line: Line
    figures: tuple[Figure, ...]


def read_bridge(data: Mapping[str, Any]) -> tuple[Line, ...]:
    """Check and read the bridge's lines; raises RulebookError naming the key."""
    whole = Node(FILE, "bridge", data["bridge"], ("reference", "lines"))
    lines = []
    for n, each in enumerate(whole.mappings("lines")):
        node = Node(FILE, whole.where(f"lines[{n}]"), each, ("id", "part", "measure", "description"), ("items", "total", "why"))  # fmt: skip
        measure, why = node.one_of("measure", _MEASURES), node.text("why")
        if (measure == NONE) != bool(why):
            raise node.error("why", "belongs to a line that has no number, and to no other")
        if (measure in (CURRENT, FINANCIAL)) != bool(node.texts("items")):
            raise node.error("items", "belongs to a line that adds up items, and to no other")
        lines.append(
            Line(
                node.text("id"), node.text("part"), measure, node.texts("items"), node.flag("total"),
                node.text("description"), why, read_source(node, whole),
            )
        )  # fmt: skip
    return tuple(lines)


def bridge(lines: Sequence[Line], cells: Iterable[Cell], economy: str) -> tuple[Bridged, ...]:
    """Lead from an economy's cells to the accounts of BPM6, line by line."""
    own = [cell for cell in cells if cell.economy == economy]
    return tuple(Bridged(line, _figures(line, own)) for line in lines)


def takes(line: Line, item: str) -> bool:
    """Whether a line adds up an item of BPM6, itself or as part of what stands above it."""
    return any(within(item, head) for head in line.items)


def _figures(line: Line, cells: Sequence[Cell]) -> tuple[Figure, ...]:
    if line.measure == NONE:
        return ()
    found: dict[str, list[list[int]]] = {}
    for cell in cells:
        if line.items and not takes(line, cell.item):
            continue
        sides = _sides(line.measure, cell)
        for of_all in (True, False):
            if of_all or cell.observable:
                sums = found.setdefault(cell.currency, [[0, 0], [0, 0]])[0 if of_all else 1]
                sums[0] += sides[0]
                sums[1] += sides[1]
    return tuple(
        Figure(currency, Amounts(*sums[0]), Amounts(*sums[1]))
        for currency, sums in sorted(found.items())
        if line.measure != RETURNS or any(sums[0])
    )


def _sides(measure: str, cell: Cell) -> tuple[int, int]:
    """Return what a cell adds to the two sides of a line."""
    amount, inflow = cell.amount_minor, cell.direction in _INFLOWS
    if measure == RETURNS:
        return ((amount, 0) if inflow else (0, amount)) if cell.kind == RETURN else (0, 0)
    if measure == CASH:  # assets grow by what comes in and shrink by what goes out; which of the two is not told apart
        return (amount if inflow else -amount, 0)
    if measure == CURRENT:
        back = cell.kind == RETURN  # a receipt that returns a payment lowers the debit
        credit = (cell.direction == RECEIPT) != back
        assert cell.direction in (RECEIPT, PAYMENT), cell
        signed = -amount if back else amount
        return (signed, 0) if credit else (0, signed)
    side, _, change = cell.direction.partition(" ")
    signed = amount if change == "increase" else -amount
    return (signed, 0) if side == "asset" else (0, signed)
