"""When each call is to be sent: steps of a constant rate, one after the other without a gap. Plain arithmetic; it sends nothing."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

UNIFORM, POISSON = "uniform", "poisson"
ARRIVALS = (UNIFORM, POISSON)
RATE_MAX = 100_000.0  # calls a second: beyond what one generator could ever send
SECONDS_MAX = 24 * 3_600.0


class Step(NamedTuple):
    """So many calls a second for so long; what is sent in the first `warm_up_seconds` of them is not judged."""

    rate: float
    seconds: float
    warm_up_seconds: float = 0.0
    name: str = ""


class Schedule(NamedTuple):
    """Instants in seconds after the start, ascending, and where each step begins and ends among the seconds."""

    at: NDArray[numpy.float64]
    steps: tuple[Step, ...]
    begins: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return sum(step.seconds for step in self.steps)

    def judged(self, n: int) -> slice:
        """Return the calls of step n that are judged: sent after its warm-up."""
        begin, step = self.begins[n], self.steps[n]
        first, last = numpy.searchsorted(self.at, (begin + step.warm_up_seconds, begin + step.seconds))
        return slice(int(first), int(last))


def read_steps(documents: Any) -> tuple[Step, ...]:
    """Read steps from JSON: [{"rate", "seconds", "warm_up_seconds"?, "name"?}]; raises ValueError naming what is wrong."""
    if not isinstance(documents, list) or not documents:
        raise ValueError('steps: a list such as [{"rate": 500, "seconds": 10}]')
    steps = []
    for n, document in enumerate(documents):
        if not isinstance(document, dict) or document.keys() - set(Step._fields):
            raise ValueError(f"steps[{n}]: an object of {', '.join(Step._fields)}, nothing else")
        try:
            step = Step(**document)._replace(name=str(document.get("name") or f"step {n + 1}"))
            _check(step)
        except (TypeError, ValueError) as error:
            raise ValueError(f"steps[{n}]: {error}") from None
        steps.append(step)
    return tuple(steps)


def _check(step: Step) -> None:
    for name, value, most in (("rate", step.rate, RATE_MAX), ("seconds", step.seconds, SECONDS_MAX)):
        if not isinstance(value, int | float) or not 0 < value <= most:
            raise ValueError(f"{name} is a number above 0, at most {most:,.0f}")
    if not isinstance(step.warm_up_seconds, int | float) or not 0 <= step.warm_up_seconds < step.seconds:
        raise ValueError("warm_up_seconds is a number from 0, less than seconds")


def schedule(steps: Sequence[Step], arrivals: str = UNIFORM, seed: int = 0) -> Schedule:
    """Lay out the steps: uniform = evenly spaced, Poisson = independent arrivals of the same rate, drawn from the seed."""
    chance = numpy.random.default_rng(seed)
    parts, begins, begin = [], [], 0.0
    for step in steps:
        count = round(step.rate * step.seconds)
        if arrivals == POISSON:  # given their number, arrivals of a Poisson process are spread evenly at random
            offsets = numpy.sort(chance.uniform(0, step.seconds, count))
        else:
            offsets = numpy.arange(count) / step.rate
        parts.append(begin + offsets)
        begins.append(begin)
        begin += step.seconds
    return Schedule(numpy.concatenate(parts), tuple(steps), tuple(begins))
