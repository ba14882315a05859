"""What waits to be decided and what is being decided: two lanes, the keys in flight, who is let in, and who waits no more.

What comes in bulk waits beside what comes alone, and leaves it its place in every batch. It runs nothing: the door and the
sandbox put payments in, the loops (switch.flow.loops) take them out and say when a batch begins and ends.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from switch.flow.metrics import Metrics
from switch.flow.pressure import BULK_WAIT_SECONDS_MAX, EXPECTED_WAIT_SECONDS_MAX, Pressure
from switch.flow.submission import UNANSWERED, UNDECIDED, Answer, Submission

# Submissions held, whoever puts them there: some 100 MB; the door says 503 long before (pressure.py).
WAITING_MAX = 20_000
MIXED_BATCH_MAX = 512  # payments a transaction where some came alone and others in bulk: those alone wait for all of it
BULK_SHARE = 4  # of such a batch one in so many places is kept for what came in bulk, so that it gets on, too
# A transaction costs some three milliseconds of CPU whatever it holds: a second one beside the first is begun for so many.
SECOND_BATCH_MIN = 128


class Busy(Exception):
    """More is waiting than can be taken in: come back after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class Intake:
    """The submissions of one worker until they are answered; `now` is the event loop's time, in machine seconds."""

    def __init__(self, metrics: Metrics) -> None:
        self.alone: deque[Submission] = deque()
        self.bulk: deque[Submission] = deque()
        self.in_flight_keys: set[str] = set()  # payment ids that wait or are being decided
        self.pressure = Pressure()
        self.lapsed = 0  # given up undecided: their callers had gone, or waited too long
        self.wake = asyncio.Event()  # set when a batch may have become worth beginning; who waits for it clears it
        self._metrics = metrics
        self._deciding: dict[int, tuple[list[Submission], int]] = {}  # being stored; how many of the batch came alone
        self._deciding_alone = 0  # of all these

    # --- who is let in ---

    def make_room(self, bulk: bool = False) -> None:
        """Raise Busy where one more would wait too long: asked before anything is done for it."""
        ahead, room = self._ahead(bulk)
        if self._is_too_much(ahead, room):
            self._metrics.shed["bulk" if bulk else "alone"] += 1
            raise Busy(self.pressure.retry_after(ahead))

    @property
    def full(self) -> bool:
        """Whether one more payment would be told to come back; asking counts as no refusal."""
        return self._is_too_much(*self._ahead(bulk=False))

    def _ahead(self, bulk: bool) -> tuple[int, int]:
        """Return how many would go before one more, and how many may."""
        if bulk:
            return len(self.in_flight_keys), min(self.pressure.room(BULK_WAIT_SECONDS_MAX), WAITING_MAX)
        ahead = len(self.alone) + self._deciding_alone
        return ahead, min(self.pressure.room(EXPECTED_WAIT_SECONDS_MAX), WAITING_MAX)

    def _is_too_much(self, ahead: int, room: int) -> bool:
        """Whether one more would wait too long; never for one whom nobody is ahead of, however late the event loop is."""
        return ahead >= room or (ahead > 0 and self.pressure.is_late(asyncio.get_running_loop().time()))

    def put(self, submission: Submission) -> None:
        """Queue a submission, whose key is in flight from now on; raises Busy where its lane is full."""
        lane = self.bulk if submission.bulk else self.alone
        if len(lane) >= WAITING_MAX:
            self._metrics.shed["full"] += 1
            raise Busy(self.pressure.retry_after(len(lane)))
        lane.append(submission)
        self.in_flight_keys.add(submission.payment_id)
        self.wake.set()

    # --- one batch ---

    def is_worth_a_batch(self) -> bool:
        """Whether a batch may begin now: nothing is being decided, or enough waits for one beside it."""
        count = len(self.alone) + len(self.bulk)
        return count >= SECOND_BATCH_MIN or (count > 0 and not self._deciding)

    def take(self, limit: int, now: float) -> list[Submission]:
        """Take what is waiting, one a payment id: two of the same id never share a transaction.

        Where both wait, what came alone goes before what came in bulk, but for the latter's share.
        """
        alone, bulk = self.alone, self.bulk
        taken: dict[str, Submission] = {}
        if not bulk:
            self._take_from(alone, taken, limit, now)
        elif not alone:
            self._take_from(bulk, taken, limit, now)
        else:
            limit = min(limit, MIXED_BATCH_MAX)
            self._take_from(alone, taken, limit - min(len(bulk), limit // BULK_SHARE), now)
            self._take_from(bulk, taken, limit, now)
        return list(taken.values())

    def _take_from(self, lane: deque[Submission], taken: dict[str, Submission], limit: int, now: float) -> None:
        """Add to `taken` until there are `limit`; what nobody waits for any more is dropped before it can reserve anything."""
        again: list[Submission] = []
        while lane and len(taken) < limit:
            submission = lane.popleft()
            if (
                submission.answer.done()
                or submission.until <= now
                or (submission.gone is not None and submission.gone())
            ):
                self.give_up(submission)
            elif submission.payment_id in taken:
                again.append(submission)
            else:
                taken[submission.payment_id] = submission
        lane.extendleft(reversed(again))

    def begin(self, batch: list[Submission]) -> None:
        """Note that a batch is being stored from now on; `end` it, whatever becomes of it."""
        alone = len(batch) - sum([submission.bulk for submission in batch])
        self._deciding[id(batch)] = batch, alone
        self._deciding_alone += alone

    def end(self, batch: list[Submission]) -> None:
        """Note that a batch is not being stored any more: another may begin."""
        self._deciding_alone -= self._deciding.pop(id(batch))[1]
        self.wake.set()

    def done(self, count: int, begun_at: float, now: float) -> None:
        """Note for the rate that `count` were answered together, after the batch has ended."""
        self.pressure.done(count, begun_at, now, kept_up=not self.alone and not self.bulk)

    def again(self, submission: Submission) -> None:
        """Have one be decided again in the next batch, before all who wait."""
        self.alone.appendleft(submission)

    def put_back(self, batch: Sequence[Submission]) -> None:
        """Have a whole batch be decided again, under the same ids: nothing is known to have happened to it."""
        for submission in batch:
            submission.tried = True
        self.alone.extendleft(reversed(batch))

    # --- who waits no more ---

    def give_up(self, submission: Submission) -> None:
        """Drop one that nobody waits for: its key is free for another try, which finds whatever the store may have kept.

        Where its caller has no answer yet, it is that this is not decided.
        """
        self.in_flight_keys.discard(submission.payment_id)
        if not submission.answer.done():
            self.lapsed += 1
            status = UNANSWERED if submission.tried else UNDECIDED
            submission.answer.set_result(Answer(submission.payment_id, status))

    def sweep(self, now: float) -> None:
        """Tell callers whose time is up: of what still waits, that it is dropped; of what is being stored, that nothing is known."""
        for lane in (self.alone, self.bulk):
            late = [each for each in lane if each.until <= now]
            if late:
                kept = [each for each in lane if each.until > now]
                lane.clear()
                lane.extend(kept)
                for submission in late:
                    self.give_up(submission)
        for batch, _ in self._deciding.values():
            for submission in batch:
                if submission.until <= now and not submission.answer.done():
                    submission.answer.set_result(Answer(submission.payment_id, UNANSWERED))

    # --- what is in hand ---

    @property
    def deciding(self) -> int:
        """How many are being decided."""
        return max(0, len(self.in_flight_keys) - len(self.alone) - len(self.bulk))

    @property
    def empty(self) -> bool:
        """Whether nothing waits and nothing is being decided."""
        return not self.alone and not self.bulk and not self.in_flight_keys
