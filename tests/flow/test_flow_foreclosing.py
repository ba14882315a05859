"""Refusing before anything is written: a batch with what a tight counter refuses is written once, and no verdict changes."""

from collections.abc import Iterable, Sequence

import pytest
from builders import a_submission, northbound
from driver import Driver, plan_of

from limits.claims import Refused, Sums
from switch.flow.board import ENTRY_SECONDS, TIGHT_MAX, TIGHT_SECONDS, Board
from switch.flow.foreclosing import Foreclosing
from switch.flow.ports import Admission, Judge, Outcome
from switch.payment.plan import Plan
from switch.store.memory import MemoryStore

DAY = "payment-connect.northbound.day"


class CountingStore(MemoryStore):
    """Counts the plans of each batch it is given to store, and the reads of sums."""

    def __init__(self) -> None:
        super().__init__()
        self.plans: list[int] = []
        self.reads = 0

    async def accept(self, batch: Sequence[Admission], generation: int, judge: Judge) -> list[Outcome]:
        self.plans.append(sum(isinstance(item.verdict, Plan) for item in batch))
        return await super().accept(batch, generation, judge)

    async def sums(self, counters: Iterable[str]) -> dict[str, Sums]:
        self.reads += 1
        return await super().sums(counters)


async def counting() -> tuple[Driver, CountingStore]:
    store = CountingStore()
    return await Driver(store).start(), store


async def together(driver: Driver, *amounts: tuple[str, int]) -> list[str]:
    """Pay in one batch (amount, person); the reasons of what was refused, "" of what was accepted."""
    submissions = [driver.submit(northbound(amount, person=person)) for amount, person in amounts]
    await driver.accept()
    answers = [submission.answer.result() for submission in submissions]
    return [answer.refusal.reason if answer.refusal else "" for answer in answers]


@pytest.mark.parametrize(("before", "again"), [("10000.00", "1.00"), ("9000.00", "2000.00")])
async def test_what_refused_once_is_asked_before_the_next_batch_is_written(before: str, again: str) -> None:
    """Also where something is left, which is too little: that never stands on the board."""
    driver, store = await counting()
    await driver.accepted(northbound(before))
    assert await together(driver, (again, 1), ("1.00", 2)) == ["person-quota", ""]
    driver.machine.now += ENTRY_SECONDS + 0.001
    store.plans.clear()
    assert await together(driver, (again, 1), ("1.00", 2), (again, 1)) == ["person-quota", "", "person-quota"]
    assert store.plans == [1] and store.reads == 1


async def test_a_batch_that_touches_no_tight_counter_reads_nothing() -> None:
    driver, store = await counting()
    await driver.accepted(northbound("10000.00"))
    assert await together(driver, ("1.00", 1)) == ["person-quota"]
    assert await together(driver, ("1.00", 2), ("1.00", 3)) == ["", ""]
    driver.machine.now += TIGHT_SECONDS + 0.001
    assert await together(driver, ("1.00", 1)) == ["person-quota"]
    assert store.reads == 0


@pytest.mark.parametrize("allow_lanes", [False, True])
async def test_a_refusal_says_the_same_whether_it_was_foreseen_or_found_by_the_counters(
    driver: Driver, allow_lanes: bool
) -> None:
    await driver.accepted(northbound("9000.00"))
    said = []
    for _ in range(3):
        answer = await driver.pay(northbound("2000.00", allow_lanes=allow_lanes))
        assert answer.refusal is not None and (await driver.stored(answer.payment_id)).status == "rejected"
        said.append(answer.refusal)
        driver.worker.board.entries.clear()
        if len(said) == 2:
            driver.worker.board.tight.clear()
    assert said[0] == said[1] == said[2] and said[0].detail["headroom"] == "HKD 1000.00"


async def test_what_still_fits_under_a_tight_counter_is_accepted(driver: Driver) -> None:
    await driver.accepted(northbound("9000.00"))
    assert await together(driver, ("2000.00", 1)) == ["person-quota"]
    assert await together(driver, ("600.00", 1), ("600.00", 1)) == ["", "person-quota"]  # the second: by the counters


async def test_what_was_given_back_is_seen_at_once_by_who_asks(driver: Driver) -> None:
    payment_id = await driver.accepted(northbound("9000.00", creditor__account__number="MAGIC-REJECT-AC03"))
    assert await together(driver, ("2000.00", 1)) == ["person-quota"]
    await driver.wait()
    await driver.wait(21)
    assert (await driver.stored(payment_id)).status == "rejected"
    assert await together(driver, ("2000.00", 1)) == [""]


async def test_what_may_latch_a_counter_is_left_to_the_store(memory: Driver) -> None:
    """A refusal closes such a counter till its window ends, and only the store can."""
    await memory.accepted(northbound("10000.00"))
    submission, view = a_submission(northbound("1.00")), memory.world.view(memory.world.clock.now())
    at, generation = memory.world.clock.now(), memory.world.generation
    for latches in (False, True):
        [item] = memory.worker.decider.admissions([submission], at, view, {})
        assert isinstance(item.verdict, Plan)
        claims = tuple(claim._replace(latches=latches) for claim in item.verdict.claims)
        board = Board(memory.machine)
        board.learn(
            Refused(claims[0]._replace(counter=next(c.counter for c in claims if c.rule == DAY)), 5), generation, at
        )
        assert board.tight and not board.entries
        admissions = [item._replace(verdict=item.verdict._replace(claims=claims))]
        await Foreclosing(memory.store, board, memory.worker.decider).refuse(
            [submission], admissions, view, generation, {}
        )
        assert isinstance(admissions[0].verdict, Plan) is latches


async def test_no_more_tight_counters_are_remembered_than_there_is_room_for(memory: Driver) -> None:
    claim = plan_of(memory, northbound("1.00")).claims[0]
    board = Board(memory.machine)
    for n in range(TIGHT_MAX + 5):
        board.tight[str(n)] = 0.0
    board.learn(Refused(claim, 1), 1, memory.world.clock.now())
    assert list(board.tight) == [claim.counter]
