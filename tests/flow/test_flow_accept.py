"""The accepting stage: one answer for each submission, whatever is wrong with its neighbours, the world or the store."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from builders import (
    HARBOUR,
    LION,
    LOTUS,
    NOON,
    PEARL,
    RULEBOOK,
    a_person,
    a_submission,
    a_world,
    domestic,
    northbound,
    some_rails,
    southbound,
)
from driver import Driver, day_counter, plan_of

from fx.money import Money
from fx.quotes import firm
from limits.claims import Claim, Refused
from limits.rules import Judgement
from switch.clock import BusinessClock
from switch.flow import admission
from switch.flow.accept import STALE_TRIES
from switch.flow.admission import Decider
from switch.flow.board import ENTRY_SECONDS, OUTGOING_MAX, Board, News
from switch.flow.intake import WAITING_MAX, Busy, Intake
from switch.flow.loops import Loops
from switch.flow.metrics import Metrics
from switch.flow.ports import Admission, Judge, Outcome, StaleWorld, Store, StoreUnavailable
from switch.flow.submission import payment_id_of
from switch.main import make_worker, memory_sandbox, open_sandbox, opening_transfers
from switch.payment.instruction import Instruction
from switch.payment.plan import Plan, Refusal
from switch.sandbox import InFlight, Sandbox
from switch.store.memory import MemoryStore

DAY_CAP = "payment-connect.northbound.day"


class TroubledStore(MemoryStore):
    """A store in memory whose accept can be troubled: `before` and `after` are called with each batch and may raise."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.before: Callable[[Sequence[Admission]], None] = lambda batch: None
        self.after: Callable[[Sequence[Admission]], None] = lambda batch: None

    async def accept(self, batch: Sequence[Admission], generation: int, judge: Judge) -> list[Outcome]:
        self.batches.append(len(batch))
        self.before(batch)
        outcomes = await super().accept(batch, generation, judge)
        self.after(batch)
        return outcomes


async def troubled() -> tuple[Driver, TroubledStore]:
    store = TroubledStore()
    return await Driver(store, a_world(rails=some_rails())).start(), store


async def all_accepted(driver: Driver, count: int, but: Sequence[int] = ()) -> list[Any]:
    """Take in a batch of `count`; all but those named must be accepted."""
    submissions = [driver.submit(northbound("1.00", person=n, instruction_id=f"S{n}")) for n in range(count)]
    await driver.accept()
    answers = [submission.answer.result() for submission in submissions]
    assert [answer.status for n, answer in enumerate(answers) if n not in but] == ["accepted"] * (count - len(but))
    return answers


# --- one bad item never fails the batch ---


async def test_one_that_cannot_be_judged_is_refused_alone(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    translate = admission.translate

    def planted(instruction: Instruction, *rest: Any) -> Any:
        if instruction.instruction_id == "S3":
            raise ZeroDivisionError("planted")
        return translate(instruction, *rest)

    monkeypatch.setattr(admission, "translate", planted)
    answers = await all_accepted(driver, 6, but=[3])
    assert answers[3].status == "rejected" and answers[3].refusal.reason == "internal"
    stored = await driver.stored(answers[3].payment_id)
    assert (stored.status, stored.claims) == ("rejected", ()) and "planted" not in stored.detail


@pytest.mark.parametrize("count", [1, 2, 7, 16])
async def test_one_that_cannot_be_stored_is_found_by_halving_and_refused_alone(count: int) -> None:
    driver, store = await troubled()

    def planted(batch: Sequence[Admission]) -> None:
        if any(item.instruction_id == "S0" and isinstance(item.verdict, Plan) for item in batch):
            raise ZeroDivisionError("planted")

    store.before = planted
    answers = await all_accepted(driver, count, but=[0])
    assert answers[0].status == "rejected" and answers[0].refusal.reason == "internal"
    assert (await driver.stored(answers[0].payment_id)).status == "rejected"
    assert len(store.batches) <= 2 * count.bit_length() + 2  # halved, not tried one by one


async def test_two_that_cannot_be_stored_are_both_found() -> None:
    driver, store = await troubled()

    def planted(batch: Sequence[Admission]) -> None:
        if any(item.instruction_id in ("S2", "S11") and isinstance(item.verdict, Plan) for item in batch):
            raise ZeroDivisionError("planted")

    store.before = planted
    answers = await all_accepted(driver, 16, but=[2, 11])
    assert [answers[n].refusal.reason for n in (2, 11)] == ["internal", "internal"]


async def test_a_store_that_is_away_refuses_nobody() -> None:
    driver, store = await troubled()

    def away(batch: Sequence[Admission]) -> None:
        raise StoreUnavailable("planted")

    store.before = away
    submission = driver.submit(northbound())
    with pytest.raises(StoreUnavailable):
        await driver.accept()
    assert not submission.answer.done() and store.batches == [1]  # no halving: it is nobody's fault


# --- COMMIT, and no answer ---


async def test_a_batch_whose_commit_stays_unanswered_is_carried_out_all_the_same() -> None:
    """The store has it, the worker was not told, and being asked again the store calls it a replay: it must not lie there."""
    driver, store = await troubled()

    def lost(batch: Sequence[Admission]) -> None:
        store.after = lambda later: None
        raise StoreUnavailable("planted after COMMIT")

    store.after = lost
    submissions = [driver.submit(northbound("1.00", person=n)) for n in range(3)]
    with pytest.raises(StoreUnavailable):
        await driver.accept()
    driver.worker.intake.alone.extend(submissions)  # as the loop does
    await driver.accept()
    for submission in submissions:
        answer = submission.answer.result()
        assert answer.replayed and answer.same_content and answer.payment_id == submission.payment_id
        assert len(await driver.store.events(submission.payment_id)) == 1
    await driver.worker.register(60.0)
    assert await driver.worker.take_over() == 3
    await driver.wait()
    await driver.wait(21)
    for submission in submissions:
        assert await driver.history(submission.payment_id) == ["accepted", "credited"]
    assert await driver.imbalance() == {}


async def test_half_a_batch_that_was_stored_before_the_world_moved_on_is_carried_out() -> None:
    """Halved for a fault, the first half commits; the second finds the world moved on: the first is a replay then."""
    driver, store = await troubled()

    def planted(batch: Sequence[Admission]) -> None:
        if len(batch) == 4:
            raise ZeroDivisionError("planted: halve it")

    async def moves_on(batch: Sequence[Admission], generation: int, judge: Judge) -> list[Outcome]:
        outcomes = await TroubledStore.accept(store, batch, generation, judge)
        if len(store.batches) == 2:
            await store.advance({})
            store.before = lambda later: None
        return outcomes

    store.before = planted
    store.accept = moves_on  # type: ignore[method-assign]
    submissions = [driver.submit(northbound("1.00", person=n)) for n in range(4)]
    await driver.accept()
    assert [s.answer.result().replayed for s in submissions] == [True, True, False, False]
    await driver.worker.register(60.0)
    await driver.worker.take_over()
    await driver.wait()
    await driver.wait(21)
    for submission in submissions:
        assert await driver.history(submission.payment_id) == ["accepted", "credited"]


# --- the world moves on ---


async def test_what_was_decided_before_the_world_moved_on_is_not_admitted_after_it(memory: Driver) -> None:
    """The quotes are read while the clock moves: the instant and the generation are of one world, so it is decided again."""
    quotes, later = memory.store.quotes, NOON.replace(hour=16)

    async def meanwhile(wanted: Sequence[str]) -> Any:
        memory.store.quotes = quotes  # type: ignore[method-assign]
        memory.world.clock.set(later)
        memory.world.generation = await memory.store.advance(memory.world.clock.stored())
        return await quotes(wanted)

    memory.store.quotes = meanwhile  # type: ignore[method-assign]
    answer = await memory.pay(northbound(quote_id="q"))
    assert answer.refusal is not None and answer.refusal.reason == "quote-unknown"
    assert (await memory.stored(answer.payment_id)).received_at == later


async def test_what_becomes_unsure_while_the_lease_is_renewed_stays_so(memory: Driver) -> None:
    worker, register = memory.worker, memory.store.register
    before = worker.incarnation

    async def meanwhile(incarnation: int, seconds: float) -> None:
        worker.flights.unsure = True  # as a lost COMMIT does
        memory.store.register = register  # type: ignore[method-assign]
        await register(incarnation, seconds)

    memory.store.register = meanwhile  # type: ignore[method-assign]
    await worker.register(60.0)
    assert worker.incarnation == before
    await worker.register(60.0)
    assert worker.incarnation == before + 1


async def test_a_world_that_has_moved_on_is_taken_up_and_decided_in_again(driver: Driver) -> None:
    other = a_world(rails=some_rails())
    other.clock.restore(driver.world.clock.stored())
    later = NOON.replace(hour=16)  # 00:00 of the next law day
    other.clock.set(later)
    await driver.store.advance(other.clock.stored())
    payment_id = await driver.accepted(northbound())
    stored = await driver.stored(payment_id)
    assert stored.received_at == later and str(stored.received_on) == "2026-03-06"
    assert driver.world.clock.now() == later and driver.world.generation == await driver.store.generation()


async def test_a_world_that_never_stands_still_stops_the_batch_and_loses_nobody() -> None:
    driver, store = await troubled()
    loops = Loops(driver.worker)

    def moves(batch: Sequence[Admission]) -> None:
        store._generation += 1

    store.before = moves
    submission = a_submission(northbound())
    driver.worker.intake.put(submission)
    with pytest.raises(StaleWorld):
        await loops._accepting()
    assert len(store.batches) == STALE_TRIES and list(driver.worker.intake.alone) == [submission]
    store.before = lambda batch: None
    await loops._accepting()
    assert submission.answer.result().status == "accepted"


# --- decided again ---


async def poor(driver: Driver, **inventories: str) -> None:
    """Fund the providers' CNY anew: take away what they have and leave what is named, major units."""
    for provider, amount in inventories.items():
        key = f"inventory:{provider.replace('_', '-')}:offshore:CNY"
        sums = (await driver.store.sums([key]))[key]
        left = int(amount) * 100
        taken = sums.down_posted - sums.up_posted - left
        [transfer] = [t for t in opening_transfers(driver.world) if t.credit_account == key]
        record = transfer._replace(n=900, debit_account=key, credit_account="funding:world:CNY", amount_minor=taken)
        driver.store._post_alone([record])  # type: ignore[attr-defined]


async def test_an_empty_provider_lets_the_next_one_win(memory: Driver) -> None:
    best = plan_of(memory, northbound("1000.00")).price
    assert best is not None
    [second] = [provider.name for provider in memory.world.providers if provider.name != best.provider]
    await poor(memory, **{best.provider.replace("-", "_"): "100"})
    await memory.accepted(northbound("100.00"))
    payment_id = await memory.accepted(northbound("1000.00", person=2))
    transfers = [stored.transfer for stored in await memory.store.transfers(payment_id)]
    assert any(t.debit_account == f"inventory:{second}:offshore:CNY" for t in transfers)
    assert f'"provider": "{second}"' in (await memory.stored(payment_id)).decision
    assert memory.worker.metrics.outcomes["again"] == 1


async def test_when_every_provider_is_empty_the_payment_is_refused(memory: Driver) -> None:
    await poor(memory, lantern_fx="10", sampan_fx="10")
    answer = await memory.pay(northbound("1000.00"))
    assert answer.refusal is not None and answer.refusal.reason == "no-rate"
    assert await memory.imbalance() == {}


async def test_a_firm_quote_of_a_provider_found_empty_is_not_replaced_by_another(memory: Driver) -> None:
    price = plan_of(memory, northbound("1000.00")).price
    assert price is not None
    [provider] = [p for p in memory.world.providers if p.name == price.provider]
    await memory.store.save_quotes([firm("q", HARBOUR, price, provider, NOON)])
    await poor(memory, lantern_fx="10", sampan_fx="10")
    answer = await memory.pay(northbound("1000.00", quote_id="q"))
    assert answer.refusal is not None and answer.refusal.reason == "no-rate"
    assert (await memory.store.quotes(["q"]))["q"][1] == ""


def to_own_account(amount: str, **changes: Any) -> Any:
    """RMB to an own mainland account: it fits Payment Connect (10,000 HKD a day) and the RMB 80,000 lane."""
    return northbound(
        amount, currency="CNY", creditor__name="CHAN Tai Man", creditor__identification=a_person(1),
        creditor__residency="HK", **changes,
    )  # fmt: skip


async def test_the_next_lane_is_taken_only_where_the_instruction_allows_it(driver: Driver) -> None:
    answer = await driver.pay(to_own_account("20000.00"))
    assert answer.refusal is not None and answer.refusal.detail["rule"] == DAY_CAP
    payment_id = await driver.accepted(to_own_account("20000.00", allow_lanes=True))
    assert (await driver.stored(payment_id)).lane == "same-name.hong-kong"
    day = await driver.store.counters(f"{DAY_CAP}|")
    assert all(sums[:4] == (0, 0, 0, 0) for sums in day.values())


async def test_a_payment_no_lane_takes_is_refused_by_the_rule_that_bound_first(driver: Driver) -> None:
    answer = await driver.pay(to_own_account("80000.01", allow_lanes=True))
    assert answer.refusal is not None and answer.refusal.detail["rule"] == DAY_CAP


async def test_a_lane_named_falls_back_where_the_instruction_allows_it(driver: Driver) -> None:
    await driver.accepted(to_own_account("79999.00", lane="same-name.hong-kong"))
    named = to_own_account("5000.00", lane="same-name.hong-kong", allow_lanes=True)
    assert (await driver.stored(await driver.accepted(named))).lane == "payment-connect.northbound"


async def test_two_payments_of_one_batch_with_the_same_quote_lose_no_third(driver: Driver) -> None:
    """The first of the two is over its cap; the other is decided again, and what else is in the batch goes on."""
    price = plan_of(driver, northbound("10000.00")).price
    assert price is not None
    [provider] = [p for p in driver.world.providers if p.name == price.provider]
    await driver.store.save_quotes([firm("q", HARBOUR, price, provider, NOON)])
    await driver.accepted(northbound("1000.00"))
    batch = [
        a_submission(northbound("10000.00", quote_id="q"), "over"),
        a_submission(northbound("10000.00", person=2, quote_id="q"), "rival"),
        a_submission(northbound("100.00", person=3), "bystander"),
    ]
    await driver.worker.accept(batch)
    while driver.worker.intake.alone:
        await driver.worker.accept([driver.worker.intake.alone.popleft()])
    over, rival, bystander = (one.answer.result() for one in batch)
    assert over.refusal is not None and over.refusal.detail["rule"] == DAY_CAP
    assert rival.refusal is None and bystander.refusal is None
    assert {flight.payment_id for flight in driver.worker.flights.by_key.values()} >= {
        rival.payment_id,
        bystander.payment_id,
    }


async def test_a_participant_that_may_not_send_for_an_agent_takes_none_of_its_identities(driver: Driver) -> None:
    instruction = northbound("100.00", uetr="6f1c1a53-2a4e-4d0b-9a55-6261797377ff")
    stranger = a_submission(instruction, "mine")
    stranger.refusal = Refusal("not-your-agent", {"participant": LION, "agent": HARBOUR}, "debtor_agent")
    stranger.participant = LION
    stranger.payment_id = payment_id_of("main", LION, "mine")
    await driver.worker.accept([stranger])
    assert stranger.answer.result().refusal is not None
    await driver.accepted(instruction)


# --- quotes ---


async def test_another_participant_s_quote_is_unknown(driver: Driver) -> None:
    price = plan_of(driver, northbound("1000.00")).price
    assert price is not None
    [provider] = [p for p in driver.world.providers if p.name == price.provider]
    await driver.store.save_quotes([firm("q", LION, price, provider, NOON)])
    answer = await driver.pay(northbound("1000.00", quote_id="q"))
    assert answer.refusal is not None and answer.refusal.reason == "quote-unknown"


# --- the closed board ---


async def closed_day(driver: Driver) -> Any:
    """Use up a person's day, and have it found out by a refusal."""
    await driver.accepted(northbound("10000.00"))
    answer = await driver.pay(northbound("1.00"))
    assert answer.refusal is not None and answer.refusal.detail["rule"] == DAY_CAP
    return answer.refusal


async def test_a_closed_counter_refuses_without_asking_the_counters() -> None:
    driver, store = await troubled()
    refusal = await closed_day(driver)
    plans: list[int] = []

    def counted(batch: Sequence[Admission]) -> None:
        plans.append(sum(isinstance(item.verdict, Plan) for item in batch))

    store.before = counted
    answer = await driver.pay(northbound("5.00"))
    assert answer.refusal is not None and plans == [0]
    assert answer.refusal.reason == refusal.reason and answer.refusal.detail["headroom"] == "HKD 0.00"
    assert (await driver.stored(answer.payment_id)).status == "rejected"  # it has its row all the same
    await driver.accepted(northbound("5.00", person=2))  # another person's counter is open


@pytest.mark.parametrize("by_board", [True, False])
async def test_a_lane_passed_over_yesterday_is_open_today(
    new_store: Callable[[], Awaitable[Store]], by_board: bool
) -> None:
    """The lane was found full on Friday; before the payment is decided anew another worker moves the clock to Saturday."""
    friday, saturday = datetime(2026, 3, 6, 4, 0, tzinfo=UTC), datetime(2026, 3, 7, 4, 0, tzinfo=UTC)
    driver = await Driver(await new_store(), a_world(friday, rails=some_rails())).start()
    own: dict[str, Any] = {
        "creditor__identification": a_person(1), "creditor__name": "CHAN Tai Man", "creditor__residency": "HK",
        "purpose_code": "SAVG",
    }  # fmt: skip
    await driver.accepted(northbound("10000.00"))
    assert (await driver.pay(northbound("1.00", "CNY", **own))).refusal is not None
    submission = driver.submit(northbound("500.00", "CNY", allow_lanes=True, **own))
    if not by_board:
        driver.worker.board.entries.clear()
        batch = list(driver.worker.intake.alone)
        driver.worker.intake.alone.clear()
        await driver.worker.accept(batch)  # found full by the counters: to be decided again
        assert submission.passed_lanes
    await driver.store.advance(driver.world.clock.moved(saturday), await driver.store.generation())
    await driver.accept()
    stored = await driver.stored(submission.answer.result().payment_id)
    assert (stored.status, stored.received_on, stored.lane) == (
        "accepted", saturday.date(), "payment-connect.northbound",
    )  # fmt: skip


async def test_what_was_refused_at_a_floor_says_nothing_of_claims_upwards() -> None:
    board = Board(lambda: 0.0)
    sell = Claim("swap-connect.northbound.day", "swap-connect.northbound.day|market|2026-03-05", -1, 100, -100)
    board.learn(Refused(sell, 0), 1, NOON)
    assert board.refused([sell._replace(delta=1)], 1, NOON) is None


async def test_an_entry_is_not_believed_for_longer_than_a_second(driver: Driver) -> None:
    await closed_day(driver)
    assert driver.worker.board.entries
    driver.machine.now += ENTRY_SECONDS + 0.001
    plan = plan_of(driver, northbound("1.00"))
    assert driver.worker.board.refused(plan.claims, driver.world.generation, NOON) is None
    assert driver.worker.board.entries == {}


async def test_what_a_rejection_gave_back_is_taken_after_a_second_at_the_latest(driver: Driver) -> None:
    payment_id = await driver.accepted(northbound("10000.00", creditor__account__number="MAGIC-REJECT-AC03"))
    answer = await driver.pay(northbound("1.00"))
    assert answer.refusal is not None
    await driver.wait()
    await driver.wait(21)
    assert (await driver.stored(payment_id)).status == "rejected"
    driver.machine.now += ENTRY_SECONDS + 0.001
    await driver.accepted(northbound("10000.00"))


async def test_another_generation_or_law_day_is_not_refused_by_an_old_entry(memory: Driver) -> None:
    board, world = memory.worker.board, memory.world
    await closed_day(memory)
    claims = plan_of(memory, northbound("1.00")).claims
    assert board.refused(claims, world.generation, NOON) is not None
    assert board.refused(claims, world.generation + 1, NOON) is None and board.entries == {}
    await memory.pay(northbound("1.00"))
    assert board.refused(claims, world.generation, NOON.replace(hour=16)) is None and board.entries == {}


async def test_headroom_that_is_only_too_small_closes_nothing(memory: Driver) -> None:
    await memory.accepted(northbound("9999.00"))
    await memory.pay(northbound("2.00"))
    assert memory.worker.board.entries == {}
    await memory.accepted(northbound("1.00"))


async def test_an_empty_position_is_never_put_on_the_board(memory: Driver) -> None:
    """Accounts are funded from outside at any moment; only counters of the law close."""
    answer = await memory.pay(domestic("200000000.01"))
    assert answer.refusal is not None and answer.refusal.reason == "liquidity"
    assert memory.worker.board.entries == {}


async def test_the_board_does_not_keep_a_payment_from_its_next_lane(driver: Driver) -> None:
    await driver.accepted(northbound("10000.00"))  # the same person's day, used up in Hong Kong dollars
    await driver.pay(to_own_account("50.00"))
    assert driver.worker.board.entries
    payment_id = await driver.accepted(to_own_account("50.00", allow_lanes=True))
    assert (await driver.stored(payment_id)).lane == "same-name.hong-kong"


async def test_news_goes_to_the_other_workers_and_is_believed_as_one_s_own() -> None:
    machine = lambda: 5.0  # noqa: E731
    here, there = Board(machine), Board(machine)
    here.linked = True
    driver = await Driver(MemoryStore(), board=here).start()
    await closed_day(driver)
    [closed] = [news for news in here.outgoing if news.topic == "closed"]
    there.hear(closed)
    claims = plan_of(driver, northbound("1.00")).claims
    assert there.refused(claims, driver.world.generation, NOON) is not None
    there.hear(News("status", "some-payment", "ACCC"))  # not for the board
    assert list(there.entries) == [day_counter(driver, northbound())]


async def test_a_board_nobody_listens_to_keeps_no_news(memory: Driver) -> None:
    await closed_day(memory)
    assert not memory.worker.board.outgoing
    memory.worker.board.linked = True
    for n in range(OUTGOING_MAX + 5):
        memory.worker.board.news(str(n), "ACCC")
    assert len(memory.worker.board.outgoing) == OUTGOING_MAX


# --- a running sandbox: keys in flight, the queue ---


@pytest.fixture
def clock() -> BusinessClock:
    found = BusinessClock()
    found.begin(NOON, rate=0)
    return found


async def opened(clock: BusinessClock) -> Sandbox:
    sandbox = memory_sandbox(clock, instant=True, rulebook=RULEBOOK)
    await open_sandbox(sandbox)
    return sandbox


async def test_a_key_that_is_being_worked_on_is_in_flight(clock: BusinessClock) -> None:
    sandbox = await opened(clock)
    instruction = northbound()
    first = sandbox.submission(instruction, HARBOUR, "k")
    with pytest.raises(InFlight):
        sandbox.submission(instruction, HARBOUR, "k")
    other = sandbox.submission(southbound(), PEARL, "k")  # another participant's key is another key
    assert (await first.answer).status == (await other.answer).status == "accepted"
    again = await sandbox.pay(instruction, HARBOUR, "k")
    assert again.replayed and again.payment_id == first.payment_id
    await sandbox.stop()


async def test_a_caller_who_goes_away_leaves_the_key_free(clock: BusinessClock) -> None:
    """The connection is cut while the instruction waits: the same key must not be called in flight for ever."""
    sandbox = await opened(clock)
    instruction = northbound()
    going = asyncio.create_task(sandbox.pay(instruction, HARBOUR, "k"))
    await asyncio.sleep(0)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    async with asyncio.timeout(5):
        while sandbox.worker.intake.in_flight_keys:
            await asyncio.sleep(0.001)
        answer = await sandbox.pay(instruction, HARBOUR, "k")
    assert answer.status == "accepted" or answer.replayed
    assert not sandbox.worker.intake.in_flight_keys and not sandbox.worker.intake.alone
    await sandbox.stop()


async def test_callers_who_all_go_away_do_not_stop_the_queue(clock: BusinessClock) -> None:
    sandbox = await opened(clock)
    submissions = [sandbox.submission(northbound(person=n), HARBOUR, f"k{n}") for n in range(3)]
    for submission in submissions:
        submission.answer.cancel()
    accept, sizes = sandbox.store.accept, []

    async def noted(batch: Sequence[Admission], generation: int, judge: Judge) -> list[Outcome]:
        sizes.append(len(batch))
        return await accept(batch, generation, judge)

    sandbox.worker.store.accept = noted  # type: ignore[method-assign]
    await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        assert (await sandbox.pay(northbound(), HARBOUR, "after")).status == "accepted"
    assert sizes == [1]  # a batch of nobody would be halved without end
    assert not sandbox.worker.intake.in_flight_keys
    await sandbox.stop()


async def test_a_participant_may_not_send_for_another_s_agent(clock: BusinessClock) -> None:
    sandbox = await opened(clock)
    answer = await sandbox.pay(northbound(), LION, "k")
    assert answer.refusal is not None and answer.refusal.reason == "not-your-agent"
    assert (await sandbox.payment(answer.payment_id, LION)).status == "rejected"
    await sandbox.stop()


async def test_a_full_queue_says_so_and_keeps_nothing_of_who_came_too_late() -> None:
    intake = Intake(Metrics())
    intake.alone.extend([a_submission(northbound())] * WAITING_MAX)
    with pytest.raises(Busy):
        intake.put(a_submission(northbound()))
    assert len(intake.alone) == WAITING_MAX and not intake.in_flight_keys


async def test_two_of_one_key_never_share_a_batch() -> None:
    intake = Intake(Metrics())
    instruction = northbound()
    first, second, other = a_submission(instruction, "k"), a_submission(instruction, "k"), a_submission(northbound())
    intake.alone.extend([first, second, other])
    assert intake.take(10, 0.0) == [first, other]
    assert intake.take(10, 0.0) == [second]


async def test_explain_says_what_paying_would_and_reserves_nothing(clock: BusinessClock) -> None:
    sandbox = await opened(clock)
    before = await sandbox.store.counters("")
    document = await sandbox.explain(northbound("10000.01"), HARBOUR)
    assert (document["status"], document["reason"]["rule"], document["reason"]["headroom"]) == (
        "RJCT", DAY_CAP, "HKD 10000.00",
    )  # fmt: skip
    assert (await sandbox.explain(northbound("10000.00"), HARBOUR))["status"] == "ACSP"
    assert await sandbox.store.counters("") == before and await sandbox.store.payments(None, None, 9) == []
    await sandbox.stop()


@pytest.mark.parametrize(("amount", "reported"), [("7999.99", False), ("8000.00", True)])
async def test_a_threshold_is_measured_before_charges(clock: BusinessClock, amount: str, reported: bool) -> None:
    sandbox = await opened(clock)
    to_macau = domestic(
        amount, creditor__residency="MO", creditor_agent=LOTUS, creditor__account__number="904777000001"
    )
    document = await sandbox.explain(to_macau, HARBOUR)
    assert document["charge"] is not None and ("hong-kong.wire" in document["reports"]) == reported
    await sandbox.stop()


async def test_a_pair_that_nobody_converts_is_said_to_be_one(clock: BusinessClock) -> None:
    sandbox = await opened(clock)
    refused = await sandbox.quote(HARBOUR, "THB", "KWD", Money(100_00, "THB"), "offshore")
    assert isinstance(refused, Refusal) and refused.reason == "not-converted"
    await sandbox.stop()


async def test_the_clock_of_a_running_sandbox_carries_out_what_falls_due(clock: BusinessClock) -> None:
    sandbox = memory_sandbox(clock, rulebook=RULEBOOK)
    await open_sandbox(sandbox)
    answer = await sandbox.pay(northbound(), HARBOUR, "k")
    assert await sandbox.settle_down(5)
    assert (await sandbox.payment(answer.payment_id, HARBOUR)).status in ("accepted", "submitted")
    await sandbox.move_clock(NOON.replace(minute=1), None)
    assert await sandbox.settle_down(5)
    assert (await sandbox.payment(answer.payment_id, HARBOUR)).status == "credited"
    await sandbox.stop()


async def test_a_sandbox_is_not_settled_down_while_a_step_is_being_carried_out(clock: BusinessClock) -> None:
    """The report has been taken from the rail and the store is still at it: nothing is due, and yet it is not done."""

    class SlowStore(MemoryStore):
        async def finish(self, steps: Any) -> Any:
            await asyncio.sleep(0.05)
            return await super().finish(steps)

    world, store = memory_sandbox(clock, rulebook=RULEBOOK).world, SlowStore()
    sandbox = Sandbox(world, store, make_worker(world, store))
    await open_sandbox(sandbox)
    answer = await sandbox.pay(northbound(), HARBOUR, "k")
    await sandbox.settle_down(5)
    await sandbox.move_clock(NOON.replace(second=19), None)
    await asyncio.sleep(0.01)  # the loop has taken the report off the rail; no deadline is due yet
    assert await sandbox.settle_down(5)
    assert (await sandbox.payment(answer.payment_id, HARBOUR)).status == "credited"
    await sandbox.stop()


def test_judgement_of_an_instruction_without_facts_is_none() -> None:
    world = a_world()

    class Bare:
        instruction = northbound(purpose_code=None)

    found: Judgement | None = Decider(world).judgement(Bare, NOON, world.view(NOON))  # type: ignore[arg-type]
    assert found is None


async def test_explain_does_not_show_what_others_paid_to_the_creditor(clock: BusinessClock) -> None:
    sandbox = await opened(clock)
    document = await sandbox.explain(northbound("100.00"), HARBOUR)
    shown = {claim["rule"]: claim["used"] for claim in document["claims"]}
    assert shown[DAY_CAP] == "0.00" and shown["mainland.large-value.cross-border.day"] is None
    await sandbox.stop()
