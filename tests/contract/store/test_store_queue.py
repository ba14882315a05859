"""Payments that wait for an opening: stored whole as queued, found when it comes, released once, put off, cancelled."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from builders import YUEXIU, a_step, admitted, funded, northbound, planned, refusing, trade

from limits.counters import EMPTY
from switch.flow.ports import ACCEPTED, Admission, StaleWorld, Store
from switch.flow.queue_books import Queued, Release
from switch.flow.world import World
from switch.payment.postings import reservation
from switch.payment.status import CANCEL, REJECT
from switch.store.postgres.store import PostgresStore

HK_TIME = timezone(timedelta(hours=8))
SATURDAY = datetime(2026, 3, 7, 12, 0, tzinfo=HK_TIME).astimezone(UTC)
MONDAY = datetime(2026, 3, 9, 8, 30, tzinfo=HK_TIME).astimezone(UTC)
FAR = datetime(2030, 1, 1, tzinfo=UTC)


async def waiting(store: Store, world: World, *firms: int) -> list[Admission]:
    """Payments of these firms, accepted in one batch on a Saturday, to wait for Monday."""
    items = [admitted(world, trade(firm=firm, creditor_agent=YUEXIU, if_closed="queue"), at=SATURDAY) for firm in firms]
    outcomes = await store.accept(items, await store.generation(), refusing(world))
    assert {outcome.kind for outcome in outcomes} == {ACCEPTED}
    return items


def release(item: Admission) -> Release:
    return Release(item.payment_id, item.received_on, MONDAY + timedelta(minutes=30))


async def released(store: Store, *items: Admission) -> list[str]:
    found = await store.release([release(item) for item in items], await store.generation(), MONDAY)
    return [each.payment_id for each in found]


async def ids(store: Store, until: datetime = FAR) -> list[str]:
    return [each.stored.payment_id for each in await store.queued(until, 100)]


async def history(store: Store, item: Admission) -> list[str]:
    return [event.status for event in await store.events(item.payment_id)]


async def test_a_waiting_payment_is_stored_whole_and_holds_all_it_claims(store: Store, world: World) -> None:
    [item] = await waiting(store, world, 1)
    stored = await store.payment(item.payment_id)
    assert stored is not None
    assert (stored.status, stored.code, stored.awaits_rail, stored.at_rest) == ("queued", "", True, False)
    assert json.loads(stored.detail) == {"opens_at": MONDAY.isoformat()}
    [event] = await store.events(item.payment_id)
    assert (event.status, event.detail) == ("queued", stored.detail)
    [leg] = await store.legs(item.payment_id)
    assert (leg.status, leg.deadline_at) == ("held", planned(item).leg.expires_at)
    assert {transfer.state for transfer in await store.transfers(item.payment_id)} == {"pending"}
    sums = await store.sums([claim.counter for claim in reservation(planned(item))])
    assert all(sums.get(claim.counter, EMPTY) != EMPTY for claim in reservation(planned(item)))


async def test_what_waits_is_found_from_its_opening_on_the_earliest_first(store: Store, world: World) -> None:
    later, earlier = await waiting(store, world, 1, 2)
    assert await store.next_opening() == MONDAY
    [stored] = [each.stored for each in await store.queued(MONDAY, 9) if each.stored.payment_id == later.payment_id]
    await store.put_off([Queued(stored, MONDAY + timedelta(hours=1))])
    assert await ids(store, MONDAY - timedelta(microseconds=1)) == []
    assert await ids(store, MONDAY) == [earlier.payment_id]
    assert await ids(store) == [earlier.payment_id, later.payment_id]
    assert len(await store.queued(FAR, 1)) == 1 and await store.next_opening() == MONDAY
    [_, found] = await store.queued(FAR, 9)
    assert found.opens_at == MONDAY + timedelta(hours=1)
    assert json.loads(found.stored.detail) == {"opens_at": (MONDAY + timedelta(hours=1)).isoformat()}
    assert found.stored == (await store.payment(later.payment_id))


async def test_a_release_moves_what_waits_once_and_hands_over_what_is_to_be_sent(store: Store, world: World) -> None:
    [item, other] = await waiting(store, world, 1, 2)
    before = await store.sums([claim.counter for claim in reservation(planned(item))])
    [found] = await store.release([release(item)], await store.generation(), MONDAY)
    leg = planned(item).leg
    assert (found.payment_id, found.uetr, found.status, found.sealed) == (
        item.payment_id,
        item.uetr,
        "accepted",
        item.sealed,
    )
    assert (found.rail, found.leg, found.deadline_at) == (leg.rail, 1, MONDAY + timedelta(minutes=30))
    assert (found.settlement_minor, found.settlement_currency) == leg.amount
    [stored_leg] = await store.legs(item.payment_id)
    assert stored_leg.deadline_at == found.deadline_at
    stored = await store.payment(item.payment_id)
    assert stored is not None and (stored.status, stored.detail) == ("accepted", "{}")
    events = await store.events(item.payment_id)
    assert [(event.n, event.status, event.at) for event in events] == [(1, "queued", SATURDAY), (2, "accepted", MONDAY)]
    assert await store.sums([claim.counter for claim in reservation(planned(item))]) == before
    assert await released(store, item, other) == [other.payment_id]
    assert await ids(store) == [] and await store.next_opening() is None
    assert len(await store.stream("", None, 100)) == 4


async def test_a_release_under_another_world_moves_nothing(store: Store, world: World) -> None:
    [item] = await waiting(store, world, 1)
    with pytest.raises(StaleWorld):
        await store.release([release(item)], await store.generation() - 1, MONDAY)
    assert await history(store, item) == ["queued"] and await ids(store) == [item.payment_id]


@pytest.mark.parametrize(("event", "status"), [(CANCEL, "cancelled"), (REJECT, "rejected")])
async def test_what_is_cancelled_or_refused_is_free_and_waits_no_more(
    store: Store, world: World, event: str, status: str
) -> None:
    [item] = await waiting(store, world, 1)
    [moved] = await store.finish([a_step(item, event, MONDAY, last_word=True)])
    assert moved.status == status and await history(store, item) == ["queued", status]
    stored = await store.payment(item.payment_id)
    assert stored is not None and stored.at_rest and not stored.awaits_rail
    [leg] = await store.legs(item.payment_id)
    assert leg.status == "rejected"
    for claim in reservation(planned(item)):
        sums = (await store.sums([claim.counter]))[claim.counter]
        assert (sums.up_pending, sums.down_pending) == (0, 0)
    assert await released(store, item) == []
    await store.put_off([Queued(stored, FAR)])
    assert await store.payment(item.payment_id) == stored
    assert await ids(store) == [] and await store.next_opening() is None


async def test_what_is_released_cannot_be_cancelled(store: Store, world: World) -> None:
    [item] = await waiting(store, world, 1)
    assert await released(store, item) == [item.payment_id]
    assert await store.finish([a_step(item, CANCEL, MONDAY)]) == []
    assert await history(store, item) == ["queued", "accepted"]


async def test_in_a_batch_with_others_and_with_a_known_key_it_waits_alone(store: Store, world: World) -> None:
    """The exact path, too: a replay in the batch rolls the fast one back."""
    [known] = await waiting(store, world, 1)
    beside = admitted(world, northbound(person=5), at=SATURDAY)
    waits = admitted(world, trade(firm=2, creditor_agent=YUEXIU, if_closed="queue"), at=SATURDAY)
    outcomes = await store.accept([known, beside, waits], await store.generation(), refusing(world))
    assert [outcome.kind for outcome in outcomes] == ["replayed", ACCEPTED, ACCEPTED]
    assert await history(store, beside) == ["accepted"] and await history(store, waits) == ["queued"]
    assert set(await ids(store)) == {known.payment_id, waits.payment_id}


async def test_of_two_workers_releasing_at_once_each_payment_is_one_s(
    postgres_stores: Callable[[], Awaitable[PostgresStore]], world: World
) -> None:
    one, two = await postgres_stores(), await postgres_stores()
    await funded(one, world)
    items = await waiting(one, world, *range(1, 9))
    first, second = await asyncio.gather(released(one, *items), released(two, *reversed(items)))
    assert sorted(first + second) == sorted(item.payment_id for item in items)
