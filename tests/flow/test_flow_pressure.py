"""Under pressure: who would wait too long is refused at once, who waits no more is dropped undecided, and one of many waits behind one alone."""

import asyncio
from collections.abc import Sequence

import pytest
from builders import HARBOUR, a_submission, northbound

from switch.clock import BusinessClock
from switch.flow import loops as flow_loops
from switch.flow.intake import MIXED_BATCH_MAX, Busy, Intake
from switch.flow.metrics import Metrics
from switch.flow.ports import Admission, Judge, Outcome, StoreUnavailable
from switch.flow.pressure import EXPECTED_WAIT_SECONDS_MAX, RETRY_SECONDS_MAX, WAITING_MIN, Pressure
from switch.flow.submission import UNANSWERED, UNDECIDED, Submission
from switch.main import memory_sandbox, open_sandbox
from switch.sandbox import Sandbox


async def opened() -> Sandbox:
    sandbox = memory_sandbox(BusinessClock(), instant=True)
    await open_sandbox(sandbox)
    return sandbox


def waiting(intake: Intake, count: int, *, bulk: bool = False, first: int = 0) -> list[Submission]:
    many = [a_submission(northbound(person=n), f"k{first + n}{bulk}") for n in range(count)]
    for submission in many:
        submission.bulk = bulk
        intake.put(submission)
    return many


# --- how much may wait ---


def test_the_rate_follows_what_is_measured_and_the_room_follows_the_rate() -> None:
    pressure = Pressure()
    now = 0.0
    for _ in range(100):
        pressure.done(500, now, now + 0.1, kept_up=False)
        now += 0.1
    assert pressure.per_second == pytest.approx(5_000)
    assert pressure.room(EXPECTED_WAIT_SECONDS_MAX) in (999, 1_000)
    for _ in range(100):  # the store becomes slow
        pressure.done(500, now, now + 1.0, kept_up=False)
        now += 1.0
    assert pressure.per_second == pytest.approx(500)
    assert pressure.room(EXPECTED_WAIT_SECONDS_MAX) == WAITING_MIN


def test_an_event_loop_that_comes_late_again_and_again_takes_nobody_in_until_it_keeps_time() -> None:
    pressure = Pressure()
    assert not pressure.is_late(1_000.0)  # before the first beat
    pressure.beat(1.0, 0.1)
    assert not pressure.is_late(1.15)
    assert not pressure.is_late(1.25)  # the beat of 1.1 has not come yet: a pause
    pressure.beat(1.4, 0.1)
    assert not pressure.is_late(1.55)
    assert pressure.is_late(1.65)  # nor has the one of 1.5
    pressure.beat(1.7, 0.1)
    assert pressure.is_late(1.71)  # two running were 0.2 s late and more
    pressure.beat(1.8, 0.1)
    assert not pressure.is_late(1.85)


async def test_past_the_knee_calls_are_sent_away_though_little_waits() -> None:
    now = asyncio.get_running_loop().time()
    intake = Intake(Metrics())
    intake.pressure.beat(now - 1.5, 0.1)
    intake.pressure.beat(now - 1.0, 0.1)  # 0.9 s ago it should have beaten again, and it was late before
    intake.make_room()  # nobody is ahead
    waiting(intake, 1)
    with pytest.raises(Busy):
        intake.make_room()
    assert intake.full


def test_a_quiet_worker_is_not_taken_for_a_slow_one() -> None:
    pressure = Pressure()
    before = pressure.per_second
    for n in range(100):
        pressure.done(1, n, n + 0.005, kept_up=True)
    assert pressure.per_second == before


def test_transactions_that_overlap_are_not_counted_as_if_each_had_all_the_time() -> None:
    pressure = Pressure()
    for n in range(200):  # two under way at any time, each takes 0.2 s
        pressure.done(400, n * 0.1, n * 0.1 + 0.2, kept_up=False)
    assert pressure.per_second == pytest.approx(4_000)


def test_those_who_are_refused_are_told_to_come_back_at_different_times() -> None:
    pressure = Pressure()
    told = [pressure.retry_after(600) for _ in range(8)]
    assert told == [*range(1, RETRY_SECONDS_MAX + 1)] * 2


async def test_past_the_room_there_is_the_door_says_busy_and_a_batch_has_more_room() -> None:
    intake = Intake(Metrics())
    intake.alone.extend([a_submission(northbound())] * WAITING_MIN)
    with pytest.raises(Busy):
        intake.make_room()
    intake.make_room(bulk=True)
    intake.alone.pop()
    intake.make_room()


async def test_what_comes_in_bulk_does_not_use_up_the_room_of_what_comes_alone() -> None:
    intake = Intake(Metrics())
    waiting(intake, WAITING_MIN + 1, bulk=True)
    intake.make_room()


# --- who goes first ---


async def test_with_a_batch_of_a_thousand_waiting_a_single_call_is_in_the_next_transaction() -> None:
    intake = Intake(Metrics())
    waiting(intake, 1_000, bulk=True)
    [single] = waiting(intake, 1)
    batch = intake.take(1_024, 0.0)
    assert batch[0] is single and len(batch) == MIXED_BATCH_MAX


async def test_singles_without_end_do_not_keep_a_batch_waiting() -> None:
    intake = Intake(Metrics())
    many = waiting(intake, 100, bulk=True)
    waiting(intake, 2_000)
    batch = intake.take(1_024, 0.0)
    assert [each for each in batch if each.bulk] == many and len(batch) == MIXED_BATCH_MAX


# --- who waits no more ---


async def test_what_waited_longer_than_its_caller_is_not_decided_and_its_key_is_free() -> None:
    intake = Intake(Metrics())
    late, in_time = waiting(intake, 2)
    late.until = 5.0
    assert intake.take(10, 5.0) == [in_time]
    assert late.answer.result().status == UNDECIDED and intake.lapsed == 1
    assert intake.in_flight_keys == {in_time.payment_id}


async def test_what_its_caller_has_hung_up_on_is_not_decided() -> None:
    intake = Intake(Metrics())
    left, there = waiting(intake, 2)
    left.gone, there.gone = (lambda: True), (lambda: False)
    assert intake.take(10, 0.0) == [there] and left.answer.result().status == UNDECIDED


async def test_a_caller_is_told_in_time_although_the_store_hangs_and_what_waits_behind_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flow_loops, "SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(flow_loops, "ACCEPTS_IN_FLIGHT", 1)
    sandbox = await opened()
    accept, goes_on = sandbox.store.accept, asyncio.Event()

    async def hanging(batch: Sequence[Admission], generation: int, judge: Judge) -> list[Outcome]:
        await goes_on.wait()
        return await accept(batch, generation, judge)

    monkeypatch.setattr(sandbox.store, "accept", hanging)
    until = asyncio.get_running_loop().time() + 0.1
    instruction = northbound(person=1)
    first = sandbox.submission(instruction, HARBOUR, "first", until=until)
    await asyncio.sleep(0.02)
    second = sandbox.submission(northbound(person=2), HARBOUR, "second", until=until)
    async with asyncio.timeout(5):
        assert (await first.answer).status == UNANSWERED  # it may stand: its key is not free
        assert (await second.answer).status == UNDECIDED
    assert sandbox.worker.intake.in_flight_keys == {first.payment_id}
    goes_on.set()
    assert (await sandbox.pay(northbound(person=1), HARBOUR, "third")).status == "accepted"
    assert not sandbox.worker.intake.in_flight_keys
    assert {each.payment_id for each in await sandbox.store.payments(None, None, 10)} >= {first.payment_id}
    assert await sandbox.store.payment(second.payment_id) is None
    again = await sandbox.pay(instruction, HARBOUR, "first")
    assert again.replayed and again.same_content
    await sandbox.stop()


async def test_of_what_the_store_did_not_say_whether_it_took_it_nobody_is_told_that_it_was_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flow_loops, "RETRY_SECONDS", 0.01)
    sandbox = await opened()

    async def away(*_: object) -> list[Outcome]:
        raise StoreUnavailable("planted")

    monkeypatch.setattr(sandbox.store, "accept", away)
    until = asyncio.get_running_loop().time() + 0.1
    submission = sandbox.submission(northbound(), HARBOUR, "k", until=until)
    async with asyncio.timeout(5):
        assert (await submission.answer).status == UNANSWERED
    assert not sandbox.worker.intake.in_flight_keys
    await sandbox.stop()
