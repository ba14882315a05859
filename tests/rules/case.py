"""What a rule case is and how it is run: facts in; class, lanes, claims and verdict out. One YAML file a subject.

A case starts from a base (bases.yaml), states what differs, and expects; `used` is by rule, or by counter where a rule
looks at several windows. Whether claims fit is asked of the same pure
function that every counter implementation is held to.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from fx.money import Money, format_amount, parse_amount
from limits.calendars import law_day
from limits.claims import REPORT, Sums
from limits.counters import evaluate
from limits.facts import Amounts, PaymentFacts, Profile
from limits.rules import Lane, Rulebook, RulesOfDay

HERE = Path(__file__).parent
BASES: Mapping[str, Mapping[str, Any]] = yaml.load((HERE / "bases.yaml").read_text(), yaml.CSafeLoader)
CASE_KEYS = {"name", "at", "base", "facts", "pay", "used", "own_limits", "rates", "scenario", "lane", "expect"}
DAY_RATES = {"CNY/USD/onshore": "0.14", "CNY/HKD/offshore": "1.10"}


def cases() -> list[Any]:
    """Read every case, as (file, case)."""
    return [
        (file.stem, case)
        for file in sorted((HERE / "cases").glob("*.yaml"))
        for case in yaml.load(file.read_text(), yaml.CSafeLoader)
    ]


def profile_of(base: str, changes: Mapping[str, Any]) -> Profile:
    """Build a profile from a base and what differs; an unknown field is a KeyError of the case."""
    fields: dict[str, Any] = {**BASES[base], **changes}
    return Profile(**{name: _hashable(value) for name, value in fields.items()})


def _hashable(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list) else value


def money(text: str) -> Money:
    """Read "HKD 10000.01"."""
    currency, amount = text.split(" ")
    return Money(parse_amount(amount, currency), currency)


def run(rulebook: Rulebook, case: Mapping[str, Any]) -> dict[str, Any]:
    """Run one case and return everything it might have expected."""
    assert not set(case) - CASE_KEYS, f"unknown keys {set(case) - CASE_KEYS}"
    at = case["at"]
    assert isinstance(at, datetime) and at.tzinfo is not None, "`at` is an instant with its offset"
    if "scenario" in case:
        rulebook = rulebook.scenario(case["scenario"], "of the case")
    rules = rulebook.on(law_day(at))
    profile = profile_of(case["base"], case.get("facts", {}))
    judgement = rules.judge(profile)
    found: dict[str, Any] = {
        "class": None,
        "lanes": [lane.id for lane in judgement.eligible],
        "lane": judgement.eligible[0].id if judgement.eligible else None,
        "why": {verdict.lane: verdict.why for verdict in judgement.lanes},
    }
    if judgement.classification is not None:
        classification = judgement.classification
        found |= {
            "class": classification.rule,
            "tag": classification.rmb_tag,
            "spared": list(classification.spared),
            "entries": [
                " ".join(
                    str(part)
                    for part in (
                        entry.economy,
                        entry.side,
                        entry.item,
                        entry.code or "-",
                        entry.counterpart,
                        entry.change,
                    )
                    if part
                )
                for entry in classification.entries
            ],
        }
    lane = next((lane for lane in judgement.eligible if lane.id == case.get("lane", found["lane"])), None)
    if lane is not None:
        found |= _in_lane(rules, lane, profile, at, case)
    return found


def _in_lane(rules: RulesOfDay, lane: Lane, profile: Profile, at: datetime, case: Mapping[str, Any]) -> dict[str, Any]:
    hours = rules.hours(lane, at)
    found: dict[str, Any] = {
        "open": hours.open,
        "next_opening": hours.next_opening.isoformat() if hours.next_opening else None,
        "rails": [*lane.source_rails, *lane.destination_rails],
        "charge": format_amount(rules.charge(lane, profile.debit_currency), profile.debit_currency),
        "market": lane.market,
        "assumed": lane.assumed,
    }
    if "pay" not in case:
        return found
    debit, settlement = (money(text) for text in case["pay"])
    rates = {**DAY_RATES, **case.get("rates", {})}

    def reference_rate(base: str, quote: str, market: str) -> Decimal:
        return Decimal(rates[f"{base}/{quote}/{market}"])

    facts = PaymentFacts(
        profile,
        "p1",
        "p2",
        "AGENTHK0",
        "AGENTCN0",
        "account-1",
        "account-2",
        debit,
        at,
        own_limits=case.get("own_limits"),
    )
    amounts = Amounts(debit, settlement)
    claims = rules.claims(lane, facts, amounts, reference_rate)
    used = {
        claim.counter: Sums(up_posted=money(given).amount_minor)
        for claim in claims
        if (given := case.get("used", {}).get(claim.counter) or case.get("used", {}).get(claim.rule))
    }
    exceeded = (cap(facts, amounts, reference_rate) for cap in rules.law_of(lane).concerning(facts).caps)
    over = next((above for above in exceeded if above is not None), None)
    refused = evaluate(claims, used) if over is None else None
    return found | {
        "claims": {claim.counter: f"{_major(rules, claim.rule, claim.delta, debit.currency)}" for claim in claims},
        "reports": list(rules.reports(lane, amounts, reference_rate)),
        "counted": [claim.rule for claim in claims if claim.effect == REPORT],
        "refused_by": over.rule if over else refused.claim.rule if refused else None,
        "effect": over.effect if over else refused.claim.effect if refused else None,
        "headroom": _major(rules, over.rule, over.cap_minor, over.unit)
        if over
        else _major(rules, refused.claim.rule, refused.headroom, debit.currency)
        if refused
        else None,
        "what_to_do": rules.rule(over.rule if over else refused.claim.rule).at_exhaustion if over or refused else None,
    }


def _major(rules: RulesOfDay, rule: str, amount_minor: int, fallback: str) -> str:
    currency = rules.rule(rule).currency or fallback
    return f"{currency} {format_amount(amount_minor, currency)}"
