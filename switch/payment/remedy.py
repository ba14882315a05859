"""The smallest changes that would let a refused payment pass: less, later, with a document, over another lane. Pure.

Each is found by deciding again (decide, then evaluate on the same sums), never by reading a rule's text, and one change at
a time: combinations are not searched. A search asks for the sums it needs as it goes: it yields what it wants and is sent
the sums of those counters, so that it neither reads a store nor waits. Not here: how a change reads (payment.texts).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, get_args

from fx.money import Money, format_amount
from limits.calendars import LAW_ZONE
from limits.rules import RulesOfDay
from switch.payment.decide import Ask, View
from switch.payment.foresight import Outcome, Search, Seen, foresee, not_theirs
from switch.payment.greatest import TOO_SMALL, greatest, largest_minor, of_amount, too_small
from switch.payment.instruction import Document
from switch.payment.plan import Plan, Refusal

AMOUNT, INSTANT, DOCUMENT, LANE = "amount", "instant", "document", "lane"
DOCUMENT_TYPES: tuple[str, ...] = get_args(Document.model_fields["type"].annotation)
DOCUMENTS_MAX = 8  # of an instruction

# Refusals that one changed thing may mend. Whatever is not here is a fault of the instruction, and its sentence says which.
_LAW = frozenset(
    {"person-quota", "documents-required", "creditor-quota", "watch-list", "own-limit", "payment-cap", "suspended"}
)
_SIZE = (_LAW - {"suspended"}) | {"rail-cap", "rail-cap-closed", "liquidity", "sponsor-liquidity", "no-rate"}
_CLOSED = frozenset({"lane-closed", "rail-closed", "rail-cap-closed"})
_TIME = _LAW | _CLOSED
_PAPERS = _LAW | {"unclassified", "no-lane", "lane-not-eligible"}
_WAY = _LAW | _CLOSED | {"no-lane", "lane-not-eligible", "rail-cap", "no-rail"}
MENDABLE = _SIZE | TOO_SMALL | _PAPERS | _WAY

MILLISECOND = timedelta(milliseconds=1)
ONE_DAY = timedelta(days=1)
# A day's window, the year's, a lane's hours and two rails' each make a hop or two; more than this is a search gone astray.
HOPS_MAX = 12


class Case(Protocol):
    """The instruction in question, as facts: at another instant, or with a patch applied."""

    @property
    def afresh(self) -> dict[str, Any]:
        """The merge patch that an instruction needs to be sent later: what says when it was taken is taken out."""

    def at(self, instant: datetime) -> tuple[Ask, View] | None:
        """Return what decide would be asked at another instant, afresh; None where the instruction has no facts then."""

    def changed(self, patch: Mapping[str, Any]) -> tuple[Ask, View] | None:
        """Return what decide would be asked now of the instruction with a merge patch applied."""

    def with_document(self, kind: str) -> dict[str, Any] | None:
        """Return the merge patch that adds a document of this type; None where the instruction holds no more."""


class Remedy(NamedTuple):
    """One change that lets the payment pass, as a merge patch (RFC 7396) of the instruction, or an instant to send it at."""

    kind: str  # amount | instant | document | lane
    patch: dict[str, Any]
    at: datetime | None = None
    binding: str = ""  # what refuses one minor unit, or one millisecond, short of it
    amount: Money | None = None
    difference: Money | None = None  # from what was asked, never below zero
    more: bool = False  # the amount is to rise, not to fall
    subject: str = ""  # the type of document, or the lane
    scheme: str = ""  # of the lane


def remedies(case: Case, ask: Ask, view: View, outcome: Outcome, seen: Seen) -> Search[tuple[Remedy, ...]]:
    """Search every single change that lets a refused ask pass, in order of how little it asks.

    Naming another lane asks nothing of anybody; waiting less than a day little; a document takes getting it; a smaller
    amount is not what was wanted; waiting longer comes last.
    """
    assert isinstance(outcome.verdict, Refusal), "what passes needs no remedy"
    reason = outcome.verdict.reason
    found: list[Remedy] = []
    if reason in _WAY:
        found += yield from _lanes(ask, view, seen)
    if reason in _TIME:
        later = yield from _later(case, ask.facts.at, view, outcome, seen)
        found += [later] if later else []
    if reason in _PAPERS:
        found += yield from _documents(case, ask, seen)
    if reason in _SIZE | TOO_SMALL:
        other = yield from (_more if reason in TOO_SMALL else _less)(ask, view, seen)
        found += [other] if other else []
    return tuple(sorted(found, key=lambda remedy: _asks(remedy, ask.facts.at)))


def _asks(remedy: Remedy, at: datetime) -> int:
    soon = remedy.at is not None and remedy.at - at <= ONE_DAY
    return {LANE: 0, INSTANT: 1 if soon else 4, DOCUMENT: 2, AMOUNT: 3}[remedy.kind]


def _lanes(ask: Ask, view: View, seen: Seen) -> Search[list[Remedy]]:
    found = []
    for lane in view.rules.judge(ask.facts.profile).eligible:
        outcome = yield from foresee(ask._replace(lane=lane.id, allow_lanes=False), view, seen)
        if isinstance(outcome.verdict, Plan):
            found.append(Remedy(LANE, {"lane": lane.id}, subject=lane.id, scheme=lane.scheme))
    return found


def _documents(case: Case, ask: Ask, seen: Seen) -> Search[list[Remedy]]:
    found = []
    for kind in DOCUMENT_TYPES:
        patch = case.with_document(kind) if kind not in ask.facts.profile.documents else None
        changed = case.changed(patch) if patch is not None else None
        if patch is None or changed is None:
            continue
        outcome = yield from foresee(*changed, seen)
        if isinstance(outcome.verdict, Plan):
            found.append(Remedy(DOCUMENT, patch, subject=kind))
    return found


# --- later ---


def _later(case: Case, at: datetime, view: View, outcome: Outcome, seen: Seen) -> Search[Remedy | None]:
    """Find the first instant at which the instruction passes, from one end of what refuses it to the next.

    Nothing else is supposed to be used meanwhile, and rates to be what the sandbox's are then. Where it passes a millisecond
    earlier too (a rate let it, not an end of anything), there is no such instant to name.
    """
    instant, rules = at, view.rules
    for _ in range(HOPS_MAX):
        chance = _next_chance(outcome, rules, instant)
        then = case.at(chance) if chance is not None else None
        if chance is None or then is None:
            return None
        instant, rules = chance, then[1].rules
        outcome = yield from foresee(*then, seen)
        if isinstance(outcome.verdict, Plan):
            before = case.at(instant - MILLISECOND)
            if before is None:
                return None
            short = yield from foresee(*before, seen)
            return Remedy(INSTANT, case.afresh, instant, short.blocker) if short.blocker else None
    return None


def _next_chance(outcome: Outcome, rules: RulesOfDay, at: datetime) -> datetime | None:
    """Return when what refuses may end: an opening, the end of the rule's window, another law; None where nothing says."""
    assert isinstance(outcome.verdict, Refusal)
    detail = outcome.verdict.detail
    chances: list[datetime | None] = []
    if opens_at := _instant(detail.get("opens_at", "")):
        chances.append(opens_at)
    if "rule" in detail:
        rule = rules.rule(detail["rule"])
        if outcome.claim is not None:
            chances.append(rule.window_end(at))
        if rule.until is not None:
            after = rule.until + ONE_DAY
            chances.append(datetime(after.year, after.month, after.day, tzinfo=LAW_ZONE))
    return min((chance for chance in chances if chance is not None and chance > at), default=None)


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text[:1].isdigit() else None


# --- less, or more ---


def _less(ask: Ask, view: View, seen: Seen) -> Search[Remedy | None]:
    asked = ask.facts.instructed
    free = ask._replace(quote_id=None, quote=None)  # a quote is for one amount
    found = yield from greatest(free, view, seen, asked.amount_minor)
    if found is None or found.beyond is None or not_theirs(found.beyond, view.rules):
        return None
    return _amended(ask, found.amount_minor, found.beyond.blocker)


def _more(ask: Ask, view: View, seen: Seen) -> Search[Remedy | None]:
    """Find the least amount that is not too small; it grows until it is, then halves in between."""
    free = ask._replace(quote_id=None, quote=None)
    low = ask.facts.instructed.amount_minor
    short = yield from foresee(free, view, seen)
    high, most = 2 * low, largest_minor(ask.facts.instructed.currency)
    while high <= most and too_small(found := (yield from foresee(of_amount(free, high), view, seen))):
        low, short, high = high, found, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        found = yield from foresee(of_amount(free, middle), view, seen)
        low, short, high = (middle, found, high) if too_small(found) else (low, short, middle)
    if high > most:
        return None
    found = yield from foresee(of_amount(free, high), view, seen)
    return _amended(ask, high, short.blocker) if isinstance(found.verdict, Plan) else None


def _amended(ask: Ask, amount_minor: int, binding: str) -> Remedy:
    currency, asked = ask.facts.instructed.currency, ask.facts.instructed.amount_minor
    patch: dict[str, Any] = {
        "instructed_amount": {"currency": currency, "amount": format_amount(amount_minor, currency)}
    }
    if ask.quote_id is not None:
        patch["quote_id"] = None
    difference = Money(abs(asked - amount_minor), currency)
    return Remedy(AMOUNT, patch, None, binding, Money(amount_minor, currency), difference, amount_minor > asked)


def patched(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a merge patch (RFC 7396) to a JSON document."""
    changed = dict(document)
    for name, value in patch.items():
        if value is None:
            changed.pop(name, None)
        elif isinstance(value, Mapping):
            within = changed.get(name)
            changed[name] = patched(within if isinstance(within, Mapping) else {}, value)
        else:
            changed[name] = value
    return changed
