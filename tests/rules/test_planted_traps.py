"""Each trap fallen into on purpose: a copy of the law with one fault, handed to the trap's own test, which must fail."""

from collections.abc import Callable

import pytest
import test_order_traps as orders
import test_traps as trap
from trap_builders import Change, planted

from limits.rules import Rulebook

NORTH, SOUTH = "stock-connect.shanghai.northbound.day", "stock-connect.shanghai.southbound.day"
SZ_NORTH, SZ_SOUTH = "stock-connect.shenzhen.northbound.day", "stock-connect.shenzhen.southbound.day"
BY_YEAR = {"period": "calendar-year", "zone": "UTC+8", "instant": "received"}
EVER = BY_YEAR | {"period": "outstanding"}
ADD_80_000 = {"rule": "same-name.hong-kong.day"}
# A rule in RMB is refused in a lane that takes Hong Kong dollars, unless it says at which rate it counts them.
AT_A_RATE = {"amount": "debit", "market": "offshore"}
AND_MEASURED: Change = ("same-name.hong-kong.day", ("measure",), AT_A_RATE)
SWAP_MEASURED: Change = ("swap-connect.northbound.day", ("measure",), AT_A_RATE)
BUY, SELL = "mainland.fx-purchase.year", "mainland.fx-sale.year"
CROSS = "mainland.large-value.cross-border"

# Whose faults the loading itself refuses, or whose cases are tables of their own.
AT_LOAD = {
    "test_trap_15_the_tag_that_carries_it_is_not_the_box_it_falls_in",
    "test_trap_16_codes_of_the_older_sets_do_not_load",
}

# Of each trap's test: a fault, or several that stand together where the loading refuses one alone.
FALLEN: dict[Callable[[Rulebook], None], list[Change | tuple[Change, ...]]] = {
    orders.test_trap_1_a_buy_order_uses_quota_when_placed_and_a_resting_sell_gives_none: [
        (NORTH, ("basis",), "gross"),
        (SZ_SOUTH, ("gives_back",), False),
    ],
    orders.test_trap_2_continuous_trading_latches_and_the_opening_auction_recovers: [
        (SOUTH, ("latches_in",), {}),
        (SZ_NORTH, ("latches_in", "opening-auction"), "window"),
        (SZ_SOUTH, ("admission",), "whole"),
    ],
    orders.test_trap_2_each_link_latches_in_sessions_that_its_exchange_has: [
        (SZ_SOUTH, ("latches_in", "opening-auction"), "window"),
    ],
    orders.test_trap_2_southbound_the_pre_opening_closes_for_itself_and_half_past_nine_opens_again: [
        (SOUTH, ("latches_in", "pre-open"), "window"),
        (SZ_SOUTH, ("latches_in",), {"continuous": "window", "closing-auction": "window"}),
    ],
    orders.test_trap_3_the_balance_may_be_above_the_quota_and_is_not_carried_over: [
        (SOUTH, ("window",), EVER),
        (SZ_NORTH, ("window",), BY_YEAR),
    ],
    orders.test_trap_4_shanghai_and_shenzhen_are_two_buckets_in_each_direction: [
        (SZ_NORTH, ("scope",), "market"),
        (SZ_SOUTH, ("window", "calendar"), "stock-connect.shanghai.southbound"),
    ],
    orders.test_trap_5_a_quota_may_change_on_a_day_that_does_not_trade: [
        (SOUTH, ("values", 1, "since"), "2018-05-02"),
        (SZ_SOUTH, ("values", 1, "since"), "2018-04-30"),
    ],
    trap.test_trap_6_stocks_never_begin_anew_and_what_returns_frees_them: [
        ("wealth-connect.northbound.aggregate", ("window",), BY_YEAR),
        ("wealth-connect.southbound.aggregate", ("gives_back",), False),
        ("mutual-recognition.southbound.aggregate", ("basis",), "gross"),
        ("stock-connect.shanghai.southbound.aggregate", ("window",), BY_YEAR),
        ("lanes/wealth-connect.northbound.return", ("rules", "wealth-connect.person", "moves"), "up"),
        ("lanes/wealth-connect.southbound.return", ("rules", "wealth-connect.southbound.aggregate"), ...),
        ("lanes/qdii.return", ("rules", "qdii.institution", "scope"), "institution"),
        ("lanes/rqfii.return", ("rules", "rqfii.hong-kong.aggregate", "moves"), "up"),
        ("lanes/cash-pool.outflow", ("rules", "cash-pool.inflow", "moves"), "up"),
    ],
    trap.test_trap_6_a_gross_flow_begins_anew_and_no_return_frees_it: [
        ("payment-connect.northbound.day", ("gives_back",), True),
        ("same-name.macau.day", ("window",), EVER),
    ],
    trap.test_trap_7_bond_connect_counts_money_that_leaves_and_not_that_of_a_qdii: [
        ("bond-connect.southbound.year", ("basis",), "gross"),
        ("lanes/bond-connect.southbound.return", ("rules", "bond-connect.southbound.day", "moves"), "up"),
        ("lanes/rqdii", ("rules",), [{"rule": "bond-connect.southbound.day"}]),
        ("lanes/rqdii", ("rules",), [{"rule": "qdii.institution"}]),
        ("lanes/qdii", ("corridors", 1, "rules"), [{"rule": "bond-connect.southbound.year"}]),
    ],
    trap.test_trap_8_swap_connect_nets_the_notional_of_all_and_no_payment_uses_it: [
        ("swap-connect.northbound.day", ("basis",), "gross"),
        (("lanes/bond-connect.northbound", ("rules",), [{"rule": "swap-connect.northbound.day"}]), SWAP_MEASURED),
        (("lanes/trade.northbound", ("corridors", 0, "rules"), [{"rule": "swap-connect.northbound.day"}]), SWAP_MEASURED),
    ],
    trap.test_trap_9_payment_connect_north_is_each_institution_s_and_in_hong_kong_dollars: [
        ("payment-connect.northbound.year", ("scope",), "account"),
        ("lanes/payment-connect.northbound", ("rules", "payment-connect.northbound.day", "scope"), "account"),
        ("payment-connect.northbound.day", ("measure", "amount"), "settlement"),
        (("lanes/payment-connect.northbound", ("rules", "+"), ADD_80_000), AND_MEASURED),
    ],
    trap.test_trap_10_the_80_000_bind_rmb_to_oneself_alone: [
        ("lanes/same-name.hong-kong", ("when", "same_name"), ...),
        (("lanes/same-name.hong-kong", ("when", "debit_currency"), ["CNY", "HKD"]), AND_MEASURED),
        (("lanes/branch.northbound.unconverted", ("rules", "+"), ADD_80_000), AND_MEASURED),
        (("lanes/branch.northbound.non-resident", ("corridors", 0, "rules"), [ADD_80_000]), AND_MEASURED),
        ("lanes/home-purchase.northbound", ("rules", "+"), ADD_80_000),
        ("lanes/wealth-connect.northbound", ("rules", "+"), ADD_80_000),
        ("same-name.hong-kong.day", ("scope",), "person-institution"),
    ],
    trap.test_trap_11_the_two_50_000_are_two_and_one_of_them_is_used_by_payment_connect_south: [
        ("lanes/branch.southbound.own-currency", ("rules", "+"), {"rule": BUY}),
        (BUY, ("scope",), "person-institution"),
        (SELL, ("scope",), "creditor-agent"),
        ("lanes/branch.southbound", ("rules", BUY, "effect"), "refuse"),
        ("lanes/branch.northbound", ("rules", SELL, "rule"), BUY),
        ("lanes/payment-connect.southbound", ("rules", BUY), ...),
        ("lanes/payment-connect.southbound.documented", ("rules", "+"), {"rule": BUY}),
        ("lanes/card-spend", ("corridors", 0, "rules"), [{"rule": BUY}]),
    ],
    trap.test_trap_12_thresholds_of_reports_never_block: [
        (f"{CROSS}.foreign.day", ("effect",), "refuse"),
        ("lanes/same-name.hong-kong", ("rules", f"{CROSS}.day", "effect"), "refuse"),
        ("lanes/trade.southbound", ("corridors", 0, "rules"), [{"rule": f"{CROSS}.day", "effect": "refuse"}]),
    ],
    trap.test_trap_13_large_value_is_the_day_s_sum_and_splitting_is_a_pattern_over_people: [
        ("mainland.large-value.firm.day", ("window",), BY_YEAR),
        ("mainland.large-value.domestic.day", ("scope",), "account"),
        ("lanes/payment-connect.southbound", ("rules", f"{CROSS}.day", "scope"), "account"),
        ("lanes/trade.southbound", ("rules", "mainland.large-value.firm.day", "scope"), "market"),
    ],
    trap.test_trap_14_north_is_open_around_the_clock_and_south_from_seven_to_eleven: [
        ("payment-connect.southbound.hours", ("values", 0, "value", 0, "from"), "06:00"),
        ("payment-connect.southbound.hours", ("values", 0, "value", 0, "to"), "22:00"),
        ("lanes/payment-connect.southbound.documented", ("hours",), ...),
        ("lanes/payment-connect.northbound", ("hours",), "payment-connect.southbound.hours"),
        ("lanes/payment-connect.northbound", ("corridors", 0, "destination_rails"), ["hvps"]),
    ],
    trap.test_trap_17_since_2024_08_19_northbound_net_flow_is_not_to_be_seen: [
        ("stock-connect.northbound.disclosure", ("values", 0, "since"), "2024-05-13"),
    ],
}  # fmt: skip
CASES = [
    pytest.param(test, changes, id=f"{test.__name__[5:12].rstrip('_')} {changes[0][0]} {changes[0][1][-1]}")
    for test, faults in FALLEN.items()
    for fault in faults
    for changes in ([(fault,)] if isinstance(fault[0], str) else [fault])
]


@pytest.mark.parametrize(("test", "changes"), CASES)
def test_a_planted_trap_is_caught(test: Callable[[Rulebook], None], changes: tuple[Change, ...]) -> None:
    faulty = planted(*changes)  # it loads: what catches the fault is the test
    with pytest.raises(AssertionError):
        test(faulty)


def test_every_trap_that_asks_a_rulebook_was_fallen_into() -> None:
    asked = {name for module in (orders, trap) for name in vars(module) if name.startswith("test_trap_")}
    assert asked - {test.__name__ for test in FALLEN} == AT_LOAD
