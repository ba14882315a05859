"""The traps of a naive implementer that are of orders on the four links (facts 10, 1 to 5), a test each.

Each asks only the rulebook it is given; test_planted_traps hands it faulty ones, and so shows that each can fail.
"""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from trap_builders import BILLION, TODAY, order, periods, posted

from limits.calendars.sessions import venues
from limits.calendars.trading import is_trading_day, next_trading_day
from limits.claims import WHILE_OPEN, WINDOW, Sums
from limits.counters import adjust_changes, admit, changed, evaluate, headroom
from limits.rules import Rulebook, load_rulebook

WAYS = ("northbound", "southbound")
# The four links, each with its daily quota since 2018-05-01 and before, billions (facts 1.1).
LINKS = {
    (f"stock-connect.{exchange}", way): quota
    for exchange in ("shanghai", "shenzhen")
    for way, quota in zip(WAYS, ((52, 13.0), (42, 10.5)), strict=True)
}
QUOTAS = {f"{link}.{way}.day": quota for (link, way), quota in LINKS.items()}


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook()


def test_trap_1_a_buy_order_uses_quota_when_placed_and_a_resting_sell_gives_none(rulebook: Rulebook) -> None:
    for rule, (quota, _) in QUOTAS.items():
        buy, sell = order(rulebook, rule, (quota - 12) * BILLION), order(rulebook, rule, -30 * BILLION)
        assert buy.counter == sell.counter, "all investors share the link's quota"
        refused, placed = admit((buy,), {})
        assert refused is None and placed[buy.counter] == Sums(up_pending=buy.delta), "an order counts when placed"
        _, resting = admit((sell,), placed)
        left = order(rulebook, rule, 1)
        assert headroom(left, resting[sell.counter]) == 12 * BILLION, "a resting sell gives nothing"
        assert headroom(left, posted(resting, sell)[sell.counter]) == 42 * BILLION, "the trade gives it back"
        for done in (False, True):  # a cancel or a better price, before and after execution
            given_back = adjust_changes((buy,), Fraction(1), posted=done)
            assert sum(given_back.get(buy.counter, ())) == -buy.delta


def test_trap_2_continuous_trading_latches_and_the_opening_auction_recovers(rulebook: Rulebook) -> None:
    for rule, (quota, _) in QUOTAS.items():
        full, back = quota * BILLION, order(rulebook, rule, -6 * BILLION)
        for session, latches in (
            ("opening-auction", False), ("continuous", True), ("closing-auction", True),
        ):  # fmt: skip
            last, next_one = (order(rulebook, rule, amount, session) for amount in (full + 1, 1))
            refused, used_up = admit((last,), {})
            assert refused is None and last.admission == WHILE_OPEN, "taken while any balance is left"
            refused, after = admit((next_one,), used_up)
            assert refused is not None
            refused, traded = admit((back,), {**used_up, **after})
            assert refused is None, "sells always pass"
            closed = evaluate((next_one,), posted(traded, back)) is not None
            assert closed is latches, f"{rule}: {session}"


def test_trap_2_each_link_latches_in_sessions_that_its_exchange_has(rulebook: Rulebook) -> None:
    for link, way in LINKS:
        found = rulebook.book.rules[f"{link}.{way}.day"].latches_in
        assert found.keys() <= {session.name for session in venues()[link, way].sessions}
        assert {session for session, until in found.items() if until == "window"} == {"continuous", "closing-auction"}


def test_trap_2_southbound_the_pre_opening_closes_for_itself_and_half_past_nine_opens_again(rulebook: Rulebook) -> None:
    """The southbound twin: what is cancelled before 09:30 opens buying again then, and not before; later it is shut for the day."""
    for rule, (quota, _) in QUOTAS.items():
        if "southbound" not in rule:
            continue
        full, one = quota * BILLION, order(rulebook, rule, 1, "pre-open")
        last = order(rulebook, rule, full + 1, "pre-open")
        sums = admit((last,), {})[1]
        assert evaluate((one,), sums) is not None, "used up"
        sums = changed(sums, adjust_changes((last,), Fraction(1, 2)))
        assert evaluate((one,), sums) is not None, "still shut, though half of it was cancelled"
        assert evaluate((one._replace(latches=WINDOW),), sums) is None, "open again at half past nine"
        over = order(rulebook, rule, full, "continuous")
        refused, sums = admit((over,), sums)
        assert refused is None and sums[over.counter].latched == WINDOW
        sums = changed(sums, adjust_changes((over,), Fraction(1)))
        assert evaluate((order(rulebook, rule, 1, "continuous"),), sums) is not None, "shut for the day"


def test_trap_3_the_balance_may_be_above_the_quota_and_is_not_carried_over(rulebook: Rulebook) -> None:
    for rule, (quota, _) in QUOTAS.items():
        buy, sell = order(rulebook, rule, 2 * BILLION), order(rulebook, rule, -3 * BILLION)
        sums: dict[str, Sums] = {}
        for claim in (buy, sell) * 100:  # turnover of many times the quota
            refused, after = admit((claim,), sums)
            assert refused is None
            sums = posted({**sums, **after}, claim)
        assert headroom(buy, sums[buy.counter]) == (quota + 100) * BILLION
        tomorrow = order(rulebook, rule, 1, day=TODAY + timedelta(days=1))
        assert tomorrow.counter not in sums and periods(rulebook, rule) == {"trading-day"}


def test_trap_4_shanghai_and_shenzhen_are_two_buckets_in_each_direction(rulebook: Rulebook) -> None:
    assert len({order(rulebook, rule, 1).counter for rule in QUOTAS}) == len(QUOTAS)
    for rule, (quota, _) in QUOTAS.items():
        value = rulebook.on(TODAY).rule(rule)
        assert (value.scope, value.amount_minor) == ("link", quota * BILLION)
        link = rule.removesuffix(".day")
        assert value.counted is not None and value.counted.calendar == link, "each link has its own trading days"


def test_trap_5_a_quota_may_change_on_a_day_that_does_not_trade(rulebook: Rulebook) -> None:
    for rule, (new, old) in QUOTAS.items():
        calendar = rulebook.book.rules[rule].counted.calendar
        for day, quota in ((date(2018, 4, 30), old), (date(2018, 5, 1), new), (date(2018, 5, 2), new)):
            assert rulebook.on(day).rule(rule).amount_minor == int(quota * BILLION), f"{rule} on {day}"
        assert not is_trading_day(calendar, date(2018, 5, 1))
        assert next_trading_day(calendar, date(2018, 4, 30)) == date(2018, 5, 2)


def test_the_exchange_s_examples_of_december_2014_come_out(rulebook: Rulebook) -> None:
    day, million = date(2014, 12, 9), BILLION // 1000
    rule = "stock-connect.shanghai.northbound.day"
    sums: dict[str, Sums] = {}
    for amount in (2_548, -2_824):
        claim = order(rulebook, rule, amount * million, day=day)
        sums = posted({**sums, **admit((claim,), sums)[1]}, claim)
    left = order(rulebook, rule, 1, day=day)
    assert headroom(left, sums[left.counter]) == 13_276 * million, "102 % of the quota"
    # On 1 December buys of 3.788 bn and sells of 2.470 bn traded, and 1.398 bn was used: 0.08 bn more rested as buy orders.
    sums = {}
    for amount in (3_788, -2_470, 80):
        claim = order(rulebook, rule, amount * million, day=day)
        sums |= admit((claim,), sums)[1]
        sums = sums if amount == 80 else posted(sums, claim)
    assert headroom(left, sums[left.counter]) == (13_000 - 1_398) * million, "more than the net of trades"
