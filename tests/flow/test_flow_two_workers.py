"""Two workers of one sandbox, and a store that fails half way: what one of them has begun, ended or dictated the other carries on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from builders import NOON, a_world, domestic, northbound, to_magic
from driver import Books, Driver

from rails.port import CREDITED, REJECTED, RailInstruction, RailReport, RailUnavailable, RecallAnswer
from switch.dictation import Dictation
from switch.flow.decisions import Decisions
from switch.flow.ports import ABORT, Store, Stored, StoreUnavailable
from switch.flow.recalls import RecallAsk
from switch.flow.return_books import Opened
from switch.payment.status import REJECT

NewStore = Callable[[], Awaitable[Store]]
UETR = "6f0d53a2-9d8c-4c1b-8a55-00000000000a"
KEY = (UETR, 1)


async def pair(new_store: NewStore) -> tuple[Driver, Driver]:
    books = Books()
    one = await Driver(await new_store(), a_world(rails=books.rails()), 1).start()
    two = await Driver(await new_store(), a_world(rails=books.rails()), 2).start()
    return one, two


async def silent_and_in_doubt(driver: Driver) -> str:
    payment_id = await driver.accepted(domestic(uetr=UETR))
    await driver.wait()
    await Dictation(driver.world, driver.store, driver.worker).set_state(await driver.stored(payment_id), "in_doubt")
    await driver.wait(1)
    assert (await driver.stored(payment_id)).status == "in_doubt"
    return payment_id


async def vetoed(driver: Driver, payment_id: str) -> None:
    """The rail knows of the end, the creditor agent was told once, and nobody waits for anything any more."""
    [answer] = await driver.world.rails["hk-fps"].inquire([KEY], driver.world.clock.now())
    assert (answer.status, answer.reason_code) == (REJECTED, "AB03")
    stored = await driver.stored(payment_id)
    assert (stored.status, stored.awaits_rail) == ("rejected", False)
    assert [event.record for event in await driver.store.events(payment_id)].count(ABORT) == 1
    assert await driver.store.exceptions(None) == [] and await driver.imbalance() == {}


async def test_a_five_step_rail_is_told_of_an_end_that_came_through_a_worker_without_the_flight(
    new_store: NewStore,
) -> None:
    one, two = await pair(new_store)
    payment_id = await silent_and_in_doubt(one)
    await two.worker.operate(await two.stored(payment_id), REJECT)
    assert not two.worker.flights.aborted  # the one that has the flight tells the rail
    for seconds in (1, 60):
        await one.wait(seconds)
    await vetoed(one, payment_id)
    assert not one.worker.flights


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "its reply is lost"])
async def test_an_end_whose_telling_the_store_did_not_take_is_told_all_the_same(
    new_store: NewStore, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    driver = await Driver(await new_store(), a_world(rails=Books().rails())).start()
    payment_id = await silent_and_in_doubt(driver)
    eyes, stored, tell = Decisions(driver.world, driver.store, driver.worker.operate), await driver.stored(payment_id), driver.store.tell  # fmt: skip

    async def away(*said: object) -> None:
        if after:
            await tell(*said)  # type: ignore[arg-type]
        raise StoreUnavailable("away")

    await eyes.on_payment(stored, REJECT, "Chan", "Silent.")
    with monkeypatch.context() as patch:
        patch.setattr(driver.store, "tell", away)
        with pytest.raises(StoreUnavailable):
            await eyes.on_payment(stored, REJECT, "Wong", "Silent.")
    again = await eyes.on_payment(await driver.stored(payment_id), REJECT, "Wong", "Silent.")
    assert (again.outcome, again.decided_by) == ("confirmed", "Wong")
    for seconds in (1, 60):
        await driver.wait(seconds)
    await vetoed(driver, payment_id)


async def test_an_end_is_told_where_whoever_ended_it_vanished_right_after(new_store: NewStore) -> None:
    one, two = await pair(new_store)
    payment_id = await silent_and_in_doubt(one)

    async def gone() -> None:
        raise StoreUnavailable("the process ends here")

    two.worker.operate.__self__._tell_of_ends = gone  # type: ignore[attr-defined]
    with pytest.raises(StoreUnavailable):
        await two.worker.operate(await two.stored(payment_id), REJECT)
    for seconds in (1, 60):
        await one.wait(seconds)
    await vetoed(one, payment_id)


async def test_what_is_dictated_through_another_worker_is_no_late_acceptance_when_the_first_reports_what_it_had_in_mind(
    new_store: NewStore,
) -> None:
    one, two = await pair(new_store)
    payment_id = await one.accepted(northbound("100.00", uetr=UETR))
    await one.wait()
    await Dictation(two.world, two.store, two.worker).set_state(await two.stored(payment_id), "rejected", "AC04")
    for seconds in (0, 1, 10, 60):
        await two.wait(seconds)
        await one.wait(seconds)
    stored = await one.stored(payment_id)
    assert (stored.status, stored.code, stored.awaits_rail) == ("rejected", "AC04", False)
    assert await one.store.exceptions(None) == [] and await one.imbalance() == {}
    assert not one.worker.flights and not any(key.startswith("suspense") for key in await one.counters())


async def test_a_dictated_report_that_goes_against_the_payment_is_an_exception_as_any_other(driver: Driver) -> None:
    payment_id = await driver.accepted(northbound("100.00", uetr=UETR))
    await driver.wait(30)
    stored = await driver.stored(payment_id)
    assert stored.status == "credited"
    await driver.worker.finish([RailReport("ibps", UETR, 1, REJECTED, "AC04", driver.world.clock.now())])
    assert [each.kind for each in await driver.store.exceptions(payment_id)] == ["contradiction"]


async def test_what_has_its_last_word_is_not_sent_again_although_sending_it_had_failed(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment_id = await driver.accepted(northbound("100.00", uetr=UETR))
    sent: list[int] = []

    async def lost(batch: list[RailInstruction]) -> None:
        sent.append(len(batch))
        raise RailUnavailable("the reply is lost")

    monkeypatch.setattr(driver.world.rails["ibps"], "send", lost)
    await driver.worker.submit(driver.machine())
    await driver.worker.finish([RailReport("ibps", UETR, 1, CREDITED, "", driver.world.clock.now())])
    assert (await driver.stored(payment_id)).status == "credited"
    for seconds in (0, 60, 2 * 24 * 3600):
        await driver.wait(seconds)
    assert sent == [1] and not driver.worker.unsent and not driver.worker.flights


async def test_the_same_key_for_two_payments_at_once_is_one_recall_and_one_refusal(new_store: NewStore) -> None:
    one, two = await pair(new_store)
    ids = [await one.accepted(northbound("1000.00")), await one.accepted(northbound("500.00", person=2))]
    await one.wait(30)
    payments = [await one.stored(payment_id) for payment_id in ids]
    for n in range(20):  # who of them looks before the other has written is chance
        await _opened_by_one(one, two, payments, f"once-{n}")


async def _opened_by_one(one: Driver, two: Driver, payments: list[Stored], key: str) -> None:
    ask = RecallAsk("CUST", None, "")
    opened: list[Opened] = await asyncio.gather(
        *(who.worker.recalls.ask(stored, key, ask) for stored in payments for who in (one, two))
    )
    recalls = [each.recall for each in opened if each.recall is not None]
    assert len(recalls) == 4 and len({recall.recall_id for recall in recalls}) == 1
    assert len([each for each in opened if not each.replayed]) == 1
    assert sorted(each.same_content for each in opened) == [False, False, True, True]
    answer = RecallAnswer("ibps", recalls[0].recall_id, REJECTED, "NOAS", NOON)
    assert await one.store.answer_recall(answer)  # so that the next one may be asked


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("send_fails", [False, True])
async def test_a_clock_that_jumps_past_the_deadline_before_the_send_and_stands_leaves_nothing_accepted(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, send_fails: bool, silent: bool
) -> None:
    payment_id = await driver.accepted(to_magic("LATE-ACCEPT", uetr=UETR) if silent else northbound(uetr=UETR))
    driver.world.clock.set(NOON + timedelta(hours=1))
    await driver.worker.complete()  # its deadline comes up, and it is still to be sent
    assert await driver.history(payment_id) == ["accepted"]
    if send_fails:
        with monkeypatch.context() as patch:
            patch.setattr(driver.world.rails["ibps"], "send", _lost)
            await driver.worker.submit(driver.machine())
    await driver.wait()  # the clock stands from here on
    assert (await driver.stored(payment_id)).status == ("in_doubt" if send_fails else "credited")
    await driver.wait(2 * 3600)
    assert (await driver.stored(payment_id)).status == "credited" and await driver.imbalance() == {}


async def _lost(batch: list[RailInstruction]) -> None:
    raise RailUnavailable("the reply is lost")
