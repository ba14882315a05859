"""Money as a count: whole minor units and a currency, and the only place that rounds.

Not here: rates (fx.rates), prices (fx.quotes). Amounts outside this house are decimal strings, never numbers.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import NamedTuple

# ISO 4217 minor units; the three of the Bay Area, USD for the convenience quota, JPY and KWD: no code may assume two.
EXPONENTS = {"CNY": 2, "HKD": 2, "MOP": 2, "USD": 2, "THB": 2, "JPY": 0, "KWD": 3}
_SCALES = {currency: Decimal(1).scaleb(exponent) for currency, exponent in EXPONENTS.items()}

# Rounding modes, under the names the callers use.
DOWN = ROUND_FLOOR
UP = ROUND_CEILING

# Largest amount of minor units the house takes: sums must stay below 2**53 where Lua sees them.
AMOUNT_MINOR_MAX = 10**15


_RATIOS_MAX = 1 << 10  # rates in use at once: pairs, markets and a few minutes of each


class AmountError(ValueError):
    """A text is no amount of the currency; `code` is the ISO 20022 reason (CH20 decimals, AM03 currency, AM12)."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Money(NamedTuple):
    """An amount of one currency in whole minor units (HKD 12.34 is Money(1234, "HKD"))."""

    amount_minor: int
    currency: str

    def __str__(self) -> str:
        return f"{self.currency} {format_amount(self.amount_minor, self.currency)}"


def round_minor(value: Decimal, mode: str) -> int:
    """Round a decimal count of minor units to a whole one: the one function of the house that rounds."""
    return int(value.to_integral_value(rounding=mode))


def divide(numerator: int, denominator: int, mode: str) -> int:
    """Divide whole numbers and round DOWN or UP: round_minor for a fraction that no Decimal holds exactly."""
    assert mode in (DOWN, UP), mode
    return numerator // denominator if mode == DOWN else -(-numerator // denominator)


@lru_cache(_RATIOS_MAX)
def minor_ratio(rate: Decimal, currency: str, target: str) -> tuple[int, int]:
    """Return a rate as whole numbers: minor units of `target` for those of `currency` are × the first / the second."""
    numerator, denominator = rate.as_integer_ratio()
    shift = EXPONENTS[target] - EXPONENTS[currency]
    return (numerator * 10**shift, denominator) if shift >= 0 else (numerator, denominator * 10**-shift)


def convert(amount_minor: int, currency: str, target: str, rate: Decimal, mode: str) -> int:
    """Convert minor units of `currency` into those of `target` at `rate` (units of target for one of currency)."""
    numerator, denominator = minor_ratio(rate, currency, target)
    return divide(amount_minor * numerator, denominator, mode)


def parse_amount(text: str, currency: str) -> int:
    """Read a decimal string ("1234.5") as minor units; raises AmountError: too many decimals, or no amount."""
    exponent = EXPONENTS.get(currency)
    if exponent is None:
        raise AmountError("AM03", f"currency {currency!r} is not carried; use one of {', '.join(sorted(EXPONENTS))}")
    whole, point, fraction = text.partition(".")
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit() and whole) or (point and not fraction):
        raise AmountError("AM12", f"{text!r} is not an amount; write digits with at most one point, as in '1234.50'")
    missing = exponent - len(fraction)
    if missing < 0:
        raise AmountError("CH20", f"{currency} has {exponent} decimals, {text!r} has {len(fraction)}")
    amount_minor: int = int(digits) * 10**missing
    if amount_minor > AMOUNT_MINOR_MAX:
        raise AmountError("AM12", f"{text!r} is above the largest amount the switch carries")
    return amount_minor


def format_amount(amount_minor: int, currency: str) -> str:
    """Write minor units as a decimal string with the currency's own number of decimals."""
    exponent = EXPONENTS[currency]
    sign, digits = ("-", -amount_minor) if amount_minor < 0 else ("", amount_minor)
    if not exponent:
        return f"{sign}{digits}"
    whole, fraction = divmod(digits, 10**exponent)
    return f"{sign}{whole}.{fraction:0{exponent}d}"


def to_minor(value: Decimal, currency: str) -> int:
    """Turn a rule's value, in major units, into minor units; raises AmountError if that is not exact."""
    scaled = value * _SCALES[currency]
    if scaled != scaled.to_integral_value():
        raise AmountError("CH20", f"{value} is not a whole number of minor units of {currency}")
    return int(scaled)
