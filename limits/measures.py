"""From a rule of the day to claims: what a limit counts, on whose counter, in which window. Compiled once a day.

Every conversion rounds up, so that no cap is exceeded by what rounding hides. Not here: evaluation (limits.counters).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from fx.money import DOWN, UP, Money, convert, round_minor
from limits.calendars import law_day, window_before, window_key
from limits.claims import REPORT, SUSPEND, WHOLE, Claim
from limits.documents import in_force
from limits.facts import Amounts, PaymentFacts
from limits.own_limits import lowered, may_be_lowered
from limits.values import (
    ACCOUNT_TYPE,
    ACTIVE,
    CREDITOR_SCOPES,
    GROSS_BASES,
    OTHER,
    RECEIVED,
    USE,
    Measure,
    Rule,
    Value,
    Window,
)

RateSource = Callable[[str, str, str], Decimal]  # (base, quote, market) -> units of quote for one of base
Measurer = Callable[[Amounts, RateSource], int]
Claimer = Callable[[PaymentFacts, Amounts, RateSource], Claim | None]
DocumentClaimer = Callable[[str, str], Claim | None]  # (type, pseudonym) of one document
OrderClaimer = Callable[[int, str], Claim]  # (minor units of the rule's unit, session) of one order
Threshold = Callable[[Amounts, RateSource], bool]
Whose = Callable[[PaymentFacts], str]


MARKET = "market"  # whose counter a market-wide limit is on


class Law(NamedTuple):
    """What is in force on one day: a value for each rule that has a row on it, `Value()` where that sets no limit."""

    rules: Mapping[str, Rule]
    values: Mapping[str, Value]


class Use(NamedTuple):
    """How a lane uses a rule: with the rule's own effect and scope, or the lane's where the law differs there."""

    rule: str
    effect: str  # "" = the rule's own
    scope: str  # "" = the rule's own
    down: bool = False  # gives headroom back once it settles: the way home of a net scheme


class Exceeded(NamedTuple):
    """A payment that is above what one payment may be: the cap and the amount, minor units of the rule's unit."""

    rule: str
    effect: str
    cap_minor: int
    asked_minor: int
    unit: str


Cap = Callable[[PaymentFacts, Amounts, RateSource], Exceeded | None]


# Whether a term can bind payments like these: by agents and kinds of accounts alone, so that it is asked once for many.
Concern = Callable[[PaymentFacts], bool]


class LaneLaw(NamedTuple):
    """What the law asks of the payments of one lane on one day: claims, and caps on one payment."""

    claimers: tuple[tuple[Claimer, Concern | None], ...]
    caps: tuple[tuple[Cap, Concern | None], ...]

    def concerning(self, facts: PaymentFacts) -> "Terms":
        """Return what can bind payments between these agents and kinds of accounts; the rest would claim nothing."""
        return Terms(
            tuple([make for make, concerns in self.claimers if concerns is None or concerns(facts)]),
            tuple([over for over, concerns in self.caps if concerns is None or concerns(facts)]),
        )


class Terms(NamedTuple):
    """What makes the claims of payments, in the order in which one binds, and what caps one payment."""

    claimers: tuple[Claimer, ...]
    caps: tuple[Cap, ...]


_SCOPES: Mapping[str, Whose] = {
    "person": lambda facts: facts.debtor_id,
    "person-institution": lambda facts: f"{facts.debtor_id}@{facts.debtor_agent}",
    "creditor": lambda facts: facts.creditor_id or facts.creditor_account,
    "creditor-agent": lambda facts: f"{facts.creditor_id or facts.creditor_account}@{facts.creditor_agent}",
    "account": lambda facts: facts.debtor_account,
    "card": lambda facts: facts.debtor_account,
    "creditor-account": lambda facts: facts.creditor_account,
    "institution": lambda facts: facts.debtor_agent,
    "creditor-institution": lambda facts: facts.creditor_agent,
    "link": lambda facts: MARKET,
    "market": lambda facts: MARKET,
    "group": lambda facts: facts.group,
}


def whose(scope: str, direction: str) -> Whose:
    """Return what names a counter's owner; a person's use of a scheme is counted by its direction, the way home included."""
    if scope == "person-direction":
        return lambda facts: f"{facts.debtor_id}@{direction}"
    if scope == "person-channel":
        return lambda facts: f"{facts.debtor_id}@{direction}.{facts.profile.wealth_channel}"
    return _SCOPES[scope]


def claimers(law: Law, rule: Rule, use: Use, direction: str, day: date) -> list[tuple[Claimer, Concern | None]]:
    """Compile a limit of the day into what makes its claims; nothing where it can set no limit on that day.

    The counter is `rule|whose|window`. A rule keyed by currency has one for each, `rule:currency|whose|window`, and claims
    nothing in a currency it does not name. A rule that suspends looks at the windows before, too.
    """
    value = law.values.get(rule.id)
    if value is None or (_unlimited(value) and not may_be_lowered(rule, value)):
        return []
    owner = whose(use.scope or rule.scope_on(value), direction)
    effect = use.effect or rule.effect_on(value) if rule.state == ACTIVE else REPORT
    suspends = rule.suspends if effect == SUSPEND else 0
    if not rule.unit:
        return [(_by_currency(rule, value, effect, owner, day), None)]
    period, concerns = rule.counted_on(value).period, _concern(rule, value, use.scope)
    looks = [_look(law, rule, effect, owner, window_before(period, day, n)) for n in range(suspends, 0, -1)]
    makers = [look for look in looks if look is not None] + [_in_unit(law, rule, use, effect, owner, day)]
    return [(make, concerns) for make in makers]


def _concern(rule: Rule, value: Value, scope: str) -> Concern | None:
    if _unlimited(value):  # only an institution's own limit can bind
        return lambda facts: facts.own_limits is not None and rule.id in facts.own_limits
    if rule.keyed_by == ACCOUNT_TYPE:
        ceiling_of = _varying(rule, value, scope)
        assert ceiling_of is not None
        return lambda facts: ceiling_of(facts) is not None
    return None


def _unlimited(value: Value) -> bool:
    return value.amounts is None and value.coefficient is None


def _by_currency(rule: Rule, value: Value, effect: str, owner: Whose, day: date) -> Claimer:
    side, gross, reports, amounts = _side(rule.measure), rule.basis in GROSS_BASES, effect == REPORT, value.amounts
    rule_id, admission, gives_back, ending = (
        rule.id,
        rule.admission,
        rule.gives_back,
        _ending(rule.counted_on(value), day),
    )
    assert amounts is not None

    def claim(facts: PaymentFacts, priced: Amounts, reference_rate: RateSource) -> Claim | None:
        amount_minor, currency = side(priced)
        if currency not in amounts:
            return None
        key = f"{rule_id}:{currency}|{owner(facts)}{ending(facts)}"
        ceiling = None if reports else amounts[currency]
        return Claim(rule_id, key, amount_minor, ceiling, None, admission, effect, gross, gives_back, unit=currency)

    return claim


def _in_unit(law: Law, rule: Rule, use: Use, effect: str, owner: Whose, day: date) -> Claimer:
    value, sign = law.values[rule.id], -1 if use.down else 1
    gross, gives_back = rule.basis in GROSS_BASES and not use.down, rule.gives_back
    measure, prefix, unit, rule_id, admission = measurer(law, rule), f"{rule.id}|", rule.unit, rule.id, rule.admission
    fixed, varies = value.amounts.get(unit) if value.amounts else None, _varying(rule, value, use.scope)
    reports = effect == REPORT
    counted = rule.counted_on(value)
    window, ending = f"|{window_key(counted.period, day)}", _ending(counted, day)
    moves = counted.begins or counted.instant != RECEIVED
    limited = not _unlimited(value)

    def claim(facts: PaymentFacts, priced: Amounts, reference_rate: RateSource) -> Claim | None:
        ceiling = fixed
        if varies is not None and (ceiling := varies(facts)) is None:
            return None
        if facts.own_limits is not None:
            ceiling = lowered(rule, facts, ceiling)
        if ceiling is None and not limited:
            return None
        if reports:
            ceiling = None  # a threshold is counted and never blocks, whoever evaluates it
        key = prefix + owner(facts) + (ending(facts) if moves else window)
        delta = sign * measure(priced, reference_rate)
        return Claim(rule_id, key, delta, ceiling, None, admission, effect, gross, gives_back, "", False, unit)

    return claim


def _varying(rule: Rule, value: Value, scope: str) -> Callable[[PaymentFacts], int | None] | None:
    """Return what finds the ceiling of a payment where it is not one for all; None of it claims nothing."""
    amounts, unit, state, penalty_minor = value.amounts, rule.unit, rule.penalty_state, rule.penalty_minor
    if value.coefficient is not None:
        coefficient = value.coefficient

        def of_equity(facts: PaymentFacts) -> int | None:
            equity = facts.group_equity
            if equity is None:
                return 0
            assert equity.currency == unit, f"{rule.id} is in {unit}, and the group's equity in {equity.currency}"
            return round_minor(equity.amount_minor * coefficient, DOWN)

        return of_equity
    if rule.keyed_by and amounts is not None:
        pick, other = _key(rule.keyed_by, scope or rule.scope_on(value)), amounts.get(OTHER)
        return lambda facts: amounts.get(pick(facts), other)
    if state and amounts is not None:
        ceiling = amounts[unit]
        return lambda facts: penalty_minor if state in facts.profile.debtor_states else ceiling
    return None


def _key(keyed_by: str, scope: str) -> Whose:
    creditor = scope in CREDITOR_SCOPES
    if keyed_by == "institution":
        return (lambda facts: facts.creditor_agent) if creditor else (lambda facts: facts.debtor_agent)
    if keyed_by == ACCOUNT_TYPE:
        return (
            (lambda facts: facts.profile.creditor_account_type)
            if creditor
            else (lambda facts: facts.profile.debtor_account_type)
        )
    return lambda facts: "two" if len(facts.profile.wealth_channels) > 1 else "one"


def _look(law: Law, rule: Rule, effect: str, owner: Whose, before: tuple[str, date]) -> Claimer | None:
    """Compile the claim of nothing on an older window, by the value of its last day; None where it counted otherwise."""
    window, last_day = before
    row = in_force(rule.values, last_day)
    now = law.values[rule.id]
    if row is None or row.value.amounts is None or rule.scope_on(row.value) != rule.scope_on(now) or effect == REPORT:
        return None
    ceiling, prefix, ending, rule_id, unit = (
        row.value.amounts[rule.unit],
        f"{rule.id}|",
        f"|{window}",
        rule.id,
        rule.unit,
    )

    def look(facts: PaymentFacts, priced: Amounts, reference_rate: RateSource) -> Claim | None:
        return Claim(rule_id, prefix + owner(facts) + ending, 0, ceiling, None, WHOLE, effect, True, unit=unit)

    return look


def _ending(counted: Window, day: date) -> Callable[[PaymentFacts], str]:
    """Return what ends a counter's key: the window of the law day, or of the instant that the rule goes by."""
    if not counted.begins and counted.instant == RECEIVED:
        window = f"|{window_key(counted.period, day)}"
        return lambda facts: window
    accepted, begins = counted.instant != RECEIVED, timedelta(minutes=counted.begins)

    def moment(facts: PaymentFacts) -> str:
        at = facts.accepted_at if accepted and facts.accepted_at is not None else facts.at
        return f"|{window_key(counted.period, law_day(at - begins))}"

    return moment


def document_claimer(law: Law, rule: Rule) -> DocumentClaimer | None:
    """Compile a rule on documents: each of its types is a claim on the document's own counter; None where not in force."""
    value = law.values.get(rule.id)
    if value is None or value.amounts is None:
        return None
    amounts, rule_id, effect, gives_back = value.amounts, rule.id, rule.effect_on(value), rule.gives_back

    def claim(kind: str, document: str) -> Claim | None:
        ceiling = amounts.get(kind)
        if ceiling is None:
            return None
        bound = None if effect == REPORT else ceiling
        return Claim(rule_id, f"{rule_id}|{document}|all", 1, bound, None, WHOLE, effect, True, gives_back, unit=USE)

    return claim


def order_claimer(law: Law, rule: Rule, day: date) -> OrderClaimer | None:
    """Compile a market's quota on orders for a trading day: all who trade share one counter; None where none is in force."""
    value = law.values.get(rule.id)
    if value is None or value.amounts is None:
        return None
    effect = rule.effect_on(value)
    ceiling = None if effect == REPORT else value.amounts[rule.unit]
    key = f"{rule.id}|{MARKET}|{window_key(rule.counted_on(value).period, day)}"
    plain = Claim(
        rule.id, key, 0, ceiling, None, rule.admission, effect, rule.basis in GROSS_BASES, rule.gives_back,
        unit=rule.unit, latches_on_carry=rule.latch_on_carry,
    )  # fmt: skip
    latches = {session: rule.latch(session) for session in rule.latches_in}
    return lambda amount_minor, session: plain._replace(delta=amount_minor, latches=latches.get(session, ""))


def cap(law: Law, rule: Rule, use: Use) -> tuple[Cap, Concern | None] | None:
    """Compile a cap on one payment; None where none is in force or it only reports."""
    value = law.values.get(rule.id)
    effect = "" if value is None else use.effect or rule.effect_on(value)
    if value is None or effect == REPORT or (value.amounts is None and not rule.unit):
        return None
    amounts, unit, side = value.amounts, rule.unit, _side(rule.measure)
    measure = measurer(law, rule) if unit else None
    varies = _varying(rule, value, use.scope) if unit else None

    def over(facts: PaymentFacts, priced: Amounts, reference_rate: RateSource) -> Exceeded | None:
        if measure is None:
            asked, currency = side(priced)
            bound = amounts.get(currency) if amounts else None
        else:
            asked, currency = measure(priced, reference_rate), unit
            bound = varies(facts) if varies is not None else amounts.get(unit) if amounts else None
            bound = lowered(rule, facts, bound)
        return Exceeded(rule.id, effect, bound, asked, currency) if bound is not None and asked > bound else None

    return over, _concern(rule, value, use.scope)


def claims_made(
    claimers: Iterable[Claimer], facts: PaymentFacts, amounts: Amounts, reference_rate: RateSource
) -> tuple[Claim, ...]:
    """Make a payment's claims, in the order of `claimers`."""
    return tuple([claim for make in claimers if (claim := make(facts, amounts, reference_rate)) is not None])


def documents_claimed(makers: Iterable[DocumentClaimer], facts: PaymentFacts) -> tuple[Claim, ...]:
    """Make the claims of a payment's documents: one for each name of each (PaymentFacts.documents holds each once)."""
    return tuple([claim for make in makers for given in facts.documents if (claim := make(*given)) is not None])


def threshold(law: Law, rule: Rule) -> Threshold | None:
    """Compile a threshold on one payment: whether it is reached; None where none is in force."""
    value = law.values.get(rule.id)
    if value is None or value.amounts is None:
        return None
    measure, bound = measurer(law, rule), value.amounts[rule.unit]
    return lambda priced, reference_rate: measure(priced, reference_rate) >= bound


def measurer(law: Law, rule: Rule) -> Measurer:
    """Compile what a limit with a unit counts, in minor units of it, conversions rounded up."""
    unit, side, rate_rule, market = rule.unit, _side(rule.measure, rule.unit), rule.measure.rate, rule.measure.market
    fixed = _fixed(law, rate_rule) if rate_rule else None

    def measure(priced: Amounts, reference_rate: RateSource) -> int:
        amount_minor, currency = side(priced)
        if currency == unit:
            return amount_minor
        if fixed is not None:
            assert (currency, unit) == fixed[:2], f"{rule.id}: {rate_rule} does not convert {currency} into {unit}"
            return convert(amount_minor, currency, unit, fixed[2], UP)
        assert market, f"{rule.id} is not measured in {currency}: its lane must not take it"
        return convert(amount_minor, currency, unit, reference_rate(currency, unit, market), UP)

    return measure


def _fixed(law: Law, rate_rule: str) -> tuple[str, str, Decimal]:
    quote, _, base = law.rules[rate_rule].unit.partition("/")
    rate = law.values[rate_rule].rate
    assert rate is not None
    return base, quote, rate


def _side(measure: Measure, unit: str = "") -> Callable[[Amounts], Money]:
    if measure.amount == "settlement":
        return lambda priced: priced.settlement
    if measure.amount == "leg-in-unit":
        return lambda priced: priced.settlement if priced.settlement.currency == unit else priced.debit
    return lambda priced: priced.debit
