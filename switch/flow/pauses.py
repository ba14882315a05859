"""How long the process stood still: pauses of Python's garbage collector, and how late the event loop is with its timers."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from switch.flow.metrics import Histogram


class Pauses:
    """Counts of this process; none unless it is watched."""

    def __init__(self) -> None:
        self.collections = tuple(Histogram() for _ in gc.get_threshold())  # by generation
        self.late = Histogram()
        self._begun = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Have the collector tell of its pauses meanwhile."""
        gc.callbacks.append(self._hear)
        try:
            yield
        finally:
            gc.callbacks.remove(self._hear)

    def _hear(self, phase: str, about: dict[str, int]) -> None:
        if phase == "start":
            self._begun = perf_counter()
        elif self._begun:
            self.collections[about["generation"]].add(perf_counter() - self._begun)
