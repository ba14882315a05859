"""decide: facts -> class -> lane -> price -> route -> claims, as a Plan or a Refusal. Pure and total; nothing is reserved.

The verdict of the switch is decide, then the admission of the plan's claims (flow, store). Explain and the lab call the
same function. Facts come from switch.translate, which alone maps instructions to them.
"""

from collections.abc import Set
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from fx.money import Money
from fx.providers import Provider
from fx.quotes import Price, Quote, Request, best_price, prices, trades
from fx.rates import PEGGED, Rates
from limits.calendars import LAW_ZONE
from limits.claims import REQUIRE_DOCUMENTS, Claim, Refused
from limits.facts import Amounts, PaymentFacts, Profile
from limits.lanes import DAY, FACTS, VENUE
from limits.measures import Exceeded, claims_made, documents_claimed
from limits.rules import DOCUMENT, Judgement, Lane, RulesOfDay
from limits.values import CREDITOR_SCOPES, USE, RuleValue, suspended_until
from rails.hops import Hops
from switch.payment.plan import Leg, Plan, Refusal
from switch.payment.postings import INVENTORY, LIQUIDITY, Sides, inventory, transfers_of
from switch.payment.route import CLOSED, Router
from switch.payment.way import Route

_WINDOWS_SAID = {"calendar-day": " a day", "calendar-year": " a calendar year", "trading-day": " a trading day"}
NEAREST_SHOWN = 4  # lanes named in a refusal: a sentence, not a list
_EMPTY: frozenset[str] = frozenset()


class View(NamedTuple):
    """What a decision may look at: one law day, one set of participants, rails, rates and providers."""

    rules: RulesOfDay
    rulebook_id: str
    rates: Rates
    providers: tuple[Provider, ...]
    router: Router


class Ask(NamedTuple):
    """One payment to be decided: its facts and what the instruction says about the way."""

    facts: PaymentFacts
    lane: str | None
    allow_lanes: bool
    charge_bearer: str
    creditor_account: str  # resolved number on the creditor agent's books
    quote_id: str | None
    quote: Quote | None  # the stored quote of that id, of this participant; None where there is none
    passed_lanes: Set[str] = _EMPTY  # lanes whose claims were refused already (allow_lanes)
    empty_inventories: Set[str] = _EMPTY  # provider accounts found empty
    queues: bool = False  # where lane or rails are closed it waits for their opening, and is not refused
    clock_from: datetime | None = None  # when its clock started, where it is urgent and says so


def decide(ask: Ask, view: View) -> Plan | Refusal:
    """Decide one payment at `ask.facts.at`; the plan's claims are still to be admitted."""
    judgement = view.rules.judge(ask.facts.profile)
    if judgement.classification is None:
        profile = ask.facts.profile
        return Refusal(
            "unclassified",
            {
                "purpose": profile.purpose_code,
                "debtor_residency": profile.debtor_residency,
                "creditor_residency": profile.creditor_residency,
            },
            "purpose_code",
        )
    lanes = _candidates(ask, judgement, view.rules)
    if isinstance(lanes, Refusal):
        return lanes
    first: Refusal | None = None
    waiting: Plan | None = None  # over the first lane that carries it later: a lane that carries it now comes before
    for lane in lanes:
        plan = _plan(ask, view, judgement, lane)
        if not ask.allow_lanes or (isinstance(plan, Plan) and plan.opens_at is None):
            return plan
        if isinstance(plan, Plan):
            waiting = waiting or plan
        else:
            first = first or plan
    found = waiting or first
    assert found is not None
    return found


def _candidates(ask: Ask, judgement: Judgement, rules: RulesOfDay) -> list[Lane] | Refusal:
    """List the lanes to try, in legal order: the first, the one named, or all with allow_lanes."""
    if judgement.eligible and ask.lane is None and not ask.allow_lanes and not ask.passed_lanes:
        return [judgement.eligible[0]]
    eligible = [lane for lane in judgement.eligible if lane.id not in ask.passed_lanes]
    if ask.lane is not None:
        named = [lane for lane in eligible if lane.id == ask.lane]
        if not named and not (ask.allow_lanes and ask.lane in ask.passed_lanes):
            why = next(
                (verdict.why for verdict in judgement.lanes if verdict.lane == ask.lane), "there is no such lane"
            )
            return Refusal("lane-not-eligible", {"lane": ask.lane, "why": why}, "lane")
        eligible = named + [lane for lane in eligible if lane.id != ask.lane] if ask.allow_lanes else named
    if not eligible:
        return Refusal("no-lane", {"why": _nearest(judgement, rules, ask.facts.profile)})
    return eligible if ask.allow_lanes else eligible[:1]


def _nearest(judgement: Judgement, rules: RulesOfDay, profile: Profile) -> str:
    """Name the lanes nearest to being open: of the payment's own venue, by how many conditions fail; others only without such."""
    shut = [verdict for verdict in judgement.lanes if not verdict.eligible] or list(judgement.lanes)
    here = [verdict for verdict in shut if verdict.kind in (FACTS, DAY)]
    here = here or [verdict for verdict in shut if verdict.kind == VENUE] or shut
    failures = {
        lane.document.id: sum(not condition.test(profile) for condition in lane.when)
        for lane, verdict in zip(rules.lanes, judgement.lanes, strict=True)
        if verdict.kind == FACTS
    }
    here.sort(key=lambda verdict: (verdict.kind != FACTS, failures.get(verdict.lane, 0)))
    return "; ".join(f"{verdict.lane}: {verdict.why}" for verdict in here[:NEAREST_SHOWN])


def _plan(ask: Ask, view: View, judgement: Judgement, lane: Lane) -> Plan | Refusal:
    facts, classification = ask.facts, judgement.classification
    assert classification is not None, "every payment is classified before it is routed"
    at, deducted = facts.at, ask.charge_bearer == "CRED"
    way = view.router.way(lane, facts, deducted)
    if way.closed is not None and not ask.queues:
        return way.closed
    price: Price | None = None
    if way.debit_currency == way.settlement_currency:
        principal = settlement = facts.instructed
    else:
        priced = _price(ask, view, lane)
        if isinstance(priced, Refusal):
            return priced
        price, principal, settlement = priced, priced.sell, priced.buy
    debit, paid_out, charge = principal, settlement, way.charge
    if charge is not None and deducted:
        if charge.amount_minor >= settlement.amount_minor:
            detail = {"charge": str(charge), "amount": str(settlement)}
            return Refusal("charge-takes-all", detail, "instructed_amount.amount")
        paid_out = Money(settlement.amount_minor - charge.amount_minor, settlement.currency)
    elif charge is not None:
        debit = Money(principal.amount_minor + charge.amount_minor, principal.currency)
    route = way.closed or view.router.route(way, settlement.amount_minor, principal.amount_minor, at)
    opens_at = None
    if isinstance(route, Refusal):
        if not ask.queues or route.reason not in CLOSED:
            return route
        later = view.router.later(way, settlement.amount_minor, principal.amount_minor, at)
        if isinstance(later, Refusal):
            return later
        opens_at, route = later
    transfers = transfers_of(
        Sides(route.debtor_position, route.creditor_position), principal, settlement, price, charge, deducted
    )
    amounts = Amounts(principal, settlement)
    claims: tuple[Claim, ...] = ()
    if way.law.claimers or way.law.caps:
        rates = view.rates

        def reference_rate(base: str, quote: str, market: str) -> Decimal:
            return rates.mid(base, quote, market, at).mid

        for over in way.law.caps:
            exceeded = over(facts, amounts, reference_rate)
            if exceeded is not None:
                return _too_much(exceeded, view.rules, facts)
        claims = claims_made(way.law.claimers, facts, amounts, reference_rate)
    if facts.documents:
        claims += documents_claimed(view.rules.documents, facts)
    deadline_at = (opens_at or at) + route.deadline
    if ask.clock_from is not None and opens_at is None:
        counted = _by_the_clock(ask.clock_from, view.router.hops(route.rail), route, at)
        if isinstance(counted, Refusal):
            return counted
        deadline_at = counted
    leg = Leg(
        1, route.rail, "credit", paid_out, way.debtor_agent.settles_through, way.creditor_agent.bic,
        ask.creditor_account, deadline_at,
    )  # fmt: skip
    return Plan(
        classification, lane, judgement.lanes, debit, paid_out, amounts, price, charge,
        route.steps, leg, transfers, claims, ask.quote_id if price and ask.quote_id else "",
        way.debtor_agent.bic, facts.profile, opens_at,
    )  # fmt: skip


def _by_the_clock(since: datetime, hops: Hops, route: Route, at: datetime) -> datetime | Refusal:
    """Return the deadline of what was accepted at `since` elsewhere: its clock runs from there, where the rail has one."""
    if hops.least is None:
        return at + route.deadline
    deadline_at = since + hops.switch
    return _no_time_left(since, hops.switch, hops.least, route.rail) if deadline_at - at < hops.least else deadline_at


def _no_time_left(since: datetime, switch: timedelta, least: timedelta, rail: str) -> Refusal:
    """Refuse what arrives with less time left than its rail and the creditor agent need (facts messages 4.2.6)."""
    said = {"accepted_at": since.astimezone(LAW_ZONE).isoformat(), "rail": rail}
    seconds = {"deadline": f"{switch.total_seconds():g}", "least": f"{least.total_seconds():g}"}
    return Refusal("no-time-left", said | seconds, "acceptance_date_time")


def _price(ask: Ask, view: View, lane: Lane) -> Price | Refusal:
    """Take the firm quote named, else the best price of a provider whose inventory is not known to be empty."""
    facts = ask.facts
    profile = facts.profile
    if ask.quote_id is not None:
        return _quoted(ask, lane)
    request = Request(profile.debit_currency, profile.settlement_currency, facts.instructed, lane.market, facts.at)
    price = best_price(view.providers, request, view.rates)
    if price is not None and not ask.empty_inventories:
        return price
    for price in prices(view.providers, request, view.rates):
        if inventory(price.provider, price.market, price.buy.currency) not in ask.empty_inventories:
            return price
    if not trades(view.providers, request):
        pair = {"sold": profile.debit_currency, "bought": profile.settlement_currency}
        return Refusal("not-converted", pair, "settlement_currency")
    if price is None:
        return Refusal(
            "amount-too-small",
            {"amount": str(facts.instructed), "currency": profile.settlement_currency},
            "instructed_amount.amount",
        )
    return Refusal("no-rate", {"currency": profile.settlement_currency})


def _quoted(ask: Ask, lane: Lane) -> Price | Refusal:
    quote, quote_id, facts = ask.quote, ask.quote_id or "", ask.facts
    if quote is None:
        return Refusal("quote-unknown", {"quote_id": quote_id}, "quote_id")
    if facts.at >= quote.expires_at:
        return Refusal(
            "quote-expired",
            {"quote_id": quote_id, "expires_at": quote.expires_at.astimezone(LAW_ZONE).isoformat()},
            "quote_id",
        )
    price, profile = quote.price, facts.profile
    if price.market not in (lane.market, PEGGED):
        quoted, asked = f"the {price.market} market", f"lane {lane.id}, which converts {lane.market}"
        return Refusal("quote-mismatch", {"quote_id": quote_id, "quoted": quoted, "asked": asked}, "quote_id")
    currencies = (price.sell.currency, price.buy.currency) == (profile.debit_currency, profile.settlement_currency)
    fixed = price.sell if facts.instructed.currency == price.sell.currency else price.buy
    if not currencies or fixed != facts.instructed:
        asked = f"{facts.instructed} from {profile.debit_currency} to {profile.settlement_currency}"
        return Refusal(
            "quote-mismatch",
            {"quote_id": quote_id, "quoted": f"{price.sell} to {price.buy}", "asked": asked},
            "quote_id",
        )
    return price


def refusal_of(refused: Refused, plan: Plan, rules: RulesOfDay) -> Refusal:
    """Say which rule binds first, its source, the headroom and what to do, for a claim that was not admitted."""
    claim, headroom = refused
    if claim.rule == LIQUIDITY:
        _, agent, rail, currency = claim.counter.split(":")
        if agent != plan.debtor_agent:  # what a sponsor has left is not for those to see who settle through it
            sponsor = {"agent": agent, "debtor_agent": plan.debtor_agent, "rail": rail, "counter": claim.counter}
            return Refusal("sponsor-liquidity", sponsor)
        return Refusal(
            "liquidity",
            {
                "agent": agent,
                "rail": rail,
                "headroom": str(Money(max(headroom, 0), currency)),
                "counter": claim.counter,
            },
        )
    if claim.rule == INVENTORY:
        return Refusal("no-rate", {"currency": claim.counter.rpartition(":")[2], "counter": claim.counter})
    rule = rules.rule(claim.rule)
    ceiling = claim.ceiling if claim.delta >= 0 else claim.floor
    detail = {
        "rule": claim.rule,
        "ceiling": amount_said(ceiling or 0, claim.unit),
        "headroom": amount_said(max(headroom, 0), claim.unit),
        "asked": amount_said(abs(claim.delta), claim.unit),
        "window": rule.window or "",
        **_source(rule),
    }
    if rule.scope == DOCUMENT:
        return Refusal("document-used", detail, "documents")
    if claim.delta == 0:  # a look at an older window, which was exceeded
        window = claim.counter.rpartition("|")[2]
        return Refusal("suspended", detail | {"exceeded": window, "until": str(suspended_until(rule, window))})
    if rules.scope(plan.lane.id, claim) in CREDITOR_SCOPES:
        del detail["headroom"]
        return Refusal("creditor-quota", detail, "instructed_amount.amount")
    if ceiling is not None and claim.delta > 0:
        whose = _set_by(rule, ceiling)
        if whose == "authority":
            return Refusal("watch-list", detail, "instructed_amount.amount")
        if whose == "agent":
            return Refusal("own-limit", detail | {"agent": plan.debtor_agent}, "instructed_amount.amount")
    name = "documents-required" if claim.effect == REQUIRE_DOCUMENTS else "person-quota"
    return Refusal(name, detail, "instructed_amount.amount")


def _set_by(rule: RuleValue, ceiling: int) -> str:
    """Say whose ceiling it is: the `law`'s for everybody, an `authority`'s for this person, or the debtor `agent`'s own."""
    if rule.penalty is not None and ceiling == rule.penalty[1] != rule.amount_minor:
        return "authority"
    return "law" if rule.coefficient is not None or ceiling in rule.amounts.values() else "agent"


def _too_much(exceeded: Exceeded, rules: RulesOfDay, facts: PaymentFacts) -> Refusal:
    rule = rules.rule(exceeded.rule)
    cap = amount_said(exceeded.cap_minor, exceeded.unit)
    asked = amount_said(exceeded.asked_minor, exceeded.unit)
    detail = {
        "rule": exceeded.rule, "ceiling": cap, "headroom": cap, "asked": asked, "window": rule.window, **_source(rule),
    }  # fmt: skip
    if _set_by(rule, exceeded.cap_minor) == "agent":
        own = {"agent": facts.debtor_agent, "window_text": " a payment"}
        return Refusal("own-limit", detail | own, "instructed_amount.amount")
    return Refusal("payment-cap", detail, "instructed_amount.amount")


def _source(rule: RuleValue) -> dict[str, str]:
    return {
        "window_text": _WINDOWS_SAID.get(rule.window or "", ""),
        "source": rule.reference,
        "since": rule.since.isoformat(),
        "assumed": "true" if rule.assumed else "",
        "what_to_do": rule.at_exhaustion,
    }


@lru_cache(4_096)  # ceilings, and what is left of a spent one, are few
def amount_said(amount_minor: int, unit: str) -> str:
    """Write an amount of a rule's unit as a refusal says it: "HKD 10000.00", or a number of times."""
    return str(amount_minor) if unit == USE else str(Money(amount_minor, unit))
