"""How much may wait at a worker: what it gets done a second, how late its event loop is, and when a newcomer would wait too long.

Plain numbers of this process; machine seconds come in as arguments. It refuses nothing: the door asks, and says 503.
"""

from math import inf

EXPECTED_WAIT_SECONDS_MAX = (
    0.2  # of a call with one payment: with the batch before it within the 250 ms a knee is measured by
)
BULK_WAIT_SECONDS_MAX = 2.0  # of what comes in bulk: its caller waits for all of it anyway
# Always taken: a quarter of a transaction. The rate of a worker that had little to do says nothing of what it can do.
WAITING_MIN = 256
# Calls that nobody has read yet are counted nowhere: they wait in their sockets while the event loop is busy. Its lateness
# tells of them. A transaction's own steps make it 10 to 30 ms late; where it is later than this twice running, it takes in
# more than it gets done (once is a pause of the machine, of which nobody need hear).
LATE_SECONDS_MAX = 0.1
LATE_BEATS = 2
START_PER_SECOND = 1_000.0  # assumed until the first transactions have been measured
SMOOTHED_SECONDS = (
    0.5  # of work that the rate is an average of: some ten transactions, soon enough for a store that slows down
)
RETRY_SECONDS_MAX = 4  # refusals are told 1, 2, 3, 4, 1, ... seconds: those who come back do not come back at once


class Pressure:
    """The measured rate of a worker, and what follows from it."""

    def __init__(self) -> None:
        self.per_second = START_PER_SECOND
        self.refused = 0  # told to come back: to spread when they do (the metrics have metrics.shed)
        self._done_at = 0.0
        self._late_beats = 0  # running
        self._beat_due_at = inf

    def beat(self, now: float, seconds: float) -> None:
        """Note that the event loop has come to what was due, and that the next beat is due `seconds` from now."""
        self._late_beats = self._late_beats + 1 if self._overdue(now) else 0
        self._beat_due_at = now + seconds

    def is_late(self, now: float) -> bool:
        """Whether the event loop takes in more than it gets done: it came late to the last beats, the one due counted in."""
        return self._late_beats + self._overdue(now) >= LATE_BEATS

    def _overdue(self, now: float) -> bool:
        return now - self._beat_due_at > LATE_SECONDS_MAX

    def done(self, count: int, begun_at: float, now: float, kept_up: bool) -> None:
        """Note that `count` were answered together; `kept_up`: nothing is left waiting, so it might have been more.

        Transactions overlap: the time that counts is the one since the last of them was done.
        """
        seconds = max(now - max(begun_at, self._done_at), 1e-6)
        self._done_at = now
        rate = count / seconds
        if not kept_up or rate > self.per_second:
            self.per_second += (rate - self.per_second) * min(seconds / SMOOTHED_SECONDS, 1.0)

    def room(self, wait_seconds_max: float) -> int:
        """Return how many may be under way for the next one to wait `wait_seconds_max` at most."""
        return max(WAITING_MIN, int(self.per_second * wait_seconds_max))

    def retry_after(self, ahead: int) -> int:
        """Return the seconds after which to come back, for one more that was refused with `ahead` under way."""
        self.refused += 1
        return int(ahead / self.per_second) + 1 + (self.refused - 1) % RETRY_SECONDS_MAX
