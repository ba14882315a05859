"""The search for the knee: the highest rate that holds. Geometric steps up to the first rate that does not, then bisection.

Plain arithmetic over answers it is told; it sends nothing.
"""

from typing import NamedTuple

from loadtest.open.gate import Gate

HOLDS, FAILS, UNUSABLE = "holds", "fails", "unusable"


class Search(NamedTuple):
    """How to look: from `start` calls a second by `factor`, until the knee is known to `precision` of itself.

    A rate holds with an acceptance p99 of at most `p99_ms_max` and less than `shed_share_max` of the calls shed.
    """

    start: float = 400.0
    factor: float = 1.5
    precision: float = 0.05
    p99_ms_max: float = 250.0
    shed_share_max: float = 0.001
    seconds: float = 8.0
    warm_up_seconds: float = 2.0
    steps_max: int = 24  # ×1.5 from 400 passes any rate of one machine in 12


class Knee:
    """Says which rate to try next, and at the end which is the knee."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._holding = 0.0
        self._failing = 0.0
        self._unusable = False
        self._tried = 0

    def next_rate(self) -> float | None:
        """Return the rate to try; None where the search is over."""
        search = self._search
        if self._unusable or self._tried >= search.steps_max:
            return None
        if not self._failing:
            return round(self._holding * search.factor) if self._holding else search.start
        if self._failing - self._holding <= max(search.precision * self._failing, 1.0):
            return None
        if not self._holding:  # not even the start holds: down by the same factor
            return round(self._failing / search.factor) if self._failing > 2 else None
        return round((self._failing + self._holding) / 2)

    def tell(self, rate: float, verdict: str) -> None:
        """Say what became of a rate; one that is unusable (the generator's fault) ends the search."""
        self._tried += 1
        if verdict == HOLDS:
            self._holding = max(self._holding, rate)
            self._failing = 0.0 if self._failing <= rate else self._failing
        elif verdict == FAILS:
            self._failing = min(self._failing or rate, rate)
            self._holding = 0.0 if self._holding >= rate else self._holding
        else:
            self._unusable = True

    @property
    def rate(self) -> float | None:
        """Return the knee; None where it was not found: nothing held, or nothing failed that could be judged."""
        return self._holding if self._holding and self._failing and not self._unusable else None


def verdict(p99_ms: float, shed_share: float, wrong: int, gate: Gate, search: Search) -> str:
    """Judge a rate, `wrong` answers counted. One that broke the gate without the generator's being at its limit is not proven to hold."""
    if gate.generator_bound:
        return UNUSABLE
    within = p99_ms <= search.p99_ms_max and shed_share < search.shed_share_max
    return HOLDS if gate.valid and within and not wrong else FAILS
