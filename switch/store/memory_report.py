"""The figures of a report from the books in memory: the reference for switch/store/postgres/report.sql."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from limits.calendars import law_day
from switch.flow.exceptions import LATE_ACCEPTANCE
from switch.flow.figures import Figures, Group, Period
from switch.flow.ports import ExceptionRecord, Stored
from switch.flow.return_books import StoredReturn
from switch.payment.returning import HAS_IT, SUSPENDED


def added_up(
    period: Period,
    payments: Iterable[Stored],
    exceptions: Iterable[ExceptionRecord],
    returns: Iterable[StoredReturn] = (),
) -> Figures:
    """Add payments up by what is alike, and what came back of them."""
    sums: dict[tuple[object, ...], list[int]] = {}
    unsettled: dict[str, int] = {}
    own = {each.payment_id: each for each in payments if period.participant in (None, each.participant)}
    for stored in own.values():
        if stored.settled_at is None:
            if period.since <= stored.received_on <= period.until:
                unsettled[stored.status] = unsettled.get(stored.status, 0) + 1
        elif period.begin <= stored.settled_at < period.end:
            key, values = _group(stored, period.small)
            totals = sums.setdefault(key, [0] * len(values))
            for n, value in enumerate(values):
                totals[n] += value
    groups = sorted(Group(*key, *totals) for key, totals in sums.items())  # type: ignore[arg-type]
    back, held = _returned(period, own, returns)
    late = sum(
        record.kind == LATE_ACCEPTANCE and period.begin <= record.at < period.end and record.payment_id in own
        for record in exceptions
    )
    return Figures(tuple(groups), unsettled, late, back, held)


def _returned(
    period: Period, own: Mapping[str, Stored], returns: Iterable[StoredReturn]
) -> tuple[tuple[Group, ...], int]:
    sums: dict[tuple[object, ...], list[int]] = {}
    held = 0
    for each in returns:
        at, stored = each.released_at or each.booked_at, own.get(each.payment_id)
        if stored is None or not period.begin <= at < period.end:
            continue
        held += each.state == SUSPENDED
        if each.state not in HAS_IT:
            continue
        reached = each.bought_minor if each.market else each.amount_minor
        key = (
            law_day(at), _standing(stored), stored.creditor_agent[4:6], stored.debtor_agent[4:6], each.currency,
            each.credited_currency, each.market, bool(each.market) and each.sold_minor <= period.small.get(each.currency, -1),
            reached <= period.small.get(each.credited_currency, -1),
        )  # fmt: skip
        totals = sums.setdefault(key, [0] * 4)
        for n, value in enumerate((1, each.sold_minor, each.bought_minor, reached)):
            totals[n] += value
    return tuple(sorted(Group(*key, *totals) for key, totals in sums.items())), held  # type: ignore[arg-type]


def _standing(stored: Stored) -> str:
    decision: dict[str, Any] = json.loads(stored.decision)
    return json.dumps({name: value for name, value in decision.items() if name not in ("price", "charge")})


def _group(stored: Stored, small: Mapping[str, int]) -> tuple[tuple[object, ...], tuple[int, ...]]:
    assert stored.settled_at is not None
    decision: dict[str, Any] = json.loads(stored.decision)
    price, _ = decision.pop("price", None) or {}, decision.pop("charge", None)
    sold, bought = price.get("sell_minor", 0), price.get("buy_minor", 0)
    key = (
        law_day(stored.settled_at), json.dumps(decision), stored.debtor_agent[4:6], stored.creditor_agent[4:6],
        stored.debit_currency, stored.settlement_currency, price.get("market", ""),
        bool(price) and sold <= small.get(stored.debit_currency, -1),
        stored.settlement_minor <= small.get(stored.settlement_currency, -1),
    )  # fmt: skip
    return key, (1, sold, bought, stored.settlement_minor)
