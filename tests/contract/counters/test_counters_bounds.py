"""What is admitted and what is refused, on every implementation: the law's own examples first."""

import asyncio

import pytest
from counter_builders import (
    AGENT,
    MILLION,
    PERSON,
    SHANGHAI,
    buy,
    debit,
    left,
    payment,
    reserve,
    same_name,
    sell,
    settle,
    swap,
)

from limits.claims import REPORT, REQUIRE_DOCUMENTS, WHOLE, WINDOW, Claim, ClaimSet, Refused, Sums
from limits.counters import CounterPort


async def test_the_daily_balance_of_9_december_2014_is_13_276_billion(counters: CounterPort) -> None:
    # facts 1.2 (a): 13 − 2.548 + 2.824 = 13.276, 102 % of the quota
    await settle(counters, buy(2_548 * MILLION))
    await settle(counters, sell(2_824 * MILLION))
    assert await left(counters, buy(1)) == 13_276 * MILLION


async def test_a_resting_buy_order_counts_as_usage_on_1_december_2014(counters: CounterPort) -> None:
    # facts 1.2 (b): usage 1.398, above the net trades of 1.318, because unexecuted buy orders count
    await settle(counters, buy(3_788 * MILLION))
    await reserve(counters, buy(80 * MILLION))
    await settle(counters, sell(2_470 * MILLION))
    balance = await left(counters, buy(1))
    assert balance is not None
    assert 13_000 * MILLION - balance == 1_398 * MILLION


async def test_a_cancelled_order_is_added_back(counters: CounterPort) -> None:
    cancelled, _ = await reserve(counters, buy(500 * MILLION))
    await counters.void([cancelled])
    assert await left(counters, buy(1)) == 13_000 * MILLION


async def test_a_price_improvement_is_added_back(orders: CounterPort) -> None:
    improved, _ = await reserve(orders, buy(1_000 * MILLION))
    await orders.adjust(improved, "executed below the order's price", (1, 100))
    await orders.post([improved])
    assert await left(orders, buy(1)) == (13_000 - 990) * MILLION


async def test_in_continuous_trading_a_counter_that_ran_out_stays_closed(counters: CounterPort) -> None:
    quota = {"ceiling": 100, "latches": WINDOW}
    await settle(counters, buy(101, **quota))  # to −1
    await settle(counters, sell(6, **quota))  # to +5
    _, verdict = await reserve(counters, buy(1, **quota))
    assert verdict == Refused(buy(1, **quota), 0)
    assert (await counters.sums([SHANGHAI]))[SHANGHAI].latched


async def test_a_closed_counter_refuses_buys_of_any_session_and_lets_sells_pass(counters: CounterPort) -> None:
    await reserve(counters, buy(100, ceiling=100, latches=WINDOW))
    await settle(counters, sell(50, ceiling=100))
    assert (await reserve(counters, buy(1, ceiling=100)))[1] == Refused(buy(1, ceiling=100), 0)
    assert (await reserve(counters, sell(1, ceiling=100, latches=WINDOW)))[1] is None


async def test_in_the_opening_auction_a_counter_recovers(counters: CounterPort) -> None:
    await settle(counters, buy(101, ceiling=100))  # to −1
    assert (await reserve(counters, buy(1, ceiling=100)))[1] == Refused(buy(1, ceiling=100), -1)
    await settle(counters, sell(6, ceiling=100))  # to +5
    assert (await reserve(counters, buy(1, ceiling=100)))[1] is None


@pytest.mark.parametrize("on_carry", [True, False])
async def test_no_headroom_carried_into_continuous_trading_closes_the_counter_only_where_the_rule_says_so(
    counters: CounterPort, on_carry: bool
) -> None:
    quota = {"ceiling": 100, "latches": WINDOW, "latches_on_carry": on_carry}
    await settle(counters, buy(100, ceiling=100))  # carried over from the auction
    _, verdict = await reserve(counters, buy(1, **quota))
    assert verdict is not None
    await settle(counters, sell(50, **quota))
    assert ((await reserve(counters, buy(1, **quota)))[1] is not None) == on_carry


async def test_a_sell_at_no_headroom_closes_nothing(counters: CounterPort) -> None:
    await settle(counters, buy(100, ceiling=100))
    await settle(counters, sell(50, ceiling=100, latches=WINDOW))
    assert (await reserve(counters, buy(1, ceiling=100, latches=WINDOW)))[1] is None


async def test_a_whole_claim_that_does_not_fit_leaves_the_counter_open(counters: CounterPort) -> None:
    quota = {"ceiling": 100, "latches": WINDOW, "admission": WHOLE}
    assert (await reserve(counters, buy(101, **quota)))[1] == Refused(buy(101, **quota), 100)
    assert (await reserve(counters, buy(99, **quota)))[1] is None
    assert not (await counters.sums([SHANGHAI]))[SHANGHAI].latched
    assert (await reserve(counters, buy(1, **quota)))[1] is None
    assert (await counters.sums([SHANGHAI]))[SHANGHAI].latched


async def test_a_forced_claim_that_takes_the_last_headroom_closes_the_counter(counters: CounterPort) -> None:
    assert (await reserve(counters, buy(150, ceiling=100, latches=WINDOW, forced=True)))[1] is None
    await settle(counters, sell(100, ceiling=100))
    assert (await reserve(counters, buy(1, ceiling=100)))[1] == Refused(buy(1, ceiling=100), 0)


async def test_a_while_open_claim_overshoots_once(counters: CounterPort) -> None:
    await reserve(counters, buy(99, ceiling=100))
    assert (await reserve(counters, buy(50, ceiling=100)))[1] is None
    assert (await reserve(counters, buy(1, ceiling=100)))[1] == Refused(buy(1, ceiling=100), -49)


async def test_a_claim_of_nothing_is_refused_where_its_window_was_exceeded_and_changes_nothing(
    counters: CounterPort,
) -> None:
    look = buy(0, ceiling=100, admission="whole", gross=True)
    await reserve(counters, buy(99, ceiling=100, gross=True))
    assert (await reserve(counters, look))[1] is None
    await reserve(counters, buy(2, ceiling=100, gross=True))
    before = await counters.sums([look.counter])
    assert (await reserve(counters, look))[1] == Refused(look, -1)
    assert await counters.sums([look.counter]) == before


async def test_a_whole_claim_fits_to_the_unit_and_not_beyond(counters: CounterPort) -> None:
    assert (await reserve(counters, same_name(80_000_01)))[1] == Refused(same_name(80_000_01), 80_000_00)
    assert (await reserve(counters, same_name(80_000_00)))[1] is None
    assert (await reserve(counters, same_name(1)))[1] == Refused(same_name(1), 0)


async def test_within_a_batch_payments_are_judged_in_arrival_order(counters: CounterPort) -> None:
    batch = [payment(same_name(amount)) for amount in (50_000_00, 40_000_00, 30_000_00, 1)]
    assert await counters.reserve(batch) == [
        None,
        Refused(same_name(40_000_00), 30_000_00),
        None,
        Refused(same_name(1), 0),
    ]


async def test_a_refusal_names_the_claim_that_binds_first_and_leaves_no_trace(counters: CounterPort) -> None:
    day, year = same_name(10, ceiling=100), same_name(10, counter="year", ceiling=5)
    agent = debit(10)
    _, verdict = await reserve(counters, day, year, agent)
    assert verdict == Refused(year, 5)
    assert await counters.sums([PERSON, "year", AGENT]) == {PERSON: Sums(), "year": Sums(), AGENT: Sums()}


async def test_claims_of_one_payment_on_one_counter_add_up(counters: CounterPort) -> None:
    principal, charge = same_name(60, ceiling=100), same_name(41, ceiling=100)
    assert (await reserve(counters, principal, charge))[1] == Refused(charge, 100)
    assert (await reserve(counters, principal, charge._replace(delta=40)))[1] is None


@pytest.mark.parametrize(
    "claim", [same_name(200, ceiling=100, effect=REPORT), same_name(200, ceiling=100, forced=True)]
)
async def test_a_threshold_and_a_forced_claim_never_block_and_are_counted(counters: CounterPort, claim: Claim) -> None:
    assert await counters.reserve([payment(claim), payment(claim)]) == [None, None]
    assert (await counters.sums([PERSON]))[PERSON].up_posted == 400
    assert (await reserve(counters, same_name(1, ceiling=400)))[1] == Refused(same_name(1, ceiling=400), 0)


async def test_a_threshold_before_a_cap_in_one_batch_counts_towards_the_cap(counters: CounterPort) -> None:
    report, cap = same_name(80, ceiling=1, effect=REPORT), same_name(30, ceiling=100)
    assert await counters.reserve([payment(report), payment(cap)]) == [None, Refused(cap, 20)]


async def test_documents_that_are_missing_block_like_a_refusal(counters: CounterPort) -> None:
    claim = same_name(51, ceiling=50, effect=REQUIRE_DOCUMENTS)
    assert (await reserve(counters, claim))[1] == Refused(claim, 50)


async def test_an_agent_spends_what_was_credited_and_no_more(counters: CounterPort) -> None:
    assert (await reserve(counters, debit(1)))[1] == Refused(debit(1), 0)
    await settle(counters, debit(-500))
    assert (await reserve(counters, debit(500)))[1] is None
    assert (await reserve(counters, debit(1)))[1] == Refused(debit(1), 0)


async def test_a_credit_on_its_way_is_not_spent(counters: CounterPort) -> None:
    assert await counters.reserve([payment(debit(-500)), payment(debit(1))]) == [None, Refused(debit(1), 0)]


async def test_an_inventory_does_not_fall_below_its_floor(counters: CounterPort) -> None:
    stock = {"counter": "account:provider/HKD", "gross": False, "ceiling": None, "floor": 100}
    await settle(counters, same_name(300, **stock))
    assert (await reserve(counters, same_name(-200, **stock)))[1] is None
    assert (await reserve(counters, same_name(-1, **stock)))[1] == Refused(same_name(-1, **stock), 0)


async def test_net_notional_is_bounded_both_ways_and_a_trade_on_its_way_offsets_nothing(counters: CounterPort) -> None:
    widest = 20_000 * MILLION
    up, _ = await reserve(counters, swap(widest))
    assert (await reserve(counters, swap(1)))[1] == Refused(swap(1), 0)
    assert (await reserve(counters, swap(-widest)))[1] is None
    assert (await reserve(counters, swap(-1)))[1] == Refused(swap(-1), 0)  # the up is not posted yet
    await counters.post([up])
    assert (await reserve(counters, swap(-widest)))[1] is None
    assert (await reserve(counters, swap(1)))[1] == Refused(swap(1), 0)  # the downs are not posted yet


async def test_offsetting_trades_make_room_once_posted(counters: CounterPort) -> None:
    widest = 20_000 * MILLION
    await settle(counters, swap(widest))
    await settle(counters, swap(-5 * MILLION))
    assert (await reserve(counters, swap(5 * MILLION)))[1] is None
    assert await left(counters, swap(-1)) == (2 * 20_000 - 5) * MILLION


async def test_lowering_a_cap_below_use_blocks_new_claims_and_changes_no_old_one(counters: CounterPort) -> None:
    old, _ = await reserve(counters, same_name(80, ceiling=100, gross=False))
    assert (await reserve(counters, same_name(1, ceiling=50, gross=False)))[1] == Refused(
        same_name(1, ceiling=50, gross=False), -30
    )
    await counters.post([old])
    assert (await counters.sums([PERSON]))[PERSON][:4] == (0, 80, 0, 0)


async def test_the_strictest_cap_of_a_batch_binds_its_own_claims_only(counters: CounterPort) -> None:
    wide, narrow = same_name(60, ceiling=100), same_name(1, ceiling=50)
    assert await counters.reserve([payment(wide), payment(narrow), payment(wide._replace(delta=40))]) == [
        None,
        Refused(narrow, -10),
        None,
    ]


async def test_a_claim_without_bounds_always_fits(counters: CounterPort) -> None:
    free = same_name(10**15, ceiling=None)
    assert await counters.reserve([payment(free), payment(free._replace(delta=-5, floor=None))]) == [None, None]
    assert (await counters.sums([PERSON]))[PERSON][:4] == (0, 10**15, 5, 0)


async def test_first_claims_in_parallel_are_as_safe_as_any_other(counters: CounterPort) -> None:
    verdicts = await asyncio.gather(*(counters.reserve([payment(same_name(30, ceiling=100))]) for _ in range(12)))
    assert sum(verdict is None for [verdict] in verdicts) == 3
    assert (await counters.sums([PERSON]))[PERSON].up_posted == 90


async def test_fifty_parallel_claims_take_all_of_a_cap_and_no_more(counters: CounterPort) -> None:
    await settle(counters, same_name(10, ceiling=1_000))
    verdicts = await asyncio.gather(*(counters.reserve([payment(same_name(33, ceiling=1_000))]) for _ in range(50)))
    refusals = [verdict for [verdict] in verdicts if verdict is not None]
    assert len(refusals) == 20
    assert refusals == [Refused(same_name(33, ceiling=1_000), 0)] * 20
    assert (await counters.sums([PERSON]))[PERSON].up_posted == 1_000


async def test_check_says_what_reserve_would_and_writes_nothing(counters: CounterPort) -> None:
    await reserve(counters, buy(70, ceiling=100))
    before = await counters.sums([SHANGHAI, "other"])
    over = buy(31, ceiling=100, admission=WHOLE, latches=WINDOW)
    assert await counters.check((over,)) == Refused(over, 30)
    assert await counters.check((buy(31, ceiling=100), same_name(1, counter="other"))) is None
    assert await counters.sums([SHANGHAI, "other"]) == before


async def test_a_payment_reserved_twice_counts_once(counters: CounterPort) -> None:
    asked = ClaimSet("once", (same_name(60, ceiling=100),))
    assert await counters.reserve([asked, asked]) == [None, None]
    assert await counters.reserve([asked]) == [None]
    assert (await counters.sums([PERSON]))[PERSON].up_posted == 60


async def test_a_refused_payment_may_be_tried_again(counters: CounterPort) -> None:
    asked = ClaimSet("again", (debit(10),))
    assert await counters.reserve([asked]) == [Refused(debit(10), 0)]
    await settle(counters, debit(-10))
    assert await counters.reserve([asked]) == [None]


async def test_an_empty_batch_and_a_payment_without_claims_pass(counters: CounterPort) -> None:
    assert await counters.reserve([]) == []
    assert await counters.reserve([ClaimSet("free", ())]) == [None]
    await counters.post(["free"])


async def test_versions_grow_by_one_with_each_write(counters: CounterPort) -> None:
    first, _ = await reserve(counters, swap(10), same_name(10))
    await reserve(counters, swap(10))
    await counters.post([first])
    await counters.post([first])
    sums = await counters.sums([swap(1).counter, PERSON])
    assert (sums[swap(1).counter].version, sums[PERSON].version) == (3, 1)
