"""Four eyes: what one operator proposes takes effect once another one wants the same.

On payments in doubt and on exception records. It decides who may; what a decision does is the finisher's.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from switch.flow.doubt_books import ABOUT_PAYMENT, CONFIRMED, LAPSED, OPEN, RECALLED, Proposal
from switch.flow.ports import Store, Stored
from switch.flow.world import World
from switch.payment.recalling import RECALL_REJECTED
from switch.payment.status import IN_DOUBT

# Business time for which a proposal waits for its second operator (assumed): a shift's hand-over, not a day.
LAPSES_AFTER = timedelta(minutes=30)
TRIES = 3  # two operators at once: one is first, the other then finds what that one did

Operate = Callable[[Stored, str, Proposal | None], Awaitable[None]]


class OtherwiseProposed(Exception):
    """Another decision on the same subject is open, or was taken."""

    def __init__(self, proposal: Proposal) -> None:
        super().__init__(proposal.action)
        self.proposal = proposal


class NotRecalled(Exception):
    """An exception is to be resolved as recalled, and no recall of its payment has been asked for or stands."""


class Decisions:
    """Takes operators' words and carries out what two of them agree on."""

    def __init__(self, world: World, store: Store, operate: Operate) -> None:
        self._world, self._store, self._operate = world, store, operate

    async def on_payment(self, stored: Stored, event: str, operator: str, reason: str) -> Proposal:
        """Propose to end (`reject`) or honour (`settle`) a payment in doubt, or confirm it; raises OtherwiseProposed.

        A crash between the confirmation and what it does is mended by saying the same again.
        """
        found = await self._agreed((stored.payment_id, ABOUT_PAYMENT), event, operator, reason)
        if found.outcome == CONFIRMED and stored.status == IN_DOUBT:
            await self._operate(stored, event, found)
        return found

    async def on_exception(self, payment_id: str, kind: str, resolution: str, operator: str, reason: str) -> Proposal:
        """Propose how an exception is resolved, or confirm it; raises OtherwiseProposed, NotRecalled. No money moves by it."""
        if resolution == RECALLED:
            recalls = await self._store.recalls(payment_id)
            if all(each.state == RECALL_REJECTED for each in recalls):
                raise NotRecalled
        return await self._agreed((payment_id, kind), resolution, operator, reason)

    async def _agreed(self, about: tuple[str, str], action: str, operator: str, reason: str) -> Proposal:
        last: Proposal | None = None
        for _ in range(TRIES):
            now = self._world.clock.now()
            known = [each for each in await self._store.proposals(about[0]) if each.subject == about[1]]
            last = known[-1] if known else None
            if last is not None and last.outcome == OPEN and last.lapses_at <= now:
                await self._store.decide_proposal(last, LAPSED, "", now)
                continue
            if last is None or last.outcome == LAPSED:
                new = Proposal(*about, len(known) + 1, action, reason, operator, now, now + LAPSES_AFTER)
                if await self._store.propose(new):
                    return new
                continue
            if last.action != action:
                raise OtherwiseProposed(last)
            if last.outcome == CONFIRMED or _same_name(last.proposed_by, operator):
                return last
            if await self._store.decide_proposal(last, CONFIRMED, operator, now):
                return last._replace(outcome=CONFIRMED, decided_by=operator, decided_at=now)
        assert last is not None
        raise OtherwiseProposed(last)


def _same_name(one: str, other: str) -> bool:
    """Whether two names are one operator's: case and spaces make nobody another."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def state_of(proposal: Proposal, stored: Stored, now: datetime) -> str:
    """Say what has become of a proposal: one on a payment whose rail spoke first is overtaken."""
    if proposal.outcome != OPEN:
        return proposal.outcome
    if proposal.subject == ABOUT_PAYMENT and stored.status != IN_DOUBT:
        return "overtaken"
    return LAPSED if proposal.lapses_at <= now else OPEN
