"""How banks are named outside the mainland: BIC, and Hong Kong's clearing code with the account behind it.

Facts messages 2.1 and 2.5. Which bank exists is the registry's to say.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

from stdnum import bic

_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
_HK_CODE = re.compile(r"[0-9]{3}")
_HK_ACCOUNT = re.compile(r"([0-9]{3})([0-9]{3})([0-9]{6,9})")


class HongKongAccount(NamedTuple):
    """The parts of an account number as it is written for a transfer: clearing code, branch, number."""

    clearing_code: str
    branch: str
    number: str


def check_bic(code: str, countries: Collection[str] = ()) -> str | None:
    """Say what is wrong with a BIC of 8 or 11 characters, and of one of `countries` where any are given."""
    if _BIC.fullmatch(code) is None:
        return "A BIC has four characters of institution, two letters of country, two characters of place and optionally three of branch, in capitals"
    if not bic.is_valid(f"AAAA{code[4:6]}AA"):  # stdnum knows the countries, but takes letters alone before them
        return f"{code[4:6]} in the BIC is no country of ISO 3166"
    if countries and code[4:6] not in countries:
        return f"The BIC is of {code[4:6]}, not of {' or '.join(sorted(countries))}"
    return None


def check_hk_clearing_code(code: str) -> str | None:
    """Say what is wrong with a Hong Kong clearing code, None when nothing is."""
    return None if _HK_CODE.fullmatch(code) else "A Hong Kong clearing code has three digits"


def hk_account(number: str) -> HongKongAccount | None:
    """Part a Hong Kong account number, separators left out: 3 + 3 + 6 to 9 digits; None where it is none.

    Banks also take their own forms, and magic accounts of the sandbox are none: so nothing is refused by it.
    """
    found = _HK_ACCOUNT.fullmatch(number.replace("-", "").replace(" ", ""))
    return HongKongAccount(*found.groups()) if found else None
