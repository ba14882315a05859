"""What the API shows of payments and events: documents of plain values, amounts as decimal strings in major units.

Built from what the store holds; nothing here reads the sealed instruction, so no document holds a name or a number.
"""

import json
from collections.abc import Mapping
from typing import Any

from fx.money import Money, format_amount
from limits.claims import Claim
from limits.rules import RulesOfDay
from switch.flow.ports import Stored, StoredEvent
from switch.flow.world import World
from switch.payment.explain import money_document, reason_document
from switch.payment.postings import INVENTORY, LEDGER, LIQUIDITY
from switch.payment.refusals import refusal_from
from switch.payment.status import ISO_STATUS

_ACCOUNTS = frozenset({LIQUIDITY, INVENTORY, LEDGER})


def accepted_document(payment_id: str, status: str, uetr: str, instruction_id: str) -> dict[str, Any]:
    """Write what is known of a payment the moment it is accepted: the first fields of its document."""
    return {
        "payment_id": payment_id,
        "status": status,
        "iso_status": ISO_STATUS[status],
        "uetr": uetr,
        "instruction_id": instruction_id,
    }


def payment_document(stored: Stored, world: World) -> dict[str, Any]:
    """Write a payment: what became of it, its amounts, class, lane, route and the law's claims."""
    decision = json.loads(stored.decision)
    rules = world.view(stored.received_at).rules
    return accepted_document(stored.payment_id, stored.status, stored.uetr, stored.instruction_id) | {
        "debtor_agent": stored.debtor_agent,
        "creditor_agent": stored.creditor_agent,
        "received_at": stored.received_at.isoformat(),
        "settled_at": stored.settled_at.isoformat() if stored.settled_at else None,
        "reason": reason_of(stored),
        "debit_amount": _amount(stored.debit_minor, stored.debit_currency),
        "settlement_amount": _amount(stored.settlement_minor, stored.settlement_currency),
        "charge": _charge(decision),
        "exchange": _exchange(decision, stored.debit_currency) if stored.debit_currency else None,
        "classification": decision.get("classification"),
        "lane": decision.get("lane"),
        "route": decision.get("route", []),
        "claims": [_claim(claim, rules) for claim in stored.claims if claim.rule not in _ACCOUNTS],
        "quote_id": stored.quote_id or None,
        "rulebook_id": stored.rulebook_id,
    }


def reason_of(stored: Stored) -> dict[str, Any] | None:
    """Write why a payment was rejected, None where it was not."""
    refusal = refusal_from(stored.detail) if stored.code else None
    return reason_document(refusal) | {"code": stored.code} if refusal is not None else None


def event_document(event: StoredEvent) -> dict[str, Any]:
    """Write one event of a payment; `event_id` is its place in the stream."""
    refusal = refusal_from(event.detail) if event.code else None
    return {
        "event_id": event.cursor,
        "payment_id": event.payment_id,
        "n": event.n,
        "status": event.status,
        "iso_status": ISO_STATUS[event.status],
        "code": event.code or None,
        "text": reason_document(refusal)["text"] if refusal is not None else None,
        "at": event.at.isoformat(),
    }


def _amount(amount_minor: int, currency: str) -> dict[str, str] | None:
    return money_document(Money(amount_minor, currency)) if currency else None


def _charge(decision: Mapping[str, Any]) -> dict[str, str] | None:
    charge = decision.get("charge")
    return _amount(charge["amount_minor"], charge["currency"]) if charge else None


def _exchange(decision: Mapping[str, Any], debit_currency: str) -> dict[str, Any] | None:
    price = decision.get("price")
    if not price:
        return None
    shown = {name: price[name] for name in ("provider", "market", "exchange_rate", "mid", "as_of")}
    return shown | {"spread": _amount(price["spread_minor"], debit_currency)}


def _claim(claim: Claim, rules: RulesOfDay) -> dict[str, Any]:
    """Write a claim as it was admitted; amounts null where the present rulebook has no such rule to name the currency."""
    try:
        currency = rules.rule(claim.rule).currency or claim.counter.partition("|")[0].rpartition(":")[2]
    except KeyError:
        currency = None
    return {
        "rule": claim.rule,
        "ceiling": _major(claim.ceiling, currency),
        "claimed": _major(claim.delta, currency),
        "currency": currency,
    }


def _major(amount_minor: int | None, currency: str | None) -> str | None:
    return None if amount_minor is None or currency is None else format_amount(amount_minor, currency)
