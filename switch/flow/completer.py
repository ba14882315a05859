"""The rail is silent: put what is past its deadline in doubt, and ask until there is a last word (facts messages 4.2)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain

import structlog

from rails.port import PENDING, REJECTED, UNKNOWN, RailReport, RailUnavailable
from switch.flow.culprits import culprits_of
from switch.flow.doubt_books import NO_ANSWER, Inquiry
from switch.flow.flights import BATCH_MAX, UNSENT_GRACE, Departure, Flight, Flights, Key
from switch.flow.metrics import Metrics
from switch.flow.ports import Step, Store
from switch.flow.takeover import Takeover
from switch.flow.waiters import Waiters
from switch.flow.world import World
from switch.payment.plan import Refusal
from switch.payment.refusals import refusal_json
from switch.payment.status import IN_DOUBT, REJECT, TIME_OUT
from switch.payment.status import REJECTED as REJECTED_STATUS

log = structlog.get_logger()

INQUIRY_BACKOFF = (1, 2, 4, 8, 16, 32, 60)  # business seconds between inquiries, then every last (facts messages 4.2)

Finish = Callable[[Sequence[RailReport]], Awaitable[None]]


class Completer:
    """Looks after what no report comes for; what an inquiry says goes to `finish`, like a report."""

    def __init__(
        self,
        world: World,
        store: Store,
        metrics: Metrics,
        flights: Flights,
        waiters: Waiters,
        finish: Finish,
        takeover: Takeover,
    ) -> None:
        self._world, self._store, self._metrics = world, store, metrics
        self._flights, self._waiters, self._finish = flights, waiters, finish
        self._takeover = takeover  # holds the lease: its incarnation grows

    async def complete(self) -> int:
        """End what is past its deadline and surely unsent, put the rest in doubt, and ask the rails about what is in doubt."""
        now = self._world.clock.now()
        return await self._time_out(now) + await self._inquire(now)

    async def _time_out(self, now: datetime) -> int:
        flights = self._flights
        due, unsent = flights.past_deadline(now, BATCH_MAX)
        if unsent:
            try:
                await self._end_unsent(unsent, now)
            except Exception:
                for key in due:  # not looked at yet
                    flights.watch(key, now)
                raise
        if not due:
            return len(unsent)
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
        return len(due) + len(unsent)

    async def _end_unsent(self, unsent: Mapping[Key, Departure], now: datetime) -> None:
        """Reject what its rail surely has not taken by its deadline, and free all it holds: nobody else was told of it.

        Of what another worker has taken over meanwhile nothing is sure any more: it is that worker's.
        """
        flights = self._flights
        steps = [
            Step(
                flight.payment_id, flight.received_on, REJECT, now, "AB03", _unsent_detail(flight.rail), last_word=True
            )
            for flight, _ in unsent.values()
        ]
        moved: set[str] = set()

        async def end(steps: Sequence[Step]) -> None:
            moved.update(move.payment_id for move in await self._store.abandon(steps, self._takeover.incarnation))

        try:
            failed = {step.payment_id for step, _ in await culprits_of(steps, end)}
        except Exception:
            # It may be written that they are rejected: they are not sent any more, and ended again.
            flights.ending.update(unsent)
            for key in unsent:
                flights.watch(key, now)
            raise
        for key, departure in unsent.items():
            payment_id = departure[0].payment_id
            if payment_id in failed:  # for a reason of its own: it holds what it holds, and is tried again
                flights.unsent.append(departure)
                flights.watch(key, now + UNSENT_GRACE)
                continue
            flights.end(key)
            if payment_id in moved:
                self._metrics.finished[REJECTED_STATUS] += 1
                self._waiters.wake(payment_id, REJECTED_STATUS)

    async def _inquire(self, now: datetime) -> int:
        asked = self._flights.to_be_asked(now)
        said: list[RailReport] = []
        kept: list[Inquiry] = []
        left = dict(asked)
        try:
            if asked:
                await self._look_for_ends(asked, now)
            for rail, flights in asked.items():
                heard, noted = await self._answers(rail, flights, now)
                del left[rail]
                said += heard
                kept += noted
        except Exception:
            for flight, tries in chain.from_iterable(left.values()):  # not asked yet
                self._flights.ask((flight.uetr, flight.leg), now, tries)
            raise
        if said:
            await self._finish(said)  # first: that an inquiry cannot be kept must hold up no payment
        if kept:
            await self._store.note_inquiries(kept)
        return len(kept)

    async def _look_for_ends(self, asked: Mapping[str, Sequence[tuple[Flight, int]]], now: datetime) -> None:
        """Take up what operators have ended through another worker, or one that is gone: the rail hears of it with this inquiry."""
        flights = self._flights
        by_id = {
            flight.payment_id: (flight.uetr, flight.leg)
            for group in asked.values()
            for flight, _ in group
            if (flight.uetr, flight.leg) not in flights.aborted
        }
        if not by_id:
            return
        try:
            ended = await self._store.ended([*by_id])
        except BaseException:
            for group in asked.values():
                for flight, tries in group:
                    flights.ask((flight.uetr, flight.leg), now, tries)
            raise
        flights.aborted.update(by_id[payment_id] for payment_id in ended)
        flights.untold.update(ended)

    async def _answers(
        self, rail: str, flights: Sequence[tuple[Flight, int]], now: datetime
    ) -> tuple[list[RailReport], list[Inquiry]]:
        """Ask a rail about payments in doubt; what it cannot say yet, or does not answer at all, is asked again later."""
        keys = [(flight.uetr, flight.leg) for flight, _ in flights]
        try:
            with self._metrics.rail(rail, "inquire"):
                answers = await self._asked(rail, keys, now)
            heard = [answer.status for answer in answers]
        except RailUnavailable as error:
            log.warning("the rail does not answer", rail=rail, error=str(error))
            answers = [RailReport(rail, uetr, leg, PENDING, "", now) for uetr, leg in keys]
            heard = [NO_ANSWER] * len(keys)
        kept = [
            Inquiry(
                flight.payment_id, flight.received_on, flight.leg, 0, rail, now, what, answer.reason_code,
            )
            for (flight, _), answer, what in zip(flights, answers, heard, strict=True)
        ]  # fmt: skip
        said = []
        for key, (_, tries), answer in zip(keys, flights, answers, strict=True):
            # Asked again unless its final word is carried out first: a flight that has landed is dropped when popped.
            wait = INQUIRY_BACKOFF[min(tries, len(INQUIRY_BACKOFF) - 1)]
            self._flights.ask(key, now + timedelta(seconds=wait), tries + 1)
            if answer.status == UNKNOWN:
                said.append(answer._replace(status=REJECTED, reason_code="AG09"))
            elif answer.status != PENDING:
                said.append(answer)
        return said, kept

    async def _asked(self, rail: str, keys: Sequence[Key], now: datetime) -> list[RailReport]:
        """Ask a rail, and tell it of what we have ended with the same call: it is told until it has answered."""
        aborted = self._flights.aborted
        if aborted.isdisjoint(keys) or not self._world.rails[rail].capabilities.takes_veto:
            return await self._world.rails[rail].inquire(keys, now)
        ended = [key for key in keys if key in aborted]
        others = [key for key in keys if key not in aborted]
        found = await self._world.rails[rail].abort(ended, now)
        found += await self._world.rails[rail].inquire(others, now) if others else []
        by_key = {(report.uetr, report.leg): report for report in found}
        return [by_key[key] for key in keys]


def _unsent_detail(rail: str) -> str:
    return refusal_json(Refusal("switch-time-out", {"rail": rail}))
