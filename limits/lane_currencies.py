"""Whether a lane's rules can be measured in the currencies that the lane's conditions let through. Asked once, at load.

Only conditions on currencies are looked at: whatever else a lane asks for is taken to hold, so that a pair of currencies
is ruled out only where the lane names it outright.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

from fx.money import EXPONENTS
from limits.documents import Document, RulebookError
from limits.lanes import LaneDocument
from limits.values import Rule

DEBIT, SETTLEMENT = "debit_currency", "settlement_currency"
Pair = tuple[str, str]  # debited, settled


def check_currencies(lane: LaneDocument, document: Document, rules: Mapping[str, Rule]) -> None:
    """Raise RulebookError for a rule of the lane that cannot count a payment the lane takes."""
    pairs = {pair for row in document["values"] for pair in _taken(document, row)}
    uses = [use.rule for use in (*lane.uses, *(use for corridor in lane.corridors for use in corridor.uses))]
    for key, names in (("rules", uses), ("thresholds", lane.thresholds)):
        for name in names:
            rule = rules[name]
            unmeasured = sorted({_counted(rule, pair) for pair in pairs if not _measurable(rule, rules, pair)})
            if unmeasured:
                what = (
                    f"{name} counts {rule.unit} and is not measured in {' or '.join(unmeasured)}, which this lane takes"
                )
                how = f"give it a market or a rate that converts into {rule.unit}, or leave it out"
                raise RulebookError(f"lanes/{lane.id}.yaml", key, f"{what}; {how}")


def _taken(document: Document, row: Mapping[str, Any]) -> list[Pair]:
    """Return the pairs of currencies that a lane's conditions and those of one of its rows may let through."""
    given = (document.get("when") or {}, row.get("when") or {})
    return [pair for pair in product(EXPONENTS, EXPONENTS) if all(_may_hold(when, pair) for when in given)]


def _may_hold(when: Mapping[str, Any], pair: Pair) -> bool:
    amounts = dict(zip((DEBIT, SETTLEMENT), pair, strict=True))
    for field, wanted in when.items():
        if field == "any" and not any(_may_hold(way, pair) for way in wanted):
            return False
        if field in amounts and not _may_be(amounts[field], wanted, amounts):
            return False
    return True


def _may_be(currency: str, wanted: Any, amounts: Mapping[str, str]) -> bool:
    if not isinstance(wanted, Mapping):
        return currency in wanted if isinstance(wanted, list) else currency == wanted
    (operator, operand), *_ = wanted.items()
    if operator == "not":
        return currency not in operand if isinstance(operand, list) else currency != operand
    if operand not in amounts:
        return True
    return (currency == amounts[operand]) is (operator == "same_as")


def _counted(rule: Rule, pair: Pair) -> str:
    """Return the currency of the amount that a rule counts of a payment (limits.measures)."""
    debited, settled = pair
    if rule.measure.amount == "settlement":
        return settled
    return settled if rule.measure.amount == "leg-in-unit" and settled == rule.unit else debited


def _measurable(rule: Rule, rules: Mapping[str, Rule], pair: Pair) -> bool:
    currency = _counted(rule, pair)
    if not rule.unit or currency == rule.unit or rule.measure.market:
        return True
    return bool(rule.measure.rate) and rules[rule.measure.rate].unit == f"{rule.unit}/{currency}"
