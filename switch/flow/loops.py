"""The loops of a running worker: each takes what is waiting, bounded, woken by work, and at a pace at which work comes together.

Tasks and their pace are here; what waits to be decided is the intake's (switch.flow.intake). Two accepting batches may be
in flight, so that one is judged while the other commits. Finish goes before intake: its loop runs by itself and frees what
intake needs. A loop that fails says so and goes on; the store being away is waited out.
"""

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import Any

import structlog

from switch.flow.flights import BATCH_MAX
from switch.flow.ports import StoreUnavailable
from switch.flow.worker import Worker

log = structlog.get_logger()

SWEEP_SECONDS = 0.1  # between looks for callers who wait no more: one look for all is cheaper than a timer for each
ACCEPTS_IN_FLIGHT = 2
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


class Pace:
    """One step in so many seconds at most: what comes meanwhile goes together, what comes alone goes at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next_at = 0.0

    async def turn(self, is_worth: Callable[[], bool] = lambda: True) -> bool:
        """Wait until the next step may begin: it does. False where it is not worth it any more then: the turn is another's.

        Where several wait for one turn the first to wake has it, and the others wait for the next: no turn is reserved ahead,
        for one that nobody takes in the end would hold up what comes alone.
        """
        loop = asyncio.get_running_loop()
        while (due := self._next_at) > loop.time():
            await asyncio.sleep(due - loop.time())
            if not is_worth():
                return False
            # Nobody has begun meanwhile. The clock is not asked: a timer may be a rounding early.
            if self._next_at == due:
                break
        self._next_at = loop.time() + self._seconds
        return True


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
        self._rail_wake = asyncio.Event()
        self._stopping = False
        self._send_wake = asyncio.Event()
        self._collected = False  # whether all that was due has been carried out, its last statement included
        self._accept_pace = Pace(ACCEPT_PACE_SECONDS)
        self._send_pace, self._collect_pace = Pace(CARRY_PACE_SECONDS), Pace(CARRY_PACE_SECONDS)

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
        intake = self.worker.intake
        while not intake.is_worth_a_batch():
            intake.wake.clear()
            await intake.wake.wait()
        if not await self._accept_pace.turn(intake.is_worth_a_batch):
            return
        begun_at = asyncio.get_running_loop().time()
        batch = intake.take(BATCH_MAX, begun_at)
        if not batch:
            return
        intake.begin(batch)
        try:
            await self.worker.accept(batch)
        except BaseException:
            intake.put_back(batch)
            raise
        finally:
            intake.end(batch)
        intake.done(len(batch), begun_at, asyncio.get_running_loop().time())
        self._send_wake.set()

    async def _sweeping(self) -> None:
        await asyncio.sleep(SWEEP_SECONDS)
        now = asyncio.get_running_loop().time()
        self.worker.intake.pressure.beat(now, SWEEP_SECONDS)
        self.worker.intake.sweep(now)

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
