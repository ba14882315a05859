"""Reading one rule document, `rulebook/<rule-id>.yaml`: every key checked, so that what loads can be counted by.

What the rule is, its kinds and its values on a day, is limits.values.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fx.money import EXPONENTS, AmountError, to_minor
from limits.calendars import CALENDAR_DAY, CALENDAR_YEAR, OUTSTANDING, PAYMENT, TRADING_DAY, WINDOWS
from limits.calendars.days import calendars
from limits.calendars.hours import OpeningHours, opening_hours, read_minutes, session
from limits.calendars.trading import trading_calendars
from limits.claims import SUSPEND, WHILE_OPEN, WHOLE
from limits.documents import Document, Node, RulebookError, read_decimal, read_rows, shown
from limits.values import (
    ACROSS_SCOPES,
    ACTIVE,
    ADVISORY,
    BASES,
    DRAFT,
    EFFECTS,
    ENFORCERS,
    GROUP_EQUITY,
    INSTANTS,
    KEYED,
    KINDS,
    LATCHES,
    LATCHING,
    MARKET_SCOPES,
    MEASURED,
    ORDER_BASES,
    RECEIVED,
    SCOPES,
    USE,
    Measure,
    Rule,
    Value,
    Window,
)  # fmt: skip

# A rule's name begins its counters' keys, and stands in the lists and URLs that name it: no bar, comma or blank.
_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,79}")
RESERVED = frozenset({
    "position", "inventory", "liquidity", "ledger", "charges", "spread", "suspense", "funding",  # accounts: switch.payment.postings
    "name", "state", "approvals", "approved_by", "lanes", "rules",  # what a scenario says besides its rules
})  # fmt: skip
# Ceilings are exact wherever they are compared (2**53, in Lua) and fit a bigint; the widest of the law is 5 * 10**13 fen.
CEILING_MINOR_MAX = 2**53 - 1
RATE_MIN, RATE_MAX = (
    Decimal("0.001"),
    Decimal(1000),
)  # units of one carried currency for one of another; shares likewise
EQUITY_CURRENCY = "CNY"  # in which groups state their equity (switch.participants)
# Each window after an exceeded one is a claim more, of every payment. The law knows one, the year after.
SUSPENDS_MAX = 10
_ROW_TERMS = ("scope", "effect", "window")  # what a dated row may say otherwise than its rule
_COMMON = ("id", "kind", "description", "unit", "enforced_by", "approved_by", "values")
_NOTICE = ("id", "kind", "description", "enforced_by", "approved_by", "values")
_LIMIT = ("scope", "basis", "window", "admission", "effect", "gives_back", "measure", "at_exhaustion")
_OPTIONAL = (
    "rail", "assumptions", "calendar", "keyed_by", "suspends", "state", "approvals", "penalty", "latches_in", "latch_on_carry",
)  # fmt: skip


def read_rule(file: str, document: Document) -> Rule:
    """Read one rule document; raises RulebookError naming file and key."""
    limit, notice = document.get("kind") == "limit", document.get("kind") == "notice"
    required = (*_COMMON, *_LIMIT) if limit else _NOTICE if notice else _COMMON
    node = Node(file, "", document, required, _OPTIONAL)
    kind = node.one_of("kind", KINDS)
    unit = node.text("unit")
    if node.text("id") != file.removesuffix(".yaml"):
        raise node.error("id", f"{shown(node.text('id'))} does not name its file: one rule a file")
    check_id(file, "id", node.text("id"))
    window = _window(node) if limit else Window("", "", 0, RECEIVED)
    state, approvals = node.one_of("state", {ACTIVE, DRAFT, ADVISORY}, ACTIVE), node.texts("approvals")
    approved_by = _names(node, "approved_by")
    missing = tuple(name for name in approvals if name not in approved_by)
    penalty_state, penalty_minor = _penalty(node, unit)
    rule = Rule(
        node.text("id"),
        kind,
        node.text("description"),
        _unit(node, kind, unit),
        node.one_of("scope", SCOPES) if limit else "",
        node.one_of("basis", BASES) if limit else "",
        window.period,
        node.one_of("admission", {WHOLE, WHILE_OPEN}) if limit else "",
        node.one_of("effect", EFFECTS) if limit else "",
        node.flag("gives_back"),
        _measure(node) if limit else Measure("", "", ""),
        node.one_of("enforced_by", ENFORCERS),
        ", ".join(approved_by),
        node.text("at_exhaustion"),
        node.text("rail"),
        node.reasons("assumptions"),
        read_rows(node, "values", lambda row: _value(row, kind, unit, node), ("value",), _ROW_TERMS),
        window,
        node.one_of("keyed_by", KEYED | {""}),
        node.integer("suspends") if "suspends" in node.data else 0,
        ADVISORY if state == ADVISORY or (state == DRAFT and missing) else ACTIVE,
        state == DRAFT,
        missing,
        penalty_state,
        penalty_minor,
        _latches(node),
        node.flag("latch_on_carry"),
    )
    _check(node, rule)
    return rule


def check_id(file: str, key: str, rule: str) -> None:
    """Raise RulebookError, naming file and key, for what cannot be a rule's name."""
    if not _ID.fullmatch(rule):
        what = "is no name of a rule; write small letters, digits, points and hyphens: my-scheme.northbound.day"
        raise RulebookError(file, key, f"{shown(rule)} {what}")
    if rule in RESERVED:
        raise RulebookError(file, key, f"{rule!r} means something else here; give the rule another name, {rule}.day")


def _window(node: Node) -> Window:
    given = Node(
        node.file, node.where("window"), node.data["window"], ("period", "zone", "instant"), ("begins", "calendar")
    )
    given.one_of("zone", {"UTC+8"})
    period = given.one_of("period", WINDOWS)
    calendar = given.text("calendar")
    if (period == TRADING_DAY) != bool(calendar):
        raise given.error("calendar", "names the trading days of a trading-day, and belongs to nothing else")
    if calendar and calendar not in trading_calendars():
        raise given.error("calendar", f"{calendar!r} is none of {', '.join(sorted(trading_calendars()))}")
    try:
        begins = read_minutes(given.text("begins", "00:00"))
    except ValueError as error:
        raise given.error("begins", str(error)) from error
    return Window(period, calendar, begins, given.one_of("instant", INSTANTS))


def _names(node: Node, key: str) -> tuple[str, ...]:
    """Read one name or a list of them."""
    given = node.data.get(key)
    return node.texts(key) if isinstance(given, list) else tuple([node.text(key)] if given else [])


def _latches(node: Node) -> Mapping[str, str]:
    """Read in which sessions no headroom closes a limit, and for how long."""
    if "latches_in" not in node.data:
        return {}
    given = Node(node.file, "latches_in", node.data["latches_in"], (), tuple(sorted(LATCHING)))
    return {session: given.one_of(session, LATCHES) for session in given.data}


def _penalty(node: Node, unit: str) -> tuple[str, int]:
    if "penalty" not in node.data:
        return "", 0
    given = Node(node.file, "penalty", node.data["penalty"], ("state", "value"))
    return given.one_of("state", {"watch-list"}), _amount(given, "value", given.data["value"], unit)


def _check(node: Node, rule: Rule) -> None:
    for key in ("description", *(("at_exhaustion",) if rule.kind == "limit" else ())):
        if not node.text(key):
            raise node.error(key, "is empty")
    if not rule.approved_by and not rule.missing_approvals:
        raise node.error("approved_by", "is empty: name who set the rule, or the approvals it still needs")
    if rule.rail and rule.scope != "transaction":
        raise node.error("rail", "a rail caps one payment: scope must be transaction")
    if rule.kind == "limit":
        _check_terms(node, rule)
        _check_suspension(node, rule)


def _check_terms(node: Node, rule: Rule) -> None:
    """Check whom and when a limit counts, in every dated row as in the rule: rows may say it otherwise."""
    scopes = {rule.scope} | {rule.scope_on(row.value) for row in rule.values}
    if scopes & ACROSS_SCOPES and rule.enforced_by == "institution":
        raise node.error("scope", "an institution counts only what it sees: person-institution, account, card, ...")
    if rule.basis in ORDER_BASES and not scopes <= MARKET_SCOPES:
        raise node.error("scope", f"orders count on the market's quota: must be {' or '.join(sorted(MARKET_SCOPES))}")
    periods = {rule.window} | {rule.counted_on(row.value).period for row in rule.values}
    if len({scope == "transaction" for scope in scopes} | {period == PAYMENT for period in periods}) > 1:
        raise node.error("window", "scope transaction and period payment belong together, in every row")
    on_documents = {scope == "document" for scope in scopes}
    if len(on_documents | {rule.unit == USE, rule.basis == USE, rule.keyed_by == "document"}) > 1:
        what = "unit use, basis use, scope document and keyed_by document belong together, in every row"
        raise node.error("basis" if len(on_documents) == 1 else "scope", what)
    if on_documents == {True} and periods != {OUTSTANDING}:
        raise node.error("window", "a document is counted for good: its period is outstanding")


def _check_suspension(node: Node, rule: Rule) -> None:
    """Check that what suspends has windows before the one of today, and a ceiling that each of them was held to."""
    suspending = [row.value for row in rule.values if (row.value.effect or rule.effect) == SUSPEND]
    if bool(suspending or rule.effect == SUSPEND) != bool(rule.suspends):
        raise node.error("suspends", "says how many windows an exceeded one closes: suspend_until has it, nothing else")
    if not suspending and rule.effect != SUSPEND:
        return
    if not 1 <= rule.suspends <= SUSPENDS_MAX:
        raise node.error("suspends", f"is 1 to {SUSPENDS_MAX} windows: each is looked at in every payment")
    periods = {rule.window} | {rule.counted_on(value).period for value in suspending}
    if not periods <= {CALENDAR_DAY, CALENDAR_YEAR}:
        raise node.error(
            "suspends", "closes calendar days or calendar years: of another window none is known to come after"
        )
    if not rule.unit or rule.keyed_by or any(value.coefficient is not None for value in suspending):
        raise node.error("suspends", "takes one amount in one unit: no keys, no coefficient, unit not null")


def _unit(node: Node, kind: str, unit: str) -> str:
    parts = unit.split("/") if kind == "rate" else [unit] if unit not in ("", USE) else []
    if any(part not in EXPONENTS for part in parts) or (kind == "rate" and len(parts) != 2):
        raise node.error(
            "unit", f"{shown(unit)} is no unit: a currency, null where keyed by currency, HKD/CNY for a rate"
        )
    return unit


def _measure(node: Node) -> Measure:
    given = Node(node.file, "measure", node.data["measure"], ("amount",), ("rate", "market"))
    measure = Measure(given.one_of("amount", MEASURED), given.text("rate"), given.text("market"))
    if measure.market and measure.market not in ("onshore", "offshore"):
        raise given.error("market", f"{measure.market!r} is neither onshore nor offshore")
    if measure.rate and measure.market:
        raise given.error("rate", "a measure converts by a rule's rate or by a market's, not both")
    return measure


def _value(row: Node, kind: str, unit: str, rule: Node) -> Value:
    scope, effect = row.one_of("scope", SCOPES | {""}), row.one_of("effect", EFFECTS | {""})
    counted = _window(row) if "window" in row.data else None
    if (scope or effect or counted) and kind != "limit":
        raise row.error("scope", "only a limit counts")
    return _said(row, kind, unit, rule)._replace(scope=scope, effect=effect, counted=counted)


def _said(row: Node, kind: str, unit: str, rule: Node) -> Value:
    value = row.data["value"]
    if value is None:
        return Value()
    if kind == "notice":
        raise row.error("value", "must be null: a notice says that there is no limit")
    if kind in ("rate", "ratio"):
        rate = read_decimal(row, "value", value)
        if rate <= 0:
            raise row.error("value", f"a {kind} is above zero")
        if not RATE_MIN <= rate <= RATE_MAX:
            raise row.error("value", f"a {kind} is between {RATE_MIN} and {RATE_MAX}")
        return Value(rate=rate)
    if kind == "hours":
        return Value(hours=_hours(row, rule.text("calendar")))
    if unit and isinstance(value, Mapping) and "coefficient" in value:
        given = Node(row.file, row.where("value"), value, ("coefficient", "of"))
        given.one_of("of", {GROUP_EQUITY})
        coefficient = read_decimal(given, "coefficient", value["coefficient"])
        if unit != EQUITY_CURRENCY:
            raise row.error(
                "value", f"is of the group's equity, which is in {EQUITY_CURRENCY}; the rule's unit must be too"
            )
        if not 0 <= coefficient <= RATE_MAX:
            raise given.error("coefficient", f"is between 0 and {RATE_MAX}")
        return Value(coefficient=coefficient)
    keyed = rule.text("keyed_by")
    if unit and not keyed:
        return Value(amounts={unit: _amount(row, "value", value, unit)})
    if not isinstance(value, Mapping) or not value or not all(isinstance(key, str) for key in value):
        raise row.error("value", f"is keyed by {keyed or 'currency'}: {{{'other' if keyed else 'HKD'}: '20000'}}")
    return Value(amounts={key: _amount(row, f"value.{key}", item, unit or key) for key, item in value.items()})


def _amount(row: Node, key: str, value: Any, currency: str) -> int:
    number = read_decimal(row, key, value)
    if currency == USE and number != int(number):
        raise row.error(key, f"{number} is no number of times; write a whole number")
    try:
        amount_minor = int(number) if currency == USE else to_minor(number, currency)
    except (AmountError, KeyError) as error:
        raise row.error(key, f"is no amount of {currency}: {error}") from error
    if amount_minor < 0:
        raise row.error(key, "is below zero")
    if amount_minor > CEILING_MINOR_MAX:
        raise row.error(key, f"{number} is more than the switch counts to; null means no limit")
    return amount_minor


def _hours(row: Node, calendar: str) -> OpeningHours:
    if calendar and calendar not in calendars():
        raise row.error("value", f"follows no calendar: {shown(calendar)} is none of {', '.join(sorted(calendars()))}")
    try:
        return opening_hours(
            tuple(
                session(given.text("days"), given.text("from"), given.text("to"))
                for n, data in enumerate(row.mappings("value"))
                for given in (Node(row.file, row.where(f"value[{n}]"), data, ("days", "from", "to")),)
            ),
            calendar,
        )
    except ValueError as error:
        raise row.error("value", str(error)) from error
