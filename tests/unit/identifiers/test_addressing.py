"""Proxies and accounts: which a rail takes, and their one normal form."""

import pytest

from rails.addressing import check_account, check_proxy, normalize_account, normalize_proxy


@pytest.mark.parametrize(
    ("kind", "value", "country"),
    [
        ("MBNO", "+852-61234567", "HK"),
        ("MBNO", "+853-66123456", "MO"),
        ("MBNO", "+86-13812345678", "CN"),
        ("EMAL", "Tai.Man@example.hk", "HK"),
        ("SHID", "1234567", "HK"),
        ("SHID", "123456789", "HK"),
        ("SHID", "12345678", "MO"),
        ("NIDN", "A123456(3)", "HK"),
    ],
)
def test_a_proxy_of_the_rail_passes(kind: str, value: str, country: str) -> None:
    assert check_proxy(kind, value, country) is None


@pytest.mark.parametrize(
    ("kind", "value", "country", "says"),
    [
        ("MBNO", "+852-61234567", "CN", "+86-"),
        ("MBNO", "+852-6123456", "HK", "+852-"),
        ("MBNO", "+852-00000000", "HK", "no mobile number"),
        ("MBNO", "+852-28000000", "HK", "no mobile number"),  # a fixed line
        ("EMAL", "nobody", "HK", "name@domain"),
        ("SHID", "12345678", "HK", "7 or 9"),
        ("SHID", "1234567", "MO", "8 digits"),
        ("NIDN", "A123456(4)", "HK", "check digit"),
        ("EMAL", "a@b.mo", "MO", "not EMAL"),
        ("SHID", "1234567", "CN", "not SHID"),
        ("MBNO", "+44-7700900000", "GB", "no proxies"),
    ],
)
def test_a_proxy_of_another_rail_is_told_why(kind: str, value: str, country: str, says: str) -> None:
    assert says in (check_proxy(kind, value, country) or "")


@pytest.mark.parametrize("spelling", ["+852-61234567", "+852 6123 4567", "+85261234567", "+852 (6123) 4567"])
def test_every_spelling_of_a_mobile_number_has_one_normal_form(spelling: str) -> None:
    assert normalize_proxy("MBNO", spelling) == "+852-61234567"


def test_letters_of_a_mail_address_do_not_distinguish_people() -> None:
    assert normalize_proxy("EMAL", "Tai.Man@Example.HK") == "tai.man@example.hk"


def test_separators_do_not_distinguish_accounts() -> None:
    assert normalize_account("012-345-678901") == normalize_account("012 345 678901") == "012345678901"
    assert normalize_account("ab-1") == "AB1"


def test_an_account_number_is_letters_and_digits_of_a_length_its_country_has() -> None:
    assert check_account("012-345-678901", "HK") is None
    assert check_account("", "HK") is not None
    assert check_account("1234_5", "MO") is not None
    assert check_account("1" * 33, "CN") is not None
    assert check_account("1" * 33, "HK") is None
