"""Sends calls at their instants over as many connections as it takes, and keeps what became of each.

It judges nothing: `measured.py` makes figures of what it kept. It never waits for an answer before it sends the next call,
comes back to a switch that has died, and stops by itself: the last instant, then what an answer may take.
"""

import asyncio
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple

from loadtest.answers import Answers, Ids
from loadtest.answers import Verdict as Owed
from loadtest.open.schedule import Schedule
from loadtest.traffic import PAYMENT, Call, Marks
from loadtest.verdicts import ACCEPTED, WRONG, Verdict, judge, together
from loadtest.wire import PAYMENTS, Address, Connection, Requests, connect

CONNECTIONS_FIRST = 32
CONNECTIONS_MAX = 512  # calls in flight; more wait for a connection, and their latency runs
OPENING_MAX = 32  # connections being opened at once: a switch that comes back is not stormed
ANSWER_SECONDS_MAX = 10.0
WAIT_SECONDS = 8  # a sampled call waits so long for its final status; less than ANSWER_SECONDS_MAX
BURST_MAX = 128  # calls sent before answers are read
_LEAD_SECONDS = 0.1  # between the start and the first instant
_REOPEN_SECONDS = 0.05
_SWEEP_SECONDS = 0.25
IDLE_SECONDS_MAX = (
    3.0  # then a connection is let go: servers end idle ones after 5 (uvicorn), perhaps as a call is on its way
)
_TICK_SECONDS = 0.02  # the longest sleep between two looks at the schedule

UNSENT, UNANSWERED = 0, 1  # outcomes every run knows; the others are numbered as they come
ERROR = "error"
COMPLETED, STILL_OPEN = "completed", "still open"


class RanOut(ValueError):
    """There were fewer calls than the plan has instants."""


class Outcome(NamedTuple):
    """What became of a call: as in verdicts, or `error` (lost, timed out, never sent) with its reason."""

    kind: str
    reason: str = ""
    rule: str = ""


class Kept(NamedTuple):
    """What a run keeps of each call, by its place in the schedule; instants in seconds of time.perf_counter()."""

    started: float
    started_at: float  # the same in time.time()
    taken: "array[float]"  # when the generator came to it: later than intended means that the generator was late
    sent: "array[float]"  # 0: not sent
    answered: "array[float]"  # 0: not answered
    outcomes: "array[int]"  # places in `table`
    table: list[Outcome]
    sampled: bytearray  # 1: was asked to wait for its final status, so it counts for completion and not for acceptance
    payments: "array[int]"  # how many each call carries; one that carries none (bad input, explain) counts as one
    parts: dict[
        int, tuple[tuple[int, int], ...]
    ]  # of calls answered for several payments: (place in `table`, how many)
    cpu: list[tuple[float, float]]  # (instant, CPU seconds of the generator until then)


class Settings(NamedTuple):
    """How calls are sent."""

    connections_max: int = CONNECTIONS_MAX
    answer_seconds_max: float = ANSWER_SECONDS_MAX
    samples_per_second: float = 10.0  # calls that wait for their final status; 0: none


class Runner:
    """Runs schedules one after the other against one address, over connections it keeps."""

    def __init__(
        self, address: Address, requests: Requests, calls: Iterator[Call], settings: Settings | None = None
    ) -> None:
        self._address, self._requests, self._calls = address, requests, calls
        self._settings = settings or Settings()
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._queue: deque[tuple[int, Call, bytes]] = deque()
        self._answers, self._ids = Answers(), Ids()
        self.accepted = bytearray()  # what the switch has said yes to, 16 bytes each: payment_id, of a message the UETR
        self._late: set[Connection] = set()  # closed by the sweep: what waits there timed out
        self._places: dict[Outcome, int] = {}
        self._outstanding = 0
        self._kept = _nothing_kept(0, 0.0, 0.0)
        self._ending = False
        self._failed = ""  # why the last connection could not be opened

    async def run(self, plan: Schedule) -> Kept:
        """Send every call of the plan and wait for the answers; raises RanOut where there are fewer calls."""
        count = len(plan.at)
        await self._open_first()
        started = time.perf_counter() + _LEAD_SECONDS
        self._kept = _nothing_kept(count, started, time.time() + _LEAD_SECONDS)
        self._places = {outcome: place for place, outcome in enumerate(self._kept.table)}
        self._outstanding = 0
        sweeping = asyncio.create_task(self._sweep())
        try:
            await self._send_all((plan.at + started).tolist(), self._sampled_every(plan))
            await self._drain()
        finally:
            sweeping.cancel()
        self._mark_cpu()
        return self._kept

    async def close(self) -> None:
        """Let go of all connections."""
        self._ending = True
        for task in tuple(self._opening):
            task.cancel()
        for connection in tuple(self._open):
            connection.close()
        await asyncio.sleep(0)

    # --- sending ---

    async def _send_all(self, instants: list[float], sampled_every: int) -> None:
        clock, sleep = time.perf_counter, asyncio.sleep
        n, count, next_mark = 0, len(instants), 0.0
        while n < count:
            now = clock()
            if now >= next_mark:
                self._mark_cpu()
                next_mark = now + 1
            burst = min(n + BURST_MAX, count)
            while n < burst and instants[n] <= now:
                self._send(n, now, sampled_every)
                n += 1
            if n < count:
                await sleep(min(max(instants[n] - clock(), 0.0), _TICK_SECONDS))

    def _send(self, n: int, now: float, sampled_every: int) -> None:
        call = next(self._calls, None)
        if call is None:
            raise RanOut(
                f"the calls have run out after {n:,} of this plan; give more of them, or --traffic, which has no end"
            )
        kept = self._kept
        kept.taken[n] = now
        if call.marks.payments > 1:
            kept.payments[n] = call.marks.payments
        prefer = ""
        if sampled_every and n % sampled_every == 0 and call.path == PAYMENTS and call.marks.kind == PAYMENT:
            kept.sampled[n] = 1
            prefer = f"wait={WAIT_SECONDS}"
        request = self._requests.post(call, prefer)
        self._outstanding += 1
        if self._idle:
            self._send_over(self._idle.pop(), n, call, request)
        else:
            self._queue.append((n, call, request))
            self._open_another()

    def _send_over(self, connection: Connection, n: int, call: Call, request: bytes) -> None:
        self._kept.sent[n] = time.perf_counter()
        self._kept.outcomes[n] = UNANSWERED
        connection.send(request, (n, call))

    def _sampled_every(self, plan: Schedule) -> int:
        wanted = self._settings.samples_per_second * plan.seconds
        return max(1, round(len(plan.at) / wanted)) if wanted > 0 else 0

    def _mark_cpu(self) -> None:
        self._kept.cpu.append((time.perf_counter(), time.process_time()))

    # --- answers ---

    def _answered(self, connection: Connection, token: tuple[int, Call]) -> None:
        n, call = token
        kept = self._kept
        kept.answered[n] = time.perf_counter()
        verdict = judge(connection.status, connection.body, connection.retry_after, connection.replayed)
        owed = self._answers.judge(call, connection.status, connection.body)
        if verdict.parts or len(owed) > 1:
            verdict = self._of_many(call, verdict.parts or (verdict,) * len(owed), owed)
            places = Counter(self._place(Outcome(part.kind, part.reason, part.rule)) for part in verdict.each)
            kept.parts[n] = tuple(places.items())
        else:
            verdict = self._of_one(call.marks, call.key, verdict, owed[0])
        for part in verdict.each:
            if part.kind == ACCEPTED and (name := part.payment_id or part.uetr):
                self.accepted += bytes.fromhex(name.replace("-", ""))
        if kept.sampled[n] and verdict.kind == ACCEPTED:
            verdict = Verdict(ACCEPTED, COMPLETED if connection.status == 201 else STILL_OPEN)
        kept.outcomes[n] = self._place(Outcome(verdict.kind, verdict.reason, verdict.rule))
        self._outstanding -= 1
        self._free(connection)

    def _of_one(self, marks: Marks, key: str, verdict: Verdict, owed: Owed) -> Verdict:
        if owed.wrong:
            return Verdict(WRONG, owed.wrong)
        is_new = marks.kind == PAYMENT and verdict.payment_id
        if is_new and not self._ids.belongs(verdict.payment_id, marks.uetr or marks.key or key):
            return Verdict(WRONG, "answered with another payment's payment_id")
        return verdict

    def _of_many(self, call: Call, parts: tuple[Verdict, ...], owed: tuple[Owed, ...]) -> Verdict:
        """Judge a call that carries several payments, payment by payment."""
        if len(owed) == 1:  # a message: what is owed is known of the whole
            return (
                Verdict(WRONG, owed[0].wrong, parts=(Verdict(WRONG, owed[0].wrong),) * len(parts))
                if owed[0].wrong
                else together(parts)
            )
        if len(parts) != len(owed):  # a batch that was answered for more or for fewer
            parts = (parts[0],) * len(owed)
        marks = call.marks.items or (call.marks,) * len(owed)
        return together(
            [
                self._of_one(each, f"{call.key}/{n}", part, due)
                for n, (each, part, due) in enumerate(zip(marks, parts, owed, strict=True))
            ]
        )

    def _place(self, outcome: Outcome) -> int:
        place = self._places.get(outcome)
        if place is None:
            place = self._places[outcome] = len(self._kept.table)
            self._kept.table.append(outcome)
        return place

    def _free(self, connection: Connection) -> None:
        if connection.ends:
            connection.close()  # what waits for a connection has another opened: _lost
        elif self._queue:
            self._send_over(connection, *self._queue.popleft())
        else:
            connection.idle_since = time.perf_counter()
            self._idle.append(connection)

    def _fail(self, n: int, reason: str) -> None:
        self._kept.outcomes[n] = self._place(Outcome(ERROR, reason))
        self._outstanding -= 1

    # --- connections ---

    async def _open_first(self) -> None:
        wanted = min(CONNECTIONS_FIRST, self._settings.connections_max)
        while len(self._open) + len(self._opening) < wanted:
            self._open_one()
        if self._opening:
            await asyncio.wait(tuple(self._opening), timeout=self._settings.answer_seconds_max)

    def _open_another(self) -> None:
        there = len(self._open) + len(self._opening)
        if len(self._opening) < min(OPENING_MAX, len(self._queue)) and there < self._settings.connections_max:
            self._open_one()

    def _open_one(self) -> None:
        task = asyncio.create_task(self._opened())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _opened(self) -> None:
        try:
            connection = await connect(self._address, self._answered, self._lost)
        except OSError as error:
            self._failed = f"no connection: {error.strerror or type(error).__name__}"
            await asyncio.sleep(_REOPEN_SECONDS)
            return
        self._open.add(connection)
        self._free(connection)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        reason = "timed out" if connection in self._late else "connection lost"
        self._late.discard(connection)
        for n, _ in connection.waiting:
            self._fail(n, reason)
        if self._queue and not self._ending:
            self._open_another()

    async def _sweep(self) -> None:
        """End what takes too long or is not used, and open connections for what waits for one."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            while self._idle and self._idle[0].idle_since < time.perf_counter() - IDLE_SECONDS_MAX:
                self._idle.pop(0).close()
            before = time.perf_counter() - self._settings.answer_seconds_max
            while self._queue and self._kept.taken[self._queue[0][0]] < before:
                n, _, _ = self._queue.popleft()
                self._fail(n, self._failed or "no connection free")
            for connection in tuple(self._open):
                if connection.waiting and self._kept.sent[connection.waiting[0][0]] < before:
                    self._late.add(connection)
                    connection.close()
            if self._queue:
                self._open_another()

    async def _drain(self) -> None:
        """Wait until all is answered or has timed out."""
        until = time.perf_counter() + self._settings.answer_seconds_max + 1
        # Polled: an event that every answer sets would cost each of them.
        while self._outstanding and time.perf_counter() < until:  # noqa: ASYNC110
            await asyncio.sleep(_TICK_SECONDS)


def _nothing_kept(count: int, started: float, started_at: float) -> Kept:
    empty = bytes(8 * count)
    table = [Outcome("unsent", "never sent"), Outcome("unanswered", "no answer by the end")]
    return Kept(
        started, started_at, array("d", empty), array("d", empty), array("d", empty),
        array("H", bytes(2 * count)), table, bytearray(count), array("I", [1]) * count, {}, [],
    )  # fmt: skip
