"""The search for the knee: the highest rate that holds. Geometric steps up to the first rate that does not, then bisection.

A rate that fails is tried once more before it is believed: a hiccup is no limit. Plain arithmetic over answers it is told; it sends nothing.
"""

from typing import NamedTuple

from loadtest.open.gate import ACCEPTED_SHARE_MIN, Gate

HOLDS, FAILS, UNUSABLE = "holds", "fails", "unusable"


class Search(NamedTuple):
    """How to look: from `start` calls a second by `factor`, until the knee is known to `precision` of itself.

    A rate holds with an acceptance p99 of at most `p99_ms_max`, less than `shed_share_max` of the payments shed and at least
    `accepted_share_min` of them accepted (assumed, as in gate.py).
    """

    start: float = 400.0
    factor: float = 1.5
    precision: float = 0.05
    p99_ms_max: float = 250.0
    shed_share_max: float = 0.001
    accepted_share_min: float = ACCEPTED_SHARE_MIN
    seconds: float = 8.0
    warm_up_seconds: float = 2.0
    steps_max: int = 40  # ×1.5 from 400 passes any rate of one machine in 12; and what fails is tried twice


class Knee:
    """Says which rate to try next, and at the end which is the knee."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._holding = 0.0
        self._failing = 0.0
        self._unusable = 0.0
        self._again: float | None = None  # failed once; not believed yet
        self._tried = 0

    def next_rate(self) -> float | None:
        """Return the rate to try; None where the search is over."""
        search = self._search
        if self._unusable or self._tried >= search.steps_max:
            return None
        if self._again is not None:
            return self._again
        if not self._failing:
            return round(self._holding * search.factor) if self._holding else search.start
        if self._is_known():
            return None
        if not self._holding:  # not even the start holds: down by the same factor
            return round(self._failing / search.factor) if self._failing > 2 else None
        return round((self._failing + self._holding) / 2)

    def tell(self, rate: float, verdict: str) -> None:
        """Say what became of a rate; one that is unusable (the generator's fault) ends the search."""
        self._tried += 1
        again, self._again = self._again, None
        if verdict == HOLDS:
            self._holding = max(self._holding, rate)
            self._failing = 0.0 if self._failing <= rate else self._failing
        elif verdict == FAILS and again != rate:
            self._again = rate
        elif verdict == FAILS:
            self._failing = min(self._failing or rate, rate)
            self._holding = 0.0 if self._holding >= rate else self._holding
        else:
            self._unusable = rate

    @property
    def rate(self) -> float | None:
        """Return the knee; None where it was not found: nothing held, or nothing failed that could be judged."""
        return self._holding if self._holding and self._failing and not self._unusable else None

    @property
    def why(self) -> str:
        """Say why there is no knee, or why it is not as precise as asked; "" where neither is so."""
        if self._unusable:
            return f"the generator is the bound at {self._unusable:,.0f} calls a second"
        ended = f"the search ended after {self._tried} rates (steps_max)"
        if not self._holding:
            return "no rate held" if self._tried < self._search.steps_max else f"no rate held; {ended}"
        if not self._failing:
            return f"every rate held, up to {self._holding:,.0f} calls a second; {ended}"
        return (
            "" if self._is_known() else f"between {self._holding:,.0f} and {self._failing:,.0f} calls a second; {ended}"
        )

    def _is_known(self) -> bool:
        return self._failing - self._holding <= max(self._search.precision * self._failing, 1.0)


def verdict(p99_ms: float, shed_share: float, wrong: int, gate: Gate, search: Search) -> str:
    """Judge a rate, `wrong` answers counted. One that broke the gate without the generator's being at its limit is not proven to hold."""
    if gate.generator_bound:
        return UNUSABLE
    return FAILS if faults(p99_ms, shed_share, wrong, gate, search) else HOLDS


def faults(p99_ms: float, shed_share: float, wrong: int, gate: Gate, search: Search) -> tuple[str, ...]:
    """Say why a rate does not hold."""
    said = list(gate.why)
    if p99_ms > search.p99_ms_max:
        said.append(f"p99 {p99_ms:,.0f} ms; {search.p99_ms_max:,.0f} is the most")
    if shed_share >= search.shed_share_max:
        said.append(f"shed {shed_share:.2%}; it must be less than {search.shed_share_max:.2%}")
    if wrong:
        said.append(f"{wrong:,} wrong answers")
    return tuple(said)
