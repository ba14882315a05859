"""The loops of a running worker: each takes what is waiting, bounded, woken by work, and at a pace at which work comes together.

What comes in bulk waits beside what comes alone, and leaves it its place in every batch. Two accepting batches may be in
flight, so that one is judged while the other commits. Finish goes before intake: its loop runs by itself and frees what
intake needs. A loop that fails says so and goes on; the store being away is waited out.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import Any

import structlog

from switch.flow.flights import BATCH_MAX
from switch.flow.ports import StoreUnavailable
from switch.flow.pressure import BULK_WAIT_SECONDS_MAX, EXPECTED_WAIT_SECONDS_MAX, Pressure
from switch.flow.submission import UNANSWERED, UNDECIDED, Answer, Submission
from switch.flow.worker import Worker

log = structlog.get_logger()

WAITING_MAX = (
    20_000  # submissions held, whoever puts them there: some 100 MB; the door says 503 long before (pressure.py)
)
MIXED_BATCH_MAX = 512  # payments a transaction where some came alone and others in bulk: those alone wait for all of it
BULK_SHARE = 4  # of such a batch one in so many places is kept for what came in bulk, so that it gets on, too
SWEEP_SECONDS = 0.1  # between looks for callers who wait no more: one look for all is cheaper than a timer for each
ACCEPTS_IN_FLIGHT = 2
# A transaction costs some three milliseconds of CPU whatever it holds: a second one beside the first is begun for so many.
SECOND_BATCH_MIN = 128
ACCEPT_PACE_SECONDS = 0.005  # between the beginnings of two batches: what comes meanwhile goes together
CARRY_PACE_SECONDS = 0.02  # the same for handing over to rails and for carrying out what they report: they take longer
LEASE_SECONDS = 10.0  # a worker silent for so long is taken for dead
RENEW_SECONDS = 2.0
# Sent and unreported for so long: worth recording as submitted. Accepted and submitted are both ACSP to everyone outside,
# and recording it is a database write: under load nearly every report comes within a second (at 50 ms, 54 % of the bench's
# payments were written twice for nothing).
MARK_AFTER_SECONDS = 1.0
IDLE_SECONDS = 0.5  # longest nap: another worker may have moved the sandbox's clock
RETRY_SECONDS = 0.2  # pause after the store did not answer


class Busy(Exception):
    """More is waiting than can be taken in: come back after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class Pace:
    """One step in so many seconds at most: what comes meanwhile goes together, what comes alone goes at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next_at = 0.0

    async def turn(self) -> None:
        """Wait until the next step may begin: it does."""
        loop = asyncio.get_running_loop()
        if (wait := self._next_at - loop.time()) > 0:
            await asyncio.sleep(wait)
        self._next_at = loop.time() + self._seconds


class Loops:
    """Runs a worker until told to stop."""

    def __init__(
        self,
        worker: Worker,
        lease_seconds: float = LEASE_SECONDS,
        renew_seconds: float = RENEW_SECONDS,
        mark_after_seconds: float = MARK_AFTER_SECONDS,
    ) -> None:
        self.worker = worker
        self._lease_seconds, self._renew_seconds = lease_seconds, renew_seconds
        self._mark_after_seconds = mark_after_seconds
        self._tasks: list[asyncio.Task[None]] = []
        self._accept_wake = asyncio.Event()
        self._rail_wake = asyncio.Event()
        self._stopping = False
        self._send_wake = asyncio.Event()
        self._collected = False  # whether all that was due has been carried out, its last statement included
        self.bulk: deque[Submission] = deque()
        self.pressure = Pressure()
        self.lapsed = 0  # given up undecided: their callers had gone, or waited too long
        self._accept_pace = Pace(ACCEPT_PACE_SECONDS)
        self._send_pace, self._collect_pace = Pace(CARRY_PACE_SECONDS), Pace(CARRY_PACE_SECONDS)
        self._deciding: dict[int, list[Submission]] = {}  # the batches that are being stored
        self._deciding_alone = 0  # how many payments of these came alone

    async def start(self) -> None:
        """Take the lease, resume what others left, and begin."""
        await self.worker.register(self._lease_seconds)
        self.worker.metrics.lease_renewed_at = perf_counter()
        await self.worker.refresh()
        while await self.worker.take_over():
            pass
        await self.worker.queue.look()
        loops: list[Callable[[], Coroutine[Any, Any, None]]] = [self._accepting] * ACCEPTS_IN_FLIGHT + [
            self._sending,
            self._collecting,
            self._watching,
            self._sweeping,
        ]
        self._tasks = [asyncio.create_task(self._forever(loop)) for loop in loops]

    async def stop(self) -> None:
        """Finish the step at hand and stop; what is unfinished stays durable for the next start."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.worker.stop_sending()

    @property
    def resting(self) -> bool:
        """Whether nothing is being sent and all that was due has been carried out."""
        return self._collected and self.worker.has_sent_all and not self.worker.sending

    def make_room(self, bulk: bool = False) -> None:
        """Raise Busy where one more would wait too long: asked before anything is done for it."""
        ahead, room = self._ahead(bulk)
        if self._is_too_much(ahead, room):
            self.worker.metrics.shed["bulk" if bulk else "alone"] += 1
            raise Busy(self.pressure.retry_after(ahead))

    def _ahead(self, bulk: bool) -> tuple[int, int]:
        """Return how many would go before one more, and how many may."""
        if bulk:
            return len(self.worker.in_flight_keys), min(self.pressure.room(BULK_WAIT_SECONDS_MAX), WAITING_MAX)
        ahead = len(self.worker.waiting) + self._deciding_alone
        return ahead, min(self.pressure.room(EXPECTED_WAIT_SECONDS_MAX), WAITING_MAX)

    @property
    def full(self) -> bool:
        """Whether one more payment would be told to come back; asking counts as no refusal."""
        return self._is_too_much(*self._ahead(bulk=False))

    def _is_too_much(self, ahead: int, room: int) -> bool:
        """Whether one more would wait too long; never for one whom nobody is ahead of, however late the event loop is."""
        return ahead >= room or (ahead > 0 and self.pressure.is_late(asyncio.get_running_loop().time()))

    def put(self, submission: Submission) -> None:
        """Queue a submission; raises Busy where the queue is full."""
        waiting = self.bulk if submission.bulk else self.worker.waiting
        if len(waiting) >= WAITING_MAX:
            self.worker.metrics.shed["full"] += 1
            raise Busy(self.pressure.retry_after(len(waiting)))
        waiting.append(submission)
        self._accept_wake.set()

    def nudge(self) -> None:
        """Wake the rails' loops: the clock has moved, or payments were taken over."""
        self._send_wake.set()
        self._rail_wake.set()

    async def _forever(self, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while not self._stopping:
            try:
                await loop()
            except asyncio.CancelledError:
                raise
            except StoreUnavailable as error:
                self.worker.metrics.faults[loop.__name__.strip("_"), type(error).__name__] += 1
                log.warning("the store does not answer", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:
                self.worker.metrics.faults[loop.__name__.strip("_"), type(error).__name__] += 1
                log.exception("a loop failed and goes on", loop=getattr(loop, "__name__", ""))
                await asyncio.sleep(RETRY_SECONDS)

    async def _accepting(self) -> None:
        waiting, bulk = self.worker.waiting, self.bulk
        while not self._is_worth_a_batch():
            self._accept_wake.clear()
            await self._accept_wake.wait()
        await self._accept_pace.turn()
        begun_at = asyncio.get_running_loop().time()
        batch = self._take(BATCH_MAX, begun_at)
        if not batch:
            return
        alone = len(batch) - sum([submission.bulk for submission in batch])
        self._deciding[id(batch)] = batch
        self._deciding_alone += alone
        try:
            await self.worker.accept(batch)
        except BaseException:
            # Nothing is known to have happened to them: they go back to the front and are judged anew (same ids).
            for submission in batch:
                submission.tried = True
            waiting.extendleft(reversed(batch))
            raise
        finally:
            del self._deciding[id(batch)]
            self._deciding_alone -= alone
            self._accept_wake.set()
        now = asyncio.get_running_loop().time()
        self.pressure.done(len(batch), begun_at, now, kept_up=not waiting and not bulk)
        self._send_wake.set()

    def _is_worth_a_batch(self) -> bool:
        count = len(self.worker.waiting) + len(self.bulk)
        return count >= SECOND_BATCH_MIN or (count > 0 and not self._deciding)

    def _take(self, limit: int, now: float = 0.0) -> list[Submission]:
        """Take what is waiting, one a payment id: two of the same id never share a transaction.

        Where both wait, what came alone goes before what came in bulk, but for the latter's share.
        """
        waiting, bulk = self.worker.waiting, self.bulk
        taken: dict[str, Submission] = {}
        if not bulk:
            self._take_from(waiting, taken, limit, now)
        elif not waiting:
            self._take_from(bulk, taken, limit, now)
        else:
            limit = min(limit, MIXED_BATCH_MAX)
            self._take_from(waiting, taken, limit - min(len(bulk), limit // BULK_SHARE), now)
            self._take_from(bulk, taken, limit, now)
        return list(taken.values())

    def _take_from(self, lane: deque[Submission], taken: dict[str, Submission], limit: int, now: float) -> None:
        """Add to `taken` until there are `limit`; what nobody waits for any more is dropped before it can reserve anything."""
        again: list[Submission] = []
        while lane and len(taken) < limit:
            submission = lane.popleft()
            if submission.answer.done():  # answered, or nobody waits any more: its key is free
                self.worker.in_flight_keys.discard(submission.payment_id)
            elif submission.until <= now or (submission.gone is not None and submission.gone()):
                self._give_up(submission)
            elif submission.payment_id in taken:
                again.append(submission)
            else:
                taken[submission.payment_id] = submission
        lane.extendleft(reversed(again))

    def _give_up(self, submission: Submission) -> None:
        """Answer that it is not decided; its key is free for another try, which finds whatever the store may have kept."""
        self.lapsed += 1
        self.worker.in_flight_keys.discard(submission.payment_id)
        status = UNANSWERED if submission.tried else UNDECIDED
        submission.answer.set_result(Answer(submission.payment_id, status))

    async def _sweeping(self) -> None:
        """Tell callers whose time is up: of what still waits, that it is dropped; of what is being stored, that nothing is known."""
        await asyncio.sleep(SWEEP_SECONDS)
        now = asyncio.get_running_loop().time()
        self.pressure.beat(now, SWEEP_SECONDS)
        for lane in (self.worker.waiting, self.bulk):
            late = [each for each in lane if each.until <= now]
            if late:
                kept = [each for each in lane if each.until > now]
                lane.clear()
                lane.extend(kept)
                for submission in late:
                    if not submission.answer.done():
                        self._give_up(submission)
                    else:
                        self.worker.in_flight_keys.discard(submission.payment_id)
        for batch in self._deciding.values():
            for submission in batch:
                if submission.until <= now and not submission.answer.done():
                    submission.answer.set_result(Answer(submission.payment_id, UNANSWERED))

    async def _sending(self) -> None:
        worker = self.worker
        while not worker.unsent:
            self._send_wake.clear()
            await self._send_wake.wait()
        await self._send_pace.turn()
        sent = await worker.submit(asyncio.get_running_loop().time())
        self._rail_wake.set()
        if not sent:  # no rail of those asked for can be reached
            await asyncio.sleep(RETRY_SECONDS)

    async def _collecting(self) -> None:
        worker = self.worker
        self._collected = False
        await self._collect_pace.turn()
        did = await worker.collect()
        did += await worker.complete()
        did += await worker.recalls.step()
        if worker.queue.is_due():
            did += await worker.release()
            self._send_wake.set()
        did += await worker.mark_submitted(asyncio.get_running_loop().time() - self._mark_after_seconds)
        if did:
            return
        self._rail_wake.clear()
        self._collected = True
        due = worker.next_due()
        nap = IDLE_SECONDS
        if due is not None:
            seconds = worker.world.clock.machine_seconds_until(due)
            nap = min(nap, IDLE_SECONDS if seconds is None else seconds)
        try:
            async with asyncio.timeout(max(nap, 0.001)):
                await self._rail_wake.wait()
        except TimeoutError:
            return

    async def _watching(self) -> None:
        await asyncio.sleep(self._renew_seconds)
        worker = self.worker
        await worker.register(self._lease_seconds)
        worker.metrics.lease_renewed_at = perf_counter()
        while await worker.take_over():
            self.nudge()
        await worker.retry()
        worker.recalls.watch()
        await worker.queue.look()
        if await worker.store.generation() != worker.world.generation:
            await worker.refresh()
            self._rail_wake.set()
