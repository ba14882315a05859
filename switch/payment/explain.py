"""The document that says why: verdict, class, lanes, claims with used and left, route (design 10, `explain`).

Built from what decide found and the counters' sums as they were read; writes nothing. Amounts are decimal strings in
major units.
"""

from collections.abc import Mapping
from typing import Any

from fx.money import Money, format_amount
from limits.claims import REPORT, Claim, Sums
from limits.counters import EMPTY, evaluate, headroom
from limits.facts import Amounts
from limits.measures import RateSource
from limits.rules import Judgement, RulesOfDay
from switch.payment.decide import refusal_of
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import INVENTORY, LEDGER, LIQUIDITY
from switch.payment.reasons import problem

_ACCOUNTS = frozenset({LIQUIDITY, INVENTORY, LEDGER})


def explain(
    verdict: Plan | Refusal,
    judgement: Judgement | None,
    sums: Mapping[str, Sums],
    rules: RulesOfDay,
    reference_rate: RateSource,
) -> dict[str, Any]:
    """Write the document for a verdict; `sums` are those of the plan's claims, absent counters unused.

    `reports` names the thresholds on a single payment that it reaches: they ask for data, and never block.

    Accounts (liquidity, inventory) are checked only where `sums` has them: without a server they are not.
    """
    refusal = verdict if isinstance(verdict, Refusal) else None
    claims: tuple[Claim, ...] = ()
    if isinstance(verdict, Plan):
        claims = known_claims(verdict, sums)
        refused = evaluate(claims, sums)
        refusal = refusal_of(refused, verdict, rules) if refused is not None else None
    plan = verdict if isinstance(verdict, Plan) else None
    document: dict[str, Any] = {
        "status": "RJCT" if refusal else "ACSP",
        "reason": reason_document(refusal) if refusal else None,
        "classification": _classification(judgement, plan),
        "claims": [
            claim_document(claim, sums.get(claim.counter, EMPTY), rules)
            for claim in claims
            if claim.rule not in _ACCOUNTS
        ],
        "route": route_document(plan) if plan else [],
        "reports": list(rules.reports(plan.lane, Amounts(plan.debit, plan.settlement), reference_rate)) if plan else [],
    }
    if plan is not None:
        document |= amounts_document(plan)
    return document


def known_claims(plan: Plan, sums: Mapping[str, Sums]) -> tuple[Claim, ...]:
    """Return the claims that can be judged by `sums`: all of the law, and those on accounts that it holds."""
    return tuple(claim for claim in plan.claims if claim.rule not in _ACCOUNTS or claim.counter in sums)


def reason_document(refusal: Refusal) -> dict[str, Any]:
    """Write a refusal: ISO code, sentence, and what it was made from."""
    found = problem(refusal)
    return {
        "code": found.code,
        "text": found.text,
        "name": found.name,
        "field": found.field or None,
        "http_status": found.http_status,
        **_named(found.detail),
    }


def _named(detail: Mapping[str, str]) -> dict[str, Any]:
    shown = ("rule", "source", "since", "ceiling", "headroom", "asked", "opens_at", "what_to_do")
    return {name: detail[name] for name in shown if name in detail} | (
        {"assumed": True} if detail.get("assumed") else {}
    )


def _classification(judgement: Judgement | None, plan: Plan | None) -> dict[str, Any] | None:
    found = judgement.classification if judgement else None
    if judgement is None or found is None:
        return None
    return {
        "rule": found.rule,
        "entries": [entry._asdict() for entry in found.entries],
        "rmb_tag": found.rmb_tag,
        "spared": list(found.spared),
        "reference": found.reference,
        "lane": plan.lane.id if plan else None,
        "lanes": [verdict._asdict() for verdict in judgement.lanes],
    }


def claim_document(claim: Claim, sums: Sums, rules: RulesOfDay) -> dict[str, Any]:
    """Write one claim of the law: ceiling, used before it, headroom before it, source."""
    rule = rules.rule(claim.rule)
    currency = rule.currency or claim.counter.partition("|")[0].rpartition(":")[2]
    used: int | None = sums.up_pending + sums.up_posted - sums.down_posted
    left = headroom(claim, sums)
    if (
        claim.effect == REPORT
    ):  # counted by whom the law asks to report, often the other side: not for the sender to see
        used = left = None
    return {
        "rule": claim.rule,
        "ceiling": _major(claim.ceiling, currency),
        "used": _major(used, currency),
        "headroom": _major(left, currency),
        "claimed": _major(claim.delta, currency),
        "currency": currency,
        "effect": claim.effect,
        "window": rule.window,
        "enforced_by": rule.enforced_by,
        "reference": rule.reference,
        "since": rule.since.isoformat(),
        "assumed": rule.assumed,
    }


def route_document(plan: Plan) -> list[dict[str, Any]]:
    """Write the rails taken and why the others were not."""
    return [
        {
            "rail": step.rail,
            "role": step.role,
            "passed_over": [{"rail": rail, "why": why} for rail, why in step.passed_over],
        }
        for step in plan.route
    ]


def amounts_document(plan: Plan) -> dict[str, Any]:
    """Write what is debited, what arrives, and each line between."""
    price = plan.price
    return {
        "debit_amount": money_document(plan.debit),
        "settlement_amount": money_document(plan.settlement),
        "charge": money_document(plan.charge) if plan.charge else None,
        "exchange": None
        if price is None
        else {
            "provider": price.provider,
            "market": price.market,
            "exchange_rate": str(price.rate),
            "mid": str(price.mid),
            "as_of": price.as_of.isoformat(),
            "spread": money_document(price.spread),
        },
    }


def money_document(money: Money) -> dict[str, str]:
    """Write money as a decimal string and its currency."""
    return {"currency": money.currency, "amount": format_amount(money.amount_minor, money.currency)}


def _major(amount_minor: int | None, currency: str) -> str | None:
    return None if amount_minor is None else format_amount(amount_minor, currency)
