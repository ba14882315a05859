"""Finish: every (status, event) pair of the table, in the store. In the table it moves with its money, outside it nothing does."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from builders import NOON, a_step, admitted, domestic, northbound, planned, refusing, trade

from limits.claims import Sums
from limits.counters import EMPTY
from switch.flow.ports import Admission, Moved, Store, Stored
from switch.flow.world import World
from switch.payment import status as statuses
from switch.payment.postings import reservation
from switch.payment.status import CREDIT, LEG_TABLE, MONEY, PAYMENT_TABLE, PENDING, POSTED, REJECT, SETTLE, VOIDED

EVENTS = ("submit", "time_out", "settle", "credit", "reject", "release", "cancel", "block")
# The way from accepted to each status; what waits for an opening, and may be cancelled, is in test_store_queue.
WAYS = {
    "accepted": (),
    "submitted": ("submit",),
    "in_doubt": ("submit", "time_out"),
    "settled": ("settle",),
    "credited": ("settle", "credit"),
    "rejected": ("reject",),
    "blocked": ("block",),
}
AT = NOON + timedelta(seconds=5)


class Books(NamedTuple):
    """All that a step may change of one payment."""

    status: str
    code: str
    settled: bool
    leg: str
    transfers: set[str]
    events: int
    sums: dict[str, Sums]


async def accepted(store: Store, item: Admission, world: World) -> Admission:
    [outcome] = await store.accept([item], await store.generation(), refusing(world))
    assert outcome.kind == "accepted", outcome
    return item


async def step(store: Store, item: Admission, event: str, at_seconds: int = 1) -> list[Moved]:
    return await store.finish([a_step(item, event, NOON + timedelta(seconds=at_seconds))])


async def books(store: Store, item: Admission) -> Books:
    stored = await store.payment(item.payment_id)
    assert stored is not None
    [leg] = await store.legs(item.payment_id)
    sums = await store.sums([claim.counter for claim in reservation(planned(item))])
    return Books(
        stored.status,
        stored.code,
        stored.settled_at is not None,
        leg.status,
        {transfer.state for transfer in await store.transfers(item.payment_id)},
        len(await store.events(item.payment_id)),
        {key: found._replace(version=0) for key, found in sums.items()},
    )


def expected_sums(item: Admission, before: dict[str, Sums], money: str) -> dict[str, Sums]:
    """What the sums must be once the payment's pending money is posted or voided, reckoned claim by claim."""
    sums = dict(before)
    for claim in reservation(planned(item)):
        amount, held = abs(claim.delta), sums[claim.counter]
        if claim.gross:  # it stands in posted since it was claimed
            held = held if money == POSTED else held._replace(up_posted=held.up_posted - amount)
        elif claim.delta > 0:
            posted = amount if money == POSTED else 0
            held = held._replace(up_pending=held.up_pending - amount, up_posted=held.up_posted + posted)
        else:
            posted = amount if money == POSTED else 0
            held = held._replace(down_pending=held.down_pending - amount, down_posted=held.down_posted + posted)
        sums[claim.counter] = held
    return sums


def test_the_ways_reach_every_status_but_those_of_the_queue() -> None:
    assert {event for row in PAYMENT_TABLE.values() for event in row} == set(EVENTS)
    assert PAYMENT_TABLE.keys() - WAYS.keys() == {"queued", "cancelled"}
    for status, way in WAYS.items():
        reached = "accepted"
        for event in way:
            reached = PAYMENT_TABLE[reached][event]
        assert reached == status


@pytest.mark.parametrize("status", WAYS)
async def test_each_event_moves_what_the_table_says_and_nothing_else(store: Store, world: World, status: str) -> None:
    for n, event in enumerate(EVENTS):
        item = await accepted(store, admitted(world, northbound("100.00", person=n + 1)), world)
        for before_event in WAYS[status]:
            assert len(await step(store, item, before_event)) == 1
        before = await books(store, item)
        assert before.status == status
        moved = await step(store, item, event, at_seconds=5)
        after = await books(store, item)
        to = PAYMENT_TABLE[status].get(event)
        if to is None:
            assert moved == [] and after == before, f"{status} {event}"
            continue
        assert moved == [Moved(item.payment_id, to)], f"{status} {event}"
        changes = MONEY[to] if MONEY[to] != MONEY[status] else PENDING
        assert after == Books(
            status=to,
            code="AC03" if event == "reject" else "",
            settled=to in ("settled", "credited"),
            leg=LEG_TABLE[before.leg].get(event, before.leg),
            transfers={MONEY[to]},
            events=before.events + 1,
            sums=before.sums if changes == PENDING else expected_sums(item, before.sums, changes),
        ), f"{status} {event}"
        last = (await store.events(item.payment_id))[-1]
        assert (last.n, last.status, last.code, last.at) == (after.events, to, after.code, AT), f"{status} {event}"


@pytest.mark.parametrize("build", [northbound, domestic, trade])
async def test_a_rejected_payment_gives_everything_back(store: Store, world: World, build: Any) -> None:
    item = admitted(world, build("100.00"))
    keys = [claim.counter for claim in reservation(planned(item))]
    before = await store.sums(keys)
    await accepted(store, item, world)
    await step(store, item, REJECT)
    after = await store.sums(keys)
    assert {key: after[key][:4] for key in keys} == {key: before.get(key, EMPTY)[:4] for key in keys}


@pytest.mark.parametrize("build", [northbound, domestic, trade])
async def test_debits_equal_credits_per_currency_at_every_status(store: Store, world: World, build: Any) -> None:
    for status, way in WAYS.items():
        item = await accepted(store, admitted(world, build("100.00")), world)
        for event in way:
            await step(store, item, event)
        balances: dict[str, list[int]] = {}
        for key, sums in (await store.counters("")).items():
            if "|" not in key:
                balance = balances.setdefault(key.rpartition(":")[2], [0, 0])
                balance[0] += sums.up_pending - sums.down_pending
                balance[1] += sums.up_posted - sums.down_posted
        assert set(map(tuple, balances.values())) == {(0, 0)}, f"{status}: {balances}"


async def test_a_settlement_and_then_the_credit_post_once(store: Store, world: World) -> None:
    item = await accepted(store, admitted(world, northbound()), world)
    assert [move.status for move in await step(store, item, SETTLE, 1)] == ["settled"]
    settled = await books(store, item)
    assert [move.status for move in await step(store, item, CREDIT, 2)] == ["credited"]
    credited = await books(store, item)
    assert credited.sums == settled.sums and credited.leg == "credited" and credited.events == 3
    stored = await store.payment(item.payment_id)
    assert stored is not None and stored.settled_at == NOON + timedelta(seconds=1)  # when the rail settled


async def test_a_credit_without_a_settlement_before_posts_too(store: Store, world: World) -> None:
    item = await accepted(store, admitted(world, northbound()), world)
    before = await books(store, item)
    assert [move.status for move in await step(store, item, CREDIT, 2)] == ["credited"]
    after = await books(store, item)
    assert after.sums == expected_sums(item, before.sums, POSTED) and after.settled


async def test_a_step_taken_twice_moves_once(store: Store, world: World) -> None:
    for event in ("submit", "settle", "credit"):
        item = await accepted(store, admitted(world, northbound()), world)
        assert len(await step(store, item, event)) == 1
        once = await books(store, item)
        assert await step(store, item, event) == []
        assert await books(store, item) == once


async def test_a_step_for_a_payment_that_is_not_there_moves_nothing(store: Store, world: World) -> None:
    item = admitted(world, northbound())
    assert await step(store, item, SETTLE) == []


async def test_no_steps_move_nothing(store: Store) -> None:
    assert await store.finish([]) == []


def many(world: World, count: int) -> Iterator[Admission]:
    for n in range(count):
        yield admitted(world, (northbound, domestic)[n % 2]("10.00", person=n + 1))


async def test_steps_of_every_kind_and_of_two_days_go_in_one_call(store: Store, world: World) -> None:
    today = list(many(world, 12))
    yesterday = [admitted(world, northbound("10.00", person=99), at=NOON - timedelta(days=1)) for _ in range(4)]
    items = today + yesterday
    outcomes = await store.accept(items, await store.generation(), refusing(world))
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    events = ("submit", "settle", "credit", "reject") * 4
    steps = [a_step(item, event, AT) for item, event in zip(items, events, strict=True)]
    moved = {move.payment_id: move.status for move in await store.finish(steps)}
    assert moved == {
        item.payment_id: PAYMENT_TABLE["accepted"][event] for item, event in zip(items, events, strict=True)
    }


async def test_only_what_has_moved_is_returned(store: Store, world: World) -> None:
    items = list(many(world, 4))
    await store.accept(items, await store.generation(), refusing(world))
    await step(store, items[1], REJECT)
    steps = [a_step(item, SETTLE, AT) for item in items]
    assert {move.payment_id for move in await store.finish(steps)} == {items[n].payment_id for n in (0, 2, 3)}


async def test_a_rejection_keeps_its_code_and_detail(store: Store, world: World) -> None:
    item = await accepted(store, admitted(world, northbound()), world)
    detail = '{"reason": "rail-rejected", "field": "", "detail": {"rail": "ibps, \\"x\\"", "code": "AC03"}}'
    await store.finish([a_step(item, REJECT, AT, detail=detail)])
    stored = await store.payment(item.payment_id)
    assert stored is not None and (stored.code, stored.detail) == ("AC03", detail)
    assert (await store.events(item.payment_id))[-1].detail == detail


async def test_steps_keep_their_own_codes_details_and_instants(store: Store, world: World) -> None:
    items = list(many(world, 3))
    await store.accept(items, await store.generation(), refusing(world))
    steps = [
        a_step(item, REJECT, AT + timedelta(seconds=n), code=f"AC0{n}", detail=f'{{"n": {n}}}')
        for n, item in enumerate(items)
    ]
    await store.finish(steps)
    for n, item in enumerate(items):
        last = (await store.events(item.payment_id))[-1]
        assert (last.code, last.detail, last.at) == (f"AC0{n}", f'{{"n": {n}}}', AT + timedelta(seconds=n))


async def test_what_a_rejection_gave_back_may_be_claimed_again(store: Store, world: World) -> None:
    first = await accepted(store, admitted(world, northbound("10000.00")), world)
    refused = admitted(world, northbound("1.00"))
    [outcome] = await store.accept([refused], await store.generation(), refusing(world))
    assert outcome.kind == "refused"
    await step(store, first, REJECT)
    await accepted(store, admitted(world, northbound("10000.00")), world)


async def test_what_is_in_doubt_stays_reserved(store: Store, world: World) -> None:
    item = await accepted(store, admitted(world, northbound("10000.00")), world)
    await step(store, item, "time_out")
    [outcome] = await store.accept([admitted(world, northbound("1.00"))], await store.generation(), refusing(world))
    assert outcome.kind == "refused"


# --- whether the rail's last word is still out ---


async def stored_of(store: Store, item: Admission) -> Stored:
    found = await store.payment(item.payment_id)
    assert found is not None
    return found


async def awaits(store: Store, *items: Admission) -> list[bool]:
    return [(await stored_of(store, item)).awaits_rail for item in items]


async def test_a_rail_is_awaited_from_acceptance_until_its_last_word(store: Store, world: World) -> None:
    item = await accepted(store, admitted(world, northbound()), world)
    assert await awaits(store, item) == [True]
    for event in ("submit", "time_out", SETTLE):
        await step(store, item, event)
        assert await awaits(store, item) == [True], event
    await step(store, item, CREDIT)
    assert await awaits(store, item) == [False]


async def test_of_a_batch_only_the_last_words_end_the_wait(store: Store, world: World) -> None:
    items = list(many(world, 5))
    refused = admitted(world, northbound(purpose_code=None))
    await store.accept([*items, refused], await store.generation(), refusing(world))
    by_rail, by_operator = {"last_word": True}, {"last_word": False}
    await store.finish(
        [
            a_step(items[0], SETTLE), a_step(items[1], SETTLE, **by_rail), a_step(items[2], REJECT, **by_rail),
            a_step(items[3], REJECT, **by_operator), a_step(items[4], "time_out"),
        ]
    )  # fmt: skip
    assert await awaits(store, *items, refused) == [True, False, False, True, True, False]
    rests = [(await stored_of(store, item)).at_rest for item in (*items, refused)]
    assert rests == [False, True, True, True, True, True]  # of what an operator has ended nothing comes by itself


async def test_a_last_word_out_of_turn_ends_the_wait_and_moves_nothing(store: Store, world: World) -> None:
    item = await accepted(store, admitted(world, northbound()), world)
    await store.finish([a_step(item, REJECT, last_word=False)])
    before, last = await books(store, item), a_step(item, REJECT)
    assert await store.finish([last]) == [] and await awaits(store, item) == [True]
    assert not await store.hear_out(a_step(item, SETTLE), None) and await awaits(store, item) == [True]
    for _twice in range(2):
        assert not await store.hear_out(last, None)
        assert await awaits(store, item) == [False] and await books(store, item) == before


def test_every_money_effect_is_one_of_three() -> None:
    assert set(MONEY.values()) == {PENDING, POSTED, VOIDED}
    assert MONEY.keys() == PAYMENT_TABLE.keys() == statuses.ISO_STATUS.keys()
