"""COMMIT, and the connection is gone: the store reads back what stands and says the truth, and nothing is done twice."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from builders import HARBOUR, NOON, admitted, northbound, planned, refusing, to_magic
from driver import Driver
from proxy import NEVER_SENT, REPLY_LOST, Proxy

from fx.quotes import firm
from limits.claims import Refused
from switch.flow.ports import ACCEPTED, AGAIN, REFUSED, REPLAYED, Admission, Outcome, StoreUnavailable
from switch.payment.status import REJECT
from switch.store.postgres.store import PostgresStore

PAST_DEADLINE = 21
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


@pytest.mark.parametrize("how", HOWS)
async def test_every_outcome_of_a_batch_is_told_truly(far: Driver, proxy: Proxy, how: str) -> None:
    known = admitted(far.world, northbound(person=9), key="known")
    await accept(far, known)
    items = [
        admitted(far.world, northbound("6000.00"), key="first"),
        admitted(far.world, northbound("6000.00"), key="beyond the cap"),
        admitted(far.world, northbound(purpose_code=None), key="malformed"),
        admitted(far.world, northbound(uetr=known.uetr), key="known uetr"),
        admitted(far.world, northbound("1.00"), key="known"),
        admitted(far.world, northbound("4000.00"), key="second"),
    ]
    proxy.arm(how)
    outcomes = await accept(far, *items)
    assert proxy.cuts == [how]
    said = [(outcome.kind, outcome.refusal.reason if outcome.refusal else "") for outcome in outcomes]
    assert said == [
        (ACCEPTED, ""), (REFUSED, "person-quota"), (REFUSED, "purpose-missing"), (REFUSED, "duplicate-uetr"),
        (REPLAYED, ""), (ACCEPTED, ""),
    ]  # fmt: skip
    assert (outcomes[4].payment_id, outcomes[4].same_content) == (known.payment_id, False)
    for item in items:
        assert len(await far.store.events(item.payment_id)) == 1
    [day] = [claim.counter for claim in planned(items[0]).claims if claim.rule == "payment-connect.northbound.day"]
    assert (await far.store.sums([day]))[day].up_posted == 10_000_00
    assert await far.imbalance() == {}


@pytest.mark.parametrize("how", HOWS)
async def test_a_payment_whose_commit_was_cut_is_carried_out_once(far: Driver, proxy: Proxy, how: str) -> None:
    proxy.arm(how)
    answer = await far.pay(northbound())
    assert (answer.status, answer.replayed, proxy.cuts) == ("accepted", False, [how])
    await far.wait()
    await far.wait(PAST_DEADLINE)
    assert await far.history(answer.payment_id) == ["accepted", "credited"]
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

    proxy.arm(how)
    outcomes = await accept(far, again, beside, judge=decide_again)
    assert [outcome.kind for outcome in outcomes] == [AGAIN, ACCEPTED]
    assert (await far.store.quotes(["q"]))["q"][1] == "" and await far.store.payment(again.payment_id) is None


@pytest.mark.parametrize("how", HOWS)
async def test_a_store_that_stays_away_after_the_cut_loses_nobody(far: Driver, proxy: Proxy, how: str) -> None:
    """COMMIT cut, and no second try gets through: later the instruction comes again, as a replay or as new."""
    proxy.arm(how)
    proxy.arm(NEVER_SENT, b"", times=50)  # whatever is said next is cut as well
    submission = far.submit(northbound(), key="k")
    batch = list(far.worker.waiting)
    far.worker.waiting.clear()
    with pytest.raises(StoreUnavailable):
        await far.worker.accept(batch)
    proxy._armed.clear()
    far.worker.waiting.extend(batch)
    for _ in range(10):  # the pool finds its dead connections one by one
        try:
            await far.accept()
            break
        except StoreUnavailable:
            far.worker.waiting.clear()
            far.worker.waiting.extend(batch)
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
