"""Lanes: the legal ways of a payment, in legal order, with the facts that open them. Read from `rulebook/lanes/*.yaml`.

A lane is open by facts and date alone: hours and headroom never make it ineligible. A lane that runs both ways has one
corridor for each; what is handed out is the lane as it is in the payment's corridor.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from limits.conditions import Condition, failing, read_conditions
from limits.documents import Dated, Document, Node, in_force, read_rows
from limits.facts import Profile
from limits.measures import Use
from limits.values import EFFECTS, SCOPES

DIRECTIONS = frozenset({"northbound", "southbound", "domestic", "hk-macau", "hk-thailand"})
MARKETS = frozenset({"onshore", "offshore"})
# What keeps a lane from a payment: it leads elsewhere, is not in force that day, is named by another venue, or asks for other facts.
CORRIDOR, DAY, VENUE, FACTS = "corridor", "day", "venue", "facts"


class Lane(NamedTuple):
    """One legal way for a payment: the rules that claim and the rails allowed."""

    id: str
    scheme: str
    direction: str  # northbound | southbound | domestic | hk-macau | hk-thailand
    rules: tuple[str, ...]  # rule ids that claim, in the order in which one binds
    source_rails: tuple[str, ...]  # in order of preference; empty for a domestic lane
    destination_rails: tuple[str, ...]
    hours: str | None  # rule id of the lane's own hours (TM01), None = its rails' hours only
    market: str  # onshore | offshore: where a conversion of CNY happens
    charge: str | None  # rule id of the lane's charge
    law: str  # lanes under the same law may replace each other without allow_lanes
    reference: str
    assumed: bool


class LaneVerdict(NamedTuple):
    """Whether a lane is open to the facts, and if not, the fact that fails."""

    lane: str
    eligible: bool
    why: str
    kind: str = FACTS  # what decided: corridor | day | venue | facts (of an open lane always facts)


class Corridor(NamedTuple):
    """One direction of a lane: the agents' places, its rails, and the rules that claim there besides the lane's."""

    origin: str
    destination: str
    source_rails: tuple[str, ...]
    destination_rails: tuple[str, ...]
    uses: tuple[Use, ...]


class LaneDocument(NamedTuple):
    """A lane with its history: each dated row holds the conditions of its time, added to the lane's own."""

    id: str
    order: int
    description: str
    active: bool
    scheme: str
    direction: str
    law: str
    market: str
    hours: str | None
    charge: str | None
    when: tuple[Condition, ...]
    uses: tuple[Use, ...]
    thresholds: tuple[str, ...]  # rules that report on one payment and never claim
    corridors: tuple[Corridor, ...]
    values: tuple[Dated[tuple[Condition, ...]], ...]
    venues: tuple[str, ...]  # of its conditions; empty = any


class OpenLane(NamedTuple):
    """A lane on one day."""

    document: LaneDocument
    when: tuple[Condition, ...]
    lanes: tuple[tuple[Corridor, Lane], ...]
    closed: str  # why nobody may take it on this day, "" = in force


_REQUIRED = (
    "id", "order", "description", "active", "scheme", "direction", "law", "market", "when", "corridors", "values",
)  # fmt: skip


def read_lane(file: str, document: Document) -> LaneDocument:
    """Read one lane document; raises RulebookError naming file and key."""
    node = Node(file, "", document, _REQUIRED, ("hours", "charge", "rules", "thresholds"))
    if f"lanes/{node.text('id')}.yaml" != file:
        raise node.error("id", f"{node.text('id')!r} does not name its file: one lane a file")
    corridors = tuple(_corridor(node, n) for n in range(len(node.mappings("corridors"))))
    if not corridors:
        raise node.error("corridors", "is empty: a lane leads from one place to another")
    return LaneDocument(
        node.text("id"),
        node.integer("order"),
        node.text("description"),
        node.flag("active"),
        node.text("scheme"),
        node.one_of("direction", DIRECTIONS),
        node.text("law"),
        node.one_of("market", MARKETS),
        node.text("hours") or None,
        node.text("charge") or None,
        read_conditions(node, "when"),
        _uses(node),
        node.texts("thresholds"),
        corridors,
        read_rows(node, "values", lambda row: read_conditions(row, "when"), (), ("when",)),
        _venues(node.data["when"]),
    )


def _venues(when: object) -> tuple[str, ...]:
    """Return the venues a lane is for, where its conditions name them outright."""
    venue = when.get("venue") if isinstance(when, Mapping) else None
    if isinstance(venue, str):
        return (venue,)
    return tuple(venue) if isinstance(venue, list) else ()


def _corridor(parent: Node, n: int) -> Corridor:
    data = parent.mappings("corridors")[n]
    optional = ("source_rails", "rules")
    node = Node(parent.file, f"corridors[{n}]", data, ("from", "to", "destination_rails"), optional)
    if not node.texts("destination_rails"):
        raise node.error("destination_rails", "is empty: no rail would carry the payment")
    return Corridor(
        node.text("from"), node.text("to"), node.texts("source_rails"), node.texts("destination_rails"), _uses(node)
    )


def _uses(node: Node) -> tuple[Use, ...]:
    uses = []
    for n, data in enumerate(node.mappings("rules")):
        given = Node(node.file, node.where(f"rules[{n}]"), data, ("rule",), ("effect", "scope", "moves"))
        uses.append(
            Use(
                given.text("rule"),
                given.one_of("effect", EFFECTS | {""}),
                given.one_of("scope", (SCOPES - {"transaction", "document"}) | {""}),
                given.one_of("moves", {"up", "down"}, "up") == "down",
            )
        )
    return tuple(uses)


def open_on(document: LaneDocument, day: date) -> OpenLane:
    """Say what a lane is on a day."""
    row = in_force(document.values, day)
    closed = ""
    if row is None:
        first, last = document.values[0], document.values[-1]
        closed = f"begins on {first.since}" if day < first.since else f"ended on {last.until}"
    elif not document.active:
        closed = f"not in force ({row.source.line}): a scenario may switch it on"
    if row is None:
        return OpenLane(document, (), (), closed)
    lanes = tuple(
        (
            corridor,
            Lane(
                document.id, document.scheme, document.direction,
                tuple(use.rule for use in (*document.uses, *corridor.uses)),
                corridor.source_rails, corridor.destination_rails, document.hours, document.market, document.charge,
                document.law, row.source.line, row.source.assumed,
            ),
        )
        for corridor in document.corridors
    )  # fmt: skip
    return OpenLane(document, document.when + row.value, lanes, closed)


def shut(lane: OpenLane, origin: str, destination: str, venue: str) -> LaneVerdict | None:
    """Say why a lane is none for all payments of a corridor and venue; None where the other facts must say.

    What many facts have in common is found once for them all, however many lanes there are.
    """
    name, document = lane.document.id, lane.document
    if all((corridor.origin, corridor.destination) != (origin, destination) for corridor in document.corridors):
        ways = " or ".join(f"{corridor.origin} to {corridor.destination}" for corridor in document.corridors)
        return LaneVerdict(name, False, f"leads {ways}; the agents are in {origin} and {destination}", CORRIDOR)
    if document.venues and venue not in document.venues:
        wanted, given = " or ".join(each or "none" for each in document.venues), venue or "not given"
        return LaneVerdict(name, False, f"venue must be {wanted}; it is {given}", VENUE)
    if lane.closed:
        return LaneVerdict(name, False, lane.closed, DAY)
    return None


def judge_lane(lane: OpenLane, profile: Profile) -> tuple[LaneVerdict, Lane | None]:
    """Say whether a lane that is not shut is open to the facts; with the lane in its corridor where it is."""
    name, way = lane.document.id, (profile.debtor_agent_country, profile.creditor_agent_country)
    for corridor, found in lane.lanes:
        if (corridor.origin, corridor.destination) == way:
            why = failing(lane.when, profile)
            return LaneVerdict(name, not why, why or lane.document.description), None if why else found
    raise AssertionError("an open lane has a lane for each of its corridors")
