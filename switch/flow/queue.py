"""Payments that wait for the opening of their lane and rails: released when it comes, put off where it did not, or cancelled.

They stand in the store with all they hold, and nobody owns them: whichever worker comes to the opening releases them, and
the store lets one of two do so. What a worker remembers of them is when to look.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

import structlog

from limits.rules import Lane
from switch.flow.flights import BATCH_MAX, Flight, Flights
from switch.flow.metrics import Metrics
from switch.flow.ports import StaleWorld, Step, Store, Stored, Unfinished
from switch.flow.queue_books import Queued, Release
from switch.flow.takeover import instruction_again, refresh
from switch.flow.waiters import Waiters
from switch.flow.world import World
from switch.payment import status as statuses
from switch.payment.decide import View
from switch.payment.plan import Refusal
from switch.payment.reasons import code_of
from switch.payment.refusals import refusal_json
from switch.payment.way import CREDITOR, DEBTOR

log = structlog.get_logger()

# How long a payment whose rail is closed until further notice waits before it is looked at again, business time: nobody
# is told when a suspension is lifted, and a look costs one read.
LOOK_AGAIN = timedelta(minutes=5)
_ALL = datetime(9999, 1, 1, tzinfo=UTC)
_CANCELLED = '{"cancelled_by": "participant"}'


class Queue:
    """Looks after what waits, in a worker."""

    def __init__(self, world: World, store: Store, metrics: Metrics, flights: Flights, waiters: Waiters) -> None:
        self._world, self._store, self._metrics = world, store, metrics
        self._flights, self._waiters = flights, waiters
        self._own: list[datetime] = []  # heap: openings that payments accepted here wait for
        self._stored: datetime | None = None  # the earliest opening in the store when it was last asked
        self._conditions = world.conditions  # under which the openings were found

    def learn(self, opens_at: datetime) -> None:
        """Take note of an opening that a payment accepted here waits for."""
        heappush(self._own, opens_at)

    async def look(self) -> None:
        """Ask the store for the earliest opening: payments of other workers, and of those before us, wait too."""
        self._stored = await self._store.next_opening()

    def next_due(self) -> datetime | None:
        """Return the business time of the next opening known of."""
        if not self._own or self._stored is None:
            return self._own[0] if self._own else self._stored
        return min(self._own[0], self._stored)

    def is_due(self) -> bool:
        """Whether an opening has come, or the openings are to be found anew: a rail's closure or an agent's state has changed."""
        due = self.next_due()
        return due is not None and (due <= self._world.clock.now() or self._conditions != self._world.conditions)

    async def release(self) -> int:
        """Send what lane and rails carry now, refuse what an agent's state forbids, put off the rest; returns how many were due.

        Where closures or states have changed, the earliest of all that wait are judged anew (at most BATCH_MAX): a closure that
        is lifted lets them go at once.
        """
        if not self.is_due():
            return 0
        world = self._world
        # One world, before anything is awaited.
        now, generation, conditions = world.clock.now(), world.generation, world.conditions
        while self._own and self._own[0] <= now:
            heappop(self._own)
        waiting = await self._store.queued(now if conditions == self._conditions else _ALL, BATCH_MAX)
        releases: list[Release] = []
        put_off: list[Queued] = []
        barred: list[Step] = []
        for each in waiting:
            found = self._found(each.stored, now)
            if isinstance(found, Refusal):
                barred.append(_refused(each.stored, found, now))
            elif found == now:
                releases.append(
                    Release(each.stored.payment_id, each.stored.received_on, now + self._deadline(each.stored))
                )
            elif found != each.opens_at:
                put_off.append(each._replace(opens_at=found))
        if releases:
            await self._released(releases, generation, now)
        if put_off:
            await self._store.put_off(put_off)
        if barred and await self._store.generation() != generation:  # the agent may be back: judged again at once
            await refresh(world, self._store)
            return len(waiting)
        for moved in await self._store.finish(barred) if barred else ():
            self._landed(moved.payment_id, moved.status)
        self._conditions = conditions
        await self.look()
        return len(waiting)

    async def cancel(self, stored: Stored) -> bool:
        """Give up a waiting payment and free all it holds; False where it has been released, or ended, before."""
        now = self._world.clock.now()
        step = Step(stored.payment_id, stored.received_on, statuses.CANCEL, now, "", _CANCELLED, last_word=True)
        moved = await self._store.finish([step])
        for move in moved:
            self._landed(move.payment_id, move.status)
        return bool(moved)

    # --- what becomes of one ---

    def _found(self, stored: Stored, now: datetime) -> datetime | Refusal:
        """Judge one; a fault of ours with it stops none of the others."""
        try:
            return self._judged(stored, now)
        except Exception:
            log.exception("could not judge a payment that waits", payment_id=stored.payment_id)
            return now + LOOK_AGAIN

    def _judged(self, stored: Stored, now: datetime) -> datetime | Refusal:
        """Say from when on its rails carry a payment, by the lane's hours of the day it was accepted; or why they never will."""
        view = self._world.view(stored.received_at)
        sides = _sides(stored)
        for rail, _, role in sides:
            for each in _agents(stored, role):
                if (refusal := view.router.barred(rail, *each)) is not None:
                    return refusal
        carriers = [(rail, currency) for rail, currency, _ in sides]
        opens_at = view.router.carried_from(_lane_of(view, stored.lane), carriers, now)
        return now + LOOK_AGAIN if opens_at is None else opens_at

    def _deadline(self, stored: Stored) -> timedelta:
        return self._world.rails[_sides(stored)[-1][0]].capabilities.deadline

    async def _released(self, releases: Sequence[Release], generation: int, now: datetime) -> None:
        try:
            for item in await self._store.release(releases, generation, now):
                self._take_off(item, now)
        except StaleWorld:  # rails or agents may stand otherwise: judged again at the next look
            await refresh(self._world, self._store)
        except BaseException:
            self._flights.unsure = True  # some may be ours, and not sent
            raise

    def _take_off(self, item: Unfinished, now: datetime) -> None:
        flight = Flight(item.payment_id, item.received_on, item.uetr, item.rail, item.leg, item.deadline_at)
        self._flights.depart(flight, instruction_again(item, self._world, now))
        self._waiters.wake(item.payment_id, item.status)

    def _landed(self, payment_id: str, status: str) -> None:
        self._metrics.finished[status] += 1
        self._waiters.wake(payment_id, status)


def _sides(stored: Stored) -> list[tuple[str, str, str]]:
    """List the rails decided on, the credit leg's last: (rail, currency, role in the route)."""
    route = json.loads(stored.decision)["route"]
    currency = {"debit": stored.debit_currency}
    return [(step["rail"], currency.get(step["role"], stored.settlement_currency), step["role"]) for step in route]


def _agents(stored: Stored, role: str) -> list[tuple[str, str]]:
    """List who must take part in a rail of this role: (BIC8, whose side)."""
    debtor, creditor = (stored.debtor_agent[:8], DEBTOR), (stored.creditor_agent[:8], CREDITOR)
    return {"debit": [debtor], "credit": [creditor]}.get(role, [debtor, creditor])


def _lane_of(view: View, lane: str) -> Lane | None:
    """Return a lane by its id, None where a rulebook that came later has none of it."""
    return next((found for each in view.rules.lanes for _, found in each.lanes if found.id == lane), None)


def _refused(stored: Stored, refusal: Refusal, now: datetime) -> Step:
    code = code_of(refusal)
    return Step(
        stored.payment_id, stored.received_on, statuses.REJECT, now, code, refusal_json(refusal), last_word=True
    )
