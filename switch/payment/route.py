"""Routing: which rails of a lane carry a payment, and why the others were not taken. Never leaves the lane.

Memberships, currencies, hours and charges are looked at once a minute for payments alike, and remembered (Way); caps are
looked at per payment.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from fx.money import AMOUNT_MINOR_MAX, Money
from limits.calendars import LAW_ZONE
from limits.facts import PaymentFacts
from limits.measures import Terms
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


class Route(NamedTuple):
    """The rails taken: steps for the explanation, positions for the ledger, the credit leg's rail."""

    steps: tuple[RouteStep, ...]
    debtor_position: str
    creditor_position: str
    rail: str
    deadline: timedelta  # from receipt, until which the rail may stay silent


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


class Router:
    """Routes within a lane for one law day and one set of rails and participants; remembers each way for the minute."""

    def __init__(self, rails: Mapping[str, Rail], rules: RulesOfDay, participants: Mapping[str, Participant]) -> None:
        self._rails = rails
        self._rules = rules
        self._participants = participants
        self._from = self._until = _NEVER
        self._known: dict[tuple[int, str, str, str, str, str, str, bool], Way] = {}

    def way(self, lane: Lane, facts: PaymentFacts, deducted: bool) -> Way:
        """Return what is common to payments like this one; `deducted`: the creditor bears the charge."""
        if not self._from <= facts.at < self._until:
            self._from = facts.at.replace(second=0, microsecond=0)  # lanes and rails open and close on whole minutes
            self._until = self._from + _MINUTE
            self._known.clear()
        profile = facts.profile
        # By identity: a lane is long to hash, and the way known keeps it alive.
        key = (
            id(lane),
            facts.debtor_agent,
            facts.creditor_agent,
            profile.debit_currency,
            profile.settlement_currency,
            profile.debtor_account_type,
            profile.creditor_account_type,
            deducted,
        )
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._found(lane, facts, deducted)
        return known

    def route(self, way: Way, settlement_minor: int, debit_minor: int, at: datetime) -> Route | Refusal:
        """Pick the rails for a payment of these minor units received at `at`."""
        if (
            way.first is not None
            and settlement_minor <= way.settlement_minor_max
            and debit_minor <= way.debit_minor_max
        ):
            return way.first
        destination, source = _pick(way.destinations, settlement_minor), _pick(way.sources, debit_minor)
        if isinstance(destination, Refusal) or (way.lane.source_rails and isinstance(source, Refusal)):
            return self._refused(way, settlement_minor, debit_minor, at)
        return self._over(way.lane, way.debtor_agent, way.debit_currency, destination, source)

    def _found(self, lane: Lane, facts: PaymentFacts, deducted: bool) -> Way:
        at, profile = facts.at, facts.profile
        debtor_agent, creditor_agent = self._participants[facts.debtor_agent], self._participants[facts.creditor_agent]
        debit_currency, settlement_currency = profile.debit_currency, profile.settlement_currency
        credit_agents = (creditor_agent,) if lane.source_rails else (debtor_agent, creditor_agent)
        sources = self._choices(lane, lane.source_rails, (debtor_agent,), debtor_agent, debit_currency, at)
        destinations = self._choices(
            lane, lane.destination_rails, credit_agents, creditor_agent, settlement_currency, at
        )
        charge_currency = settlement_currency if deducted else debit_currency
        charge_minor = self._rules.charge(lane, charge_currency)
        first = None
        if not isinstance(sources, Refusal) and not isinstance(destinations, Refusal):
            source = sources[0] if sources else None
            first = self._over(lane, debtor_agent, debit_currency, destinations[0], source)
        return Way(
            lane, self._rules.law_of(lane).concerning(facts), _lane_closed(self._rules, lane, at), Money(charge_minor, charge_currency) if charge_minor else None,
            debtor_agent, creditor_agent, debit_currency, settlement_currency, sources, destinations, first,
            _room(destinations), _room(sources),
        )  # fmt: skip

    def _over(
        self,
        lane: Lane,
        debtor_agent: Participant,
        debit_currency: str,
        destination: Choice,
        source: Choice | Refusal | None,
    ) -> Route:
        deadline = self._rails[destination.rail].capabilities.deadline
        if isinstance(source, Choice):
            steps: tuple[RouteStep, ...] = (
                RouteStep(source.rail, "debit", source.passed_over),
                RouteStep(destination.rail, "credit", destination.passed_over),
            )
            debtor_position = source.position
        else:
            steps = (RouteStep(destination.rail, "domestic", destination.passed_over),)
            debtor_position = position(debtor_agent.settles_through, destination.rail, debit_currency)
        return Route(steps, debtor_position, destination.position, destination.rail, deadline)

    def _refused(self, way: Way, settlement_minor: int, debit_minor: int, at: datetime) -> Refusal:
        """Say why no rail takes the payment now; where time mends it, when rails that carry it are next open on both sides."""
        lane = way.lane
        picked = [
            _pick(way.destinations, settlement_minor),
            *([_pick(way.sources, debit_minor)] if lane.source_rails else []),
        ]
        refusals = {refusal.reason: refusal for refusal in reversed(picked) if isinstance(refusal, Refusal)}
        if "no-rail" in refusals:
            return refusals["no-rail"]
        members = (way.creditor_agent,) if lane.source_rails else (way.debtor_agent, way.creditor_agent)
        sides = [(lane.destination_rails, members, way.settlement_currency, settlement_minor)]
        if lane.source_rails:
            sides.append((lane.source_rails, (way.debtor_agent,), way.debit_currency, debit_minor))
        able: list[tuple[list[str], str]] = []
        for rails, agents, currency, amount_minor in sides:
            fit = [name for name in rails if not self._unfit(self._rails[name], agents, currency, at)]
            caps = {name: self._rules.rail_cap(name, currency) for name in fit}
            within = [name for name in fit if _fits(caps[name], amount_minor)]
            if not within:  # no rail carries so much, at whatever hour
                cap = caps[fit[-1]]
                assert cap is not None
                return _above(cap)
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
    cap = choices[-1].cap if choices else None
    if cap is None:
        return Refusal("no-rail", {})  # of a side without rails of its own: nobody asks for it
    return _above(cap)


def _above(cap: RuleValue) -> Refusal:
    ceiling = Money(cap.amount_minor or 0, cap.currency or "")
    detail = {"rule": cap.rule, "ceiling": str(ceiling), "headroom": str(ceiling), "source": cap.reference}
    return Refusal("rail-cap", detail)


def _room(choices: list[Choice] | Refusal) -> int:
    """Return the cap of the rail preferred, minor units."""
    cap = choices[0].cap if choices and not isinstance(choices, Refusal) else None
    return AMOUNT_MINOR_MAX if cap is None or cap.amount_minor is None else cap.amount_minor


def _lane_closed(rules: RulesOfDay, lane: Lane, at: datetime) -> Refusal | None:
    hours = rules.hours(lane, at)
    if hours.open:
        return None
    opens_at = hours.next_opening.astimezone(LAW_ZONE).isoformat() if hours.next_opening else "—"
    return Refusal(
        "lane-closed",
        {
            "lane": lane.id,
            "rule": hours.rule,
            "hours": hours.text,
            "opens_at": opens_at,
            "source": rules.rule(hours.rule).reference,
        },
    )
