"""Fictional persons and firms: right numbers, no holder, none twice."""

from itertools import chain

import pytest
from stdnum.cn import ric
from stdnum.exceptions import InvalidComponent

from rails.identifiers import check
from rails.identifiers.cards import check_card
from rails.identifiers.fictional import bir, brn, card, hkid, is_fictional, phone, prc_id, uscc_number
from rails.identifiers.phones import check_phone

PLACES = list(chain(range(300), range(9_990, 10_010), range(500_000, 500_300), range(999_990, 1_000_010)))
KINDS = [("PRCID", "CN", prc_id), ("HKID", "HK", hkid), ("BIR", "MO", bir), ("USCC", "CN", uscc_number)]


@pytest.mark.parametrize(("kind", "country", "make"), KINDS)
def test_fictional_numbers_pass_the_check_and_differ(kind, country, make) -> None:
    numbers = [make(n) for n in PLACES]
    assert [check(kind, number, country) for number in numbers] == [None] * len(numbers)
    assert len(set(numbers)) == len(PLACES)


def test_fictional_businesses_differ() -> None:
    numbers = [brn(n) for n in range(2_000)]
    assert len(set(numbers)) == 2_000
    assert all(check("BRN", number, "HK") is None for number in numbers)


def test_fictional_cards_pass_the_check_and_differ() -> None:
    numbers = [card(n) for n in range(0, 20_000, 61)]
    assert len(set(numbers)) == len(numbers)
    assert [check_card(number) for number in numbers] == [None] * len(numbers)


@pytest.mark.parametrize("country", ["HK", "MO", "CN"])
def test_drawn_phones_are_mobile_numbers_and_differ(country: str) -> None:
    numbers = [phone(n, country) for n in range(0, 20_000, 61)]
    assert len(set(numbers)) == len(numbers)
    assert all(check_phone(number, country) is None for number in numbers)


def test_no_real_register_has_the_area_of_a_fictional_prc_id() -> None:
    with pytest.raises(InvalidComponent):
        ric.validate(prc_id(7))


def test_a_fictional_number_is_known_by_its_mark() -> None:
    assert is_fictional("PRCID", prc_id(1)) and is_fictional("HKID", hkid(1)) and is_fictional("USCC", uscc_number(1))
    assert not is_fictional("PRCID", "360426199101010071")
    assert not is_fictional("HKID", "A1234563")
    assert not is_fictional("USCC", "91110000600037341L")
    assert not is_fictional("BIR", bir(1))  # no free range is known: BIRs carry no mark
