"""The rulebook: the law of any day as plain answers, and scenarios as new rulebooks. No number of the law stands here.

`load_rulebook` reads the packaged documents; `on(day)` gives that day's law, past days the past law. What it answers is
pure: class, lanes, claims, hours, caps and charges of a payment. Whether claims fit is limits.counters.
"""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

from limits import rulebook as packaged
from limits.calendars import PAYMENT
from limits.claims import REPORT, SUSPEND, Claim
from limits.classification import Classification, Entry, Row, Tags, classify, ordered, read_codes, read_group, read_tags
from limits.documents import Dated, Document, RulebookError, Source, in_force
from limits.facts import Amounts, PaymentFacts, Profile
from limits.lane_currencies import check_currencies
from limits.lanes import Lane, LaneDocument, LaneVerdict, OpenLane, judge_lane, open_on, read_lane, shut
from limits.measures import (
    Cap,
    Claimer,
    Concern,
    DocumentClaimer,
    LaneLaw,
    Law,
    OrderClaimer,
    RateSource,
    Threshold,
    Use,
    cap,
    claimers,
    claims_made,
    document_claimer,
    documents_claimed,
    order_claimer,
    threshold,
)  # fmt: skip
from limits.own_limits import faults
from limits.reading import read_rule
from limits.scenario import name_of, overlaid
from limits.values import Rule, RuleValue, documents_of, value_of

__all__ = [
    "Classification", "Entry", "Hours", "Judgement", "Lane", "LaneVerdict", "RuleValue", "Rulebook", "RulebookError",
    "RulesOfDay", "load_rulebook",
]  # fmt: skip

DOCUMENT = "document"  # the scope of rules on documents, which hold in every lane
TAGS_FILE = "rmb-tags.yaml"
CODES_FILE = "classification/safe-codes.yaml"
# Profiles remembered per version of the law. Real traffic has a few hundred; purpose and venue are free text, so that a
# hostile participant could make as many as it likes: then all are forgotten and judged anew.
PROFILES_MAX = 16_384
SCREENS_MAX = 1_024  # a venue is free text, too
DAYS_MAX = 400  # a year of days kept compiled, and some


class Judgement(NamedTuple):
    """What the law says of a profile: its class, every lane's verdict in legal order, and the lanes it may take.

    Without a class no lane is eligible: every payment is classified before it is routed.
    """

    classification: Classification | None
    lanes: tuple[LaneVerdict, ...]
    eligible: tuple[Lane, ...]


class Hours(NamedTuple):
    """Whether a lane is open at an instant; `next_opening` (aware, UTC) only where it is closed."""

    open: bool
    next_opening: datetime | None
    rule: str  # rule id, "" for a lane without hours of its own
    text: str  # "daily 07:00–23:00", "" likewise


class _Book(NamedTuple):
    """All documents, read and checked."""

    rules: Mapping[str, Rule]
    lanes: tuple[LaneDocument, ...]
    rows: tuple[Dated[Row], ...]
    tags: Tags


class _Version(NamedTuple):
    """The law between two days on which something changes; its judgements are shared by all days of it."""

    book: _Book
    law: Law
    values: Mapping[str, RuleValue]
    rows: tuple[tuple[Row, Source], ...]
    lanes: tuple[OpenLane, ...]
    judgements: dict[Profile, Judgement]
    screens: dict[tuple[str, str, str], list[LaneVerdict | None]]  # (from, to, venue) -> the lanes shut to it


class RulesOfDay:
    """The law of one day (UTC+8)."""

    def __init__(self, day: date, version: _Version) -> None:
        self.day = day
        self._version = version
        self._judgements = version.judgements
        self._lane_laws: dict[Lane, LaneLaw] = {}
        self._scopes: dict[
            tuple[str, str, bool], str
        ] = {}  # (lane, rule, way home) -> whose counter, where the lane says so
        self._thresholds: dict[Lane, tuple[tuple[str, Threshold], ...]] = {}
        for lane in version.lanes:
            for corridor, found in lane.lanes:
                self._lane_laws[found] = self._compiled(found, (*lane.document.uses, *corridor.uses))
                self._thresholds[found] = self._reported(lane.document.thresholds)
        compiled = (
            document_claimer(version.law, rule) for rule in version.book.rules.values() if rule.scope == DOCUMENT
        )
        self.documents: tuple[DocumentClaimer, ...] = tuple(made for made in compiled if made is not None)
        self._charges = {
            lane.document.charge: version.values[lane.document.charge].amounts
            for lane in version.lanes
            if lane.document.charge and lane.document.charge in version.values
        }
        self._rail_caps = {
            (rule.rail, currency): value._replace(currency=currency, amount_minor=amount_minor)
            for rule in version.book.rules.values()
            if rule.rail and (value := version.values.get(rule.id)) is not None
            for currency, amount_minor in value.amounts.items()
        }

    def judge(self, profile: Profile) -> Judgement:
        """Classify a profile and say which lanes are open to it; remembered by profile."""
        found = self._judgements.get(profile)
        if found is None:
            if len(self._judgements) >= PROFILES_MAX:
                self._judgements.clear()
            found = self._judgements[profile] = self._judged(profile)
        return found

    def claims(
        self, lane: Lane, facts: PaymentFacts, amounts: Amounts, reference_rate: RateSource
    ) -> tuple[Claim, ...]:
        """Return the claims of a payment in a lane judged on this day, in the order in which one binds.

        `reference_rate(base, quote, market)` gives units of quote for one of base; asked only where a rule converts.
        Windows are this day's: `facts.at` must lie on it. A lane of another law raises KeyError.
        """
        made = claims_made(self._lane_laws[lane].concerning(facts).claimers, facts, amounts, reference_rate)
        return made + documents_claimed(self.documents, facts) if facts.documents else made

    def order_claimer(self, rule_id: str) -> OrderClaimer | None:
        """Return what makes the claims of orders on a market's quota (`stock-connect.shanghai.northbound.day`), None where none is set."""
        return order_claimer(self._version.law, self._version.book.rules[rule_id], self.day)

    def law_of(self, lane: Lane) -> LaneLaw:
        """Return what makes the claims and caps of a lane, for who asks for many (limits.measures.claims_made)."""
        return self._lane_laws[lane]

    def scope(self, lane: str, claim: Claim) -> str:
        """Return whose counter a claim is on in a lane: the lane's word where it has one, else the rule's own."""
        return self._scopes.get((lane, claim.rule, claim.delta < 0)) or self._version.values[claim.rule].scope

    @property
    def rows(self) -> tuple[tuple[Row, Source], ...]:
        """Return the classification rows in force, in order, each with its source."""
        return self._version.rows

    @property
    def lanes(self) -> tuple[OpenLane, ...]:
        """Return every lane as it is on this day, in legal order, those that are closed too."""
        return self._version.lanes

    def reports(self, lane: Lane, amounts: Amounts, reference_rate: RateSource) -> tuple[str, ...]:
        """Name the thresholds on a single payment that it reaches: they ask for data or a report, and never block."""
        return tuple(rule for rule, reached in self._thresholds[lane] if reached(amounts, reference_rate))

    def hours(self, lane: Lane, at: datetime) -> Hours:
        """Say whether the lane's own hours are open at an aware instant; a lane without hours always is."""
        value = self._version.law.values.get(lane.hours) if lane.hours else None
        if lane.hours is None or value is None or value.hours is None:
            return Hours(True, None, "", "")
        if value.hours.is_open(at):
            return Hours(True, None, lane.hours, value.hours.text)
        return Hours(False, value.hours.next_opening(at), lane.hours, value.hours.text)

    def rail_cap(self, rail: str, currency: str) -> RuleValue | None:
        """Return a rail's cap on one payment (AM13), None where it has none in that currency on this day."""
        return self._rail_caps.get((rail, currency))

    def charge(self, lane: Lane, currency: str) -> int:
        """Return the lane's charge in minor units of the currency debited, 0 where there is none."""
        amounts = self._charges.get(lane.charge) if lane.charge else None
        return amounts.get(currency, 0) if amounts else 0

    def rule(self, rule_id: str) -> RuleValue:
        """Return a rule with its value and source on this day; raises KeyError where it is not in force."""
        return self._version.values[rule_id]

    def show(self) -> list[dict[str, Any]]:
        """Return the documents of `rulebook show` (design 10): the rules in force, one a currency."""
        return [document for value in self._version.values.values() for document in documents_of(value)]

    def _judged(self, profile: Profile) -> Judgement:
        version = self._version
        classification = classify(version.rows, version.book.tags, self.day, profile)
        way = (profile.debtor_agent_country, profile.creditor_agent_country, profile.venue)
        screen = version.screens.get(way)
        if screen is None:
            if len(version.screens) >= SCREENS_MAX:
                version.screens.clear()
            screen = version.screens[way] = [shut(lane, *way) for lane in version.lanes]
        judged = [
            (verdict, None) if verdict is not None else judge_lane(lane, profile)
            for verdict, lane in zip(screen, version.lanes, strict=True)
        ]
        eligible = () if classification is None else tuple(lane for _, lane in judged if lane is not None)
        return Judgement(classification, tuple(verdict for verdict, _ in judged), eligible)

    def _compiled(self, lane: Lane, uses: Sequence[Use]) -> LaneLaw:
        law, rules = self._version.law, self._version.book.rules
        makers: list[tuple[Claimer, Concern | None]] = []
        caps: list[tuple[Cap, Concern | None] | None] = []
        for use in uses:
            rule = rules[use.rule]
            if use.scope:
                self._scopes[lane.id, use.rule, use.down] = use.scope
            if rule.window == PAYMENT:
                caps.append(cap(law, rule, use))
            else:
                makers += claimers(law, rule, use, lane.direction, self.day)
        return LaneLaw(tuple(makers), tuple(found for found in caps if found is not None))

    def _reported(self, thresholds: Sequence[str]) -> tuple[tuple[str, Threshold], ...]:
        made = ((name, threshold(self._version.law, self._version.book.rules[name])) for name in thresholds)
        return tuple((name, reached) for name, reached in made if reached is not None)


class Rulebook:
    """The whole law with its history; `id` is the hash of its documents, overlays included."""

    def __init__(self, documents: Mapping[str, Document], overlays: tuple[Mapping[str, Any], ...] = ()) -> None:
        """Read and check documents (path to document), which `overlays` made; raises RulebookError naming file and key."""
        self._documents = documents
        self.overlays = overlays  # on the packaged law, in turn: what another process needs to make the same rulebook
        self._book = _read(documents)
        self.id = sha256(json.dumps(documents, sort_keys=True, default=str).encode()).hexdigest()[:16]
        self._changes = _change_days(self._book)
        self._versions: dict[int, _Version] = {}
        self._days: dict[date, RulesOfDay] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rulebook) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def on(self, day: date) -> RulesOfDay:
        """Return the law of a day (UTC+8); past days give the past law."""
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= DAYS_MAX:
                self._days.clear()
            number = bisect_right(self._changes, day)
            version = self._versions.get(number)
            if version is None:
                version = self._versions[number] = _version(self._book, day)
            found = self._days[day] = RulesOfDay(day, version)
        return found

    @property
    def book(self) -> _Book:
        """Return what was read: rules, lanes, rows and tags with their history, for who lists, compares and checks them."""
        return self._book

    @property
    def change_days(self) -> Sequence[date]:
        """Return each day from which something is otherwise than the day before, oldest first."""
        return self._changes

    @property
    def documents(self) -> Mapping[str, Document]:
        """Return the documents it was read from, overlays applied."""
        return self._documents

    @property
    def lanes(self) -> dict[str, bool]:
        """Return every lane's id, and whether it is active: one that is not exists in scenarios alone."""
        return {lane.id: lane.active for lane in self._book.lanes}

    def own_limit_faults(self, limits: Mapping[str, Mapping[str, str]]) -> list[str]:
        """Say what is wrong with the limits that institutions set themselves (BIC8 -> rule id -> amount)."""
        return faults(self._book.rules, limits, above=not self.overlays)

    def scenario(self, overlay: Mapping[str, Any], name: str) -> "Rulebook":
        """Return a new rulebook with the overlay applied (limits.scenario says its form); this one stays as it is."""
        return Rulebook(overlaid(self._documents, overlay, name), (*self.overlays, {"name": name, **overlay}))

    def show(self, day: date) -> list[dict[str, Any]]:
        """Return the documents of `rulebook show` (design 10) for a day."""
        return self.on(day).show()


def load_rulebook(overlays: Sequence[Mapping[str, Any]] = ()) -> Rulebook:
    """Read the packaged law, each overlay applied in turn; an overlay may carry its `name`. Raises RulebookError."""
    return _with(overlays) if overlays else _packaged()


@cache
def _packaged() -> Rulebook:
    return _with(())


@cache
def _documents() -> Mapping[str, Document]:
    """Read what nobody changes once a process: YAML takes a quarter of a second."""
    return packaged.read_documents()


def _with(overlays: Sequence[Mapping[str, Any]]) -> Rulebook:
    documents = _documents()
    for n, overlay in enumerate(overlays, 1):
        changes = {key: value for key, value in overlay.items() if key != "name"}
        documents = overlaid(documents, changes, name_of(overlay, n))
    return Rulebook(documents, tuple(overlays))


def _read(documents: Mapping[str, Document]) -> _Book:
    tables = {TAGS_FILE, CODES_FILE}
    for file in tables:
        if file not in documents:
            raise RulebookError(file, "document", "is missing")
    codes = read_codes(CODES_FILE, documents[CODES_FILE])
    rules: dict[str, Rule] = {}
    lanes: list[LaneDocument] = []
    groups: dict[str, list[Dated[Row]]] = {}
    for file, document in documents.items():
        if file in tables:
            continue
        if file.startswith("lanes/"):
            lanes.append(read_lane(file, document))
        elif file.startswith("classification/"):
            groups[file] = read_group(file, document, codes)
        else:
            rule = read_rule(file, document)
            rules[rule.id] = rule
    lanes.sort(key=lambda lane: lane.order)
    book = _Book(rules, tuple(lanes), ordered(groups), read_tags(TAGS_FILE, documents[TAGS_FILE]))
    _check_references(book)
    for lane in lanes:
        check_currencies(lane, documents[f"lanes/{lane.id}.yaml"], rules)
    return book


def _check_references(book: _Book) -> None:
    """What documents say of each other must be there, and of the right kind."""
    for rule in book.rules.values():
        if rule.measure.rate:
            rate = _expect(book, f"{rule.id}.yaml", "measure.rate", rule.measure.rate, "rate")
            if rate.values[0].since > rule.values[0].since or rate.values[-1].until is not None:
                raise RulebookError(f"{rule.id}.yaml", "measure.rate", f"{rate.id} is not in force on all its days")
            if any(row.value.rate is None for row in rate.values):
                raise RulebookError(f"{rate.id}.yaml", "value", f"is null, and {rule.id} is measured at this rate")
    orders: set[int] = set()
    for lane in book.lanes:
        file = f"lanes/{lane.id}.yaml"
        if lane.order in orders:
            raise RulebookError(file, "order", f"{lane.order} is taken by another lane")
        orders.add(lane.order)
        for use in (*lane.uses, *(use for corridor in lane.corridors for use in corridor.uses)):
            claiming = _expect(book, file, "rules", use.rule, "limit")
            if claiming.window == PAYMENT and claiming.effect == REPORT:
                raise RulebookError(file, "rules", f"{use.rule} only reports on one payment: name it under thresholds")
            if use.effect == SUSPEND and not claiming.suspends:
                raise RulebookError(
                    file, "rules", f"{use.rule} says of no window after its own: it cannot suspend_until"
                )
            if claiming.scope == DOCUMENT:
                raise RulebookError(file, "rules", f"{use.rule} counts documents: it holds in every lane")
        for name in lane.thresholds:
            reporting = _expect(book, file, "thresholds", name, "limit")
            if reporting.window != PAYMENT or reporting.effect != REPORT or not reporting.unit or reporting.keyed_by:
                raise RulebookError(file, "thresholds", f"{name} is no threshold on one payment that only reports")
        if lane.hours is not None:
            _expect(book, file, "hours", lane.hours, "hours")
        if lane.charge is not None:
            _expect(book, file, "charge", lane.charge, "charge")


def _expect(book: _Book, file: str, key: str, name: str, kind: str) -> Rule:
    rule = book.rules.get(name)
    if rule is None or rule.kind != kind:
        raise RulebookError(file, key, f"{name!r} is no rule of kind {kind}")
    return rule


def _change_days(book: _Book) -> list[date]:
    """Return each day from which something in the rulebook is otherwise than the day before."""
    dated: list[Dated[Any]] = [row for rule in book.rules.values() for row in rule.values]
    dated += [row for lane in book.lanes for row in lane.values]
    dated += [*book.rows, *book.tags.rows]
    days = {row.since for row in dated}
    days |= {row.until + timedelta(days=1) for row in dated if row.until is not None}
    return sorted(days)


def _version(book: _Book, day: date) -> _Version:
    rows = {rule.id: row for rule in book.rules.values() if (row := in_force(rule.values, day)) is not None}
    law = Law(book.rules, {name: row.value for name, row in rows.items()})
    return _Version(
        book,
        law,
        {name: value_of(book.rules[name], row) for name, row in rows.items()},
        tuple((row.value, row.source) for row in book.rows if row.covers(day)),
        tuple(open_on(lane, day) for lane in book.lanes),
        {},
        {},
    )
