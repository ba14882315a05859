"""A link's quota over a trading day, event by event: the balance as the exchange published it, and when buying is shut."""

from datetime import date, datetime
from decimal import Decimal
from functools import partial

import pytest

from limits.calendars.sessions import session_at
from limits.claims import WINDOW, Sums
from limits.counters import EMPTY, headroom
from limits.orders import (
    BUY,
    CANCEL,
    CLOSED_TO_ORDERS,
    EXECUTE,
    NO_CANCEL,
    PLACE,
    QUOTA,
    REDUCE,
    REJECT,
    SELL,
    SUSPENDED,
    Event,
    Market,
    Order,
    OrderError,
    judged,
)  # fmt: skip
from limits.rules import load_rulebook

SHANGHAI = "stock-connect.shanghai"
FIRST_DAY = date(2014, 11, 17)
MILLION = Decimal(10**6)


class Day:
    """One link's day, driven by hand: amounts in millions of CNY at a price of one, so that quantities read as values."""

    def __init__(self, day: date, direction: str = "northbound", rate: str = "1", suspended: bool = False) -> None:
        claim = load_rulebook().on(day).order_claimer(f"{SHANGHAI}.{direction}.day")
        south = direction == "southbound"
        session = partial(session_at, SHANGHAI, direction)
        self.day = day
        self.market = Market("HKD" if south else "CNY", Decimal(rate), session, claim, south, suspended)
        self.sums: Sums = EMPTY

    def _at(self, time: str) -> datetime:
        return datetime.fromisoformat(f"{self.day}T{time}:00+08:00")

    def place(self, time: str, side: str, millions: str, price: str = "1") -> Order | str:
        """The order as placed, or why it was refused."""
        event = Event(PLACE, self._at(time), int(Decimal(millions) * MILLION), Decimal(price), side)
        outcome = judged(self.market, None, event, self.sums)
        self.sums = outcome.sums
        return outcome.reason or outcome.order or ""

    def after(self, order: Order | str, kind: str, time: str, millions: str = "0", price: str = "1") -> Order | str:
        assert isinstance(order, Order), order
        event = Event(kind, self._at(time), int(Decimal(millions) * MILLION), Decimal(price))
        outcome = judged(self.market, order, event, self.sums)
        self.sums = outcome.sums
        return outcome.reason or outcome.order or ""

    def traded(self, time: str, side: str, millions: str) -> Order | str:
        """Place an order and have all of it executed at its limit."""
        return self.after(self.place(time, side, millions), EXECUTE, time, millions)

    @property
    def balance(self) -> Decimal:
        """The daily quota balance, millions of CNY."""
        assert self.market.claim is not None
        left = headroom(self.market.claim(1, ""), self.sums._replace(latched=""))
        assert left is not None
        return Decimal(left) / (100 * MILLION)


def test_net_selling_lifts_the_balance_above_the_quota_as_the_exchange_s_note_has_it() -> None:
    """HKEX, 9 December 2014: 13 bn less 2.548 bn bought and 2.824 bn sold are 13.276 bn, 102 per cent."""
    day = Day(date(2014, 12, 9))
    day.traded("10:00", BUY, "2548")
    day.traded("10:01", SELL, "2824")
    assert day.balance == 13_276


def test_usage_counts_buy_orders_that_rest_as_the_exchange_s_first_of_december_has_it() -> None:
    """1 December 2014: 3.788 bn bought and 2.470 bn sold net to 1.318 bn, and 1.398 bn was used: 0.080 bn rested unexecuted."""
    day = Day(date(2014, 12, 1))
    day.traded("10:00", BUY, "3788")
    day.traded("10:01", SELL, "2470")
    resting = day.place("10:02", BUY, "80")
    assert 13_000 - day.balance == 1_398
    day.after(resting, CANCEL, "10:03")
    assert 13_000 - day.balance == 1_318, "the net of trades"


def test_the_three_steps_of_the_latch() -> None:
    """Bought to below nothing in continuous trading, five sold, and buying stays shut; sells and cancels pass (facts 1.3)."""
    day = Day(FIRST_DAY)
    last = day.place("13:57", BUY, "13001")
    assert isinstance(last, Order) and day.balance == -1
    assert isinstance(day.traded("13:58", SELL, "5"), Order) and day.balance == 4
    assert day.place("13:59", BUY, "1") == QUOTA
    assert isinstance(day.after(last, CANCEL, "14:00"), Order) and day.balance == 13_005
    assert day.place("14:01", BUY, "1") == QUOTA and day.sums.latched == WINDOW


def test_the_southbound_twin_of_the_latch() -> None:
    """Used up before the open: shut for that session even where it frees; half past nine opens again, and shuts for the day."""
    day = Day(FIRST_DAY, "southbound", rate="0.5")
    last = day.place("09:05", BUY, "21002")
    assert isinstance(last, Order) and day.balance == -1
    assert isinstance(day.after(last, REDUCE, "09:06", "10000"), Order) and day.balance == 5_500
    assert day.place("09:07", BUY, "1") == QUOTA, "only sells and cancels in this session"
    assert isinstance(day.place("09:07", SELL, "1"), Order)
    assert isinstance(day.place("09:30", BUY, "11002"), Order) and day.balance == -1
    assert isinstance(day.traded("09:31", SELL, "10"), Order) and day.balance == 4
    assert day.place("09:32", BUY, "1") == QUOTA


def test_the_opening_auction_recovers_and_its_last_minutes_take_no_cancel() -> None:
    day = Day(FIRST_DAY)
    last = day.place("09:15", BUY, "13001")
    assert day.place("09:16", BUY, "1") == QUOTA
    assert isinstance(day.after(last, REJECT, "09:17"), Order) and day.balance == 13_000
    again = day.place("09:18", BUY, "5")
    assert day.after(again, CANCEL, "09:21") == NO_CANCEL and day.balance == 12_995
    assert day.place("09:26", SELL, "1") == CLOSED_TO_ORDERS
    assert isinstance(day.after(again, EXECUTE, "09:25", "5", "0.9"), Order), "the auction's match is no order"
    assert day.balance == Decimal("12995.5"), "the better price comes back"


def test_who_was_suspended_by_the_aggregate_quota_may_sell_and_not_buy() -> None:
    day = Day(FIRST_DAY, suspended=True)
    assert day.place("10:00", BUY, "1") == SUSPENDED
    assert isinstance(day.place("10:00", SELL, "1"), Order) and day.balance == 13_000


def test_northbound_orders_cannot_be_amended() -> None:
    day = Day(FIRST_DAY)
    with pytest.raises(OrderError, match="cannot be amended"):
        day.after(day.place("10:00", BUY, "2"), REDUCE, "10:01", "1")


def test_each_day_begins_with_its_own_quota() -> None:
    assert Day(date(2018, 4, 27)).balance == 13_000 and Day(date(2018, 5, 2)).balance == 52_000
    assert Day(date(2018, 5, 2), "southbound").balance == 42_000
