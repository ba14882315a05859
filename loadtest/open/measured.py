"""Figures of what a run kept: by step, by second, and what was refused, shed or failed and why. It sends nothing and judges no figure.

A call belongs to the second in which it was to be sent; a second in which nothing is answered thus shows what its calls waited.
Acceptance is the time from the intended instant to a 202 or a refusal; completion, to the final status, of sampled calls alone.
"""

from collections import Counter
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from loadtest.open.histogram import Histogram
from loadtest.open.runner import COMPLETED, ERROR, UNANSWERED, UNSENT, Kept, Outcome
from loadtest.open.schedule import Schedule
from loadtest.verdicts import ACCEPTED, DONE, REFUSED, SHED, WRONG

NOT_ANSWERED = (ERROR, "unsent", "unanswered")
_JUDGED = (ACCEPTED, REFUSED, DONE)  # the switch said yes or no: what latency is measured of
Floats = NDArray[numpy.float64]
Ints = NDArray[numpy.int64]


class Counts(NamedTuple):
    """Calls (the first three), and what became of their payments: a batch carries many, a call that carries none counts as one.

    `errors`: lost, timed out, never sent; `wrong`: an answer that is not what the call is owed.
    """

    offered: int
    sent: int
    answered: int
    payments: int
    accepted: int
    refused: int
    shed: int
    wrong: int
    errors: int


class Measured:
    """One run's figures; everything is computed once, from whole arrays."""

    def __init__(self, plan: Schedule, kept: Kept) -> None:
        self._plan, self._kept = plan, kept
        self._intended: Floats = plan.at + kept.started
        self._taken: Floats = numpy.frombuffer(kept.taken, numpy.float64)
        self._sent: Floats = numpy.frombuffer(kept.sent, numpy.float64)
        self._answered: Floats = numpy.frombuffer(kept.answered, numpy.float64)
        self._outcomes = numpy.frombuffer(kept.outcomes, numpy.uint16)
        self._sampled = numpy.frombuffer(kept.sampled, numpy.uint8).astype(bool)
        self._of_kind = {
            kind: self._is(lambda outcome, kind=kind: outcome.kind == kind)
            for kind in (ACCEPTED, REFUSED, DONE, SHED, WRONG, ERROR)
        }
        self._carried: Ints = numpy.frombuffer(kept.payments, numpy.uintc).astype(numpy.int64)
        self._payments = {kind: self._of_kind[kind] * self._carried for kind in self._of_kind}
        for n, parts in kept.parts.items():
            self._carried[n] = sum(count for _, count in parts)
            for kind, counts in self._payments.items():
                counts[n] = sum(count for place, count in parts if kept.table[place].kind == kind)
        judged = numpy.logical_or.reduce([self._of_kind[kind] for kind in _JUDGED])
        self._accepting = judged & ~(self._sampled & self._of_kind[ACCEPTED])
        self._completing = self._is(lambda outcome: outcome.kind == ACCEPTED and outcome.reason == COMPLETED)

    def _is(self, wanted: Any) -> NDArray[numpy.bool_]:
        places = [place for place, outcome in enumerate(self._kept.table) if wanted(outcome)]
        found: NDArray[numpy.bool_] = numpy.isin(self._outcomes, places)
        return found

    def counts(self, window: slice) -> Counts:
        """Count the calls of a window and their payments."""
        outcomes, carried = self._outcomes[window], self._carried[window]
        of = {kind: int(counts[window].sum()) for kind, counts in self._payments.items()}
        return Counts(
            len(outcomes),
            int((self._sent[window] > 0).sum()),
            int((self._answered[window] > 0).sum()),
            int(carried.sum()),
            of[ACCEPTED] + of[DONE],
            of[REFUSED],
            of[SHED],
            of[WRONG],
            of[ERROR] + int(carried[numpy.isin(outcomes, (UNSENT, UNANSWERED))].sum()),
        )

    def acceptance(self, window: slice) -> Histogram:
        """Return how long the calls of a window took from their intended instant to a yes or a no."""
        return self._latencies(window, self._accepting)

    def completion(self, window: slice) -> Histogram:
        """Return how long the sampled calls of a window took from their intended instant to their final status."""
        return self._latencies(window, self._completing)

    def lateness(self, window: slice) -> Histogram:
        """Return how late the generator itself came to the calls of a window."""
        histogram = Histogram()
        taken = self._taken[window]
        histogram.record((taken - self._intended[window])[taken > 0])
        return histogram

    def open_samples(self, window: slice) -> int:
        """Count the sampled calls that were accepted and had no final status when they were answered."""
        asked = self._sampled[window] & self._of_kind[ACCEPTED][window]
        return int((asked & ~self._completing[window]).sum())

    def outcomes(self, window: slice) -> Counter[Outcome]:
        """Count what became of the payments of a window, by kind, reason and rule."""
        first, last, _ = window.indices(len(self._outcomes))
        mixed = [n for n in self._kept.parts if first <= n < last]
        carried = self._carried.copy()
        carried[mixed] = 0
        found = self._by_place(self._outcomes[window], carried[window])
        for n in mixed:
            for place, count in self._kept.parts[n]:
                found[self._kept.table[place]] += count
        return found

    def unanswered(self, window: slice) -> Counter[str]:
        """Count the calls of a window that were not answered, by reason."""
        calls = self._outcomes[window]
        found = self._by_place(calls, numpy.ones(len(calls), numpy.int64))
        return Counter({outcome.reason: count for outcome, count in found.items() if outcome.kind in NOT_ANSWERED})

    def _by_place(self, places: NDArray[numpy.uint16], weights: Ints) -> Counter[Outcome]:
        found = numpy.bincount(places, weights, len(self._kept.table))
        return Counter({outcome: int(count) for outcome, count in zip(self._kept.table, found, strict=True) if count})

    def cpu_share(self, begin: float, end: float) -> float:
        """Return which part of a core the generator used between two offsets of the plan, in seconds."""
        instants, spent = numpy.array(self._kept.cpu).T
        at_begin, at_end = numpy.interp((begin + self._kept.started, end + self._kept.started), instants, spent)
        return float((at_end - at_begin) / (end - begin))

    def by_second(self, offset: int = 0) -> list[dict[str, Any]]:
        """Write the seconds of the plan, numbered from `offset`; latencies None where nothing was judged."""
        seconds = int(numpy.ceil(self._plan.seconds))
        edges = numpy.searchsorted(self._plan.at, numpy.arange(seconds + 1))
        return [self._second(n, slice(int(edges[n]), int(edges[n + 1])), offset) for n in range(seconds)]

    def _second(self, n: int, window: slice, offset: int) -> dict[str, Any]:
        latencies = 1000 * (self._answered[window] - self._intended[window])[self._accepting[window]]
        shown: list[float | None] = [None, None, None]
        if len(latencies):
            shown = [round(float(value), 3) for value in numpy.percentile(latencies, (50, 99, 100))]
        counts = self.counts(window)
        step = max(place for place, begin in enumerate(self._plan.begins) if begin <= n)
        return {
            "second": offset + n,
            "step": self._plan.steps[step].name,
            **counts._asdict(),
            "p50_ms": shown[0],
            "p99_ms": shown[1],
            "max_ms": shown[2],
        }

    def _latencies(self, window: slice, wanted: NDArray[numpy.bool_]) -> Histogram:
        histogram = Histogram()
        histogram.record((self._answered[window] - self._intended[window])[wanted[window]])
        return histogram
