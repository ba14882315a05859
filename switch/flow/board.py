"""The closed board: counters known to be without headroom, so that a quota storm is refused at memory speed.

Derived and lost without harm: an entry can refuse for at most a second after it has become stale. News goes out and comes in through a link (Valkey) that drains `outgoing` and calls `hear`.
Beside it, `tight` names the counters that refused here of late: it refuses nothing, and says whom to ask before a batch is written.
"""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from limits.calendars import law_day
from limits.claims import REPORT, Claim, Refused
from switch.payment.postings import is_account

ENTRY_SECONDS = 1.0  # machine seconds an entry may refuse without being confirmed (design 3)
ENTRIES_MAX = 200_000  # about 40 MB; beyond it the counters answer
TIGHT_SECONDS = 60.0  # a counter that refused may well do so again for so long: people try again at once, and programs
TIGHT_MAX = 200_000  # as many as entries, a name and a time each
OUTGOING_MAX = 10_000  # news waiting for the link; older news is worth nothing and is dropped


class Entry(NamedTuple):
    """One closed counter: until which machine time, on which law day, under which generation and ceiling it was learnt."""

    until: float
    day: str
    generation: int
    headroom: int
    ceiling: int


class News(NamedTuple):
    """What a worker tells the others: a closed counter, or a payment's new status."""

    topic: str  # closed | status
    key: str
    value: str


class Board:
    """Entries of this worker, its own and heard; `machine` gives machine seconds."""

    def __init__(self, machine: Callable[[], float]) -> None:
        self._machine = machine
        self.entries: dict[str, Entry] = {}
        self.tight: dict[
            str, float
        ] = {}  # counters of the law that refused, each until which machine time it counts as such
        self.outgoing: deque[News] = deque(maxlen=OUTGOING_MAX)
        self.linked = False  # whether anyone drains the outgoing news

    def refused(self, claims: Sequence[Claim], generation: int, at: datetime) -> Refused | None:
        """Return the first claim that may bind, where its counter is on the board and still believed.

        What stands behind it is left to the counters: the rule they name, and a dry run, is the first that binds.
        """
        for claim in claims:
            if _may_bind(claim):
                break
        else:
            return None
        entry = self.entries.get(claim.counter)
        if entry is None or claim.delta <= 0:
            return None
        if entry.until < self._machine() or entry.generation != generation or entry.day != _day(at):
            del self.entries[claim.counter]
            return None
        assert claim.ceiling is not None, "a claim without a ceiling does not bind upwards"
        left = entry.headroom + claim.ceiling - entry.ceiling  # not every payment on a counter has the same ceiling
        return Refused(claim, left) if left <= 0 else None

    def learn(self, refused: Refused | None, generation: int, at: datetime) -> None:
        """Put a counter of the law on the board that was found without any headroom upwards; one that refused is tight."""
        if refused is None or is_account(refused.claim):
            return
        if len(self.tight) >= TIGHT_MAX:
            self.tight.clear()
        self.tight[refused.claim.counter] = self._machine() + TIGHT_SECONDS
        if refused.headroom > 0 or refused.claim.delta <= 0:
            return
        (claim, headroom), day = refused, _day(at)
        assert claim.ceiling is not None, "what refused upwards has a ceiling"
        self._put(claim.counter, Entry(self._machine() + ENTRY_SECONDS, day, generation, headroom, claim.ceiling))
        if self.linked:
            self.outgoing.append(News("closed", claim.counter, f"{generation}|{day}|{headroom}|{claim.ceiling}"))

    def is_tight(self, claims: Sequence[Claim]) -> bool:
        """Whether any of these claims is on a counter that refused of late."""
        tight = self.tight
        for claim in claims:
            until = tight.get(claim.counter)
            if until is not None:
                if until >= self._machine():
                    return True
                del tight[claim.counter]
        return False

    def hear(self, news: News) -> None:
        """Take up what another worker has learnt."""
        if news.topic == "closed":
            generation, day, headroom, ceiling = news.value.split("|")
            until = self._machine() + ENTRY_SECONDS
            self._put(news.key, Entry(until, day, int(generation), int(headroom), int(ceiling)))

    def news(self, payment_id: str, status: str) -> None:
        """Tell other workers' waiters of a payment's new status."""
        if self.linked:
            self.outgoing.append(News("status", payment_id, status))

    def _put(self, counter: str, entry: Entry) -> None:
        if len(self.entries) >= ENTRIES_MAX:
            self.entries.clear()
        self.entries[counter] = entry


@lru_cache(16)  # a batch has one instant
def _day(at: datetime) -> str:
    return str(law_day(at))


def _may_bind(claim: Claim) -> bool:
    if claim.forced or claim.effect == REPORT:
        return False
    return (claim.ceiling if claim.delta >= 0 else claim.floor) is not None
