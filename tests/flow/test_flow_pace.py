"""At which pace batches are begun, on a loop whose time leaps to whatever is due next: every instant is exact, nothing waits."""

import asyncio
from collections.abc import Coroutine, Sequence
from selectors import DefaultSelector, SelectorKey
from typing import Any

import pytest
from builders import a_submission, northbound
from driver import Driver

from switch.flow.intake import MIXED_BATCH_MAX, SECOND_BATCH_MIN, Intake
from switch.flow.loops import ACCEPT_PACE_SECONDS, Loops, Pace
from switch.flow.submission import Submission
from switch.store.memory import MemoryStore


class LeapingSelector(DefaultSelector):
    """Says at once that the time to wait has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


def leaping(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a loop whose time leaps."""

    def a_loop() -> asyncio.AbstractEventLoop:
        selector = LeapingSelector()
        loop = asyncio.SelectorEventLoop(selector)
        loop.time = lambda: selector.now  # type: ignore[method-assign]
        return loop

    with asyncio.Runner(loop_factory=a_loop) as runner:
        runner.run(main)


class Stage:
    """Two accepting tasks of one worker, whose store takes `store_seconds` a batch; what it was given and when."""

    def __init__(self, store_seconds: float) -> None:
        worker = Driver(MemoryStore()).worker
        self.intake: Intake = worker.intake
        self.loops = Loops(worker)
        self.begun_at = asyncio.get_running_loop().time()
        self.batches: list[tuple[float, int]] = []  # paces since the start, and how many
        self.comes_with_next = 0  # as the next batch begins
        self._store_seconds = store_seconds
        self._count = 0
        worker.accept = self._accept  # type: ignore[method-assign]
        self._tasks = [asyncio.create_task(self.loops._forever(self.loops._accepting)) for _ in range(2)]

    async def _accept(self, batch: Sequence[Submission]) -> None:
        self.batches.append((self.paces(), len(batch)))
        more, self.comes_with_next = self.comes_with_next, 0
        self.comes(more)
        await asyncio.sleep(self._store_seconds)

    def paces(self) -> float:
        return round((asyncio.get_running_loop().time() - self.begun_at) / ACCEPT_PACE_SECONDS, 3)

    async def at(self, paces: float) -> None:
        await asyncio.sleep(self.begun_at + paces * ACCEPT_PACE_SECONDS - asyncio.get_running_loop().time())

    def comes(self, count: int, bulk: bool = False) -> None:
        for _ in range(count):
            self._count += 1
            submission = a_submission(northbound(), f"k{self._count}")
            submission.bulk = bulk
            self.intake.put(submission)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


# --- one pace, two callers ---


def test_two_who_wait_for_their_turn_begin_one_pace_after_the_other() -> None:
    async def main() -> None:
        loop, pace = asyncio.get_running_loop(), Pace(1.0)
        begun: list[float] = []

        async def one() -> None:
            await pace.turn()
            begun.append(round(loop.time() - start, 6))

        start = loop.time()
        await one()
        await asyncio.gather(one(), one(), one())
        assert begun == [0.0, 1.0, 2.0, 3.0]

    leaping(main())


def test_a_turn_that_is_not_worth_it_any_more_is_left_to_whoever_comes_next() -> None:
    async def main() -> None:
        loop, pace = asyncio.get_running_loop(), Pace(1.0)
        await pace.turn()
        start = loop.time()
        assert not await pace.turn(lambda: False)
        assert loop.time() == pytest.approx(start + 1.0)
        assert await pace.turn() and loop.time() == pytest.approx(start + 1.0)

    leaping(main())


# --- batches ---


def test_a_second_batch_beside_the_first_waits_its_pace_and_is_begun_for_many_only() -> None:
    async def main() -> None:
        stage = Stage(store_seconds=10 * ACCEPT_PACE_SECONDS)
        stage.comes(SECOND_BATCH_MIN, bulk=True)
        await stage.at(0.5)
        stage.comes(1)  # not worth a batch beside the first
        stage.comes(MIXED_BATCH_MAX + SECOND_BATCH_MIN - 2, bulk=True)
        await stage.at(9)
        assert stage.batches == [(0.0, SECOND_BATCH_MIN), (1.0, MIXED_BATCH_MAX)]
        stage.comes(1)
        await stage.at(9.5)
        assert stage.batches[2:] == []  # two are in flight
        await stage.at(20)
        assert stage.batches[2:] == [(10.0, SECOND_BATCH_MIN)]
        await stage.stop()

    leaping(main())


def test_what_comes_between_two_who_wake_for_one_turn_is_no_small_batch_beside_the_first() -> None:
    async def main() -> None:
        stage = Stage(store_seconds=3 * ACCEPT_PACE_SECONDS)
        await stage.loops._accept_pace.turn()  # a batch began and was stored just now
        await stage.at(0.5)
        stage.comes(1)
        stage.comes_with_next = 1
        await stage.at(3.9)
        assert stage.batches == [(1.0, 1)]
        await stage.at(4.1)
        assert stage.batches[1:] == [(4.0, 1)]
        await stage.stop()

    leaping(main())


def test_what_comes_alone_is_begun_at_once_though_a_task_waited_in_vain_before() -> None:
    """A turn reserved by whom nothing is left for would make it wait."""

    async def main() -> None:
        stage = Stage(store_seconds=0.2 * ACCEPT_PACE_SECONDS)
        stage.comes(1)
        await stage.at(0.5)
        stage.comes(1)  # both tasks wait for the turn at 1; one of them in vain
        await stage.at(2.2)
        stage.comes(1)
        await stage.at(2.3)
        assert stage.batches == [(0.0, 1), (1.0, 1), (2.2, 1)]
        await stage.stop()

    leaping(main())
