"""A worker vanishes at each step, and another takes over what it held: nothing is lost, nothing is done twice."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from builders import NOON, a_world, domestic, northbound, to_magic, trade
from driver import Books, Driver

from switch.flow.ports import Step, Store
from switch.payment.status import REJECT, SETTLE, TIME_OUT

NewStore = Callable[[], Awaitable[Store]]
PAST_DEADLINE = 21


class Sandbox:
    """Workers one after the other on the same books of switch and rails."""

    def __init__(self, new_store: NewStore) -> None:
        self._new_store = new_store
        self.books = Books()
        self._incarnations = 0

    async def worker(self, seconds: float = 0) -> Driver:
        """Start a worker `seconds` after noon; the one before is gone, its lease has lapsed."""
        self._incarnations += 1
        world = a_world(NOON + timedelta(seconds=seconds), rails=self.books.rails())
        driver = Driver(await self._new_store(), world, self._incarnations)
        return await driver.start(lease_seconds=0.0)

    async def successor(self, seconds: float = 0) -> Driver:
        """Start a worker that takes over all there is."""
        driver = await self.worker(seconds)
        while await driver.worker.take_over():
            pass
        return driver


async def test_what_was_accepted_and_not_sent_is_sent_by_the_next(new_store: NewStore) -> None:
    sandbox = Sandbox(new_store)
    payment_id = await (await sandbox.worker()).accepted(northbound())
    second = await sandbox.successor(seconds=5)
    assert len(second.worker.unsent) == 1
    await second.wait()
    await second.wait(PAST_DEADLINE)
    assert await second.history(payment_id) == ["accepted", "credited"]
    assert await second.imbalance() == {}


async def test_what_was_sent_and_not_marked_is_sent_again_and_paid_once(new_store: NewStore) -> None:
    sandbox = Sandbox(new_store)
    first = await sandbox.worker()
    payment_id = await first.accepted(northbound("100.00"))
    await first.wait()
    second = await sandbox.successor(seconds=5)
    await second.wait()
    await second.wait(PAST_DEADLINE)
    await second.wait(PAST_DEADLINE)
    assert await second.history(payment_id) == ["accepted", "credited"]
    stored = await second.stored(payment_id)
    position = (await second.store.sums(["position:PEARCNG0:ibps:CNY"]))["position:PEARCNG0:ibps:CNY"]
    assert position.down_posted == 200_000_000_00 + stored.settlement_minor and position.down_pending == 0
    book = sandbox.books("ibps")
    assert len(await book.final_since(NOON)) == 1


async def test_what_was_marked_submitted_is_finished_by_the_next(new_store: NewStore) -> None:
    sandbox = Sandbox(new_store)
    first = await sandbox.worker()
    payment_id = await first.accepted(northbound())
    await first.wait()
    await first.mark()
    second = await sandbox.successor(seconds=30)
    await second.wait()
    assert (await second.history(payment_id))[-1] == "credited"


async def test_what_was_in_doubt_is_asked_about_by_the_next(new_store: NewStore) -> None:
    sandbox = Sandbox(new_store)
    first = await sandbox.worker()
    payment_id = await first.accepted(to_magic("LATE-ACCEPT"))
    await first.wait()
    await first.wait(PAST_DEADLINE)
    assert (await first.stored(payment_id)).status == "in_doubt"
    second = await sandbox.successor(seconds=100)
    assert not second.worker.unsent  # what is in doubt is not sent again
    await second.wait()
    assert (await second.stored(payment_id)).status == "in_doubt"
    await second.wait(3600)
    assert await second.history(payment_id) == ["accepted", "in_doubt", "credited"]


async def test_what_never_reached_the_rail_and_is_in_doubt_is_given_back_by_the_next(new_store: NewStore) -> None:
    sandbox = Sandbox(new_store)
    first = await sandbox.worker()
    before = await first.counters()
    payment_id = await first.accepted(northbound())
    stored = await first.stored(payment_id)
    assert await first.store.finish([Step(payment_id, stored.received_on, TIME_OUT, NOON)])  # by whoever held it before
    second = await sandbox.successor(seconds=30)
    await second.wait()
    assert (await second.stored(payment_id)).code == "AG09"
    assert await second.counters() == before
    # The first was not dead, only slow: the rail keeps out what it promised to.
    await first.worker.submit(0.0)
    await first.wait()
    assert await second.history(payment_id) == ["accepted", "in_doubt", "rejected"]
    assert await sandbox.books("ibps").final_since(NOON) == []


async def test_what_is_settled_and_waits_for_its_credit_is_credited_by_the_next(new_store: NewStore) -> None:
    sandbox = Sandbox(new_store)
    first = await sandbox.worker()
    payment_id = await first.accepted(domestic())
    await first.wait()
    due = first.world.rails["hk-fps"].next_due()
    assert due is not None
    await first.wait((due - NOON).total_seconds())
    assert await first.history(payment_id) == ["accepted", "settled"]
    second = await sandbox.successor(seconds=60)
    await second.wait()
    assert await second.history(payment_id) == ["accepted", "settled", "credited"]


async def test_what_is_final_is_left_alone(new_store: NewStore) -> None:
    sandbox = Sandbox(new_store)
    first = await sandbox.worker()
    ids = [await first.accepted(northbound()), await first.accepted(to_magic("REJECT-AC03"))]
    rtgs = await first.accepted(trade())
    await first.wait()
    await first.wait(1000)
    histories = [await first.history(payment_id) for payment_id in (*ids, rtgs)]
    assert histories == [["accepted", "credited"], ["accepted", "rejected"], ["accepted", "settled"]]
    second = await sandbox.successor(seconds=1100)
    assert not second.worker.flights and not second.worker.unsent
    await second.wait(100)  # reports that fell due within the hour before are told again, and are nothing new
    assert [await second.history(payment_id) for payment_id in (*ids, rtgs)] == histories
    assert await second.store.exceptions(None) == [] and await second.imbalance() == {}


async def test_a_report_that_was_told_and_not_stored_is_told_again(new_store: NewStore) -> None:
    """The worker took the report off the rail and vanished before the store had it."""
    sandbox = Sandbox(new_store)
    first = await sandbox.worker()
    payment_id = await first.accepted(northbound())
    await first.wait()
    now = NOON + timedelta(seconds=20)
    [report] = await first.world.rails["ibps"].reports(now, 10)
    assert report.status == "credited"
    second = await sandbox.successor(seconds=25)
    await second.wait()
    assert await second.history(payment_id) == ["accepted", "credited"]


async def test_a_late_acceptance_is_recorded_by_whoever_hears_of_it(new_store: NewStore) -> None:
    sandbox = Sandbox(new_store)
    first = await sandbox.worker()
    payment_id = await first.accepted(to_magic("LATE-ACCEPT"))
    await first.wait()
    await first.wait(PAST_DEADLINE)
    await first.worker.operate(await first.stored(payment_id), REJECT)
    second = await sandbox.successor(seconds=60)
    await second.wait()
    await second.wait(3600)
    assert [record.kind for record in await second.store.exceptions(payment_id)] == ["late-acceptance"]
    assert (await second.stored(payment_id)).status == "rejected" and await second.imbalance() == {}


async def test_what_an_operator_has_ended_is_asked_about_until_its_rail_has_had_its_last_word(
    new_store: NewStore,
) -> None:
    """An RTGS confirms what was honoured, IBPS says that it never had what was rejected: nobody asks again."""
    sandbox = Sandbox(new_store)
    first = await sandbox.worker()
    honoured = await first.accepted(to_magic("LATE-ACCEPT", trade))
    await first.wait()
    rejected = await first.accepted(northbound())
    for payment_id, event in ((honoured, SETTLE), (rejected, REJECT)):
        await first.worker.operate(await first.stored(payment_id), event)
    second = await sandbox.successor(seconds=30)
    assert len(second.worker.flights) == 2 and not second.worker.unsent
    await second.wait()
    assert [(await second.stored(payment_id)).awaits_rail for payment_id in (honoured, rejected)] == [True, False]
    third = await sandbox.successor(seconds=3700)
    await third.wait()
    assert not (await third.stored(honoured)).awaits_rail and not third.worker.flights
    assert await third.history(honoured) == ["accepted", "settled"]
    assert await third.history(rejected) == ["accepted", "rejected"]
    assert await third.store.exceptions(None) == [] and await third.imbalance() == {}
    assert not (await sandbox.successor(seconds=3800)).worker.flights


async def test_a_rail_that_had_rejected_what_an_operator_honoured_is_heard_by_the_next(new_store: NewStore) -> None:
    sandbox = Sandbox(new_store)
    first = await sandbox.worker()
    payment_id = await first.accepted(trade())
    await first.worker.operate(await first.stored(payment_id), SETTLE)
    for seconds in (30, 60):
        heir = await sandbox.successor(seconds)
        await heir.wait()
        assert [record.kind for record in await heir.store.exceptions(payment_id)] == ["contradiction"]
        assert not (await heir.stored(payment_id)).awaits_rail
    assert not heir.worker.flights and await heir.history(payment_id) == ["accepted", "settled"]


async def test_many_crashes_in_a_row_lose_nothing_and_pay_nobody_twice(new_store: NewStore) -> None:
    """Each worker accepts some, gets a step further with what it took over, and vanishes."""
    sandbox = Sandbox(new_store)
    names = ("", "SILENT", "LOST", "LATE", "DUPLICATE", "REJECT-AC03", "UNREPORTED")
    ids: list[str] = []
    for round_ in range(6):
        driver = await sandbox.successor(seconds=round_ * 10)
        for n, name in enumerate(names):
            person = round_ * 10 + n
            instruction = to_magic(name, person=person) if name else northbound(person=person)
            ids.append(await driver.accepted(instruction))
        if round_ % 3 > 0:
            await driver.worker.submit(0.0)
        if round_ % 3 > 1:
            await driver.worker.collect()
            await driver.worker.complete()
    last = await sandbox.successor(seconds=70)
    await last.wait()
    for _ in range(10):
        await last.wait(60)
    for payment_id in ids:
        history = await last.history(payment_id)
        assert history[-1] in ("credited", "rejected") and len(history) == len(set(history)), history
    statuses = [(await last.stored(payment_id)).status for payment_id in ids]
    wanted = ["credited", "credited", "rejected", "credited", "credited", "rejected", "credited"]
    assert statuses == wanted * 6
    assert await last.imbalance() == {} and await last.store.exceptions(None) == []
    assert {key for key, sums in (await last.counters()).items() if sums[0] or sums[2]} == set()
