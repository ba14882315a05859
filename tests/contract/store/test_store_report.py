"""Figures of a report: what settled in the period, added up by what is alike; the rest is counted; both stores say the same."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from builders import HARBOUR, LION, NOON, a_step, admitted, domestic, northbound, planned, refusing, southbound, trade

from switch.flow.figures import Figures, Period
from switch.flow.ports import Admission, ExceptionRecord, Store
from switch.flow.world import World
from switch.payment.plan import Transfer
from switch.payment.postings import suspense
from switch.store.postgres.report import Unreadable, figures_at

DAY = date(2026, 3, 5)
SMALL = {"HKD": 39_000_00, "CNY": 35_500_00}


def a_period(since: date = DAY, until: date | None = None, **changes: Any) -> Period:
    return Period(since, until or since, None, SMALL)._replace(**changes)


async def accepted(store: Store, world: World, *items: Admission) -> None:
    outcomes = await store.accept(items, await store.generation(), refusing(world))
    assert {outcome.kind for outcome in outcomes} == {"accepted"}, outcomes


async def settled(store: Store, world: World, *items: Admission, at: datetime = NOON) -> None:
    await accepted(store, world, *items)
    for item in items:
        assert await store.finish([a_step(item, "settle", at)])


def told(figures: Figures) -> list[tuple[object, ...]]:
    """The groups without their standing."""
    return [(*group[:1], *group[2:]) for group in figures.settled]


async def test_alike_payments_are_one_group_with_their_sums(store: Store, world: World) -> None:
    await settled(store, world, admitted(world, northbound("100.00")), admitted(world, northbound("200.00", person=2)))
    [group] = (await store.figures(a_period())).settled
    assert group[2:] == (
        "HK",
        "CN",
        "HKD",
        "CNY",
        "offshore",
        True,
        True,
        2,
        300_00,
        *_bought(world, "100.00", "200.00"),
    )
    standing = json.loads(group.standing)
    assert standing["classification"]["rule"] == "personal-transfer"
    assert standing["parties"] == {
        "debtor_kind": "person", "debtor_residency": "HK", "creditor_kind": "person", "creditor_residency": "CN",
    }  # fmt: skip


def _bought(world: World, *amounts: str) -> tuple[int, int]:
    plans = [planned(admitted(world, northbound(amount))) for amount in amounts]
    bought = sum(plan.price.buy.amount_minor for plan in plans if plan.price)
    return bought, sum(plan.settlement.amount_minor for plan in plans)


async def test_groups_differ_by_class_way_currency_market_and_size(store: Store, world: World) -> None:
    items = [
        northbound("50.00", "CNY"), southbound("300.00"), southbound("60000.00", person=3), domestic("10.00"), trade("70.00"),
    ]  # fmt: skip
    await settled(store, world, *(admitted(world, each) for each in items))
    found = {group[2:9]: group for group in (await store.figures(a_period())).settled}
    assert set(found) == {
        ("HK", "CN", "CNY", "CNY", "", False, True),
        ("CN", "HK", "CNY", "HKD", "onshore", True, True),
        ("CN", "HK", "CNY", "HKD", "onshore", False, False),
        ("HK", "HK", "HKD", "HKD", "", False, True),
    } and {group.number for group in found.values()} <= {1, 2}
    plain = [group for group in (await store.figures(a_period())).settled if group.market == ""]
    assert all(group.sold_minor == group.bought_minor == 0 for group in plain)


async def test_a_charge_is_no_part_of_what_is_sold_or_settled_unless_it_is_deducted(store: Store, world: World) -> None:
    borne = trade("7000.00", "HKD", charge_bearer="DEBT")
    deducted = trade("7000.00", "HKD", firm=2, charge_bearer="CRED")
    items = [admitted(world, borne), admitted(world, deducted)]
    plans = [planned(item) for item in items]
    assert all(plan.charge for plan in plans) and plans[0].debit.amount_minor > 7000_00
    await settled(store, world, *items)
    groups = (await store.figures(a_period())).settled
    assert sum(group.sold_minor for group in groups) == 2 * 7000_00
    assert sum(group.settled_minor for group in groups) == sum(plan.settlement.amount_minor for plan in plans)


async def test_a_payment_stands_in_the_law_day_on_which_it_settled(store: Store, world: World) -> None:
    midnight = datetime(2026, 3, 5, 16, 0, tzinfo=UTC)  # 00:00 of the 6th in UTC+8
    before, after = (admitted(world, northbound("10.00", person=n)) for n in (1, 2))
    await settled(store, world, before, at=midnight - timedelta(milliseconds=1))
    await settled(store, world, after, at=midnight)
    next_day = DAY + timedelta(days=1)
    for period, days in (
        (a_period(), [DAY]),
        (a_period(next_day), [next_day]),
        (a_period(DAY, next_day), [DAY, next_day]),
        (a_period(DAY - timedelta(days=1)), []),
        (a_period(next_day + timedelta(days=1)), []),
    ):
        assert [group.day for group in (await store.figures(period)).settled] == days


async def test_what_came_in_and_has_not_settled_is_counted_by_its_status(store: Store, world: World) -> None:
    fates: dict[str, tuple[str, ...]] = {
        "accepted": (), "in_doubt": ("time_out",), "rejected": ("reject",), "settled": ("settle",), "credited": ("credit",)
    }  # fmt: skip
    for n, events in enumerate(fates.values()):
        item = admitted(world, northbound("10.00", person=n))
        await accepted(store, world, item)
        for event in events:
            assert await store.finish([a_step(item, event)])
    figures = await store.figures(a_period())
    assert figures.unsettled == {"accepted": 1, "in_doubt": 1, "rejected": 1}
    assert sum(group.number for group in figures.settled) == 2
    assert (await store.figures(a_period(DAY + timedelta(days=1)))).unsettled == {}


async def test_what_a_rail_paid_after_the_end_is_counted_and_in_no_group(store: Store, world: World) -> None:
    item = admitted(world, northbound("10.00"))
    await accepted(store, world, item)
    assert await store.finish([a_step(item, "reject")])
    [creditor] = [each.credit_account for each in planned(item).transfers if each.line == "principal"]
    transfer = Transfer(100, suspense("ibps", "CNY"), creditor, 9_00, "CNY", "suspense")
    for kind in ("late-acceptance", "contradiction"):
        record = ExceptionRecord(item.payment_id, item.received_on, kind, NOON, "{}", (transfer,), ())
        assert await store.hear_out(a_step(item, "credit"), record)
    figures = await store.figures(a_period())
    assert (figures.settled, figures.late) == ((), 1)
    assert (await store.figures(a_period(participant=LION))).late == 0
    assert (await store.figures(a_period(DAY - timedelta(days=1)))).late == 0


async def test_a_participant_is_told_of_its_own_payments_alone(store: Store, world: World) -> None:
    await settled(store, world, admitted(world, northbound("10.00")))
    await settled(store, world, admitted(world, northbound("20.00", debtor_agent=LION, person=2)))
    await accepted(store, world, admitted(world, northbound("30.00", debtor_agent=LION, person=3)))
    for participant, sold, waiting in ((HARBOUR, 10_00, {}), (LION, 20_00, {"accepted": 1}), ("NOBOHKH0", 0, {})):
        figures = await store.figures(a_period(participant=participant))
        assert sum(group.sold_minor for group in figures.settled) == sold
        assert figures.unsettled == waiting


async def test_an_amount_is_small_up_to_the_threshold_and_not_one_minor_unit_above(store: Store, world: World) -> None:
    amounts = ("30.00", "30.01")
    await settled(store, world, *(admitted(world, northbound(each, "CNY", person=n)) for n, each in enumerate(amounts)))
    figures = await store.figures(a_period(small={"CNY": 30_00}))
    assert {group.settled_minor: group.small_settled for group in figures.settled} == {30_00: True, 30_01: False}
    # What is sold has a threshold of its own, in its own currency.
    await settled(store, world, *(admitted(world, northbound(each, person=n)) for n, each in enumerate(amounts, 5)))
    figures = await store.figures(a_period(small={"HKD": 30_00}))
    sold = {group.sold_minor: group.small_sold for group in figures.settled if group.market}
    assert sold == {30_00: True, 30_01: False}
    figures = await store.figures(a_period(small={}))
    assert not any(group.small_settled or group.small_sold for group in figures.settled)


async def test_a_database_without_the_sandbox_is_told_and_stays_as_it_is(postgres_url: str) -> None:
    for name in ("nobody", 'no"body'):
        with pytest.raises(Unreadable, match="holds no sandbox"):
            await figures_at(postgres_url, name, a_period())
    connection = await asyncpg.connect(postgres_url)
    assert not await connection.fetchval("SELECT count(*) FROM pg_namespace WHERE starts_with(nspname, 'no')")
    await connection.close()
    for url in ("postgresql://127.0.0.1:1/none", "nonsense", postgres_url.replace("/postgres", "/nowhere")):
        if url != postgres_url:
            with pytest.raises(Unreadable):
                await figures_at(url, "main", a_period())
