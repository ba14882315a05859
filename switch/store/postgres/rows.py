"""Rows of PostgreSQL as the flow's plain values."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from fx.money import Money
from fx.quotes import Price, Quote
from limits.claims import Claim, Sums
from switch.flow.ports import ExceptionRecord, Stored, StoredEvent, StoredLeg, StoredTransfer
from switch.payment.plan import Transfer
from switch.payment.status import MONEY, POSTED

Row = Any  # asyncpg.Record has no types of its own


def payment_from(row: Row) -> Stored:
    """Read a payment."""
    return Stored(
        str(row["payment_id"]), row["received_at"], row["received_on"], row["participant"], row["status"], row["code"],
        row["detail"], str(row["uetr"]), row["instruction_id"], row["debtor_agent"], row["creditor_agent"], row["lane"],
        row["debit_minor"], row["debit_currency"], row["settlement_minor"], row["settlement_currency"], row["rulebook_id"],
        row["quote_id"], row["found"] or "{}", _claims(row), row["settled_at"],
    )  # fmt: skip


def _claims(row: Row) -> tuple[Claim, ...]:
    if row["claim_rules"] is None:  # refused: it holds nothing
        return ()
    return tuple(
        Claim(rule, counter, delta, bound if delta >= 0 else None, bound if delta < 0 else None, gross=gross)
        for rule, counter, delta, bound, gross in zip(
            row["claim_rules"],
            row["claim_counters"],
            row["claim_deltas"],
            row["claim_bounds"],
            row["claim_gross"],
            strict=True,
        )
    )


def event_from(row: Row) -> StoredEvent:
    """Read an event."""
    return StoredEvent(
        f"{row['xid']}-{row['position']}", str(row["payment_id"]), row["participant"], row["n"], row["status"], row["code"],
        row["at"], row["detail"],
    )  # fmt: skip


def leg_from(row: Row) -> StoredLeg:
    """Read a leg."""
    return StoredLeg(str(row["payment_id"]), row["n"], row["rail"], row["direction"], row["status"], row["deadline_at"])


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
    forced = tuple(
        Claim(rule, counter, delta, None, None, forced=True)
        for rule, counter, delta in zip(row["claim_rules"], row["claim_counters"], row["claim_deltas"], strict=True)
    )
    return ExceptionRecord(
        str(row["payment_id"]), row["received_on"], row["kind"], row["at"], row["detail"], transfers, forced
    )


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
