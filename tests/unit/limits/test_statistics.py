"""Receipts and payments, conversions, marks and the bridge: what stands in which cell, and what in none."""

from datetime import date
from typing import Any

import pytest

from fx.money import parse_amount
from fx.rates import load_market
from limits.classification import Entry, turned
from limits.classification.bpm6 import CAPITAL, CURRENT, FINANCIAL, ITEMS
from limits.documents import RulebookError
from limits.statistics import (
    NOTIONAL,
    ORDER,
    PAYMENT,
    RETURN,
    Cell,
    Conversion,
    Facts,
    LeftOut,
    Mark,
    Parties,
    Record,
    Side,
    conversions,
    crossed,
    enough,
    receipts_and_payments,
)
from limits.statistics.bridge import Bridged, bridge, read_bridge, takes
from limits.statistics.observability import Observability, load_statistics, read_observability

DAY = date(2026, 3, 5)
GIFT = "secondary-income.personal-transfers"
PERSONS = Parties("person", "HK", "person", "CN")
A_GIFT = (
    Entry("HK", "debit", GIFT, None, "CN"),
    Entry("CN", "credit", GIFT, "421010", "HK"),
)
A_DEPOSIT = (
    Entry("HK", "asset", "other-investment.deposits", None, "CN", "increase"),
    Entry("CN", "liability", "other-investment.deposits", "822020", "HK", "increase"),
)


@pytest.fixture(scope="module")
def observability() -> Observability:
    return read_observability(load_statistics())


@pytest.fixture(scope="module")
def mark(observability: Observability) -> Mark:
    return observability.marker("receipts-and-payments")


@pytest.fixture(scope="module")
def mark_conversion(observability: Observability) -> Mark:
    return observability.marker("conversion")


def a_record(**changes: Any) -> Record:
    """Two gifts of Hong Kong residents, HKD 10,000 sold offshore for CNY 9,000 that cross."""
    gifts = Record(
        PAYMENT, DAY, A_GIFT, PERSONS, "HK", "CN", "offshore", Side("HKD", 1_000_000, True), 900_000,
        Side("CNY", 900_000, True), 2,
    )  # fmt: skip
    return gifts._replace(**changes)


def southbound(**changes: Any) -> Record:
    """A mainland resident's tuition: CNY 92,000 sold onshore for HKD 100,000 that cross."""
    tuition = "services.travel.education"
    entries = (
        Entry("CN", "debit", tuition, "223022", "HK"),
        Entry("HK", "credit", tuition, None, "CN"),
    )
    record = Record(
        PAYMENT, DAY, entries, Parties("person", "CN", "firm", "HK"), "CN", "HK", "onshore",
        Side("CNY", 9_200_000, False), 10_000_000, Side("HKD", 10_000_000, False), 1,
    )  # fmt: skip
    return record._replace(**changes)


def cells(mark: Mark, *records: Record, economy: str | None = None) -> list[Cell]:
    return receipts_and_payments(records, mark, economy)[0]


def left_out(mark: Mark, *records: Record) -> LeftOut:
    return receipts_and_payments(records, mark)[1]


def test_each_economy_that_has_an_entry_reports_the_payment_once(mark: Mark) -> None:
    payer, payee = reversed(cells(mark, a_record()))
    assert payer[:8] == ("HK", DAY, GIFT, "", "payment", "CN", "CNY", "payment")
    assert payee[:8] == ("CN", DAY, GIFT, "421010", "receipt", "HK", "CNY", "payment")
    assert payer[-2:] == payee[-2:] == (2, 900_000)


def test_alike_records_add_up_and_unlike_ones_do_not(mark: Mark) -> None:
    found = cells(mark, a_record(), a_record(number=3), a_record(day=date(2026, 3, 6)), economy="CN")
    assert [(cell.day.day, cell.number, cell.amount_minor) for cell in found] == [(5, 5, 1_800_000), (6, 2, 900_000)]


@pytest.mark.parametrize(
    ("record", "crosses"),
    [
        (a_record(), ("CNY", 900_000)),  # Hong Kong dollars are sold before the border
        (a_record(market="onshore"), ("HKD", 1_000_000)),  # and here behind it
        (southbound(), ("HKD", 10_000_000)),
        (southbound(market="offshore"), ("CNY", 9_200_000)),
        (a_record(origin="HK", destination="MO", market="pegged"), ("HKD", 1_000_000)),
        (a_record(origin="MO", destination="HK", market="pegged"), ("CNY", 900_000)),
        (a_record(origin="HK", destination="MO", market="offshore"), ("CNY", 900_000)),
        (a_record(origin="CN", destination="CN", market="onshore"), ("CNY", 900_000)),
        (a_record(market="", sent=Side("CNY", 900_000, True)), ("CNY", 900_000)),
    ],
)
def test_what_crosses_follows_from_where_it_is_exchanged(record: Record, crosses: tuple[str, int]) -> None:
    assert crossed(record)[:2] == crosses


def test_a_return_is_a_record_of_its_own_period_on_the_other_side_of_its_payments_class(mark: Mark) -> None:
    back = a_record(
        kind=RETURN, day=date(2026, 4, 1), origin="CN", destination="HK", market="", number=1,
        entries=turned(a_record().entries), parties=Parties("person", "CN", "person", "HK"), sent=Side("CNY", 1_000, True), received=Side("CNY", 1_000, True),
    )  # fmt: skip
    paid, returned = cells(mark, a_record(), back, economy="CN")
    assert (paid.direction, paid.kind, paid.day.month, paid.amount_minor) == ("receipt", PAYMENT, 3, 900_000)
    assert (returned.direction, returned.kind, returned.day.month, returned.amount_minor) == (
        "payment",
        RETURN,
        4,
        1_000,
    )
    assert (returned.item, returned.code) == (paid.item, paid.code)
    asset, _ = reversed(cells(mark, back._replace(entries=turned(A_DEPOSIT))))
    assert asset.direction == "asset decrease"


def test_the_financial_account_says_what_grows_or_shrinks(mark: Mark) -> None:
    assert [(cell.economy, cell.direction) for cell in cells(mark, a_record(entries=A_DEPOSIT))] == [
        ("CN", "liability increase"),
        ("HK", "asset increase"),
    ]


def test_what_is_no_transaction_of_two_economies_and_what_moves_no_money_is_counted_and_in_no_cell(mark: Mark) -> None:
    nothing = a_record(entries=())
    records = [
        nothing._replace(origin="HK", destination="HK", number=5), nothing._replace(number=4),
        a_record(kind=ORDER, number=3), a_record(kind=NOTIONAL, number=2),
    ]  # fmt: skip
    assert cells(mark, *records) == []
    assert left_out(mark, *records) == LeftOut(domestic=5, routing_only=4, orders=3, notional=2)


def test_records_of_other_economies_alone_are_counted_where_one_is_asked_for(mark: Mark) -> None:
    found, left = receipts_and_payments([a_record()], mark, "MO")
    assert found == [] and left == LeftOut(other_economies=2)


FIRMS = Parties("firm", "HK", "firm", "CN")
BIG = {"sent": Side("HKD", 10**9, False), "received": Side("CNY", 10**9, False)}


@pytest.mark.parametrize(
    ("economy", "changes", "basis", "observable"),
    [
        ("HK", {"parties": FIRMS} | BIG, "no-such-returns", False),
        ("CN", {"parties": FIRMS} | BIG, "mainland-returns", True),
        ("CN", {"parties": FIRMS}, "mainland-returns", True),  # a firm declares a small one, too
        ("CN", {}, "personal-without-purpose", False),
        ("CN", BIG, "mainland-returns", True),
        ("CN", {"parties": Parties("firm", "HK", "person", "CN")}, "personal-without-purpose", False),
        ("CN", {"parties": Parties("person", "HK", "firm", "CN")}, "mainland-returns", True),
        ("CN", {"parties": Parties("", "", "", "")}, "person-or-firm-not-kept", False),
        ("CN", {"origin": "CN", "market": ""} | BIG, "rmb-between-persons-inside", False),
        ("CN", {"origin": "CN", "market": "", "parties": FIRMS} | BIG, "mainland-returns", True),
        ("CN", {"origin": "CN", "market": "", **BIG, "received": Side("HKD", 1, False)}, "mainland-returns", True),
        ("CN", {"destination": "HK"} | BIG, "no-mainland-bank", False),
        ("CN", {"entries": A_DEPOSIT}, "personal-without-purpose", False),  # the depositor is the person
    ],
)
def test_a_cell_is_observable_by_who_pays_whom_where_and_how_much(
    mark: Mark, economy: str, changes: dict[str, Any], basis: str, observable: bool
) -> None:
    [cell] = cells(mark, a_record(**changes), economy=economy)
    assert (cell.mark, cell.observable) == (basis, observable)


def test_the_threshold_of_personal_items_is_the_same_sum_in_each_currency(observability: Observability) -> None:
    small = observability.thresholds(load_market())
    assert {name: small[name] for name in ("USD", "HKD", "CNY", "MOP", "JPY", "KWD")} == {
        "USD": parse_amount("5000", "USD"), "HKD": parse_amount("39000", "HKD"), "CNY": parse_amount("35500", "CNY"),
        "MOP": parse_amount("40170", "MOP"), "JPY": parse_amount("750000", "JPY"), "KWD": parse_amount("1535", "KWD"),
    }  # fmt: skip


def test_every_row_has_a_source_or_says_why_it_is_assumed(observability: Observability) -> None:
    for rows in observability.rows.values():
        for row in rows:
            assert row.description and (row.source.quote or row.source.reason), row.id


def test_no_facts_are_left_without_a_mark(observability: Observability) -> None:
    for reporter in ("mainland", "other"):
        for party in ("person", "firm", "unknown"):
            facts = Facts(reporter, "crossing", party, False, "CNY", True, "")
            assert observability.marker("receipts-and-payments")(facts)[0]
            assert observability.marker("conversion")(facts._replace(market="pegged"))[0] == "offshore"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"when": {"reporter": True}}, "when.reporter: True is of the wrong kind"),
        ({"when": {"reporting": "mainland"}}, "when.reporting: unknown key"),
        ({"observable": "yes"}, "observable: must be true or false"),
        ({"assumed": False, "reason": None}, "reference: is missing"),
        ({"id": "no-mainland-bank"}, "two rows have one id"),
    ],
)
def test_a_wrong_row_does_not_load_and_is_named(change: dict[str, Any], says: str) -> None:
    data = dict(load_statistics())
    first, *others = data["receipts-and-payments"]
    data["receipts-and-payments"] = [first | change, *others]
    with pytest.raises(RulebookError) as error:
        read_observability(data)
    assert says in str(error.value)


# --- conversions ---


def test_only_an_onshore_exchange_is_of_the_official_statistics_and_an_offshore_one_stands_apart(
    mark_conversion: Mark,
) -> None:
    found, _ = conversions([a_record(), southbound()], mark_conversion)
    onshore, offshore = found
    assert onshore == Conversion(
        "CN", DAY, "onshore", "purchase", "person", "CN", "services.travel.education", "223022", "HKD", PAYMENT,
        "onshore", True, 1, 10_000_000, 9_200_000,
    )  # fmt: skip
    assert offshore == Conversion(
        "HK",
        DAY,
        "offshore",
        "sale",
        "person",
        "HK",
        GIFT,
        "",
        "HKD",
        PAYMENT,
        "offshore",
        False,
        2,
        1_000_000,
        900_000,
    )


def test_the_client_is_who_stands_where_it_is_exchanged(mark_conversion: Mark) -> None:
    sold_there = a_record(market="onshore", parties=Parties("person", "HK", "firm", "CN"))
    [cell] = conversions([sold_there], mark_conversion)[0]
    assert (cell.economy, cell.operation, cell.party, cell.residency, cell.code) == (
        "CN",
        "sale",
        "firm",
        "CN",
        "421010",
    )


def test_what_is_not_exchanged_against_rmb_is_counted_and_in_no_cell(mark_conversion: Mark) -> None:
    macau = a_record(market="pegged", received=Side("MOP", 1_030_000, True), number=3)
    records = [macau, a_record(market="", number=4), a_record(kind=ORDER)]
    assert conversions(records, mark_conversion) == ([], LeftOut(without_rmb=3, nothing_exchanged=4, orders=2))
    assert conversions([a_record()], mark_conversion, "CN") == ([], LeftOut(other_economies=2))


def test_small_cells_can_be_left_out(mark: Mark) -> None:
    found = cells(mark, a_record(), southbound(), economy="CN")
    assert [cell.number for cell in enough(found, 1)] == [2, 1] and [cell.number for cell in enough(found, 2)] == [2]


# --- the bridge ---


def bridged(*found: Cell) -> dict[str, Bridged]:
    return {each.line.id: each for each in bridge(read_bridge(load_statistics()), found, "CN")}


def test_every_item_of_bpm6_falls_under_one_line_and_one_total() -> None:
    lines = [line for line in read_bridge(load_statistics()) if line.items]
    for item, account in ITEMS.items():
        taken = [line for line in lines if takes(line, item)]
        assert [line.part for line in taken if line.total] == [account], item
        assert account == CAPITAL or len([line for line in taken if not line.total]) == 1, item
    assert {line.part for line in lines} == {CURRENT, CAPITAL, FINANCIAL}


def test_the_bridge_adds_receipts_and_payments_to_the_accounts_by_currency(mark: Mark) -> None:
    lines = bridged(*cells(mark, a_record(), southbound(), a_record(entries=A_DEPOSIT)))
    assert [(f.currency, *f.all) for f in lines["current-account"].figures] == [
        ("CNY", 900_000, 0),
        ("HKD", 0, 10_000_000),
    ]
    assert [(f.currency, *f.all) for f in lines["other-investment"].figures] == [("CNY", 0, 900_000)]
    # Received less paid: the banks' claims and liabilities.
    assert [(f.currency, f.all[0]) for f in lines["settlement-assets"].figures] == [("CNY", 1_800_000), ("HKD", -10_000_000)]  # fmt: skip


def test_the_bridge_says_which_part_official_returns_show(mark: Mark) -> None:
    lines = bridged(*cells(mark, a_record(), a_record(received=Side("CNY", 5_000_000, False))))
    [figure] = lines["secondary-income"].figures
    assert (figure.all, figure.observable) == ((5_900_000, 0), (5_000_000, 0))


def _came_back() -> Record:
    return a_record(kind=RETURN, entries=turned(a_record().entries), received=Side("CNY", 100_000, True))


def test_a_return_lowers_the_side_of_its_original_and_is_told_on_a_line_of_its_own(mark: Mark) -> None:
    lines = bridged(*cells(mark, a_record(), _came_back()))
    assert [(f.currency, *f.all) for f in lines["secondary-income"].figures] == [("CNY", 800_000, 0)]
    assert [(f.currency, *f.all) for f in lines["returns"].figures] == [("CNY", 0, 100_000)]


def test_what_cash_cannot_show_has_a_reason_and_never_a_number(mark: Mark) -> None:
    lines = bridged(*cells(mark, a_record(), southbound()))
    unseen = [each for each in lines.values() if each.line.why]
    assert {"trade-credit", "netting", "reinvested-earnings", "freight-and-insurance", "unobserved-channels"} <= {
        each.line.id for each in unseen
    }
    assert all(each.figures == () for each in unseen)
    assert lines["capital-account"].figures == ()  # nothing was paid there: no number is made up either
