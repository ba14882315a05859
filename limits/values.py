"""One rule of the law: what it limits, how it is counted, and its dated values. Read from `rulebook/<rule-id>.yaml`.

Four kinds: a `limit` (a cap that claims, a rail's cap on one payment, or a threshold that only reports), a `charge`, a
`rate` and `hours`. How a limit becomes a claim is limits.measures.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from fx.money import EXPONENTS, AmountError, format_amount, to_minor
from limits.calendars import PAYMENT, WINDOWS
from limits.calendars.hours import OpeningHours, opening_hours, session
from limits.claims import REFUSE, REPORT, REQUIRE_DOCUMENTS, WHILE_OPEN, WHOLE
from limits.documents import Dated, Document, Node, read_decimal, read_rows

KINDS = frozenset({"limit", "charge", "rate", "hours"})
EFFECTS = frozenset({REFUSE, REQUIRE_DOCUMENTS, REPORT})
SCOPES = frozenset({"person", "person-institution", "creditor-agent", "account", "transaction"})
BASES = frozenset({"gross", "fx-conversion-gross"})
ENFORCERS = frozenset({"institution", "SAFE", "exchange", "clearing-house", "switch"})
MEASURED = frozenset({"debit", "settlement", "leg-in-unit"})

_COMMON = ("id", "kind", "description", "unit", "enforced_by", "approved_by", "values")
_LIMIT = ("scope", "basis", "window", "admission", "effect", "gives_back", "measure", "at_exhaustion")


class Measure(NamedTuple):
    """What a limit counts: an amount of the payment, in the limit's unit."""

    amount: str  # debit | settlement | leg-in-unit (the side that is in the unit, else the debit)
    rate: str  # rule id of the rate that converts into the unit, "" = none
    market: str  # market of the reference rate that converts into the unit, "" = none


class Value(NamedTuple):
    """One dated value: exactly one of amounts, rate and hours, or none of them where the law sets no limit."""

    amounts: Mapping[str, int] | None = None  # currency -> minor units
    rate: Decimal | None = None
    hours: OpeningHours | None = None


class Rule(NamedTuple):
    """A rule with its whole history."""

    id: str
    kind: str  # limit | charge | rate | hours
    description: str
    unit: str  # currency; "HKD/CNY" for a rate (HKD for one CNY); "" = keyed by currency, or none
    scope: str
    basis: str
    window: str
    admission: str
    effect: str
    gives_back: bool
    measure: Measure
    enforced_by: str
    approved_by: str
    at_exhaustion: str
    rail: str  # the rail whose payments it caps, "" = a lane's rule
    assumptions: Mapping[str, str]
    values: tuple[Dated[Value], ...]


class RuleValue(NamedTuple):
    """A rule on one day, for sentences and displays: whose it is, what it says, since when, by which source."""

    rule: str
    kind: str
    description: str
    amount_minor: int | None  # None: no limit in force, keyed by several currencies, or no amount (rate, hours)
    amounts: Mapping[str, int]  # currency -> minor units, for rules keyed by currency too
    currency: str | None
    rate: Decimal | None
    hours: str | None
    window: str
    scope: str
    basis: str
    effect: str
    since: date
    until: date | None
    reference: str  # one line: title, body, day; or "assumed: why"
    quote: str
    confidence: str
    assumed: bool
    reason: str  # why assumed, "" otherwise
    assumptions: Mapping[str, str]  # what else of the rule is assumed, and why
    enforced_by: str
    approved_by: str
    at_exhaustion: str  # a sentence: what the person can do


def read_rule(file: str, document: Document) -> Rule:
    """Read one rule document; raises RulebookError naming file and key."""
    limit = document.get("kind") == "limit"
    required = (*_COMMON, *_LIMIT) if limit else _COMMON
    node = Node(file, "", document, required, ("rail", "assumptions", "calendar"))
    kind = node.one_of("kind", KINDS)
    unit = node.text("unit")
    if node.text("id") != file.removesuffix(".yaml"):
        raise node.error("id", f"{node.text('id')!r} does not name its file: one rule a file")
    window = Node(file, "window", document["window"], ("period", "zone", "instant")) if limit else None
    if window is not None:
        window.one_of("zone", {"UTC+8"})
        window.one_of("instant", {"received"})  # which instant counts: the day on which the payment was received
    rule = Rule(
        node.text("id"),
        kind,
        node.text("description"),
        _unit(node, kind, unit),
        node.one_of("scope", SCOPES) if limit else "",
        node.one_of("basis", BASES) if limit else "",
        window.one_of("period", WINDOWS) if window is not None else "",
        node.one_of("admission", {WHOLE, WHILE_OPEN}) if limit else "",
        node.one_of("effect", EFFECTS) if limit else "",
        node.flag("gives_back"),
        _measure(node) if limit else Measure("", "", ""),
        node.one_of("enforced_by", ENFORCERS),
        node.text("approved_by"),
        node.text("at_exhaustion"),
        node.text("rail"),
        node.reasons("assumptions"),
        read_rows(node, "values", lambda row: _value(row, kind, unit, node.text("calendar")), ("value",)),
    )
    _check(node, rule)
    return rule


def _check(node: Node, rule: Rule) -> None:
    for key in ("description", "approved_by", *(("at_exhaustion",) if rule.kind == "limit" else ())):
        if not node.text(key):
            raise node.error(key, "is empty")
    if rule.rail and rule.scope != "transaction":
        raise node.error("rail", "a rail caps one payment: scope must be transaction")
    if rule.scope == "person" and rule.enforced_by == "institution":
        raise node.error("scope", "an institution counts only what it sees: person-institution")
    if rule.kind == "limit" and (rule.scope == "transaction") != (rule.window == PAYMENT):
        raise node.error("window", "scope transaction and period payment belong together")


def _unit(node: Node, kind: str, unit: str) -> str:
    parts = unit.split("/") if kind == "rate" else [unit] if unit else []
    if any(part not in EXPONENTS for part in parts) or (kind == "rate" and len(parts) != 2):
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


def _value(row: Node, kind: str, unit: str, calendar: str) -> Value:
    value = row.data["value"]
    if value is None:
        return Value()
    if kind == "rate":
        rate = read_decimal(row, "value", value)
        if rate <= 0:
            raise row.error("value", "a rate is above zero")
        return Value(rate=rate)
    if kind == "hours":
        return Value(hours=_hours(row, calendar))
    if unit:
        return Value(amounts={unit: _amount(row, "value", value, unit)})
    if not isinstance(value, Mapping) or not value:
        raise row.error("value", "a rule without unit is keyed by currency: {HKD: '20000'}")
    return Value(amounts={str(key): _amount(row, f"value.{key}", item, str(key)) for key, item in value.items()})


def _amount(row: Node, key: str, value: Any, currency: str) -> int:
    number = read_decimal(row, key, value)
    try:
        amount_minor = to_minor(number, currency)
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


def value_of(rule: Rule, row: Dated[Value]) -> RuleValue:
    """Join a rule and the row in force into what a sentence needs."""
    amounts = row.value.amounts or {}
    currency = rule.unit or (next(iter(amounts)) if len(amounts) == 1 else None)
    source = row.source
    return RuleValue(
        rule.id, rule.kind, rule.description, amounts.get(currency or ""), amounts,
        currency if rule.kind in ("limit", "charge") else None, row.value.rate,
        row.value.hours.text if row.value.hours else None, rule.window, rule.scope, rule.basis, rule.effect,
        row.since, row.until, source.line, source.quote, source.confidence, source.assumed, source.reason,
        {**rule.assumptions, **source.assumptions}, rule.enforced_by, rule.approved_by, rule.at_exhaustion,
    )  # fmt: skip


def documents_of(value: RuleValue) -> list[dict[str, Any]]:
    """Write a rule of the day as documents of `rulebook show`, one a currency; value null where it sets no limit."""
    amounts: list[tuple[str | None, str | None]] = [
        (currency, format_amount(amount_minor, currency)) for currency, amount_minor in value.amounts.items()
    ]
    if value.rate is not None:
        amounts = [(None, str(value.rate))]
    if value.hours is not None:
        amounts = [(None, value.hours.removeprefix("daily ").replace("–", "-"))]  # for programs: 07:00-23:00
    shared = {
        "window": value.window or None,
        "basis": value.basis or None,
        "effect": value.effect or None,
        "since": value.since.isoformat(),
        "until": value.until.isoformat() if value.until else None,
        "reference": value.reference,
        "assumed": value.assumed,
        "reason": value.reason or None,
        "assumptions": dict(value.assumptions),
        "confidence": value.confidence,
        "kind": value.kind,
        "description": value.description,
        "scope": value.scope or None,
        "hours": value.hours,
        "enforced_by": value.enforced_by,
        "approved_by": value.approved_by,
    }
    return [
        {"rule": value.rule, "value": amount, "currency": currency, **shared}
        for currency, amount in amounts or [(value.currency, None)]
    ]
