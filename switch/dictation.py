"""Setting a payment to a state, for tests: through the rail that would do it, so that the real reports and events follow.

What may be set follows from the payment's table (payment.status) and from what its rail reports; everything else is refused
with what is allowed. No status is written here. A rail in a process of its own is nobody's to dictate to.
"""

from datetime import datetime
from typing import Protocol, runtime_checkable

from fx.money import Money
from rails import port
from switch.flow.ports import Store, Stored
from switch.flow.worker import Worker
from switch.flow.world import World
from switch.payment import status as statuses

RETURNED = "returned"  # no status of the payment: money comes back beside it
NO_REASON = "MS03"
RETURN_REASON = "MS03"  # in ExternalReturnReason1Code too (facts messages 3.3)

# State wanted -> the event that leads there, and what the rail is told to say.
_BY_RAIL = {
    statuses.SETTLED: (statuses.SETTLE, port.SETTLED),
    statuses.CREDITED: (statuses.CREDIT, port.CREDITED),
    statuses.REJECTED: (statuses.REJECT, port.REJECTED),
    statuses.BLOCKED: (statuses.BLOCK, port.BLOCKED),
    statuses.IN_DOUBT: (statuses.TIME_OUT, port.PENDING),
}
STATES = (*_BY_RAIL, statuses.CANCELLED, RETURNED)


class NotAllowed(Exception):
    """The payment cannot be set to that state; says why, and what it can be set to."""

    def __init__(self, why: str, allowed: tuple[str, ...]) -> None:
        super().__init__(why)
        self.allowed = allowed


@runtime_checkable
class Dictated(Protocol):
    """A rail that an operator may tell what has become of an instruction."""

    async def dictate(self, key: tuple[str, int], outcome: str, reason_code: str, at: datetime, about: Money) -> None:
        """Report and answer so from now on."""

    async def give_back(self, key: tuple[str, int], reason_code: str, at: datetime) -> bool:
        """Have the creditor agent give back what it has left of a leg; False where nothing is."""


class Dictation:
    """Sets payments of one world to states."""

    def __init__(self, world: World, store: Store, worker: Worker) -> None:
        self._world, self._store, self._worker = world, store, worker

    async def set_state(self, stored: Stored, state: str, reason_code: str = "") -> None:
        """Have a payment become `state`, one of STATES; its rail's report does it, soon. Raises NotAllowed, RailUnavailable."""
        rail_name, leg = await self._leg(stored)
        rail = self._world.rails.get(rail_name)
        allowed = self._allowed(stored, rail)
        if state not in allowed:
            raise NotAllowed(_why(stored, state, rail), allowed)
        if state == statuses.CANCELLED:
            await self._worker.cancel(stored)
            return
        assert isinstance(rail, Dictated)
        at, key = self._world.clock.now(), (stored.uetr, leg)
        if state == RETURNED:
            if not await rail.give_back(key, reason_code or RETURN_REASON, at):
                raise NotAllowed("All of the payment has been given back.", ())
            return
        code = (reason_code or NO_REASON) if state == statuses.REJECTED else ""
        about = Money(stored.settlement_minor, stored.settlement_currency)
        if key in self._worker.flights.by_key:
            self._worker.flights.untaken.add(key)  # its rail knows of it from here on: it is not surely unsent any more
        await rail.dictate(key, _BY_RAIL[state][1], code, at, about)
        if state == statuses.IN_DOUBT:  # the rail keeps silent; the deadline is brought forward
            self._worker.flights.watch(key, at)

    async def _leg(self, stored: Stored) -> tuple[str, int]:
        """Return the rail and number of the leg that pays the creditor agent; "" where the payment was refused."""
        legs = await self._store.legs(stored.payment_id)
        return (legs[-1].rail, legs[-1].n) if legs else ("", 0)

    def _allowed(self, stored: Stored, rail: port.Rail | None) -> tuple[str, ...]:
        """List the states a payment can be set to as it stands."""
        if stored.status == statuses.QUEUED:
            return (statuses.CANCELLED,)  # it is not with its rail yet
        if not isinstance(rail, Dictated):
            return ()
        moves = statuses.PAYMENT_TABLE[stored.status]
        found = tuple(state for state, (event, _) in _BY_RAIL.items() if event in moves and _reported(state, rail))
        paid = statuses.MONEY[stored.status] == statuses.POSTED
        return (*found, RETURNED) if paid else found


def _reported(state: str, rail: port.Rail) -> bool:
    return state != statuses.CREDITED or rail.capabilities.reports_credit


def _why(stored: Stored, state: str, rail: port.Rail | None) -> str:
    if stored.status != statuses.QUEUED and rail is not None and not isinstance(rail, Dictated):
        return f"{rail.capabilities.rail} runs in a process of its own: what becomes of a payment is said there."
    if state == statuses.CREDITED and rail is not None and not _reported(state, rail):
        return f"{rail.capabilities.rail} never reports a credit: settled is its last word."
    if state == RETURNED:
        return f"Only what is settled or credited can be given back; the payment is {stored.status}."
    if state == statuses.CANCELLED:
        return f"Only a queued payment can be cancelled; this one is {stored.status}."
    return f"A payment that is {stored.status} does not become {state}."
