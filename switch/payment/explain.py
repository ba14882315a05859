"""The documents that say why: verdict, facts, class, lanes, claims with used and left, route (design 10, `explain`).

Built once for all who show a decision: the dry run, the stored decision, the API. From what decide found and the
counters' sums as they were read; writes nothing. Amounts are decimal strings in major units. Not here: the changes that
would let a refused payment pass (payment.remedy), and the texts for people (payment.texts).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from fx.money import Money, format_amount
from fx.quotes import Price
from limits.calendars import LAW_ZONE
from limits.claims import REPORT, Claim, Sums
from limits.counters import EMPTY, evaluate, headroom
from limits.facts import PaymentFacts, Profile
from limits.measures import RateSource
from limits.rules import Classification, Judgement, Lane, RulesOfDay
from limits.statistics import Parties
from limits.values import ACTIVE, amount_text
from switch.payment.decide import refusal_of
from switch.payment.foresight import counts_others
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import is_account
from switch.payment.reasons import problem, shown
from switch.payment.remedy import Remedy
from switch.payment.status import ACCEPTED, ISO_STATUS, QUEUED
from switch.payment.texts import remedy_texts

# States are put on by mainland authorities, and their lists told to mainland banks; other pairs are other banks' business.
OF_THE_PERSON = ("debtor_states", "wealth_channels")
KNOWN_TO = "CN"


class Known(NamedTuple):
    """What the documents say of a profile on a day, written once for all payments that share it; nobody changes it."""

    profile: Mapping[str, Any]
    lanes: list[dict[str, Any]]
    nearly: list[dict[str, str]]  # classification rows that nearly applied, and what failed
    classification: Mapping[str, Any] | None


class Ground(NamedTuple):
    """What a verdict stands on: the facts (None where the instruction has none) and what is known of them, the law, the instant."""

    facts: PaymentFacts | None
    known: Known | None
    rules: RulesOfDay
    at: datetime
    bound_first: Refusal | None = None  # of the first lane passed over (allow_lanes): the rule that is named, then


class Explained(NamedTuple):
    """The document, and the refusal it was written from: None where the payment would be accepted."""

    document: dict[str, Any]
    refusal: Refusal | None


def explain(
    verdict: Plan | Refusal,
    claims: tuple[Claim, ...],
    ground: Ground,
    sums: Mapping[str, Sums],
    reference_rate: RateSource,
) -> Explained:
    """Write the document for a verdict; `sums` are those of the plan's `claims` (known_claims), absent counters unused.

    `reports` names the thresholds on a single payment that it reaches: they ask for data, and never block.

    Accounts (liquidity, inventory) are checked only where `sums` has them: without a server they are not.
    """
    rules = ground.rules
    plan = verdict if isinstance(verdict, Plan) else None
    refusal = verdict if isinstance(verdict, Refusal) else None
    document: dict[str, Any] = {"claims": [], "route": [], "reports": []}
    if plan is not None:
        refused = evaluate(claims, sums)
        refusal = (ground.bound_first or refusal_of(refused, plan, rules)) if refused is not None else None
        document = {
            "claims": [_counted(claim, sums.get(claim.counter, EMPTY), plan, ground) for claim in of_law(claims)],
            "route": route_document(plan),
            "reports": list(rules.reports(plan.lane, plan.amounts, reference_rate)),
            **amounts_document(plan),
        }
    waits = plan.opens_at if plan is not None and refusal is None else None
    document = {
        "status": "RJCT" if refusal else ISO_STATUS[ACCEPTED if waits is None else QUEUED],
        "reason": reason_document(refusal) if refusal else None,
        "queued_until": instant_document(waits) if waits is not None else None,
        "facts": facts_document(ground.facts, ground.known) if ground.facts and ground.known else None,
        "classification": _classified(ground.known, plan),
        "nearly": ground.known.nearly if ground.known else [],
        **document,
    }
    return Explained(document, refusal)


def known_claims(claims: Iterable[Claim], sums: Mapping[str, Sums]) -> tuple[Claim, ...]:
    """Return the claims that can be judged by `sums`: all of the law, and those on accounts that it holds."""
    return tuple([claim for claim in claims if not is_account(claim) or claim.counter in sums])


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


def known_of(profile: Profile, judgement: Judgement, nearly: Iterable[tuple[str, str]]) -> Known:
    """Write what a profile is on a day: its facts (a document by its type), class, lanes and near rows.

    What is known of the person beyond this payment (OF_THE_PERSON) is null to a debtor agent outside the mainland.
    """
    facts = {
        name: sorted(value) if isinstance(value, frozenset) else value for name, value in profile._asdict().items()
    }
    facts["debtor_document"], facts["creditor_document"] = facts.pop("debtor_id"), facts.pop("creditor_id")
    if profile.debtor_agent_country != KNOWN_TO:
        facts.update(dict.fromkeys(OF_THE_PERSON))
    found = judgement.classification
    return Known(
        facts,
        [verdict._asdict() for verdict in judgement.lanes],
        [{"row": row, "failed": failed} for row, failed in nearly],
        classification_document(found) if found is not None else None,
    )


def facts_document(facts: PaymentFacts, known: Known) -> dict[str, Any]:
    """Write the facts that class and lanes were decided on: no name, no number, no pseudonym."""
    return {
        **known.profile,
        "debtor_agent": facts.debtor_agent,
        "creditor_agent": facts.creditor_agent,
        "instructed_amount": money_document(facts.instructed),
        "received_at": facts.at.astimezone(LAW_ZONE).isoformat(),
        "accepted_at": facts.accepted_at.astimezone(LAW_ZONE).isoformat() if facts.accepted_at else None,
    }


def _classified(known: Known | None, plan: Plan | None) -> dict[str, Any] | None:
    if known is None or known.classification is None:
        return None
    return {**known.classification, "lane": plan.lane.id if plan else None, "lanes": known.lanes}


def standing_document(plan: Plan) -> dict[str, Any]:
    """Write what many plans have in common: class, lane and route; the head of a stored decision."""
    return {
        "classification": classification_document(plan.classification),
        "lane": lane_document(plan.lane),
        "route": route_document(plan),
        # For the statistics: no document shows them of one payment.
        "parties": {side: getattr(plan.profile, side) for side in Parties._fields},
    }


def classification_document(found: Classification) -> dict[str, Any]:
    """Write a class: its statistical entries, RMB tag, and what it is spared."""
    return {
        "rule": found.rule,
        "entries": [entry._asdict() for entry in found.entries],
        "rmb_tag": found.rmb_tag,
        "spared": list(found.spared),
        "needs": list(found.needs),
        "eases": found.eases or None,
        "tag_note": found.tag_note or None,
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


def _counted(claim: Claim, sums: Sums, plan: Plan, ground: Ground) -> dict[str, Any]:
    """Write a claim with what was used, held and left of its counter before it, and the rule's source.

    `would_refuse` is what a rule that only counts (a draft, an advice) would do were it law; null for any other.
    `held` is what of the use is reserved and not settled; null for a gross rule, which keeps one sum. `headroom` is never
    below zero: by how much a lowered ceiling is exceeded, `used` tells. A claim of nothing looks at an older window
    (`counted_in`), which ended before.
    """
    rule, unit = ground.rules.rule(claim.rule), claim.unit
    others = counts_others(claim, plan.lane.id, ground.rules)
    advisory = rule.state != ACTIVE and not others  # counts and never refuses: it shows what it would do
    if advisory:
        claim = claim._replace(ceiling=rule.amount_minor)
    # Counted by whom the law asks to report, or on the creditor's side: not for the sender to see.
    seen = advisory or (claim.effect != REPORT and not others)
    used = sums.up_pending + sums.up_posted - sums.down_posted if seen else None
    ends = rule.window_end(ground.at) if claim.delta else None
    left = headroom(claim, sums)
    return claim_document(claim) | {
        "used": _major(used, unit),
        "held": _major(sums.up_pending, unit) if seen and not claim.gross else None,
        "headroom": _major(max(left, 0) if seen and left is not None else None, unit),
        "effect": claim.effect,
        "state": rule.state,
        "would_refuse": left is not None and claim.delta > left if advisory else None,
        "scope": ground.rules.scope(plan.lane.id, claim),
        "window": rule.window,
        "counted_in": claim.counter.rpartition("|")[2],
        "window_ends": ends.astimezone(LAW_ZONE).isoformat() if ends else None,
        "enforced_by": rule.enforced_by,
        "reference": rule.reference,
        "confidence": rule.confidence,
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


def remedy_document(remedy: Remedy) -> dict[str, Any]:
    """Write a change that would let the payment pass: a merge patch of the instruction, or the instant to send it at.

    `binding` is what refuses one minor unit, or one millisecond, short of it.
    """
    return {
        "kind": remedy.kind,
        "patch": remedy.patch,
        "at": instant_document(remedy.at) if remedy.at else None,
        "binding": remedy.binding or None,
        "text": remedy_texts(remedy),
    }


def instant_document(at: datetime) -> str:
    """Write an instant in the law's zone, to the millisecond at least."""
    return at.astimezone(LAW_ZONE).isoformat(timespec="milliseconds" if at.microsecond % 1000 == 0 else "auto")


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


def _major(amount_minor: int | None, unit: str) -> str | None:
    return None if amount_minor is None else amount_text(amount_minor, unit)
