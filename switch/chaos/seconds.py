"""What a run looked like from outside, second by second: who was answered as expected, how late, and what went wrong. Pure.

A call belongs to the second in which it was due. It succeeds if its first attempt got an answer that ends it: anything
else, shed (503) or lost, is a failure, although the client tries again; its latency runs from when it was due until it had
its answer. A repetition whose key is just being worked on (409) is answered as expected, and asks again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

GOOD_PERCENT = 99
RECOVERY_SECONDS = (
    4  # seen after a fault without a good one: it was never well again (assumed; plan.py leaves as many at least)
)
LATE_MS = 1_000  # p99 above it makes a bad second
_NO_FAILURE = {"409 in-flight"}


class Second(NamedTuple):
    """One second of a run."""

    second: int
    calls: int
    good: int
    p99_ms: int

    @property
    def is_bad(self) -> bool:
        """Return whether too few succeeded, or too late."""
        return self.good * 100 < self.calls * GOOD_PERCENT or self.p99_ms > LATE_MS


def seconds(kept: Iterable[Mapping[str, Any]], begin_ms: int) -> list[Second]:
    """Sum up the calls of a run that began at `begin_ms`."""
    found: dict[int, list[tuple[bool, int]]] = {}
    for call in kept:
        first, last = call["attempts"][0], call["attempts"][-1]
        good = bool(call["status"]) and (len(call["attempts"]) == 1 or _said(first) in _NO_FAILURE)
        found.setdefault((call["due_ms"] - begin_ms) // 1_000, []).append((good, last[1] - call["due_ms"]))
    return [
        Second(second, len(calls), sum(good for good, _ in calls), _p99([late for _, late in calls]))
        for second, calls in sorted(found.items())
    ]


def _p99(values: Sequence[int]) -> int:
    return sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)]


def recovered_ms(found: Sequence[Second], begin_ms: int, ended_ms: int) -> int | None:
    """Return how long after the end of a fault the first good second began, 0 where it was good at once; None: never."""
    after = (ended_ms - begin_ms) // 1_000
    for each in found:
        if each.second >= after and not each.is_bad:
            return max(0, each.second * 1_000 + begin_ms - ended_ms)
    return None


def is_known(run_seconds: int, begin_ms: int, ended_ms: int) -> bool:
    """Tell whether enough of a run of `run_seconds` was left after a fault to say that it did not become well again."""
    first_whole = -(-(ended_ms - begin_ms) // 1_000)
    return run_seconds - first_whole >= RECOVERY_SECONDS


def failures(kept: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Count attempts that were no answer, by kind."""
    found: Counter[str] = Counter()
    for call in kept:
        ended = call["attempts"][:-1] if call["status"] else call["attempts"]
        found.update(_said(attempt) for attempt in ended)
    return found


def outcomes(kept: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Count calls by the answer they got."""
    return Counter(_said(call["attempts"][-1]) if call["status"] else "none" for call in kept)


def _said(attempt: Sequence[Any]) -> str:
    *_, status, what = attempt
    return f"{status} {what}".strip() if status else str(what)
