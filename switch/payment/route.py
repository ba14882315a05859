"""Routing: which rails of a lane carry a payment, and why the others were not taken. Never leaves the lane.

Memberships, currencies, hours and charges are looked at once a minute for payments alike, and remembered (Way); caps are
looked at per payment. What asks to wait gets the rails of the first instant at which lane and rails carry it (Later).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from fx.money import Money
from limits.calendars import LAW_ZONE
from limits.facts import PaymentFacts
from limits.rules import Lane, RulesOfDay
from rails.hops import Hops
from rails.port import Rail
from switch.participants.registry import Participant
from switch.participants.states import ACTIVE, ALL_ACTIVE, OFFLINE, SUSPENDED, Standing
from switch.payment.plan import Refusal, RouteStep
from switch.payment.postings import position
from switch.payment.way import (
    CREDITOR,
    DEBTOR,
    Choice,
    End,
    Later,
    Member,
    Route,
    Unfit,
    Way,
    above,
    ends,
    fits,
    pick,
    room,
)

_MINUTE = timedelta(minutes=1)
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
# What time mends: a payment that asks to wait is not refused for it.
CLOSED = frozenset({"lane-closed", "rail-closed", "rail-cap-closed"})
OPENINGS_MAX = 62  # a month of two rails whose hours never meet: then the last opening looked at is told


class Router:
    """Routes within a lane for one law day and one set of rails and participants; remembers each way for the minute."""

    def __init__(
        self,
        rails: Mapping[str, Rail],
        rules: RulesOfDay,
        participants: Mapping[str, Participant],
        standing: Standing = ALL_ACTIVE,
    ) -> None:
        self._rails = rails
        self._rules = rules
        self._participants = participants
        self._standing = standing
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
        destination, source = pick(way.destinations, settlement_minor), pick(way.sources, debit_minor)
        if isinstance(destination, Refusal) or (way.lane.source_rails and isinstance(source, Refusal)):
            return self._refused(way, settlement_minor, debit_minor, at)
        return self._over(way.lane, way.debtor_agent, way.debit_currency, destination, source)

    def later(self, way: Way, settlement_minor: int, debit_minor: int, at: datetime) -> Later | Refusal:
        """Find from when on the lane and rails for these minor units are open together, and pick the rails.

        Who has joined, the lane's hours and the rails' caps are those of this router's law day.
        """
        lane, sides = way.lane, self._able(way, settlement_minor, debit_minor)
        if isinstance(sides, Refusal):
            return sides
        instant = at
        for _ in range(OPENINGS_MAX):
            hours = self._rules.hours(lane, instant)
            if not hours.open:
                if hours.next_opening is None:
                    break
                instant = hours.next_opening
            opening = self._opening(sides, instant)
            if opening is None:
                break
            if opening[0] <= instant:
                return self._taken_at(way, settlement_minor, debit_minor, instant)
            instant = opening[0]
        return self._refused(way, settlement_minor, debit_minor, at)

    def _taken_at(self, way: Way, settlement_minor: int, debit_minor: int, at: datetime) -> Later | Refusal:
        destinations, sources = self._sides(way, at)
        destination, source = pick(destinations, settlement_minor), pick(sources, debit_minor)
        if isinstance(destination, Refusal) or (way.lane.source_rails and isinstance(source, Refusal)):
            return self._refused(way, settlement_minor, debit_minor, at)
        return Later(at, self._over(way.lane, way.debtor_agent, way.debit_currency, destination, source))

    def _sides(self, way: Way, at: datetime) -> tuple[list[Choice] | Refusal, list[Choice] | Refusal]:
        destination, source = ends(way)
        return self._choices(way.lane, destination, at), self._choices(way.lane, source, at)

    def carried_from(self, lane: Lane | None, carriers: Sequence[tuple[str, str]], at: datetime) -> datetime | None:
        """Return the first instant from `at` on at which the lane and each of these (rail, currency) are open; None: unknown."""
        instant = at
        sides = [([rail], currency) for rail, currency in carriers]
        for _ in range(OPENINGS_MAX):
            hours = self._rules.hours(lane, instant) if lane is not None else None
            opens_at = instant if hours is None or hours.open else hours.next_opening
            opening = self._opening(sides, opens_at) if opens_at is not None else None
            if opening is None:
                return None
            if opening[0] == instant:
                return instant
            instant = opening[0]
        return None

    def hops(self, rail: str) -> Hops:
        """Return how long each hop over a rail waits."""
        return self._rails[rail].capabilities.hops

    def barred(self, rail: str, bic: str, role: str) -> Refusal | None:
        """Return why a participant's own state keeps it from a rail now; None where it takes part."""
        agent = self._participants.get(bic)
        return self._barred(rail, Member(agent, role)) if agent is not None else None

    def _found(self, lane: Lane, facts: PaymentFacts, deducted: bool) -> Way:
        at, profile = facts.at, facts.profile
        debtor_agent, creditor_agent = self._participants[facts.debtor_agent], self._participants[facts.creditor_agent]
        debit_currency, settlement_currency = profile.debit_currency, profile.settlement_currency
        charge_currency = settlement_currency if deducted else debit_currency
        charge_minor = self._rules.charge(lane, charge_currency)
        way = Way(
            lane, self._rules.law_of(lane).concerning(facts), _lane_closed(self._rules, lane, at), Money(charge_minor, charge_currency) if charge_minor else None,
            debtor_agent, creditor_agent, debit_currency, settlement_currency, [], [], None, 0, 0,
        )  # fmt: skip
        destinations, sources = self._sides(way, at)
        first = None
        if not isinstance(sources, Refusal) and not isinstance(destinations, Refusal):
            source = sources[0] if sources else None
            first = self._over(lane, debtor_agent, debit_currency, destinations[0], source)
        return way._replace(
            sources=sources, destinations=destinations, first=first,
            settlement_minor_max=room(destinations), debit_minor_max=room(sources),
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
            pick(way.destinations, settlement_minor),
            *([pick(way.sources, debit_minor)] if lane.source_rails else []),
        ]
        refusals = {refusal.reason: refusal for refusal in reversed(picked) if isinstance(refusal, Refusal)}
        for refusal in refusals.values():
            if refusal.reason not in ("rail-closed", "rail-cap"):
                return refusal
        able = self._able(way, settlement_minor, debit_minor)
        if isinstance(able, Refusal):
            return able
        opening = self._opening(able, at)
        if opening is None:  # every rail of a side is closed until further notice
            rail = next(name for rails, currency in able for name in rails if self._opens(name, currency, at) is None)
            return Refusal("rail-suspended", {"rail": rail})
        opens_at, rail = opening
        when = {"rail": rail, "opens_at": opens_at.astimezone(LAW_ZONE).isoformat()}
        if "rail-cap" in refusals:
            return Refusal("rail-cap-closed", refusals["rail-cap"].detail | when)
        return Refusal("rail-closed", when)

    def _able(self, way: Way, settlement_minor: int, debit_minor: int) -> list[tuple[list[str], str]] | Refusal:
        """List each side's rails that carry so much, at whatever hour, and its currency."""
        able: list[tuple[list[str], str]] = []
        for end, amount_minor in zip(ends(way), (settlement_minor, debit_minor), strict=True):
            if not end.rails:
                continue
            currency = end.currency
            fit = [name for name in end.rails if not self._unfit(self._rails[name], end)]
            if not fit:
                refused = self._choices(way.lane, end, _NEVER)
                assert isinstance(refused, Refusal), "no rail fits, so there is none to choose"
                return refused
            caps = {name: self._rules.rail_cap(name, currency) for name in fit}
            within = [name for name in fit if fits(caps[name], amount_minor)]
            if not within:  # no rail carries so much, at whatever hour
                cap = caps[fit[-1]]
                assert cap is not None
                return above(cap)
            able.append((within, currency))
        return able

    def _opens(self, name: str, currency: str, at: datetime) -> datetime | None:
        """Return when a rail is next open, None where nobody can say."""
        try:
            return self._rails[name].next_opening(at, currency)
        except LookupError:
            return None

    def _opening(self, sides: Sequence[tuple[Sequence[str], str]], at: datetime) -> tuple[datetime, str] | None:
        """Find the first instant at which each side (rails, currency) has an open rail, and the rail closed longest now.

        None where a side has no rail of which an opening is known.
        """
        instant, rail = at, ""
        for _ in range(OPENINGS_MAX):
            firsts: list[tuple[datetime, str]] = []
            for rails, currency in sides:
                known = [(opens, name) for name in rails if (opens := self._opens(name, currency, instant)) is not None]
                if not known:
                    return None
                firsts.append(min(known))
            opens_at, name = max(firsts)
            if opens_at <= instant:
                break
            instant, rail = opens_at, rail or name
        return instant, rail

    def _choices(self, lane: Lane, end: End, at: datetime) -> list[Choice] | Refusal:
        rails, currency, holder = end.rails, end.currency, end.members[-1].agent
        open_rails: list[str] = []
        passed_over: list[tuple[str, str]] = []
        closed, barred = False, None
        for name in rails:
            rail = self._rails[name]
            unfit = self._unfit(rail, end)
            if unfit:
                passed_over.append((name, unfit.why))
                barred = barred or unfit.refusal
            elif not rail.is_open(at, currency):
                opens_at = self._opens(name, currency, at)
                until = f"{opens_at.astimezone(LAW_ZONE):%Y-%m-%d %H:%M}" if opens_at else "further notice"
                closed = True
                passed_over.append((name, f"closed until {until}"))
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
        if barred is not None:
            return barred
        why_not = "; ".join(f"{name} {why}" for name, why in passed_over)
        return Refusal(
            "no-rail",
            {
                "lane": lane.id,
                "debtor_agent": end.members[0].agent.bic,
                "creditor_agent": holder.bic,
                "currency": currency,
                "why": why_not,
            },
        )

    def _unfit(self, rail: Rail, end: End) -> Unfit | None:
        name, currency = rail.capabilities.rail, end.currency
        for member in end.members:
            since = member.agent.rails.get(name)
            if since is None or since > self._rules.day:
                return Unfit(f"not joined by {member.agent.bic}")
        if currency not in rail.capabilities.currencies:
            return Unfit(f"does not carry {currency}")
        for member in end.members:
            refusal = self._barred(name, member)
            if refusal is not None:
                return Unfit(f"{refusal.detail['agent']} is {refusal.detail['state']}", refusal)
        return None

    def _barred(self, rail: str, member: Member) -> Refusal | None:
        """Refuse an agent that is suspended or offline on a rail, or whose sponsor is: it settles through that one."""
        agent, day = member.agent, self._rules.day
        for bic in dict.fromkeys((agent.bic, agent.settles_through)):
            holder = self._participants.get(bic)
            state = self._standing.of(bic, holder.states if holder else (), rail, day)
            if state != ACTIVE:
                reason = {
                    (DEBTOR, OFFLINE): "debtor-agent-offline",
                    (DEBTOR, SUSPENDED): "debtor-agent-suspended",
                    (CREDITOR, OFFLINE): "creditor-agent-offline",
                    (CREDITOR, SUSPENDED): "creditor-agent-suspended",
                }[member.role, state]
                return Refusal(reason, {"agent": bic, "rail": rail, "state": state}, f"{member.role}_agent")
        return None


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
