"""The second step of a payment: hand what was accepted to its rail, and record as submitted what has no report yet."""

import asyncio
from collections.abc import Coroutine

import structlog

from rails.port import RailUnavailable
from switch.flow.flights import BATCH_MAX, Departure, Flights
from switch.flow.metrics import Metrics
from switch.flow.ports import Step, Store
from switch.flow.world import World
from switch.payment.status import SUBMIT

log = structlog.get_logger()

PATIENCE_SECONDS = 0.1  # of machine time for a rail in another process: it then goes on beside the others


class Submitter:
    """Sends; one call of `submit` at a time."""

    def __init__(self, world: World, store: Store, metrics: Metrics, flights: Flights) -> None:
        self._world, self._store, self._metrics, self._flights = world, store, metrics, flights
        self._elsewhere: set[asyncio.Task[int]] = set()  # sends to rails in other processes that are under way

    async def submit(self, machine_now: float) -> int:
        """Hand what was accepted to the rails, a batch a rail; sending again is harmless (same UETR).

        A rail in another process that does not answer at once is left to it, and passed over until it has: the other rails
        do not wait for it. What it takes after that is not in the count.
        """
        here: list[Coroutine[None, None, int]] = []
        elsewhere: list[asyncio.Task[int]] = []
        for rail, batch in self._flights.hand_over(BATCH_MAX * 2).items():
            call = self._sent(rail, batch, machine_now)
            if self._world.rails[rail].capabilities.carries_messages:
                elsewhere.append(asyncio.create_task(call))
            else:
                here.append(call)
        for task in elsewhere:
            self._elsewhere.add(task)
            task.add_done_callback(self._elsewhere.discard)
        count = sum(await asyncio.gather(*here))
        if elsewhere:
            done, _ = await asyncio.wait(elsewhere, timeout=PATIENCE_SECONDS)
            count += sum(task.result() for task in done)
        return count

    async def stop(self) -> None:
        """Break off what is under way with rails in other processes; it may be with them."""
        for task in self._elsewhere:
            task.cancel()
        await asyncio.gather(*self._elsewhere, return_exceptions=True)

    async def _sent(self, rail: str, batch: list[Departure], machine_now: float) -> int:
        try:
            return await self._send(rail, batch, machine_now)
        finally:
            self._flights.handed_over(rail)

    async def _send(self, rail: str, batch: list[Departure], machine_now: float) -> int:
        untaken, again = self._flights.untaken, self._flights.again
        if again:  # the rail dates what becomes of an instruction by when it was sent
            now = self._world.clock.now()
            batch[:] = [
                (flight, instruction._replace(sent_at=now) if (flight.uetr, flight.leg) in again else instruction)
                for flight, instruction in batch
            ]
        try:
            with self._metrics.send.over(batch), self._metrics.rail(rail, "send"):
                await self._world.rails[rail].send([instruction for _, instruction in batch])
        except BaseException as error:
            # They stay with us and are sent again, under the same UETR, until their deadline; unless the rail is sure that it
            # has taken none, they may be with it from now on. The other rails do not wait for it.
            log.warning("could not send", rail=rail, payments=len(batch), error=repr(error))
            self._flights.unsent.extend(batch)
            keys = [(flight.uetr, flight.leg) for flight, _ in batch]
            again.update(keys)
            if not (isinstance(error, RailUnavailable) and error.taken_none):
                untaken.update(keys)
            if not isinstance(error, Exception):
                raise
            return 0
        if again or untaken:
            keys = [(flight.uetr, flight.leg) for flight, _ in batch]
            again.difference_update(keys)
            untaken.difference_update(keys)
        if self._flights.late:
            self._flights.sent(batch, self._world.clock.now())
        self._flights.unmarked.extend([(flight, machine_now) for flight, _ in batch])
        for flight, _ in batch[:1]:
            self._metrics.sent(rail, (flight.uetr, flight.leg))
        return len(batch)

    async def mark_submitted(self, sent_before: float) -> int:
        """Record as submitted what was sent before this machine time and has no report yet."""
        unmarked, under_way = self._flights.unmarked, self._flights.by_key
        steps: list[Step] = []
        at = self._world.clock.now()
        while unmarked and unmarked[0][1] <= sent_before and len(steps) < BATCH_MAX:
            flight, _ = unmarked.popleft()
            if (flight.uetr, flight.leg) in under_way:
                steps.append(Step(flight.payment_id, flight.received_on, SUBMIT, at))
        if steps:
            await self._store.finish(steps)
        return len(steps)
