"""Who may pay whom: the table is the law's own answers, and says why where there is none."""

from datetime import date

import pytest

from limits.examine.coverage import DEBTORS, PURPOSES, Cell, coverage, document_of
from limits.rules import Rulebook, load_rulebook

DAY = date(2026, 3, 5)
JOINED = frozenset({"payment-connect"})
SCHEMES = {
    ("HK", "bank"): JOINED, ("HK", "svf"): JOINED, ("CN", "bank"): JOINED | {"wealth-connect"}, ("MO", "bank"): frozenset[str](),
}  # fmt: skip


@pytest.fixture(scope="module")
def law() -> Rulebook:
    """The law without most scheme lanes: the table asks each lane for each debtor and purpose."""
    documents = load_rulebook().documents
    kept = ("payment-connect", "same-name", "trade", "domestic", "hk-macau", "stock-connect")
    return Rulebook({f: d for f, d in documents.items() if not f.startswith("lanes/") or f[6:].startswith(kept)})


@pytest.fixture(scope="module")
def cells(law: Rulebook) -> list[Cell]:
    return coverage(law, DAY, SCHEMES)


def one(cells: list[Cell], corridor: str, purpose: str, debtor: str, same: bool = False, papers: bool = False) -> Cell:
    [found] = [
        cell for cell in cells
        if (f"{cell.origin}-{cell.destination}", cell.purpose, cell.debtor, cell.same_name, bool(cell.documents), cell.venue)
        == (corridor, purpose, debtor, same, papers, "")
    ]  # fmt: skip
    return found


def test_every_corridor_purpose_and_debtor_has_its_cell(cells: list[Cell]) -> None:
    plain = [cell for cell in cells if not cell.venue]
    corridors = {(cell.origin, cell.destination) for cell in plain}
    assert corridors == {(a, b) for a in ("CN", "HK", "MO") for b in ("CN", "HK", "MO")}
    each = sum(2 * (2 if purpose.documents else 1) for purpose in PURPOSES) * len(DEBTORS)
    assert len(plain) == len(corridors) * each


def test_every_cell_has_a_lane_or_says_why_not(cells: list[Cell]) -> None:
    for cell in cells:
        assert (cell.lane is None) == bool(cell.why) and bool(cell.lane) == bool(cell.ways), cell
        assert cell.lane is None or cell.classification is not None, "what is not classified has no lane"


def test_the_known_ways_stand_in_the_table(cells: list[Cell]) -> None:
    assert one(cells, "HK-CN", "GIFT", "hk-person").lane == "payment-connect.northbound"
    assert one(cells, "CN-HK", "GIFT", "mainland-person").lane == "payment-connect.southbound"
    assert one(cells, "HK-CN", "GDDS", "firm").lane == "trade.northbound"
    assert one(cells, "MO-CN", "SAVG", "macau-person", same=True).lane == "same-name.macau"
    assert one(cells, "CN-HK", "STDY", "mainland-person", papers=True).lane == "payment-connect.southbound.documented"
    ways = [way.lane for way in one(cells, "HK-CN", "SAVG", "hk-person", same=True).ways]
    assert "same-name.hong-kong" in ways, "the second lane of the law is told too"


def test_what_has_no_lane_names_the_nearest_and_what_keeps_it_shut(cells: list[Cell]) -> None:
    assert "payment-connect.northbound" in one(cells, "HK-CN", "GIFT", "macau-person").why
    assert one(cells, "CN-CN", "GIFT", "wallet-user").why == "no svf takes part in CN"


def test_a_scheme_is_told_for_those_who_may_enter_with_the_facts_it_needs(cells: list[Cell]) -> None:
    named = [cell for cell in cells if cell.venue == "stock-connect" and cell.lane]
    assert named and all(cell.classification for cell in named)


def test_before_its_first_day_a_lane_is_nobodys(law: Rulebook) -> None:
    before = coverage(law, date(2025, 6, 21), SCHEMES)
    assert not [cell for cell in before if cell.lane and cell.lane.startswith("payment-connect")]
    assert "begins on 2025-06-22" in one(before, "HK-CN", "GIFT", "hk-person").why


def test_a_cell_as_a_document_holds_no_more_than_the_cell(cells: list[Cell]) -> None:
    document = document_of(one(cells, "HK-CN", "GIFT", "hk-person"))
    assert document["corridor"] == "HK-CN" and document["why"] is None
    assert document["ways"][0] == {"lane": document["lane"], "debit_currency": "HKD", "settlement_currency": "CNY"}
