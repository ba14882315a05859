"""Rows of PostgreSQL as the flow's plain values."""

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from fx.money import Money
from fx.quotes import Price, Quote
from limits.claims import Claim, Sums
from switch.flow.ports import ExceptionRecord, Finding, Stored, StoredEvent, StoredLeg, StoredTransfer, Unfinished
from switch.payment.plan import Transfer
from switch.payment.status import MONEY, POSTED

Row = Any  # asyncpg.Record has no types of its own


def payment_from(row: Row) -> Stored:
    """Read a payment."""
    return Stored(
        str(row["payment_id"]), row["received_at"], row["received_on"], row["participant"], row["status"], row["code"],
        row["detail"], str(row["uetr"]), row["instruction_id"], row["debtor_agent"], row["creditor_agent"], row["lane"],
        row["debit_minor"], row["debit_currency"], row["settlement_minor"], row["settlement_currency"], row["rulebook_id"],
        row["quote_id"], Finding("", row["standing"] or "{}", row["own"] or "{}").document, claims_from(row["claims"]), row["settled_at"],
        row["awaits_rail"],
    )  # fmt: skip


def claims_text(claims: Iterable[Claim]) -> str:
    """Write claims as they are stored: a JSON array of each claim's fields in their order, read by position in SQL.

    By hand, as json.dumps takes four times as long: rule ids, counter keys and the words of a claim need no escaping.
    """
    return (
        "[" + ",".join([f'["{claim[0]}","{claim[1]}",{claim[2]},{_terms_text(claim[3:])}]' for claim in claims]) + "]"
    )


@lru_cache(maxsize=4_096)
def _terms_text(terms: tuple[Any, ...]) -> str:
    """Write what claims of one rule have in common: a few texts a rule and bound."""
    ceiling, floor, admission, effect, gross, gives_back, latches, forced, unit, on_carry = terms
    return (
        f'{_null(ceiling)},{_null(floor)},"{admission}","{effect}",{_BOOL[gross]},{_BOOL[gives_back]},"{latches}",'
        f'{_BOOL[forced]},"{unit}",{_BOOL[on_carry]}'
    )


_BOOL = ("false", "true")


def _null(value: int | None) -> str:
    return "null" if value is None else str(value)


def claims_from(text: str | None) -> tuple[Claim, ...]:
    """Read stored claims; None (a refused payment) holds nothing."""
    return tuple(Claim(*fields) for fields in json.loads(text)) if text else ()


def event_from(row: Row) -> StoredEvent:
    """Read an event."""
    return StoredEvent(
        f"{row['xid']}-{row['position']}", str(row["payment_id"]), row["participant"], row["n"], row["status"], row["code"],
        row["at"], row["detail"], row["record"],
    )  # fmt: skip


def leg_from(row: Row) -> StoredLeg:
    """Read a leg."""
    return StoredLeg(str(row["payment_id"]), row["n"], row["rail"], row["direction"], row["status"], row["deadline_at"])


def unfinished_from(row: Row) -> Unfinished:
    """Read a payment that a worker takes up from the store, with its leg."""
    return Unfinished(
        str(row["payment_id"]), row["received_on"], str(row["uetr"]), row["status"], row["rail"], 1,
        row["deadline_at"], row["debit_currency"], row["settlement_minor"], row["settlement_currency"], row["sealed"],
    )  # fmt: skip


def transfer_from(row: Row) -> StoredTransfer:
    """Read a transfer; its state follows the payment unless it was posted alone."""
    transfer = Transfer(
        row["n"], row["debit_account"], row["credit_account"], row["amount_minor"], row["currency"], row["line"]
    )
    return StoredTransfer(str(row["payment_id"]), transfer, POSTED if row["alone"] else MONEY[row["status"]])


def sums_from(row: Row) -> Sums:
    """Read a counter."""
    return Sums(
        row["up_pending"], row["up_posted"], row["down_pending"], row["down_posted"], row["latched"], row["version"]
    )


def exception_from(row: Row, transfers: tuple[Transfer, ...]) -> ExceptionRecord:
    """Read an exception record."""
    return ExceptionRecord(
        str(row["payment_id"]), row["received_on"], row["kind"], row["at"], row["detail"], transfers,
        claims_from(row["claims"]),
    )  # fmt: skip


def price_json(price: Price) -> str:
    """Write a price for a stored quote."""
    return json.dumps(
        {
            "provider": price.provider, "sell": list(price.sell), "buy": list(price.buy), "spread": list(price.spread),
            "mid": str(price.mid), "rate": str(price.rate), "market": price.market, "as_of": price.as_of.isoformat(),
        }
    )  # fmt: skip


def quote_from(row: Row) -> Quote:
    """Read a quote."""
    data = json.loads(row["price"])
    price = Price(
        data["provider"], Money(*data["sell"]), Money(*data["buy"]), Money(*data["spread"]), Decimal(data["mid"]),
        Decimal(data["rate"]), data["market"], datetime.fromisoformat(data["as_of"]),
    )  # fmt: skip
    return Quote(row["quote_id"], row["participant"], price, row["expires_at"])
