"""What a worker counts while it works, in plain numbers: by batch wherever a batch passes; read by /metrics and the bench.

No I/O and no library. What the numbers are called outside, and what they tell, stands in switch.api.metrics_series.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Container, Hashable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from time import perf_counter
from types import TracebackType
from typing import Any, Protocol

from switch.flow.ports import REFUSED, Outcome

# Upper bounds of what is counted apart: from half a millisecond, below which no stage is slow, to the door's own patience.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ITEMS = (1, 4, 16, 64, 256, 1_024, 4_096)
# Reasons with their rules that are told apart: the tables of reasons and rules give a few hundred; past it the rule is
# left out, so that a scenario with many rules does not make /metrics grow without end.
REFUSALS_MAX = 500
# Payments whose turn at their rail is timed at once: one a batch sent, so that a silent rail does not fill the list.
TURNS_MAX = 64

_KIND = itemgetter(0)  # of an Outcome
_RAIL_AND_STATUS = itemgetter(0, 3)  # of a RailReport


class Histogram:
    """How many values lie up to each bound and above the last, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total: float = 0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Spans(Protocol):
    """Whoever follows single payments through the stages (switch.tracing), where traces are on."""

    def took(self, stage: str, batch: Sequence[Any], begun: float, ended: float, failed: str) -> None:
        """Take note of a batch that has passed a stage, between two readings of perf_counter; `failed`: by which exception."""

    def judged(self, outcomes: Sequence[Outcome]) -> None:
        """Take note of what became of the payments of a batch at their acceptance."""


class Stage:
    """One stage of the pipeline: how long its batches took, how large they were, what ended them otherwise."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seconds = Histogram(SECONDS)
        self.items = Histogram(ITEMS)
        self.failures: Counter[str] = Counter()  # by kind of exception
        self.spans: Spans | None = None  # None: traces are off

    def over(self, batch: Sequence[Any]) -> "Turn":
        """Time a batch: `with stage.over(batch):`; its size is read at the end, and an empty one is not counted."""
        return Turn(self, batch)

    def passed(self, batch: Sequence[Any], begun: float, failed: str = "") -> None:
        """Count a batch that has been here since `begun` (a reading of perf_counter)."""
        ended = perf_counter()
        self.seconds.add(ended - begun)
        self.items.add(len(batch))
        if self.spans is not None:
            self.spans.took(self.name, batch, begun, ended, failed)


class Turn:
    """One batch in one stage."""

    __slots__ = ("_batch", "_begun", "_stage")

    def __init__(self, stage: Stage, batch: Sequence[Any]) -> None:
        self._stage, self._batch = stage, batch

    def __enter__(self) -> None:
        self._begun = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        stage, batch = self._stage, self._batch
        if not batch:
            return
        if kind is not None:
            stage.failures[kind.__name__] += 1
        stage.passed(batch, self._begun, "" if kind is None else kind.__name__)


class Call:
    """One call of a rail."""

    __slots__ = ("_begun", "_metrics", "_which")

    def __init__(self, metrics: "Metrics", which: tuple[str, str]) -> None:
        self._metrics, self._which = metrics, which

    def __enter__(self) -> None:
        self._begun = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        self._metrics.rail_calls[self._which].add(perf_counter() - self._begun)
        if kind is not None:
            self._metrics.rail_failures[(*self._which, kind.__name__)] += 1


@dataclass
class Metrics:
    """Counts since the worker started; nothing in it names a payment, a participant or a person."""

    outcomes: Counter[str] = field(default_factory=Counter)  # by outcome of admission
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)  # by reason and rule, "" = no rule
    finished: Counter[str] = field(default_factory=Counter)  # by status reached
    exceptions: Counter[str] = field(default_factory=Counter)  # by kind of record
    returns: Counter[str] = field(default_factory=Counter)  # by state in which they were booked
    reports: Counter[tuple[str, str]] = field(default_factory=Counter)  # by rail and status
    strays: int = 0  # reports for a UETR the store does not know
    out_of_turn: int = 0  # reports that moved nothing: said twice, late, or carried out by another worker: double work
    set_aside: int = 0  # reports that could not be carried out when they came, and are tried again
    shed: Counter[str] = field(default_factory=Counter)  # submissions sent away with 503, by why: a word of the code
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)  # by loop and exception: it failed and went on
    lease_renewed_at: float = 0.0  # machine seconds (perf_counter) of the last renewal, 0 = never

    decide: Stage = field(default_factory=lambda: Stage("decide"))
    accept: Stage = field(default_factory=lambda: Stage("accept"))
    send: Stage = field(default_factory=lambda: Stage("send"))
    collect: Stage = field(default_factory=lambda: Stage("collect"))
    finish: Stage = field(default_factory=lambda: Stage("finish"))
    outbox: Stage = field(default_factory=lambda: Stage("outbox"))

    rail_calls: defaultdict[tuple[str, str], Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    rail_failures: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # by rail, call and exception
    turns: defaultdict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))  # by rail
    _turning: dict[Hashable, tuple[str, float]] = field(default_factory=dict)  # UETR and leg -> rail, since when

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in the order in which a payment passes them."""
        return self.decide, self.accept, self.send, self.collect, self.finish, self.outbox

    def rail(self, rail: str, call: str) -> Call:
        """Time a call of a rail: `with metrics.rail(name, "send"):`."""
        return Call(self, (rail, call))

    def judged(self, outcomes: Sequence[Outcome]) -> None:
        """Count what became of a batch."""
        kinds = Counter(map(_KIND, outcomes))
        self.outcomes.update(kinds)
        if REFUSED in kinds:
            for outcome in outcomes:
                if outcome.refusal is not None:
                    key = (outcome.refusal.reason, outcome.refusal.detail.get("rule", ""))
                    if key not in self.refusals and len(self.refusals) >= REFUSALS_MAX:
                        key = (key[0], "")
                    self.refusals[key] += 1
        if self.accept.spans is not None:
            self.accept.spans.judged(outcomes)

    def heard(self, reports: Sequence[Any], begun: float) -> None:
        """Count rails' reports that were collected together since `begun`."""
        if reports:
            self.reports.update(map(_RAIL_AND_STATUS, reports))
            self.collect.passed(reports, begun)

    def sent(self, rail: str, key: Hashable) -> None:
        """Begin to time one payment's turn (UETR and leg) at a rail, on behalf of the batch it was sent with."""
        if len(self._turning) < TURNS_MAX:
            self._turning[key] = (rail, perf_counter())

    def landed(self, under_way: Container[Hashable]) -> None:
        """Time the turns of those that are under way no more; once a batch."""
        ended = perf_counter()
        for key in [key for key in self._turning if key not in under_way]:
            rail, begun = self._turning.pop(key)
            self.turns[rail].add(ended - begun)
