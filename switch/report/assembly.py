"""From a store's figures to a report: stored decisions become records, records cells, and cells a document.

Amounts leave it as decimal strings in major units. Not here: SQL (store), what is observable (limits), files (rendering).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from fx.money import format_amount
from fx.rates import load_market
from limits.classification import Entry, turned
from limits.statistics import (
    PAYMENT,
    RETURN,
    RMB,
    UNKNOWN_PARTIES,
    Cell,
    Conversion,
    Parties,
    Record,
    Side,
    conversions,
    enough,
    receipts_and_payments,
)
from limits.statistics.bridge import CASH, FINANCIAL, NOT_OBSERVABLE, Amounts, Bridged, Line, bridge, read_bridge
from limits.statistics.observability import MODEL_ONLY, OBSERVABLE, Observability, load_statistics, read_observability
from switch.flow.figures import Figures, Group, Period
from switch.payment.status import BLOCKED, CANCELLED, IN_DOUBT, REJECTED
from switch.report.question import CONVERSION, RECEIPTS_AND_PAYMENTS, Question

# Columns of a cell, in the order in which cells are sorted; `mark` in words, `basis` the row of statistics.yaml behind it.
COLUMNS = {
    RECEIPTS_AND_PAYMENTS: (
        "economy", "day", "item", "code", "direction", "counterpart", "currency", "kind", "count", "amount", "mark",
        "basis",
    ),
    CONVERSION: (
        "economy", "day", "market", "operation", "party", "residency", "item", "code", "currency", "kind", "count",
        "amount", "rmb_amount", "mark", "basis",
    ),
}  # fmt: skip
_NEVER = (REJECTED, CANCELLED)  # what has no money in it for good
_NOTES = {
    "day": "A record stands in the law day (UTC+8) on which it settled.",
    "returns": "A return is a record of its own in the period in which it reached the debtor agent, on the other side of its class.",
    "adjustments": "An adjustment gives back quota; the money of a return is in the record of the return, not of the adjustment.",
    "totals": "Each economy reports for itself: a payment seen by two stands in both reports, so cells of two are never added.",
}


class Report(NamedTuple):
    """A report: its cells, and the document around them."""

    question: Question
    cells: list[Cell] | list[Conversion]
    head: dict[str, Any]  # what a document says before its cells
    tail: dict[str, Any]  # and after


class _Law(NamedTuple):
    observability: Observability
    bridge: tuple[Line, ...]
    small: Mapping[str, int]


@cache
def _law() -> _Law:
    """Read statistics.yaml, once: it is a value."""
    data = load_statistics()
    observability = read_observability(data)
    return _Law(observability, read_bridge(data), observability.thresholds(load_market()))


def period_of(question: Question) -> Period:
    """Return what to ask the store for."""
    return Period(question.since, question.until, question.participant, _law().small)


def make_report(question: Question, figures: Figures) -> Report:
    """Make the report from a store's figures."""
    records = [record_of(group) for group in figures.settled] + [return_of(group) for group in figures.returned]
    mark = _law().observability.marker(question.report)
    make = receipts_and_payments if question.report == RECEIPTS_AND_PAYMENTS else conversions
    found, left = make(records, mark, question.economy)
    cells = enough(found, question.count_min)
    left = left._replace(small_cells=len(found) - len(cells))
    head = {
        "report": question.report,
        "from": question.since.isoformat(),
        "to": question.until.isoformat(),
        "economy": question.economy,
        "participant": question.participant,
        "min_count": question.count_min,
    }
    tail = {
        "marks": _marks(question, cells),
        "left_out": left._asdict(),
        "not_settled": _not_settled(figures),
        "small_amounts": _small_amounts(),
        "notes": _NOTES,
    }
    if question.report == RECEIPTS_AND_PAYMENTS:
        tail["bridge"] = [_bridge_document(economy, cells) for economy in _economies(question, cells)]
    return Report(question, cells, head, tail)


def record_of(group: Group) -> Record:
    """Read a group of alike payments as a record of the statistics."""
    standing = json.loads(group.standing)
    entries = tuple(
        Entry(**{name: entry[name] for name in Entry._fields if name in entry})
        for entry in standing["classification"]["entries"]
    )
    kept = standing.get("parties")
    received = Side(group.settlement_currency, group.settled_minor, group.small_settled)
    sent = Side(group.debit_currency, group.sold_minor, group.small_sold) if group.market else received
    return Record(
        PAYMENT, group.day, entries, Parties(**kept) if kept else UNKNOWN_PARTIES, group.origin, group.destination,
        group.market, sent, group.bought_minor, received, group.number,
    )  # fmt: skip


def return_of(group: Group) -> Record:
    """Read a group of alike returns as a record: its payments' class turned round, and who sent it back the debtor."""
    record = record_of(group)
    there = record.parties
    parties = Parties(there.creditor_kind, there.creditor_residency, there.debtor_kind, there.debtor_residency)
    return record._replace(kind=RETURN, entries=turned(record.entries), parties=parties)


def rows(report: Report) -> list[dict[str, Any]]:
    """Write the cells as rows, in the report's order: the mark in words, amounts in major units."""
    columns = COLUMNS[report.question.report]
    return [_row(columns, cell) for cell in report.cells]


def document(report: Report) -> dict[str, Any]:
    """Write the whole report as one document."""
    return {**report.head, "cells": rows(report), **report.tail}


def _row(columns: Sequence[str], cell: Cell | Conversion) -> dict[str, Any]:
    row = cell._asdict() | {
        "day": cell.day.isoformat(),
        "count": cell.number,
        "amount": format_amount(cell.amount_minor, cell.currency),
        "mark": OBSERVABLE if cell.observable else MODEL_ONLY,
        "basis": cell.mark,
    }
    if isinstance(cell, Conversion):
        row["rmb_amount"] = format_amount(cell.rmb_minor, RMB)
    return {name: row[name] for name in columns}


def _marks(question: Question, cells: Iterable[Cell | Conversion]) -> list[dict[str, Any]]:
    """Say of each mark that occurs what it rests on."""
    used = {cell.mark for cell in cells}
    return [
        {
            "basis": row.id,
            "mark": row.mark,
            "description": row.description,
            "reference": row.source.line,
            "confidence": row.source.confidence,
            "assumed": row.source.assumed,
            "assumptions": dict(row.source.assumptions),
        }
        for row in _law().observability.rows[question.report]
        if row.id in used
    ]


def _not_settled(figures: Figures) -> dict[str, int]:
    """Count what came in and is in no cell: for good, not yet, or not known yet."""
    of = figures.unsettled
    on_their_way = sum(count for status, count in of.items() if status not in (*_NEVER, IN_DOUBT, BLOCKED))
    return {
        "rejected": of.get(REJECTED, 0),
        "cancelled": of.get(CANCELLED, 0),
        "blocked": of.get(BLOCKED, 0),
        "on_their_way": on_their_way,
        "not_yet_known": of.get(IN_DOUBT, 0),
        "paid_after_their_end": figures.late,
        "returns_held": figures.held,
    }


def _small_amounts() -> dict[str, Any]:
    law = _law()
    each = {currency: format_amount(minor, currency) for currency, minor in sorted(law.small.items())}
    return {"amounts": each, "reference": law.observability.small_reason}


def _economies(question: Question, cells: Iterable[Any]) -> list[str]:
    return [question.economy] if question.economy else sorted({cell.economy for cell in cells})


def _bridge_document(economy: str, cells: Sequence[Any]) -> dict[str, Any]:
    return {"economy": economy, "lines": [_line(each) for each in bridge(_law().bridge, cells, economy)]}


def _line(bridged: Bridged) -> dict[str, Any]:
    line = bridged.line
    written: dict[str, Any] = {
        "line": line.id,
        "part": line.part,
        "total": line.total,
        "description": line.description,
        "status": NOT_OBSERVABLE if line.why else "from the ledger",
        "why": line.why or None,
        "reference": line.source.line,
        "figures": [
            {
                "currency": figure.currency,
                **_sides(line.measure, figure.all, figure.currency),
                "observable": _sides(line.measure, figure.observable, figure.currency),
            }
            for figure in bridged.figures
        ],
    }
    return written


def _sides(measure: str, amounts: Amounts, currency: str) -> dict[str, str]:
    first, second = amounts
    if measure == CASH:
        return {"net": format_amount(first, currency)}
    names = ("assets", "liabilities") if measure == FINANCIAL else ("credit", "debit")
    both = {name: format_amount(value, currency) for name, value in zip(names, amounts, strict=True)}
    return both | {"net": format_amount(first - second, currency)}
