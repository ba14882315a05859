"""COMMIT, and the connection is gone: what stands is found by its own ids and carried out, and nothing is done twice."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from builders import HARBOUR, NOON, admitted, northbound, planned, refusing, to_magic
from driver import Driver, day_counter
from faulty import UETR
from proxy import COMMIT, DONE_IN_SILENCE, NEVER_SENT, REPLY_LOST, SILENT, Proxy

from fx.quotes import firm
from limits.claims import Refused
from rails.port import RailInstruction
from switch.flow.ports import ACCEPTED, AGAIN, REPLAYED, Admission, Outcome, StoreUnavailable
from switch.payment.refusals import refusal_from
from switch.payment.status import REJECT
from switch.store.postgres import connections
from switch.store.postgres.store import PostgresStore

PAST_DEADLINE = 21
LIMIT = 1.5  # machine seconds; a statement here takes milliseconds
HOWS = [REPLY_LOST, NEVER_SENT]


@pytest_asyncio.fixture
async def proxy(postgres_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(postgres_url) as found:
        yield found


@pytest_asyncio.fixture
async def far(proxy: Proxy, fresh_schema: Callable[[], Awaitable[str]]) -> AsyncIterator[Driver]:
    """A driver whose store is reached through the proxy."""
    store = PostgresStore(proxy.url, await fresh_schema(), pool_size=2)
    await store.open()
    yield await Driver(store).start(lease_seconds=0.0)
    await store.close()


async def accept(far: Driver, *items: Admission, judge: Any = None) -> list[Outcome]:
    return await far.store.accept(items, await far.store.generation(), judge or refusing(far.world))


async def accept_in_the_end(far: Driver, moves: bool = False) -> None:
    """Accept what waits as the loop does: where the store does not answer it goes back, and is judged anew.

    With `moves` the sandbox's world moves on while the store does not answer.
    """
    for _ in range(10):  # the pool finds its dead connections one by one
        batch = list(far.worker.intake.alone)
        try:
            await far.accept()
            return
        except StoreUnavailable:
            far.worker.intake.alone.extend(batch)
        if moves:
            moves = await moved_on(far)
    raise AssertionError


async def moved_on(far: Driver) -> bool:
    """Move the world on; returns whether it has still to be done."""
    try:
        await far.store.advance({"note": "an operator was here"})
    except StoreUnavailable:
        return True
    return False


@pytest.mark.parametrize("how", HOWS)
async def test_every_payment_of_a_batch_is_answered_as_it_stands(far: Driver, proxy: Proxy, how: str) -> None:
    known = northbound(person=9, uetr=UETR)
    await far.accepted(known, key="known")
    submissions = [
        far.submit(northbound("6000.00"), key="first"),
        far.submit(northbound("6000.00"), key="beyond the cap"),
        far.submit(northbound(purpose_code=None), key="malformed"),
        far.submit(northbound(uetr=UETR), key="known uetr"),
        far.submit(northbound("1.00"), key="known"),
        far.submit(northbound("4000.00"), key="second"),
    ]
    proxy.arm(how, COMMIT)  # of the exact path: a batch like this one takes it
    await accept_in_the_end(far)
    assert proxy.cuts == [how]
    answers = [submission.answer.result() for submission in submissions]
    assert [answer.replayed for answer in answers] == [how == REPLY_LOST or n == 4 for n in range(6)]
    assert [answer.same_content for answer in answers] == [n != 4 for n in range(6)]
    stored = [await far.stored(submission.payment_id) for submission in submissions]
    refusals = [refusal_from(each.detail) for each in stored]
    assert [(each.status, refusal and refusal.reason) for each, refusal in zip(stored, refusals, strict=True)] == [
        ("accepted", None), ("rejected", "person-quota"), ("rejected", "purpose-missing"), ("rejected", "duplicate-uetr"),
        ("accepted", None), ("accepted", None),
    ]  # fmt: skip
    for submission in submissions:
        assert len(await far.store.events(submission.payment_id)) == 1
    assert (await far.store.sums([day := day_counter(far, northbound())]))[day].up_posted == 10_000_00
    assert await far.imbalance() == {}


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("how", HOWS)
async def test_a_payment_whose_commit_was_cut_is_carried_out_once(
    far: Driver, proxy: Proxy, how: str, moves: bool
) -> None:
    """It may be ours under our incarnation without our knowing: we become another, and take it over at once."""
    sent: list[str] = []
    rail, send = far.world.rails["ibps"], far.world.rails["ibps"].send

    async def counted(batch: Sequence[RailInstruction]) -> None:
        sent.extend(instruction.uetr for instruction in batch)
        await send(batch)

    rail.send = counted  # type: ignore[method-assign]
    before = await far.accepted(northbound(person=2))
    await far.wait()
    await far.worker.register(60.0)
    proxy.arm(how)
    submission = far.submit(northbound())
    await accept_in_the_end(far, moves)
    assert proxy.cuts == [how] and submission.answer.result().replayed == (how == REPLY_LOST)
    await far.worker.register(60.0)
    assert await far.worker.take_over() == 2
    await far.wait()
    await far.wait(PAST_DEADLINE)
    for payment_id in (before, submission.payment_id):
        assert await far.history(payment_id) == ["accepted", "credited"]
    assert sent == [(await far.stored(payment_id)).uetr for payment_id in (before, submission.payment_id)]
    assert await far.imbalance() == {}


@pytest.mark.parametrize("how", HOWS)
async def test_a_quote_and_a_decision_to_be_made_again_survive_the_cut(far: Driver, proxy: Proxy, how: str) -> None:
    price = planned(admitted(far.world, northbound("20000.00"))).price
    assert price is not None
    [provider] = [p for p in far.world.providers if p.name == price.provider]
    await far.store.save_quotes([firm("q", HARBOUR, price, provider, NOON)])
    quotes = await far.store.quotes(["q"])
    again = admitted(far.world, northbound("20000.00", quote_id="q"), quotes=quotes)
    beside = admitted(far.world, northbound("1.00", person=2))

    def decide_again(item: Admission, refused: Refused) -> None:
        """Every refused payment is decided again."""

    proxy.arm(how, COMMIT)
    with pytest.raises(StoreUnavailable):
        await accept(far, again, beside, judge=decide_again)
    outcomes = await accept(far, again, beside, judge=decide_again)
    assert [outcome.kind for outcome in outcomes] == [AGAIN, REPLAYED if how == REPLY_LOST else ACCEPTED]
    assert (await far.store.quotes(["q"]))["q"][1] == "" and await far.store.payment(again.payment_id) is None


@pytest.mark.parametrize("how", HOWS)
async def test_a_store_that_stays_away_after_the_cut_loses_nobody(far: Driver, proxy: Proxy, how: str) -> None:
    """COMMIT cut, and no second try gets through: later the instruction comes again, as a replay or as new."""
    proxy.arm(how)
    proxy.arm(NEVER_SENT, b"", times=50)  # whatever is said next is cut as well
    submission = far.submit(northbound(), key="k")
    batch = list(far.worker.intake.alone)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await far.accept()
        far.worker.intake.alone.extend(batch)
    with pytest.raises(StoreUnavailable):
        await far.worker.register(60.0)
    proxy._armed.clear()
    await accept_in_the_end(far)
    answer = submission.answer.result()
    assert answer.replayed == (how == REPLY_LOST) and answer.payment_id == submission.payment_id
    await far.worker.register(60.0)
    await far.worker.take_over()
    await far.wait()
    await far.wait(PAST_DEADLINE)
    assert await far.history(submission.payment_id) == ["accepted", "credited"]
    assert await far.imbalance() == {}


@pytest.mark.parametrize("how", HOWS)
async def test_a_report_whose_storing_was_cut_is_stored_once(far: Driver, proxy: Proxy, how: str) -> None:
    warm = await far.accepted(northbound(person=2))  # the statement is known to the connection from now on
    await far.wait()
    await far.wait(PAST_DEADLINE)
    payment_id = await far.accepted(northbound())
    await far.wait()
    far.world.clock.set(far.world.clock.now() + timedelta(seconds=20))
    proxy.arm(how, payment_id.encode())
    with pytest.raises(StoreUnavailable):
        await far.worker.collect()
    await far.worker.collect()
    assert proxy.cuts == [how]
    assert await far.history(payment_id) == ["accepted", "credited"] == await far.history(warm)
    assert await far.imbalance() == {}


@pytest.mark.parametrize("how", HOWS)
async def test_a_take_over_that_was_cut_is_taken_over_in_the_end(far: Driver, proxy: Proxy, how: str) -> None:
    payment_id = await far.accepted(northbound())
    heir = Driver(far.store, incarnation=2)
    await heir.start(lease_seconds=0.0)
    proxy.arm(how)
    with pytest.raises(StoreUnavailable):
        await heir.worker.take_over()
    assert proxy.cuts == [how]
    await heir.worker.register(60.0)
    assert await heir.worker.take_over() == 1
    await heir.wait()
    await heir.wait(PAST_DEADLINE)
    assert await heir.history(payment_id) == ["accepted", "credited"]


@pytest.mark.parametrize("how", HOWS)
async def test_an_exception_record_whose_commit_was_cut_is_written_once(far: Driver, proxy: Proxy, how: str) -> None:
    payment_id = await far.accepted(to_magic("LATE-ACCEPT"))
    await far.wait()
    await far.wait(PAST_DEADLINE)
    await far.worker.operate(await far.stored(payment_id), REJECT)
    far.world.clock.set(far.world.clock.now() + timedelta(hours=1))
    proxy.arm(how)
    with pytest.raises(StoreUnavailable):
        await far.wait()
    await far.wait()
    assert proxy.cuts == [how]
    assert [record.kind for record in await far.store.exceptions(payment_id)] == ["late-acceptance"]
    sums = await far.store.sums(["suspense:ibps:CNY"])
    assert sums["suspense:ibps:CNY"].up_posted == (await far.stored(payment_id)).settlement_minor
    assert await far.imbalance() == {}


@pytest.mark.parametrize("how", HOWS)
async def test_opening_transfers_whose_commit_was_cut_are_posted_once(
    proxy: Proxy, fresh_schema: Callable[[], Awaitable[str]], how: str
) -> None:
    store = PostgresStore(proxy.url, await fresh_schema(), pool_size=2)
    await store.open()
    driver = Driver(store)
    await store.register(1, 60.0)
    proxy.arm("let the partition be made")
    with pytest.raises(StoreUnavailable):
        await driver.start()
    proxy.arm(how)
    with pytest.raises(StoreUnavailable):
        await driver.start()
    await driver.start()
    position = (await store.counters("position:HBAYHKH0:hk-fps:HKD"))["position:HBAYHKH0:hk-fps:HKD"]
    assert position.down_posted == 200_000_000_00
    await store.close()


@pytest.mark.parametrize("deaf", [False, True], ids=["others pass", "nobody is heard"])
@pytest.mark.parametrize("how", [DONE_IN_SILENCE, SILENT])
async def test_a_commit_that_is_never_answered_is_given_up_and_found_out_later(
    proxy: Proxy, fresh_schema: Callable[[], Awaitable[str]], monkeypatch: pytest.MonkeyPatch, how: str, deaf: bool
) -> None:
    """A line that stays and says nothing held the worker until somebody cut it."""
    monkeypatch.setattr(connections, "STATEMENT_SECONDS_MAX", LIMIT)
    store = PostgresStore(proxy.url, await fresh_schema(), pool_size=2)
    await store.open()
    far = await Driver(store).start(lease_seconds=0.0)
    await far.accepted(northbound(person=2))
    proxy.arm(how)
    proxy.silent = deaf
    submission = far.submit(northbound())
    batch, begun = list(far.worker.intake.alone), time.monotonic()
    with pytest.raises(StoreUnavailable):
        async with asyncio.timeout(10):
            await far.accept()
    assert LIMIT <= time.monotonic() - begun < 4 * LIMIT and proxy.cuts == [how]
    proxy.silent = False
    far.worker.intake.alone.extend(batch)
    await accept_in_the_end(far)
    assert submission.answer.result().replayed == (how == DONE_IN_SILENCE)
    assert await far.imbalance() == {}
    await store.close()
