"""What an order does to its quota: buys claim when placed, sells give when traded, and the rest comes back (facts rules 1.2)."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fx.money import UP
from limits.counters import Change
from limits.orders import (
    BUY,
    CANCELLED,
    DONE,
    OPEN,
    SELL,
    Moved,
    Order,
    OrderError,
    cancelled,
    executed,
    placed,
    rejected,
    value_minor,
)

ONE = Decimal(1)
HKD_RATE = Decimal("0.92")  # CNY for one HKD


def buy(quantity: int = 1_000, price: str = "10.50") -> Order:
    return placed(BUY, quantity, Decimal(price), "CNY", ONE)


def sell(quantity: int = 1_000, price: str = "10.50") -> Order:
    return placed(SELL, quantity, Decimal(price), "CNY", ONE)


def test_a_buy_claims_its_value_at_its_limit_and_a_resting_sell_nothing() -> None:
    assert buy().claimed_minor == 10_500_00
    assert sell().claimed_minor == 0


def test_a_better_price_gives_back_the_difference() -> None:
    order, change = executed(buy(), 400, Decimal("10.25"))
    assert change == Change(up_pending=-4_200_00, up_posted=4_100_00)
    assert (order.open_quantity, order.claimed_minor, order.state) == (600, 6_300_00, OPEN)
    order, change = executed(order, 600, Decimal("10.50"))
    assert change == Change(up_pending=-6_300_00, up_posted=6_300_00) and order.state == DONE


def test_a_sell_gives_headroom_by_what_it_traded_for() -> None:
    order, change = executed(sell(), 400, Decimal("10.75"))
    assert change == Change(down_posted=4_300_00) and order.open_quantity == 600
    assert cancelled(order).change == Change()


@pytest.mark.parametrize("end", [cancelled, rejected])
def test_what_is_cancelled_or_rejected_gives_back_all_that_is_open(end: Callable[[Order], Moved]) -> None:
    order, _ = executed(buy(), 400, Decimal("10.25"))
    order, change = end(order)
    assert change == Change(up_pending=-6_300_00) and order.claimed_minor == 0
    with pytest.raises(OrderError, match="nothing of the order is open"):
        end(order)


def test_southbound_orders_count_in_renminbi_at_the_day_s_reference_rate_and_round_up() -> None:
    order = placed(BUY, 100, Decimal("33.333"), "HKD", HKD_RATE)
    assert order.claimed_minor == 306_664  # HKD 3,333.30 are CNY 3,066.636
    _, change = executed(order, 100, Decimal("33.333"))
    assert change == Change(up_pending=-306_664, up_posted=306_664)
    _, change = executed(placed(SELL, 100, Decimal("33.333"), "HKD", HKD_RATE), 100, Decimal("33.333"))
    assert change == Change(down_posted=306_663)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (lambda: placed("short", 1, ONE, "CNY", ONE), "side"),
        (lambda: placed(BUY, 0, ONE, "CNY", ONE), "quantity"),
        (lambda: placed(BUY, 1, Decimal(0), "CNY", ONE), "price"),
        (lambda: placed(BUY, 1, Decimal("NaN"), "CNY", ONE), "price"),
        (lambda: placed(BUY, 1, Decimal("10.5001"), "CNY", ONE), "price"),
        (lambda: placed(BUY, 10**15, Decimal("10.5"), "CNY", ONE), "quantity"),
        (lambda: placed(SELL, 10**30, Decimal("10.5"), "CNY", ONE), "quantity"),
        (lambda: executed(sell(), 1_000, Decimal(10**14)), "price"),
        (lambda: executed(buy(), 1, Decimal("10.0001")), "price"),
        (lambda: executed(buy(), 1_001, ONE), "quantity"),
        (lambda: executed(buy(), 0, ONE), "quantity"),
        (lambda: executed(buy(), 1, Decimal("10.51")), "price"),
        (lambda: executed(sell(), 1, Decimal("10.49")), "price"),
        (lambda: executed(cancelled(buy()).order, 1, ONE), "event"),
    ],
)
def test_an_event_that_cannot_be_names_its_field(event: Callable[[], object], field: str) -> None:
    with pytest.raises(OrderError) as raised:
        event()
    assert raised.value.field == field


prices = st.integers(1, 10**6).map(lambda n: Decimal(n).scaleb(-3))


@given(st.integers(1, 10**6), prices, st.lists(st.tuples(st.integers(1, 10**6), prices), max_size=8), st.booleans())
def test_nothing_of_a_claim_is_lost_or_made_whatever_becomes_of_it(
    quantity: int, limit: Decimal, trades: list[tuple[int, Decimal]], southbound: bool
) -> None:
    order = placed(BUY, quantity, limit, "HKD" if southbound else "CNY", HKD_RATE if southbound else ONE)
    pending, posted = order.claimed_minor, 0
    for part, price in trades:
        if order.state != OPEN:
            break
        traded = min(part, order.open_quantity), min(price, limit)
        order, change = executed(order, *traded)
        pending, posted = pending + change.up_pending, posted + change.up_posted
        assert pending == order.claimed_minor >= 0 and change.up_posted >= 0
    if order.state == OPEN:
        order, change = cancelled(order)
        pending += change.up_pending
    assert pending == 0
    assert posted <= value_minor(quantity, limit, order.currency, order.rate, UP)
    assert order.state in (DONE, CANCELLED)
