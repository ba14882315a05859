"""Identification numbers: the public vectors of facts messages 2.5, and properties of check digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rails.identifiers import check, normalize
from rails.identifiers.hkid import check_digit

VALID = [
    ("HKID", "A123456(3)", "HK"),
    ("HKID", "E364912(5)", "HK"),
    ("HKID", "D288754(2)", "HK"),
    ("HKID", "A100000(7)", "HK"),
    ("HKID", "A000002(A)", "HK"),
    ("HKID", "BC987654(8)", "HK"),
    ("HKID", "DE123456(2)", "HK"),
    ("PRCID", "11010519491231002X", "CN"),
    ("PRCID", "360426199101010071", "CN"),
    ("PRCID", "810000199001010019", "CN"),  # residence permit of a Hong Kong person: stdnum refuses it
    ("PRCID", "820000199001010010", "CN"),
    ("BIR", "1234567(8)", "MO"),
    ("HRP", "H12345678", "CN"),
    ("PASSPORT", "X1234567", "GB"),
    ("USCC", "91110000600037341L", "CN"),
    ("USCC", "91440300708461136T", "CN"),
    ("BRN", "12345678", "HK"),
    ("BRN", "12345678-000", "HK"),
    ("LEI", "213800KUD8LAJWSQ9D15", "GB"),
    ("LEI", "335800BY3CB8W1JK9L13", "HK"),
    ("LEI", "9845005055C05C14D981", "CN"),
]

WRONG = [
    ("HKID", "A123456(4)", "HK", "check digit"),
    ("HKID", "ABC123456(3)", "HK", "one or two letters"),
    ("HKID", "A123456", "HK", "one or two letters"),
    ("HKID", "A123456(3)", "CN", "issued by HK"),
    ("PRCID", "110105194912310021", "CN", "check digit"),
    ("PRCID", "11010519491231002", "CN", "17 digits"),
    ("PRCID", "000000199001010018", "CN", "not assigned"),
    ("PRCID", "11010519900230001X", "CN", "no date"),
    ("PRCID", "440399199001010018", "CN", "not assigned"),  # a county Shenzhen does not have
    ("BIR", "2234567(8)", "MO", "1, 5 or 7"),
    ("HRP", "A12345678", "CN", "letter H or M"),
    ("PASSPORT", "AB", "GB", "5 to 20"),
    ("USCC", "91110000600037341M", "CN", "check digit"),
    ("USCC", "9111000060003734", "CN", "18 characters"),
    ("BRN", "1234567", "HK", "eight digits"),
    ("LEI", "213800KUD8LAJWSQ9D16", "GB", "check digit"),
    ("IBAN", "X", "HK", "no type of identification"),
]


@pytest.mark.parametrize(("kind", "number", "country"), VALID)
def test_a_right_number_passes(kind: str, number: str, country: str) -> None:
    assert check(kind, number, country) is None


@pytest.mark.parametrize(("kind", "number", "country", "says"), WRONG)
def test_a_wrong_number_is_told_why(kind: str, number: str, country: str, says: str) -> None:
    assert says in (check(kind, number, country) or "")


@pytest.mark.parametrize("spelling", ["A123456(3)", "a123456(3)", " A 123456 (3) ", "A123456（3）", "A1234563"])
def test_every_spelling_of_an_hkid_has_one_normal_form(spelling: str) -> None:
    assert normalize("HKID", spelling) == "A1234563"


def test_a_branch_does_not_change_who_a_business_is() -> None:
    assert normalize("BRN", "12345678-001") == normalize("BRN", "12345678")


@given(st.from_regex(r"[A-Z]{1,2}[0-9]{6}", fullmatch=True))
def test_exactly_one_check_character_fits_an_hkid(body: str) -> None:
    fitting = [digit for digit in "0123456789A" if check("HKID", body + digit, "HK") is None]
    assert fitting == [check_digit(body)]


@given(st.from_regex(r"[A-Z]{1,2}[0-9]{6}", fullmatch=True), st.integers(0, 5), st.integers(1, 9))
def test_one_wrong_digit_of_an_hkid_is_always_found(body: str, place: int, step: int) -> None:
    right = body + check_digit(body)
    at = len(body) - 6 + place
    wrong = right[:at] + str((int(right[at]) + step) % 10) + right[at + 1 :]
    assert check("HKID", wrong, "HK") is not None


@given(st.text(max_size=40), st.sampled_from(["HKID", "PRCID", "BIR", "HRP", "PASSPORT", "USCC", "BRN", "LEI"]))
def test_no_text_makes_the_check_fall(number: str, kind: str) -> None:
    said = check(kind, number, "HK")
    assert said is None or isinstance(said, str)


def test_a_home_return_permit_is_its_holder_s_whatever_its_issue() -> None:
    assert {normalize("HRP", number) for number in ("H12345678", "h12345678", "H1234567801", "H1234567802")} == {
        "H12345678"
    }
