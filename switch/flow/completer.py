"""The rail is silent: put what is past its deadline in doubt, and ask until there is a last word (facts messages 4.2)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from rails.port import PENDING, REJECTED, UNKNOWN, RailReport, RailUnavailable
from switch.flow.culprits import culprits_of
from switch.flow.flights import BATCH_MAX, Flight, Flights
from switch.flow.metrics import Metrics
from switch.flow.ports import Step, Store
from switch.flow.waiters import Waiters
from switch.flow.world import World
from switch.payment.status import IN_DOUBT, TIME_OUT

log = structlog.get_logger()

INQUIRY_BACKOFF = (1, 2, 4, 8, 16, 32, 60)  # business seconds between inquiries, then every last (facts messages 4.2)

Finish = Callable[[Sequence[RailReport]], Awaitable[None]]


class Completer:
    """Looks after what no report comes for; what an inquiry says goes to `finish`, like a report."""

    def __init__(
        self, world: World, store: Store, metrics: Metrics, flights: Flights, waiters: Waiters, finish: Finish
    ) -> None:
        self._world, self._store, self._metrics = world, store, metrics
        self._flights, self._waiters, self._finish = flights, waiters, finish

    async def complete(self) -> int:
        """Put what is past its deadline in doubt, and ask the rails about what is in doubt."""
        now = self._world.clock.now()
        return await self._time_out(now) + await self._inquire(now)

    async def _time_out(self, now: datetime) -> int:
        flights = self._flights
        due = flights.past_deadline(now, BATCH_MAX)
        if not due:
            return 0
        moved: set[str] = set()

        async def put_in_doubt(steps: Sequence[Step]) -> None:
            moved.update(move.payment_id for move in await self._store.finish(steps))

        steps = [Step(flight.payment_id, flight.received_on, TIME_OUT, now) for flight in due.values()]
        try:
            for step, error in await culprits_of(steps, put_in_doubt):
                log.error("could not put in doubt", payment_id=step.payment_id, exc_info=error)
        except Exception:
            for key in due:
                flights.watch(key, now)
            raise
        for key, flight in due.items():
            # Also of what did not move: a payment that is settled waits for its credit, whose report may be lost.
            flights.ask(key, now)
            if flight.payment_id in moved:
                self._metrics.finished[IN_DOUBT] += 1
                self._waiters.wake(flight.payment_id, IN_DOUBT)
        return len(due)

    async def _inquire(self, now: datetime) -> int:
        asked = self._flights.to_be_asked(now)
        said: list[RailReport] = []
        for rail, flights in asked.items():
            said += await self._answers(rail, flights, now)
        if said:
            await self._finish(said)
        return sum(map(len, asked.values()))

    async def _answers(self, rail: str, flights: Sequence[tuple[Flight, int]], now: datetime) -> list[RailReport]:
        """Ask a rail about payments in doubt; what it cannot say yet, or does not answer at all, is asked again later."""
        keys = [(flight.uetr, flight.leg) for flight, _ in flights]
        try:
            answers = await self._world.rails[rail].inquire(keys, now)
        except RailUnavailable as error:
            log.warning("the rail does not answer", rail=rail, error=str(error))
            answers = [RailReport(rail, uetr, leg, PENDING, "", now) for uetr, leg in keys]
        said = []
        for key, (_, tries), answer in zip(keys, flights, answers, strict=True):
            # Asked again unless its final word is carried out first: a flight that has landed is dropped when popped.
            wait = INQUIRY_BACKOFF[min(tries, len(INQUIRY_BACKOFF) - 1)]
            self._flights.ask(key, now + timedelta(seconds=wait), tries + 1)
            if answer.status == UNKNOWN:
                said.append(answer._replace(status=REJECTED, reason_code="AG09"))
            elif answer.status != PENDING:
                said.append(answer)
        return said
