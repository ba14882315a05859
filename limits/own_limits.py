"""Limits that institutions set themselves: lower than the law's, never higher, and only on what the institution alone counts.

They come as data of the participants (rule id -> amount in the rule's unit); which rule they lower, the law says.
"""

from collections.abc import Mapping

from fx.money import AmountError, parse_amount
from limits.facts import PaymentFacts
from limits.values import USE, Rule, Value

# Whose counters an institution sees by itself; a quota counted over all institutions is nobody's to lower.
SCOPES = frozenset({"person-institution", "account", "card", "transaction"})


def may_be_lowered(rule: Rule, value: Value) -> bool:
    """Whether an institution may set itself a limit under a rule, even where the law sets none."""
    return bool(rule.unit) and rule.unit != USE and rule.scope_on(value) in SCOPES


def lowered(rule: Rule, facts: PaymentFacts, ceiling: int | None) -> int | None:
    """Return the ceiling, minor units, under the debtor agent's own limit on the rule; None = neither sets one."""
    own = facts.own_limits.get(rule.id) if facts.own_limits else None
    if own is None:
        return ceiling
    own_minor = parse_amount(own, rule.unit)
    return own_minor if ceiling is None else min(own_minor, ceiling)


def faults(rules: Mapping[str, Rule], limits: Mapping[str, Mapping[str, str]], above: bool = True) -> list[str]:
    """Say what is wrong with limits (BIC8 -> rule id -> amount): no such rule, not theirs to set, or above the law's.

    Without `above` a limit may be above: under a scenario that lowers the law's, the lower of both holds.
    """
    found = []
    for bic, own in limits.items():
        for rule_id, amount in own.items():
            what = _fault(rules.get(rule_id), amount, above)
            if what:
                found.append(f"{bic} limits {rule_id} to {amount}: {what}")
    return found


def _fault(rule: Rule | None, amount: str, above: bool) -> str:
    if rule is None or rule.kind != "limit":
        return "there is no such limit; see `bayswitch rulebook list`"
    last = rule.values[-1].value
    if not may_be_lowered(rule, last):
        return f"its counter ({rule.scope_on(last)}) is not one institution's"
    try:
        amount_minor = parse_amount(amount, rule.unit)
    except AmountError as error:
        return str(error)
    law = last.amounts.get(rule.unit) if last.amounts else None
    return "the law's own limit is lower" if above and law is not None and amount_minor > law else ""
