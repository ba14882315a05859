"""The loops of a running worker: each takes what is waiting, bounded, no timer where work can wake it.

Two accepting batches may be in flight, so that one is judged while the other commits. Finish goes before intake: its loop
runs by itself and frees what intake needs. A loop that fails says so and goes on; the store being away is waited out.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from switch.flow.flights import BATCH_MAX
from switch.flow.ports import StoreUnavailable
from switch.flow.submission import Submission
from switch.flow.worker import Worker

log = structlog.get_logger()

WAITING_MAX = 20_000  # submissions held before the door says 503: about two seconds of work at the knee
ACCEPTS_IN_FLIGHT = 2
LEASE_SECONDS = 10.0  # a worker silent for so long is taken for dead
RENEW_SECONDS = 2.0
# Sent and unreported for so long: worth recording as submitted. Accepted and submitted are both ACSP to everyone outside,
# and recording it is a database write: under load nearly every report comes within a second (at 50 ms, 54 % of the bench's
# payments were written twice for nothing).
MARK_AFTER_SECONDS = 1.0
IDLE_SECONDS = 0.5  # longest nap: another worker may have moved the sandbox's clock
RETRY_SECONDS = 0.2  # pause after the store did not answer


class Busy(Exception):
    """The queue is full: come back in a moment."""


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

    async def start(self) -> None:
        """Take the lease, resume what others left, and begin."""
        await self.worker.register(self._lease_seconds)
        await self.worker.refresh()
        while await self.worker.take_over():
            pass
        await self.worker.queue.look()
        loops: list[Callable[[], Coroutine[Any, Any, None]]] = [self._accepting] * ACCEPTS_IN_FLIGHT + [
            self._sending,
            self._collecting,
            self._watching,
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

    def put(self, submission: Submission) -> None:
        """Queue a submission; raises Busy where the queue is full."""
        if len(self.worker.waiting) >= WAITING_MAX:
            raise Busy
        self.worker.waiting.append(submission)
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
                log.warning("the store does not answer", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("a loop failed and goes on", loop=getattr(loop, "__name__", ""))
                await asyncio.sleep(RETRY_SECONDS)

    async def _accepting(self) -> None:
        waiting = self.worker.waiting
        while not waiting:
            self._accept_wake.clear()
            await self._accept_wake.wait()
        batch = self._take(BATCH_MAX)
        if not batch:
            return
        try:
            await self.worker.accept(batch)
        except BaseException:
            # Nothing is known to have happened to them: they go back to the front and are judged anew (same ids).
            waiting.extendleft(reversed(batch))
            raise
        self._send_wake.set()

    def _take(self, limit: int) -> list[Submission]:
        """Take what is waiting, one a payment id: two of the same id never share a transaction."""
        waiting = self.worker.waiting
        taken: dict[str, Submission] = {}
        again: list[Submission] = []
        while waiting and len(taken) < limit:
            submission = waiting.popleft()
            if submission.answer.done():  # answered, or nobody waits any more: its key is free
                self.worker.in_flight_keys.discard(submission.payment_id)
                continue
            if submission.payment_id in taken:
                again.append(submission)
            else:
                taken[submission.payment_id] = submission
        waiting.extendleft(reversed(again))
        return list(taken.values())

    async def _sending(self) -> None:
        worker = self.worker
        while not worker.unsent:
            self._send_wake.clear()
            await self._send_wake.wait()
        sent = await worker.submit(asyncio.get_running_loop().time())
        self._rail_wake.set()
        if not sent:  # no rail of those asked for can be reached
            await asyncio.sleep(RETRY_SECONDS)

    async def _collecting(self) -> None:
        worker = self.worker
        self._collected = False
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
        while await worker.take_over():
            self.nudge()
        await worker.retry()
        worker.recalls.watch()
        await worker.queue.look()
        if await worker.store.generation() != worker.world.generation:
            await worker.refresh()
            self._rail_wake.set()
