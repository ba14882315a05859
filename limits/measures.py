"""From a rule of the day to claims: what a limit counts, on whose counter, in which window. Compiled once a day.

Every conversion rounds up, so that no cap is exceeded by what rounding hides. Not here: evaluation (limits.counters).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from fx.money import UP, Money, convert
from limits.calendars import window_key
from limits.claims import REPORT, Claim
from limits.facts import Amounts, PaymentFacts
from limits.values import Measure, Rule, Value

RateSource = Callable[[str, str, str], Decimal]  # (base, quote, market) -> units of quote for one of base
Measurer = Callable[[Amounts, RateSource], int]
Claimer = Callable[[PaymentFacts, Amounts, RateSource], Claim | None]
Threshold = Callable[[Amounts, RateSource], bool]


class Law(NamedTuple):
    """What is in force on one day: a value for each rule that has a row on it, `Value()` where that sets no limit."""

    rules: Mapping[str, Rule]
    values: Mapping[str, Value]


GROSS_BASES = frozenset({"gross", "fx-conversion-gross"})  # only ever rise: claimed straight into posted
_SCOPES: Mapping[str, Callable[[PaymentFacts], str]] = {
    "person": lambda facts: facts.debtor_id,
    "person-institution": lambda facts: f"{facts.debtor_id}@{facts.debtor_agent}",
    "creditor-agent": lambda facts: f"{facts.creditor_id or facts.creditor_account}@{facts.creditor_agent}",
    "account": lambda facts: facts.debtor_account,
}


def claimer(law: Law, rule: Rule, effect: str, scope: str, day: date) -> Claimer | None:
    """Compile a limit of the day into what makes its claim; None where the law sets no limit on that day.

    The counter is `rule|whose|window`. A rule keyed by currency has one for each, `rule:currency|whose|window`, and claims
    nothing in a currency it does not name.
    """
    value = law.values.get(rule.id)
    if value is None or value.amounts is None:
        return None
    suffix = f"|{window_key(rule.window, day)}"
    whose, gross = _SCOPES[scope], rule.basis in GROSS_BASES
    admission, gives_back, rule_id = rule.admission, rule.gives_back, rule.id
    amounts, reports = value.amounts, effect == REPORT

    if not rule.unit:
        side = _side(rule.measure)

        def by_currency(facts: PaymentFacts, priced: Amounts, reference_rate: RateSource) -> Claim | None:
            amount_minor, currency = side(priced)
            if currency not in amounts:
                return None
            key = f"{rule_id}:{currency}|{whose(facts)}{suffix}"
            ceiling = None if reports else amounts[currency]
            return Claim(rule_id, key, amount_minor, ceiling, None, admission, effect, gross, gives_back, unit=currency)

        return by_currency

    # A threshold is counted and never blocks: its claim has no ceiling, whoever evaluates it.
    ceiling = None if reports else amounts[rule.unit]
    measure, prefix, unit = measurer(law, rule), f"{rule_id}|", rule.unit

    def in_unit(facts: PaymentFacts, priced: Amounts, reference_rate: RateSource) -> Claim | None:
        key, delta = prefix + whose(facts) + suffix, measure(priced, reference_rate)
        return Claim(rule_id, key, delta, ceiling, None, admission, effect, gross, gives_back, False, False, unit)

    return in_unit


def claims_made(
    claimers: Iterable[Claimer], facts: PaymentFacts, amounts: Amounts, reference_rate: RateSource
) -> tuple[Claim, ...]:
    """Make a payment's claims, in the order of `claimers`."""
    return tuple([claim for make in claimers if (claim := make(facts, amounts, reference_rate)) is not None])


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
