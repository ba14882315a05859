"""The documents that say why: verdict, class, lanes, claims with used and left, route (design 10, `explain`).

Built once for all who show a decision: the dry run, the stored decision, the API. From what decide found and the
counters' sums as they were read; writes nothing. Amounts are decimal strings in major units.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from fx.money import Money, format_amount
from fx.quotes import Price
from limits.claims import REPORT, Claim, Sums
from limits.counters import EMPTY, evaluate, headroom
from limits.measures import RateSource
from limits.rules import Classification, Judgement, Lane, RulesOfDay
from switch.payment.decide import refusal_of
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import is_account, reservation
from switch.payment.reasons import problem, shown


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
    plan = verdict if isinstance(verdict, Plan) else None
    refusal = verdict if isinstance(verdict, Refusal) else None
    document: dict[str, Any] = {"claims": [], "route": [], "reports": []}
    if plan is not None:
        claims = known_claims(plan, sums)
        refused = evaluate(claims, sums)
        refusal = refusal_of(refused, plan, rules) if refused is not None else None
        document = {
            "claims": [_counted(claim, sums.get(claim.counter, EMPTY), rules) for claim in of_law(claims)],
            "route": route_document(plan),
            "reports": list(rules.reports(plan.lane, plan.amounts, reference_rate)),
            **amounts_document(plan),
        }
    return {
        "status": "RJCT" if refusal else "ACSP",
        "reason": reason_document(refusal) if refusal else None,
        "classification": _classified(judgement, plan),
        **document,
    }


def known_claims(plan: Plan, sums: Mapping[str, Sums]) -> tuple[Claim, ...]:
    """Return the claims that can be judged by `sums`: all of the law, and those on accounts that it holds."""
    return tuple(claim for claim in reservation(plan) if not is_account(claim) or claim.counter in sums)


def of_law(claims: Iterable[Claim]) -> list[Claim]:
    """Return the claims of the law, without those on accounts: those are no participant's to see."""
    return [claim for claim in claims if not is_account(claim)]


def reason_document(refusal: Refusal) -> dict[str, Any]:
    """Write a refusal: ISO code, sentence, and what it was made from."""
    found = problem(refusal)
    return {
        "code": found.code,
        "text": found.text,
        "name": found.name,
        "field": found.field or None,
        "http_status": found.http_status,
        **shown(found.detail),
    }


def _classified(judgement: Judgement | None, plan: Plan | None) -> dict[str, Any] | None:
    found = judgement.classification if judgement else None
    if judgement is None or found is None:
        return None
    return classification_document(found) | {
        "lane": plan.lane.id if plan else None,
        "lanes": [verdict._asdict() for verdict in judgement.lanes],
    }


def standing_document(plan: Plan) -> dict[str, Any]:
    """Write what many plans have in common: class, lane and route; the head of a stored decision."""
    return {
        "classification": classification_document(plan.classification),
        "lane": lane_document(plan.lane),
        "route": route_document(plan),
    }


def classification_document(found: Classification) -> dict[str, Any]:
    """Write a class: its statistical entries, RMB tag, and what it is spared."""
    return {
        "rule": found.rule,
        "entries": [entry._asdict() for entry in found.entries],
        "rmb_tag": found.rmb_tag,
        "spared": list(found.spared),
        "reference": found.reference,
    }


def lane_document(lane: Lane) -> dict[str, Any]:
    """Write the lane taken, with its source."""
    return {"lane": lane.id, "scheme": lane.scheme, "assumed": lane.assumed, "reference": lane.reference}


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


def claim_document(claim: Claim) -> dict[str, Any]:
    """Write a claim of the law as it was made."""
    return {
        "rule": claim.rule,
        "ceiling": _major(claim.ceiling, claim.unit),
        "claimed": _major(claim.delta, claim.unit),
        "currency": claim.unit,
    }


def _counted(claim: Claim, sums: Sums, rules: RulesOfDay) -> dict[str, Any]:
    """Write a claim with what was used and left of its counter before it, and the rule's source."""
    rule = rules.rule(claim.rule)
    # Counted by whom the law asks to report, often the other side: not for the sender to see.
    seen = claim.effect != REPORT
    used = sums.up_pending + sums.up_posted - sums.down_posted if seen else None
    return claim_document(claim) | {
        "used": _major(used, claim.unit),
        "headroom": _major(headroom(claim, sums) if seen else None, claim.unit),
        "effect": claim.effect,
        "window": rule.window,
        "enforced_by": rule.enforced_by,
        "reference": rule.reference,
        "since": rule.since.isoformat(),
        "assumed": rule.assumed,
    }


def amounts_document(plan: Plan) -> dict[str, Any]:
    """Write what is debited, what arrives, and each line between."""
    price = plan.price
    return {
        "debit_amount": money_document(plan.debit),
        "settlement_amount": money_document(plan.settlement),
        "charge": money_document(plan.charge) if plan.charge else None,
        "exchange": exchange_document(price_document(price), price.spread) if price else None,
    }


def price_document(price: Price) -> dict[str, str]:
    """Write a price as a stored decision holds it."""
    return {
        "provider": price.provider,
        "market": price.market,
        "exchange_rate": str(price.rate),
        "mid": str(price.mid),
        "as_of": price.as_of.isoformat(),
    }


def exchange_document(price: Mapping[str, Any], spread: Money) -> dict[str, Any]:
    """Write a conversion: whose price (of price_document), at what rate, what of it is the provider's margin."""
    names = ("provider", "market", "exchange_rate", "mid", "as_of")
    return {name: price[name] for name in names} | {"spread": money_document(spread)}


def money_document(money: Money) -> dict[str, str]:
    """Write money as a decimal string and its currency."""
    return {"currency": money.currency, "amount": format_amount(money.amount_minor, money.currency)}


def _major(amount_minor: int | None, currency: str) -> str | None:
    return None if amount_minor is None else format_amount(amount_minor, currency)
