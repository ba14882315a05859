"""The public vectors of identifiers, where their folder is at hand, and properties of each check digit."""

import csv
import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rails.addressing import PROXY_TYPES
from rails.identifiers import check
from rails.identifiers.banks import check_bic, check_hk_clearing_code, hk_account
from rails.identifiers.cards import check_card
from rails.identifiers.cnaps import BANKS, GBA_CITIES, bank_of, check_cnaps, city_of, cnaps_check_digit
from rails.identifiers.prc import permit_holder
from switch.payment.instruction import IdentificationType

VECTORS = Path(os.environ.get("ISO20022_XSD", "/nowhere")).parent / "vectors"
with_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason="ISO20022_XSD names no folder with vectors beside it")


def number_vectors() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / "id_numbers.json").read_text("utf-8"))
    return found


@with_vectors
def test_every_real_cnaps_code_passes_and_its_parts_are_those_of_the_list() -> None:
    with (VECTORS / "cnaps_bank_codes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 66
    for row in rows:
        code = row["code"]
        assert check_cnaps(code) is None, code
        assert code == row["bank3"] + row["city4"] + row["branch4"] + row["check"]


@with_vectors
@pytest.mark.parametrize(
    ("kind", "list_name", "country"),
    [("PRCID", "prc_resident_id_valid", "CN"), ("USCC", "uscc_valid", "CN"), ("LEI", "lei_valid", "HK")],
)
def test_every_published_number_passes(kind: str, list_name: str, country: str) -> None:
    numbers = number_vectors()[list_name]
    assert numbers and [check(kind, number, country) for number in numbers] == [None] * len(numbers)


@with_vectors
def test_every_published_hkid_has_its_check_digit_and_no_other() -> None:
    for body, digit in number_vectors()["hkid_body_to_check"].items():
        assert [one for one in "0123456789A" if check("HKID", body + one, "HK") is None] == [digit]


# --- check digits ---

ELEVEN = st.from_regex("[0-9]{11}", fullmatch=True)
BODY17 = st.builds(
    lambda area, born, sequence: f"{area}{born:%Y%m%d}{sequence:03}",
    st.sampled_from(["440305", "810000", "820000", "830000", "890000"]),
    st.dates(min_value=date(1900, 1, 1), max_value=date(2020, 1, 1)),
    st.integers(0, 999),
)
USCC_BODY = st.from_regex("91440300[0-9A-HJ-NP-RTUW-Y]{9}", fullmatch=True)
CARD_BODY = st.from_regex("62[0-9]{13,16}", fullmatch=True)
LEI_BODY = st.from_regex("[0-9A-Z]{18}", fullmatch=True)
KINDS: list[tuple[st.SearchStrategy[str], str, Callable[[str], str | None]]] = [
    (ELEVEN, "0123456789", check_cnaps),
    (BODY17, "0123456789X", lambda number: check("PRCID", number, "CN")),
    (USCC_BODY, "0123456789ABCDEFGHJKLMNPQRTUWXY", lambda number: check("USCC", number, "CN")),
    (CARD_BODY, "0123456789", check_card),
]


@pytest.mark.parametrize(("bodies", "digits", "wrong"), KINDS, ids=["CNAPS", "PRCID", "USCC", "card"])
@given(data=st.data())
def test_exactly_one_check_character_fits(
    bodies: st.SearchStrategy[str], digits: str, wrong: Callable[[str], str | None], data: st.DataObject
) -> None:
    body = data.draw(bodies)
    assert len([digit for digit in digits if wrong(body + digit) is None]) == 1


@pytest.mark.parametrize(("bodies", "digits", "wrong"), KINDS, ids=["CNAPS", "PRCID", "USCC", "card"])
@given(data=st.data())
def test_one_wrong_character_is_always_found(
    bodies: st.SearchStrategy[str], digits: str, wrong: Callable[[str], str | None], data: st.DataObject
) -> None:
    body = data.draw(bodies)
    right = next(body + digit for digit in digits if wrong(body + digit) is None)
    place = data.draw(st.integers(0, len(right) - 1))
    other = data.draw(st.sampled_from(digits))
    assume(other != right[place])
    assert wrong(right[:place] + other + right[place + 1 :]) is not None


@given(LEI_BODY)
def test_exactly_one_pair_of_check_digits_fits_an_lei(body: str) -> None:
    assert len([n for n in range(2, 99) if check("LEI", f"{body}{n:02}", "HK") is None]) == 1


@given(st.text(max_size=30))
def test_no_text_makes_a_check_fall(text: str) -> None:
    for wrong in (check_cnaps, check_card, check_bic, check_hk_clearing_code):
        assert wrong(text) is None or isinstance(wrong(text), str)
    assert hk_account(text) is None or len(hk_account(text) or ()) == 3


# --- what each number says ---


@pytest.mark.parametrize(("code", "bank", "city"), [
    ("102584000002", "ICBC", "Shenzhen"), ("306581000003", "CGB", "Guangzhou"), ("402602000018", "rural banks", "Dongguan"),
    ("318110000014", None, None), ("104100000004", "BOC", None),
])  # fmt: skip
def test_a_cnaps_code_names_its_bank_and_its_city(code: str, bank: str | None, city: str | None) -> None:
    assert (check_cnaps(code), bank_of(code), city_of(code)) == (None, bank, city)


def test_the_bay_area_has_its_eleven_cities_and_every_prefix_three_digits() -> None:
    assert len(GBA_CITIES) == 11 and all(len(city) == 4 for city in GBA_CITIES)
    assert all(len(bank) == 3 for bank in BANKS)
    assert cnaps_check_digit("10233100505") == "9"


@pytest.mark.parametrize(
    ("code", "says"),
    [("10233100505", "twelve digits"), ("102331005058", "check digit"), ("1023310050５9", "twelve digits")],
)
def test_a_wrong_cnaps_code_is_told_why(code: str, says: str) -> None:
    assert says in (check_cnaps(code) or "")


@pytest.mark.parametrize("number", ["810000199001010019", "820000199001010010", "830000199001010012"])
def test_a_residence_permit_says_where_its_holder_is_from(number: str) -> None:
    assert check("PRCID", number, "CN") is None
    assert permit_holder(number) == {"81": "HK", "82": "MO", "83": "TW"}[number[:2]]


def test_an_identity_number_is_no_residence_permit() -> None:
    assert permit_holder("360426199101010071") is None
    assert "not assigned" in (check("PRCID", "840000199001010014", "CN") or "")


@pytest.mark.parametrize("code", ["HBAYHKH0", "ICBKMOMX", "ICBKCNBJ", "MFAMMOMX", "BKCHHKHHXXX", "H1AYHKH0"])
def test_a_bic_of_the_bay_area_passes(code: str) -> None:
    assert check_bic(code, {"HK", "MO", "CN"}) is None


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("HBAYHKH", "four characters"), ("HBAYHKH0X", "four characters"), ("HBAYH1H0", "four characters"),
        ("HBAYZZH0", "no country"), ("HBAYGBH0", "not of CN or HK or MO"), ("hbayhkh0", "capitals"), ("HBAY HKH0", "capitals"), ("", "four characters"),
    ],
)  # fmt: skip
def test_a_wrong_bic_is_told_why(code: str, says: str) -> None:
    assert says in (check_bic(code, {"HK", "MO", "CN"}) or "")


@pytest.mark.parametrize(
    ("number", "says"),
    [("411111111111111", "16 to 19"), ("4111111111111112", "Luhn"), ("62220000000000001010", "16 to 19")],
)
def test_a_wrong_card_is_told_why(number: str, says: str) -> None:
    assert says in (check_card(number) or "")
    assert check_card("4111111111111111") is None


def test_a_hong_kong_account_has_its_parts() -> None:
    assert hk_account("012-345-678901") == ("012", "345", "678901")
    assert hk_account("012345678901234") == ("012", "345", "678901234")
    assert hk_account("01234567890") is None and hk_account("0123456789012345") is None
    assert check_hk_clearing_code("012") is None and check_hk_clearing_code("12") is not None


# --- the page ---

PAGE = (Path(__file__).parents[3] / "docs" / "identifiers.md").read_text("utf-8")


def test_the_page_has_a_row_for_every_type_and_every_proxy() -> None:
    for kind in get_args(IdentificationType):
        assert f"| `{kind}` |" in PAGE, kind
    for country, kinds in PROXY_TYPES.items():
        for kind in kinds:
            [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{kind}` |")]
            assert country in row.split("|")[2], (kind, country)
