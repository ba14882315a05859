"""Routing: which rails of a lane carry a payment, and why the others were not taken. Never leaves the lane.

Memberships, currencies and hours are looked at once per corridor and minute and remembered; caps per payment.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from limits.calendars import LAW_ZONE
from limits.rules import Lane, RulesOfDay, RuleValue
from rails.port import Rail
from switch.participants.registry import Participant
from switch.payment.plan import Refusal, RouteStep
from switch.payment.postings import position

_MINUTE = timedelta(minutes=1)
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
OPENINGS_MAX = 62  # a month of two rails whose hours never meet: then the last opening looked at is told


class Choice(NamedTuple):
    """A rail that may be taken on one side of the route."""

    rail: str
    cap: RuleValue | None
    position: str
    passed_over: tuple[tuple[str, str], ...]  # (rail, why) of the others, but for those before it that it is taken for


class Corridor(NamedTuple):
    """What routing must know: lane, the two agents, the two currencies."""

    lane: Lane
    debtor_agent: Participant
    creditor_agent: Participant
    debit_currency: str
    settlement_currency: str


class Route(NamedTuple):
    """The rails taken: steps for the explanation, positions for the ledger, the credit leg's rail."""

    steps: tuple[RouteStep, ...]
    debtor_position: str
    creditor_position: str
    rail: str
    expires_at: datetime


class Router:
    """Routes within a lane for one law day and one set of rails; remembers each corridor for the minute."""

    def __init__(self, rails: Mapping[str, Rail], rules: RulesOfDay) -> None:
        self._rails = rails
        self._rules = rules
        self._from = self._until = _NEVER
        self._known: dict[tuple[str, str, str, str, str], tuple[list[Choice] | Refusal, list[Choice] | Refusal]] = {}

    def route(self, corridor: Corridor, settlement_minor: int, debit_minor: int, at: datetime) -> Route | Refusal:
        """Pick the rails for a payment of these minor units received at `at`."""
        sources, destinations = self._sides(corridor, at)
        destination = _pick(destinations, settlement_minor)
        if isinstance(destination, Refusal):
            return self._refused(corridor, settlement_minor, debit_minor, at)
        expires_at = at + self._rails[destination.rail].capabilities.deadline
        if not corridor.lane.source_rails:
            step = RouteStep(destination.rail, "domestic", destination.passed_over)
            payer = position(corridor.debtor_agent.settles_through, destination.rail, corridor.debit_currency)
            return Route((step,), payer, destination.position, destination.rail, expires_at)
        source = _pick(sources, debit_minor)
        if isinstance(source, Refusal):
            return self._refused(corridor, settlement_minor, debit_minor, at)
        steps = (
            RouteStep(source.rail, "debit", source.passed_over),
            RouteStep(destination.rail, "credit", destination.passed_over),
        )
        return Route(steps, source.position, destination.position, destination.rail, expires_at)

    def _refused(self, corridor: Corridor, settlement_minor: int, debit_minor: int, at: datetime) -> Refusal:
        """Say why no rail takes the payment now; where time mends it, when rails that carry it are next open on both sides."""
        sources, destinations = self._sides(corridor, at)
        picked = [
            _pick(destinations, settlement_minor),
            *([_pick(sources, debit_minor)] if corridor.lane.source_rails else []),
        ]
        refusals = {refusal.reason: refusal for refusal in reversed(picked) if isinstance(refusal, Refusal)}
        if "no-rail" in refusals:
            return refusals["no-rail"]
        lane, debtor_agent, creditor_agent, debit_currency, settlement_currency = corridor
        members = (creditor_agent,) if lane.source_rails else (debtor_agent, creditor_agent)
        sides = [(lane.destination_rails, members, settlement_currency, settlement_minor)]
        if lane.source_rails:
            sides.append((lane.source_rails, (debtor_agent,), debit_currency, debit_minor))
        able: list[tuple[list[str], str]] = []
        for rails, agents, currency, amount_minor in sides:
            fit = [name for name in rails if not self._unfit(self._rails[name], agents, currency, at)]
            caps = {name: self._rules.rail_cap(name, currency) for name in fit}
            within = [name for name in fit if _fits(caps[name], amount_minor)]
            if not within:  # no rail carries so much, at whatever hour
                cap = caps[fit[-1]]
                assert cap is not None
                return Refusal("rail-cap", {"rule": cap.rule})
            able.append((within, currency))
        opens_at, rail = self._opening(able, at)
        when = {"rail": rail, "opens_at": opens_at.astimezone(LAW_ZONE).isoformat()}
        if "rail-cap" in refusals:
            return Refusal("rail-cap-closed", refusals["rail-cap"].detail | when)
        return Refusal("rail-closed", when)

    def _opening(self, sides: Sequence[tuple[Sequence[str], str]], at: datetime) -> tuple[datetime, str]:
        """Find the first instant at which each side (rails, currency) has an open rail, and the rail closed longest now."""
        instant, rail = at, ""
        for _ in range(OPENINGS_MAX):
            opens_at, name = max(
                min((self._rails[name].next_opening(instant, currency), name) for name in rails)
                for rails, currency in sides
            )
            if opens_at <= instant:
                break
            instant, rail = opens_at, rail or name
        return instant, rail

    def _sides(self, corridor: Corridor, at: datetime) -> tuple[list[Choice] | Refusal, list[Choice] | Refusal]:
        if not self._from <= at < self._until:
            self._from = at.replace(second=0, microsecond=0)  # rails open and close on whole minutes
            self._until = self._from + _MINUTE
            self._known.clear()
        lane, debtor_agent, creditor_agent, debit_currency, settlement_currency = corridor
        key = (lane.id, debtor_agent.bic, creditor_agent.bic, debit_currency, settlement_currency)
        known = self._known.get(key)
        if known is None:
            agents = (debtor_agent, creditor_agent)
            credit_agents = agents if not lane.source_rails else (creditor_agent,)
            known = self._known[key] = (
                self._choices(lane, lane.source_rails, (debtor_agent,), debtor_agent, debit_currency, at),
                self._choices(lane, lane.destination_rails, credit_agents, creditor_agent, settlement_currency, at),
            )
        return known

    def _choices(
        self,
        lane: Lane,
        rails: Sequence[str],
        members: Sequence[Participant],
        holder: Participant,
        currency: str,
        at: datetime,
    ) -> list[Choice] | Refusal:
        open_rails: list[str] = []
        passed_over: list[tuple[str, str]] = []
        closed = False
        for name in rails:
            rail = self._rails[name]
            why = self._unfit(rail, members, currency, at)
            if why:
                passed_over.append((name, why))
            elif not rail.is_open(at, currency):
                opens_at = rail.next_opening(at, currency)
                closed = True
                passed_over.append((name, f"closed until {opens_at.astimezone(LAW_ZONE):%Y-%m-%d %H:%M}"))
            else:
                open_rails.append(name)
        if open_rails or not rails:
            return [
                Choice(
                    name,
                    self._rules.rail_cap(name, currency),
                    position(holder.settles_through, name, currency),
                    (*passed_over, *((later, "kept in reserve behind the one taken") for later in open_rails[n:])),
                )
                for n, name in enumerate(open_rails, 1)
            ]
        if closed:
            return Refusal("rail-closed", {})  # which and until when, a payment's amounts say: _refused
        why_not = "; ".join(f"{name} {why}" for name, why in passed_over)
        return Refusal(
            "no-rail",
            {
                "lane": lane.id,
                "debtor_agent": members[0].bic,
                "creditor_agent": holder.bic,
                "currency": currency,
                "why": why_not,
            },
        )

    def _unfit(self, rail: Rail, members: Sequence[Participant], currency: str, at: datetime) -> str:
        name = rail.capabilities.rail
        for member in members:
            since = member.rails.get(name)
            if since is None or since > self._rules.day:
                return f"not joined by {member.bic}"
        if currency not in rail.capabilities.currencies:
            return f"does not carry {currency}"
        return ""


def _fits(cap: RuleValue | None, amount_minor: int) -> bool:
    return cap is None or cap.amount_minor is None or amount_minor <= cap.amount_minor


def _pick(choices: list[Choice] | Refusal, amount_minor: int) -> Choice | Refusal:
    if isinstance(choices, Refusal):
        return choices
    over: list[tuple[str, str]] = []
    for choice in choices:
        cap = choice.cap
        if _fits(cap, amount_minor):
            return choice._replace(passed_over=choice.passed_over + tuple(over)) if over else choice
        assert cap is not None
        over.append((choice.rail, f"above its cap {cap.rule}"))
    cap = choices[-1].cap
    assert cap is not None
    return Refusal("rail-cap", {"rule": cap.rule})
