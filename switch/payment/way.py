"""The plain values of routing: a rail that may be chosen, the ends of a route, what payments alike have in common, and picking.

What is found out about rails and agents is switch.payment.route's.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from fx.money import AMOUNT_MINOR_MAX, Money
from limits.measures import Terms
from limits.rules import Lane, RuleValue
from switch.participants.registry import Participant
from switch.payment.plan import Refusal, RouteStep

DEBTOR, CREDITOR = "debtor", "creditor"


class Choice(NamedTuple):
    """A rail that may be taken on one side of the route."""

    rail: str
    cap: RuleValue | None
    position: str
    passed_over: tuple[tuple[str, str], ...]  # (rail, why) of the others, but for those before it that it is taken for


class Route(NamedTuple):
    """The rails taken: steps for the explanation, positions for the ledger, the credit leg's rail."""

    steps: tuple[RouteStep, ...]
    debtor_position: str
    creditor_position: str
    rail: str
    deadline: timedelta  # from receipt, until which the rail may stay silent


class Later(NamedTuple):
    """From when on lane and rails carry a payment, and the rails then taken."""

    opens_at: datetime
    route: Route


class Member(NamedTuple):
    """An agent that must take part in a rail, and on whose side."""

    agent: Participant
    role: str  # debtor | creditor


class End(NamedTuple):
    """One side of a route: the lane's rails, who must take part in one, the last of them with a position on it, in what currency."""

    rails: tuple[str, ...]
    members: tuple[Member, ...]
    currency: str


class Way(NamedTuple):
    """What payments through a lane between two agents in two currencies have in common for a minute."""

    lane: Lane
    law: Terms  # what makes the lane's claims, and caps one payment
    closed: Refusal | None  # by the lane's own hours
    charge: Money | None
    debtor_agent: Participant
    creditor_agent: Participant
    debit_currency: str
    settlement_currency: str
    sources: list[Choice] | Refusal
    destinations: list[Choice] | Refusal
    first: Route | None  # over the rails preferred, where both sides have one open
    settlement_minor_max: int  # up to which amounts they are taken
    debit_minor_max: int


class Unfit(NamedTuple):
    """Why a rail does not do for a payment, at whatever hour; a refusal of its own where an agent's state is the cause."""

    why: str
    refusal: Refusal | None = None


def ends(way: Way) -> tuple[End, End]:
    """Return where the creditor is paid and where the debtor pays; over one rail both agents must take part in it."""
    lane = way.lane
    debtor, creditor = Member(way.debtor_agent, DEBTOR), Member(way.creditor_agent, CREDITOR)
    members = (creditor,) if lane.source_rails else (debtor, creditor)
    return (
        End(lane.destination_rails, members, way.settlement_currency),
        End(lane.source_rails, (debtor,), way.debit_currency),
    )


def fits(cap: RuleValue | None, amount_minor: int) -> bool:
    """Whether an amount is within a rail's cap."""
    return cap is None or cap.amount_minor is None or amount_minor <= cap.amount_minor


def pick(choices: list[Choice] | Refusal, amount_minor: int) -> Choice | Refusal:
    """Take the first rail that carries the amount; else say what the last one carries."""
    if isinstance(choices, Refusal):
        return choices
    over: list[tuple[str, str]] = []
    for choice in choices:
        cap = choice.cap
        if fits(cap, amount_minor):
            return choice._replace(passed_over=choice.passed_over + tuple(over)) if over else choice
        assert cap is not None
        over.append((choice.rail, f"above its cap {cap.rule}"))
    cap = choices[-1].cap if choices else None
    if cap is None:
        return Refusal("no-rail", {})  # of a side without rails of its own: nobody asks for it
    return above(cap)


def above(cap: RuleValue) -> Refusal:
    """Refuse what is above a rail's cap."""
    ceiling = Money(cap.amount_minor or 0, cap.currency or "")
    detail = {"rule": cap.rule, "ceiling": str(ceiling), "headroom": str(ceiling), "source": cap.reference}
    return Refusal("rail-cap", detail)


def room(choices: list[Choice] | Refusal) -> int:
    """Return the cap of the rail preferred, minor units."""
    cap = choices[0].cap if choices and not isinstance(choices, Refusal) else None
    return AMOUNT_MINOR_MAX if cap is None or cap.amount_minor is None else cap.amount_minor
