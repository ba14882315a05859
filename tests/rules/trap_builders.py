"""Builders for the tests of the traps: orders and payments with the claims the law makes of them, and planted faults.

Every claim is made by the limits' own code from the rulebook under test, so that a fault in a rule is a fault in the claim.
"""

from collections.abc import Mapping
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import case as rule_case

from fx.money import Money
from limits.claims import Claim, Sums
from limits.counters import changed, post_changes
from limits.documents import Document
from limits.facts import Amounts, PaymentFacts, Profile
from limits.rulebook import read_documents
from limits.rules import Rulebook, RulesOfDay

Change = tuple[str, tuple[str | int, ...], Any]  # a file, where in it, and what stands there instead

TODAY = date(2026, 3, 2)
NOON = datetime.fromisoformat("2026-03-02T12:00:00+08:00")
BILLION = 10**11  # fen
RATES = {"HKD/USD/onshore": "0.128", "THB/HKD/offshore": "0.24", **rule_case.DAY_RATES}


def rate(base: str, quote: str, market: str) -> Decimal:
    """A rate of the day; one for one where no test asks for the figure."""
    return Decimal(RATES.get(f"{base}/{quote}/{market}", "1"))


def facts_of(profile: Profile, paid: Money, **changes: Any) -> PaymentFacts:
    """A payment of p1 to p2 (to p1 again under the same name), over the agents of its two places."""
    debtor_agent, creditor_agent = f"AGENT{profile.debtor_agent_country}0", f"AGENT{profile.creditor_agent_country}0"
    creditor = "p1" if profile.same_name else "p2"
    given = PaymentFacts(profile, "p1", creditor, debtor_agent, creditor_agent, "account-1", "account-2", paid, NOON)
    return given._replace(**changes)


def order(rulebook: Rulebook, rule_id: str, amount_minor: int, session: str = "", day: date = TODAY) -> Claim:
    """The claim of an order on a link's or a market's rule in a session: a buy above zero, a sell below."""
    make = rulebook.on(day).order_claimer(rule_id)
    assert make is not None, f"{rule_id} is not in force on {day}"
    return make(amount_minor, session)


def payment(
    rules: RulesOfDay, base: str, debit: str, settlement: str, who: Mapping[str, Any] | None = None, **facts: Any
) -> dict[str, tuple[Claim, ...]]:
    """Every lane that a payment may take, with its claims there; in each of them a trap may lie."""
    profile = rule_case.profile_of(base, facts)
    amounts = Amounts(rule_case.money(debit), rule_case.money(settlement))
    given = facts_of(profile, amounts.debit, **(who or {}))
    return {lane.id: rules.claims(lane, given, amounts, rate) for lane in rules.judge(profile).eligible}


def claimed(found: Mapping[str, tuple[Claim, ...]], rule: str) -> dict[str, Claim]:
    """The lanes in which a rule claims, with the claim."""
    return {lane: claim for lane, claims in found.items() for claim in claims if claim.rule == rule}


def posted(sums: Mapping[str, Sums], claim: Claim) -> dict[str, Sums]:
    """The sums after an admitted claim is carried out: a buy done, a sell traded."""
    return {**sums, **changed(sums, post_changes((claim,)))}


def periods(rulebook: Rulebook, rule_id: str) -> set[str]:
    """The windows that a rule has had over its history."""
    rule = rulebook.book.rules[rule_id]
    return {rule.counted_on(row.value).period for row in rule.values}


@cache
def _packaged() -> Mapping[str, Document]:
    return read_documents()


def planted(*changes: Change) -> Rulebook:
    """The packaged law with a fault; `...` takes out, a name finds an item of a list by its rule or id, "+" adds one."""
    documents: dict[str, Any] = dict(_packaged())
    for file, path, value in changes:
        name = f"{file}.yaml"
        place = documents[name] = deepcopy(documents[name])
        *steps, last = path
        for step in steps:
            place = place[_found(place, step)]
        if last == "+":
            place.append(value)
        elif value is ...:
            del place[_found(place, last)]
        else:
            place[_found(place, last)] = value
    return Rulebook(documents)


def _found(place: Any, step: str | int) -> str | int:
    """Find an item of a list by its name; the key of a mapping and an index stay as they are."""
    if isinstance(place, list) and isinstance(step, str):
        return next(n for n, item in enumerate(place) if step in (item.get("rule"), item.get("id")))
    return step
