"""Builders for the law's tests: valid facts and amounts, and a copy of the packaged documents to plant faults in."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from pickle import dumps, loads
from typing import Any

from fx.money import Money, parse_amount
from limits.facts import Amounts, PaymentFacts, Profile
from limits.rulebook import read_documents

TAKES_PART = frozenset({"payment-connect"})
NORTH = Profile(
    "HK", "CN", "bank", "bank", TAKES_PART, TAKES_PART, "person", "person", "HK", "CN",
    "household", "household", "HKID:HK", "PRCID:CN", False, "GIFT", "", frozenset(), "", "HKD", "HKD", "CNY",
)  # fmt: skip
SOUTH = NORTH._replace(
    debtor_agent_country="CN", creditor_agent_country="HK", debtor_residency="CN", creditor_residency="HK",
    debtor_id="PRCID:CN", creditor_id="HKID:HK",
    debit_currency="CNY", instructed_currency="CNY", settlement_currency="HKD",
)  # fmt: skip
NOON = datetime.fromisoformat("2026-03-02T12:00:00+08:00")


def facts(profile: Profile = NORTH, at: datetime = NOON, **changes: Any) -> PaymentFacts:
    given = PaymentFacts(
        profile, "p1", "p2", "HARBHKH0", "PEARCNG0", "account-1", "account-2", Money(100, profile.debit_currency), at
    )
    return given._replace(**changes)


def money(text: str) -> Money:
    currency, amount = text.split(" ")
    return Money(parse_amount(amount, currency), currency)


def amounts(debit: str, settlement: str) -> Amounts:
    return Amounts(money(debit), money(settlement))


def no_rate(base: str, quote: str, market: str) -> Decimal:
    raise AssertionError("no rate is needed here")


@cache
def _packaged() -> bytes:
    return dumps(dict(read_documents()))


def documents() -> dict[str, Any]:
    """A deep copy of the packaged law; read once, since reading YAML takes a quarter of a second."""
    copy: dict[str, Any] = loads(_packaged())
    return copy


def with_fault(file: str, path: tuple[str | int, ...], value: Any) -> Mapping[str, Any]:
    """The packaged law with one thing changed; `...` as value takes it out."""
    changed = documents()
    place: Any = changed[file]
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed
