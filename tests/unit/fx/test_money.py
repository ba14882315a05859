"""Amounts and conversions by whole numbers, beside the decimal arithmetic that says the same more slowly."""

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fx.money import AMOUNT_MINOR_MAX, DOWN, EXPONENTS, UP, AmountError, convert, parse_amount
from fx.rates import RATE_DIGITS

EXACT = Context(prec=60)
currency = st.sampled_from(sorted(EXPONENTS))
rate = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(1, 10**RATE_DIGITS - 1),
    st.integers(-RATE_DIGITS - 4, 3),
)


@given(st.integers(0, AMOUNT_MINOR_MAX), currency, currency, rate, st.sampled_from([UP, DOWN]))
def test_a_conversion_is_that_of_exact_decimals_to_the_minor_unit(
    amount_minor: int, source: str, target: str, rate: Decimal, mode: str
) -> None:
    exact = EXACT.multiply(Decimal(amount_minor), rate).scaleb(EXPONENTS[target] - EXPONENTS[source], EXACT)
    rounding = {UP: ROUND_CEILING, DOWN: ROUND_FLOOR}[mode]
    assert convert(amount_minor, source, target, rate, mode) == int(exact.to_integral_value(rounding=rounding))


def by_decimals(text: str, currency: str) -> int | str:
    """Read an amount, or say the code of its refusal."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) is None:
        return "AM12"
    if len(text.partition(".")[2]) > EXPONENTS[currency]:
        return "CH20"
    amount_minor = int(EXACT.scaleb(EXACT.create_decimal(text), EXPONENTS[currency]))
    return amount_minor if amount_minor <= AMOUNT_MINOR_MAX else "AM12"


def read(text: str, currency: str) -> int | str:
    try:
        return parse_amount(text, currency)
    except AmountError as error:
        return error.code


@given(
    st.from_regex(r"[0-9]{1,15}(\.[0-9]{1,5})?", fullmatch=True) | st.text("0123456789.-+ e٣²", max_size=8), currency
)
def test_an_amount_is_read_as_exact_decimals_read_it(text: str, currency: str) -> None:
    assert read(text, currency) == by_decimals(text, currency)


@pytest.mark.parametrize("text", ["", ".", ".5", "5.", "1.2.3", "١٢", "1.٢", "²", "-1", "+1", "1e3", " 1"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    assert read(text, "HKD") == "AM12"
