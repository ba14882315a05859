"""One rule of the law: what it limits, how it is counted, and its dated values. Read from `rulebook/<rule-id>.yaml`.

Six kinds: a `limit` (a cap that claims, a cap on one payment, or a threshold that only reports), a `charge`, a `rate`,
`hours`, a `ratio` (a share that limits no payment here) and a `notice` (the law sets no limit, and says so). How a limit
becomes a claim is limits.measures.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from fx.money import format_amount
from limits.calendars import CALENDAR_YEAR, LAW_ZONE, TRADING_DAY, law_day, window_end
from limits.calendars.hours import OpeningHours
from limits.calendars.trading import next_trading_day
from limits.claims import REFUSE, REPORT, REQUIRE_DOCUMENTS, SUSPEND, WINDOW
from limits.documents import Dated

KINDS = frozenset({"limit", "charge", "rate", "hours", "ratio", "notice"})
EFFECTS = frozenset({REFUSE, REQUIRE_DOCUMENTS, REPORT, SUSPEND})
# Whose counter a claim is on. What one institution sees alone, and what somebody sees across institutions.
_OWN_SCOPES = frozenset({
    "person-institution", "creditor-agent", "account", "creditor-account", "card", "institution", "creditor-institution",
    "transaction", "document",
})  # fmt: skip
ACROSS_SCOPES = frozenset({"person", "person-direction", "person-channel", "creditor", "link", "market", "group"})
SCOPES = _OWN_SCOPES | ACROSS_SCOPES
# Counted on the creditor's side: none of the sender's to see.
CREDITOR_SCOPES = frozenset({"creditor", "creditor-agent", "creditor-account", "creditor-institution"})
GROSS_BASES = frozenset({"gross", "fx-conversion-gross", "use", "conversion"})  # only ever rise: claimed into posted
NET_BASES = frozenset({
    "net-buy-orders", "net-outflow", "net-inflow", "net-notional", "net-remittance", "net-exposure", "balance",
})  # fmt: skip
BASES = GROSS_BASES | NET_BASES
ORDER_BASES = frozenset(
    {"net-buy-orders", "net-notional"}
)  # consumed by orders and trades: of the market, whoever sends them
MARKET_SCOPES = frozenset({"link", "market"})
ENFORCERS = frozenset({"institution", "SAFE", "PBoC", "exchange", "clearing-house", "switch"})
MEASURED = frozenset({"debit", "settlement", "leg-in-unit"})
ACCOUNT_TYPE = "account-type"
KEYED = frozenset({"institution", "channels", ACCOUNT_TYPE, "document"})  # the fact that picks a rule's value
OTHER = "other"  # the key for what a keyed value does not name
GROUP_EQUITY = "group-equity"  # the fact that a coefficient is of
ACTIVE, DRAFT, ADVISORY = "active", "draft", "advisory"
RECEIVED = "received"
INSTANTS = frozenset({RECEIVED, "accepted"})  # by the switch, by the debtor agent
# Sessions in which a limit may close, and for how long it then does.
LATCHING = frozenset({"opening-auction", "pre-open", "continuous", "closing-auction"})
SESSION = "session"
LATCHES = frozenset({WINDOW, SESSION})
_NEVER: Mapping[str, str] = MappingProxyType({})
USE = "use"  # the unit of what is counted by times and not by amount


class Measure(NamedTuple):
    """What a limit counts: an amount of the payment, in the limit's unit."""

    amount: str  # debit | settlement | leg-in-unit (the side that is in the unit, else the debit)
    rate: str  # rule id of the rate that converts into the unit, "" = none
    market: str  # market of the reference rate that converts into the unit, "" = none


class Window(NamedTuple):
    """When a limit begins anew, and which instant of a payment counts."""

    period: str
    calendar: str  # of trading days, "" = none needed
    begins: int  # minute of the day, UTC+8, at which its day begins
    instant: str  # received | accepted


class Value(NamedTuple):
    """One dated value: one of amounts, coefficient, rate and hours, or none of them where the law sets no limit."""

    amounts: Mapping[str, int] | None = None  # currency (or the key of a keyed value) -> minor units
    rate: Decimal | None = None  # of a rate or a ratio
    hours: OpeningHours | None = None
    coefficient: Decimal | None = None  # of the group's equity
    scope: str = ""  # where the row counts otherwise than the rule does today
    effect: str = ""
    counted: Window | None = None


class Rule(NamedTuple):
    """A rule with its whole history."""

    id: str
    kind: str  # limit | charge | rate | hours | ratio | notice
    description: str
    unit: str  # currency; "HKD/CNY" for a rate (HKD for one CNY); "use" for times; "" = keyed by currency, or none
    scope: str
    basis: str
    window: str  # its period
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
    counted: Window = Window("", "", 0, RECEIVED)
    keyed_by: str = ""
    suspends: int = 0  # windows after an exceeded one that are closed too
    state: str = ACTIVE  # what it is: a draft with all its approvals is active, without one advisory
    draft: bool = False  # was written as a draft
    missing_approvals: tuple[str, ...] = ()
    penalty_state: str = ""  # a person in this state has another ceiling
    penalty_minor: int = 0
    latches_in: Mapping[str, str] = _NEVER  # session -> window | session: for how long no headroom closes it
    latch_on_carry: bool = False

    def latch(self, session: str) -> str:
        """Return for how long no headroom met in a session closes it, as a claim says it (limits.claims.Claim.latches)."""
        until = self.latches_in.get(session, "")
        return session if until == SESSION else until

    def scope_on(self, value: Value) -> str:
        """Return whose counter it is under a dated value."""
        return value.scope or self.scope

    def counted_on(self, value: Value) -> Window:
        """Return when it begins anew under a dated value."""
        return value.counted or self.counted

    def effect_on(self, value: Value) -> str:
        """Return what it does under a dated value; whatever is not active only counts."""
        return (value.effect or self.effect) if self.state == ACTIVE else REPORT


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
    keyed_by: str = ""
    state: str = ACTIVE
    coefficient: Decimal | None = None
    missing_approvals: tuple[str, ...] = ()
    penalty: tuple[str, int] | None = None  # (state of a person, the ceiling that person has), minor units
    suspends: int = 0
    latches_in: Mapping[str, str] = _NEVER  # session -> window | session: for how long no headroom met there closes it
    counted: Window | None = None

    def window_end(self, at: datetime) -> datetime | None:
        """Return the first instant (aware, UTC) at which the limit has begun anew; None where it never does."""
        counted = self.counted or Window(self.window, "", 0, RECEIVED)
        if counted.period != TRADING_DAY:
            return window_end(counted.period, at, timedelta(minutes=counted.begins))
        opens = next_trading_day(counted.calendar, law_day(at))
        return datetime(opens.year, opens.month, opens.day, tzinfo=LAW_ZONE).astimezone(UTC)


def value_of(rule: Rule, row: Dated[Value]) -> RuleValue:
    """Join a rule and the row in force into what a sentence needs."""
    amounts = row.value.amounts or {}
    currency = rule.unit or (next(iter(amounts)) if len(amounts) == 1 else None)
    source = row.source
    return RuleValue(
        rule.id, rule.kind, rule.description, amounts.get(currency or ""), amounts,
        currency if rule.kind in ("limit", "charge") else None, row.value.rate,
        row.value.hours.text if row.value.hours else None, rule.counted_on(row.value).period, rule.scope_on(row.value), rule.basis,
        (row.value.effect or rule.effect) and rule.effect_on(row.value),
        row.since, row.until, source.line, source.quote, source.confidence, source.assumed, source.reason,
        {**rule.assumptions, **source.assumptions}, rule.enforced_by, rule.approved_by, rule.at_exhaustion,
        rule.keyed_by, rule.state, row.value.coefficient, rule.missing_approvals,
        (rule.penalty_state, rule.penalty_minor) if rule.penalty_state else None, rule.suspends,
        rule.latches_in, rule.counted_on(row.value),
    )  # fmt: skip


def suspended_until(rule: RuleValue, window: str) -> date:
    """Return the last day for which exceeding a window ("2026", "2026-03-02") closes the ones after it."""
    if rule.window == CALENDAR_YEAR:
        return date(int(window) + rule.suspends, 12, 31)
    return date.fromisoformat(window) + timedelta(days=rule.suspends)


def amount_text(amount_minor: int, unit: str) -> str:
    """Write an amount in major units of its unit, or a number of times."""
    return str(amount_minor) if unit == USE else format_amount(amount_minor, unit)


def documents_of(value: RuleValue) -> list[dict[str, Any]]:
    """Write a rule of the day as documents of `rulebook show`, one a currency or key; value null where it sets no limit."""
    rows: list[tuple[str | None, str | None, str | None]] = [  # value, currency, key
        (amount_text(amount_minor, value.currency or key), value.currency or key, key if value.keyed_by else None)
        for key, amount_minor in value.amounts.items()
    ]
    if value.rate is not None:
        rows = [(str(value.rate), None, None)]
    if value.coefficient is not None:
        rows = [(str(value.coefficient), value.currency, GROUP_EQUITY)]
    if value.hours is not None:
        rows = [(value.hours.removeprefix("daily ").replace("–", "-"), None, None)]  # for programs: 07:00-23:00
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
        "state": value.state,
        "missing_approvals": list(value.missing_approvals),
        "keyed_by": GROUP_EQUITY if value.coefficient is not None else value.keyed_by or None,
    }
    return [
        {"rule": value.rule, "value": amount, "currency": currency, "key": key, **shared}
        for amount, currency, key in rows or [(None, value.currency, None)]
    ]
