"""Everything else a store is asked: exceptions, take-over, reads and cursors, the stream, opening, keys, the world."""

from datetime import timedelta
from hashlib import sha256

from builders import HARBOUR, NOON, PEARL, a_step, a_world, admitted, northbound, planned, refusing, southbound, trade

from limits.claims import Claim
from switch.flow.ports import EXCEPTION, Admission, ExceptionRecord, Store
from switch.flow.submission import uetr_identity
from switch.flow.world import World
from switch.main import opening_transfers
from switch.payment.plan import Transfer
from switch.payment.postings import suspense

LATER = NOON + timedelta(hours=1)


async def accepted(store: Store, world: World, *items: Admission) -> None:
    outcomes = await store.accept(items, await store.generation(), refusing(world))
    assert {outcome.kind for outcome in outcomes} == {"accepted"}


async def moved(store: Store, item: Admission, *events: str) -> None:
    for event in events:
        assert await store.finish([a_step(item, event)])


# --- exception records ---


def a_record(item: Admission, forced: tuple[Claim, ...] = ()) -> ExceptionRecord:
    account = suspense("ibps", "CNY")
    [creditor] = [t.credit_account for t in planned(item).transfers if t.line == "principal"]
    transfer = Transfer(100, account, creditor, 90_00, "CNY", "suspense")
    detail = '{"rail": "ibps"}'
    return ExceptionRecord(item.payment_id, item.received_on, "late-acceptance", LATER, detail, (transfer,), forced)


async def test_an_exception_record_posts_its_suspense_and_its_forced_claims_beside_the_payment(
    store: Store, world: World
) -> None:
    item = admitted(world, northbound("10000.00"))
    await accepted(store, world, item)
    await moved(store, item, "reject")
    before, events = await store.payment(item.payment_id), await store.events(item.payment_id)
    [day] = [claim for claim in planned(item).claims if claim.rule.endswith("northbound.day")]
    await accepted(store, world, admitted(world, northbound("10000.00")))  # the day is used up by another payment
    record = a_record(item, (day._replace(ceiling=None, forced=True),))
    assert await store.hear_out(a_step(item, "credit"), record)

    sums = await store.sums([suspense("ibps", "CNY"), day.counter])
    assert sums[suspense("ibps", "CNY")].up_posted == 90_00
    assert sums[day.counter].up_posted == 20_000_00  # forced: whatever the bound says
    assert await store.payment(item.payment_id) == before and (await store.events(item.payment_id))[:-1] == events
    assert (await store.events(item.payment_id))[-1].record == EXCEPTION
    transfers = {t.transfer.n: t.state for t in await store.transfers(item.payment_id)}
    assert transfers.pop(100) == "posted" and set(transfers.values()) == {"voided"}
    [kept] = await store.exceptions(item.payment_id)
    assert kept._replace(forced=()) == record._replace(forced=())
    assert [(c.rule, c.counter, c.delta, c.forced) for c in kept.forced] == [(day.rule, day.counter, day.delta, True)]


async def test_an_exception_is_recorded_once(store: Store, world: World) -> None:
    item = admitted(world, northbound())
    await accepted(store, world, item)
    await moved(store, item, "reject")
    for first in (True, False):
        assert await store.hear_out(a_step(item, "credit"), a_record(item)) == first
    sums = await store.sums([suspense("ibps", "CNY")])
    assert sums[suspense("ibps", "CNY")].up_posted == 90_00
    contradiction = a_record(item)._replace(kind="contradiction", transfers=(), forced=())
    assert await store.hear_out(a_step(item, "reject"), contradiction)  # another kind is another record
    assert {record.kind for record in await store.exceptions(None)} == {"late-acceptance", "contradiction"}
    assert await store.exceptions(admitted(world, northbound()).payment_id) == []


# --- taking over ---


async def test_only_what_awaits_its_rail_is_taken_over(store: Store, world: World) -> None:
    """What the rail has had its last word on is not, nor what was refused and never began; what an operator ended is."""
    ways = {
        "accepted": (), "submitted": ("submit",), "in_doubt": ("time_out",), "settled": ("settle",),
        "credited": ("credit",), "rejected": ("reject",), "honoured": ("time_out",), "ended": ("time_out",),
    }  # fmt: skip
    await store.register(7, 0.0)
    items = {status: admitted(world, northbound("1.00", person=n)) for n, status in enumerate(ways)}
    rtgs, honoured_rtgs = (admitted(world, trade("100.00", firm=firm)) for firm in (1, 2))
    refused = admitted(world, northbound(purpose_code=None))
    await accepted(store, world, *items.values(), rtgs, honoured_rtgs)
    await store.accept([refused], await store.generation(), refusing(world))
    for status, way in ways.items():
        await moved(store, items[status], *way)
    operators = [a_step(items["honoured"], "settle"), a_step(items["ended"], "reject", last_word=False)]
    rails = [a_step(rtgs, "settle", last_word=True)]
    assert len(await store.finish([*operators, *rails, a_step(honoured_rtgs, "settle")])) == 4

    await store.register(8, 60.0)
    taken = {item.payment_id: item for item in await store.take_over(8, 100)}
    awaiting = [items[way] for way in ("accepted", "submitted", "in_doubt", "settled", "honoured", "ended")]
    assert taken.keys() == {item.payment_id for item in (*awaiting, honoured_rtgs)}
    assert [taken[item.payment_id].status for item in awaiting] == [
        "accepted", "submitted", "in_doubt", "settled", "settled", "rejected",
    ]  # fmt: skip
    one, plan = taken[items["accepted"].payment_id], planned(items["accepted"])
    assert (one.uetr, one.rail, one.leg, one.deadline_at) == (
        items["accepted"].uetr, plan.leg.rail, 1, plan.leg.expires_at,
    )  # fmt: skip
    assert (one.debit_currency, one.settlement_minor, one.settlement_currency) == ("HKD", *plan.settlement)
    assert one.sealed == items["accepted"].sealed and one.received_on == items["accepted"].received_on
    assert await store.take_over(8, 100) == []  # they are the taker's own now


async def test_a_take_over_takes_no_more_than_it_was_told(store: Store, world: World) -> None:
    await store.register(7, 0.0)
    items = [admitted(world, northbound("1.00", person=n)) for n in range(7)]
    await accepted(store, world, *items)
    await store.register(8, 60.0)
    rounds = [[item.payment_id for item in await store.take_over(8, 3)] for _ in range(4)]
    assert [len(taken) for taken in rounds] == [3, 3, 1, 0]
    assert {payment_id for taken in rounds for payment_id in taken} == {item.payment_id for item in items}


# --- reads ---


async def test_payments_come_newest_first_and_page_by_page(store: Store, world: World) -> None:
    instants = [NOON + timedelta(seconds=n // 2) for n in range(7)]  # two at each instant: the id breaks ties
    items = [admitted(world, northbound("1.00", person=n), at=at) for n, at in enumerate(instants)]
    other = admitted(world, southbound("1.00"))
    await accepted(store, world, *items, other)
    wanted = sorted(((i.received_at, i.payment_id) for i in items), reverse=True)
    seen = []
    before = None
    while page := await store.payments(HARBOUR, before, 2):
        assert len(page) <= 2
        seen += [(stored.received_at, stored.payment_id) for stored in page]
        before = seen[-1]
    assert seen == wanted
    assert len(await store.payments(None, None, 100)) == 8
    assert [stored.payment_id for stored in await store.payments(PEARL, None, 100)] == [other.payment_id]


async def test_what_is_not_there_is_not_found(store: Store, world: World) -> None:
    nobody = admitted(world, northbound())
    assert await store.payment(nobody.payment_id) is None
    assert await store.sealed(nobody.payment_id) is None
    assert await store.by_identity(uetr_identity(nobody.uetr)) is None
    assert await store.sums(["no-such-counter"]) == {}
    assert await store.quotes(["no-such-quote"]) == {}
    assert await store.participant_of_key(sha256(b"nobody").digest()) is None


async def test_counters_are_found_by_the_beginning_of_their_key(store: Store, world: World) -> None:
    await accepted(store, world, admitted(world, northbound("100.00")))
    found = await store.counters("payment-connect.northbound.")
    assert {key.partition("|")[0] for key in found} == {
        "payment-connect.northbound.day",
        "payment-connect.northbound.year",
    }
    assert {sums.up_posted for sums in found.values()} == {100_00}
    assert list(found) == sorted(found)
    everything = await store.counters("")
    assert found.items() <= everything.items() and list(everything) == sorted(everything)


# --- the stream ---


async def test_the_stream_tells_every_event_once_and_in_order(store: Store, world: World) -> None:
    items = [admitted(world, northbound("1.00", person=n)) for n in range(5)]
    other = admitted(world, southbound("1.00"))
    await accepted(store, world, *items, other)
    await store.finish([a_step(item, "submit") for item in items])
    await store.finish([a_step(item, "credit") for item in items[:3]])
    seen = []
    after = ""
    while page := await store.stream(after, None, 4):
        assert len(page) <= 4
        seen += page
        after = page[-1].cursor
    assert [(event.payment_id, event.n, event.status) for event in seen] == (
        [(item.payment_id, 1, "accepted") for item in [*items, other]]
        + [(item.payment_id, 2, "submitted") for item in items]
        + [(item.payment_id, 3, "credited") for item in items[:3]]
    )
    assert len({event.cursor for event in seen}) == len(seen)
    own = await store.stream("", PEARL, 100)
    assert [(event.payment_id, event.status) for event in own] == [(other.payment_id, "accepted")]
    assert await store.stream(seen[-1].cursor, None, 100) == []


async def test_what_moves_nothing_tells_nothing(store: Store, world: World) -> None:
    item = admitted(world, northbound("1.00"))
    await accepted(store, world, item)
    told = len(await store.stream("", None, 100))
    await store.finish([a_step(item, "cancel")])
    await store.accept([item], await store.generation(), refusing(world))  # a replay
    assert len(await store.stream("", None, 100)) == told == 1


# --- opening, keys, world ---


async def test_opening_transfers_are_posted_once(store: Store, world: World) -> None:
    before = await store.counters("")
    await store.fund(opening_transfers(world))
    assert await store.counters("") == before
    position = before[f"position:{HARBOUR}:hk-fps:HKD"]
    assert (position.down_posted, position.up_posted) == (200_000_000_00, 0)
    assert before["funding:world:HKD"].up_posted > 0


async def test_keys_are_known_by_their_hash_and_may_be_renewed(store: Store) -> None:
    one, two = sha256(b"one").digest(), sha256(b"two").digest()
    await store.save_key(HARBOUR, one)
    await store.save_key(HARBOUR, two)
    await store.save_key(PEARL, two)
    assert await store.participant_of_key(one) == HARBOUR
    assert await store.participant_of_key(two) == PEARL


async def test_the_world_s_facts_grow_with_the_generation(store: Store) -> None:
    generation = await store.generation()
    assert await store.advance({"clock_rate": "1.0", "clock_anchor": "5"}) == generation + 1
    assert await store.advance({"clock_rate": "2.0"}) == generation + 2
    assert await store.generation() == generation + 2
    assert await store.world() == {"clock_rate": "2.0", "clock_anchor": "5"}


async def test_two_sandboxes_of_one_world_give_other_ids_to_the_same_key(store: Store, world: World) -> None:
    one, other = northbound(instruction_id="X"), a_world(sandbox="other")
    assert admitted(world, one, key="k").payment_id != admitted(other, one, key="k").payment_id
