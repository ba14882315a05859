"""Reading one rule document, `rulebook/<rule-id>.yaml`: every key checked, so that what loads can be counted by.

What the rule is, its kinds and its values on a day, is limits.values.
"""

from collections.abc import Mapping
from typing import Any

from fx.money import EXPONENTS, AmountError, to_minor
from limits.calendars import OUTSTANDING, PAYMENT, TRADING_DAY, WINDOWS
from limits.calendars.hours import OpeningHours, opening_hours, read_minutes, session
from limits.calendars.trading import trading_calendars
from limits.claims import SUSPEND, WHILE_OPEN, WHOLE
from limits.documents import Document, Node, read_decimal, read_rows
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
    LATCHING,
    MEASURED,
    RECEIVED,
    SCOPES,
    USE,
    Measure,
    Rule,
    Value,
    Window,
)  # fmt: skip

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
        raise node.error("id", f"{node.text('id')!r} does not name its file: one rule a file")
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
        frozenset(node.texts("latches_in")),
        node.flag("latch_on_carry"),
    )
    _check(node, rule)
    return rule


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
    scopes = {rule.scope} | {rule.scope_on(row.value) for row in rule.values}
    if scopes & ACROSS_SCOPES and rule.enforced_by == "institution":
        raise node.error("scope", "an institution counts only what it sees: person-institution, account, card, ...")
    periods = {rule.window} | {rule.counted_on(row.value).period for row in rule.values}
    if rule.kind == "limit" and len({scope == "transaction" for scope in scopes} | {p == PAYMENT for p in periods}) > 1:
        raise node.error("window", "scope transaction and period payment belong together")
    if not rule.latches_in <= LATCHING:
        raise node.error("latches_in", f"may hold {', '.join(sorted(LATCHING))}")
    if (rule.effect == SUSPEND) != (rule.suspends > 0):
        raise node.error("suspends", "says how many windows an exceeded one closes: suspend_until has it, nothing else")
    if rule.suspends and rule.window == OUTSTANDING:
        raise node.error("suspends", "what never begins anew has no window after it")
    if len({rule.unit == USE, rule.basis == USE, rule.scope == "document", rule.keyed_by == "document"}) > 1:
        raise node.error("basis", "unit use, basis use, scope document and keyed_by document belong together")


def _unit(node: Node, kind: str, unit: str) -> str:
    parts = unit.split("/") if kind == "rate" else [unit] if unit else []
    if any(part not in EXPONENTS and part != USE for part in parts) or (kind == "rate" and len(parts) != 2):
        raise node.error("unit", f"{unit!r} is no unit: a currency, null where keyed by currency, HKD/CNY for a rate")
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
        return Value(rate=rate)
    if kind == "hours":
        return Value(hours=_hours(row, rule.text("calendar")))
    if unit and isinstance(value, Mapping) and "coefficient" in value:
        given = Node(row.file, row.where("value"), value, ("coefficient", "of"))
        given.one_of("of", {GROUP_EQUITY})
        return Value(coefficient=read_decimal(given, "coefficient", value["coefficient"]))
    keyed = rule.text("keyed_by")
    if unit and not keyed:
        return Value(amounts={unit: _amount(row, "value", value, unit)})
    if not isinstance(value, Mapping) or not value:
        raise row.error("value", f"is keyed by {keyed or 'currency'}: {{{'other' if keyed else 'HKD'}: '20000'}}")
    return Value(
        amounts={str(key): _amount(row, f"value.{key}", item, unit or str(key)) for key, item in value.items()}
    )


def _amount(row: Node, key: str, value: Any, currency: str) -> int:
    number = read_decimal(row, key, value)
    try:
        amount_minor = int(number) if currency == USE else to_minor(number, currency)
    except (AmountError, KeyError) as error:
        raise row.error(key, f"is no amount of {currency}: {error}") from error
    if amount_minor < 0:
        raise row.error(key, "is below zero")
    return amount_minor


def _hours(row: Node, calendar: str) -> OpeningHours:
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
