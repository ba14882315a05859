"""The eight types of identification an instruction may carry: form, check digit and issuing country of each.

Answers are remembered (a bounded memo of pure functions): one person pays often, and the check is on the hot path.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from stdnum import lei
from stdnum.cn import uscc
from stdnum.exceptions import InvalidChecksum, ValidationError

from rails.identifiers.hkid import check_hkid
from rails.identifiers.prc import check_prc_id

# Two documents for each of 10,000 persons fit (the bench's population), at about 300 bytes each.
_REMEMBERED_MAX = 1 << 15

_NOT_NUMBER = str.maketrans("", "", " \t()（）[]/.·-")
_BIR = re.compile(r"[157][0-9]{7}")
_HRP_HOLDER = 9  # characters that name the holder
_HRP = re.compile(r"[HM][0-9]{8}([0-9]{2})?")
_PASSPORT = re.compile(r"[A-Z0-9]{5,20}")
_BRN_HK = re.compile(r"[0-9]{8}")
_BRN = re.compile(r"[A-Z0-9]{4,30}")


class _Type(NamedTuple):
    name: str
    countries: frozenset[str]  # empty = any
    check: Callable[[str, str], str | None]  # (normal form, country)


def _check_bir(number: str, country: str) -> str | None:
    # The check digit's algorithm is not published (facts messages 2.3), so only the pattern is judged.
    return (
        None if _BIR.fullmatch(number) else "A BIR has eight digits of which the first is 1, 5 or 7, as in 1234567(8)"
    )


def _check_hrp(number: str, country: str) -> str | None:
    # Assumed: the letter of the place, eight digits of the holder and optionally two of the issue.
    return None if _HRP.fullmatch(number) else "A Home Return Permit has the letter H or M and eight or ten digits"


def _check_passport(number: str, country: str) -> str | None:
    # Assumed: ICAO 9303 prints nine characters, issuers' own numbers run longer; no common check digit.
    return None if _PASSPORT.fullmatch(number) else "A passport number has 5 to 20 letters and digits"


def _check_brn(number: str, country: str) -> str | None:
    if country == "HK":
        return None if _BRN_HK.fullmatch(number) else "A Hong Kong business registration number has eight digits"
    return None if _BRN.fullmatch(number) else "A business registration number has 4 to 30 letters and digits"


def _check_uscc(number: str, country: str) -> str | None:
    return _stdnum(uscc.validate, number, "USCC", "has 18 characters, without the letters I, O, S, V and Z")


def _check_lei(number: str, country: str) -> str | None:
    return _stdnum(lei.validate, number, "LEI", "has 18 letters and digits and two check digits")


def _stdnum(validate: Callable[[str], str], number: str, name: str, form: str) -> str | None:
    try:
        validate(number)
    except InvalidChecksum:
        return f"The check digit of the {name} is wrong"
    except ValidationError:
        return f"A {name} {form}"
    return None


_TYPES: Mapping[str, _Type] = MappingProxyType(
    {
        "HKID": _Type("HKID", frozenset({"HK"}), lambda number, _: check_hkid(number)),
        "PRCID": _Type("PRC identity number", frozenset({"CN"}), lambda number, _: check_prc_id(number)),
        "BIR": _Type("BIR", frozenset({"MO"}), _check_bir),
        "HRP": _Type("Home Return Permit", frozenset({"CN"}), _check_hrp),
        "PASSPORT": _Type("passport", frozenset(), _check_passport),
        "USCC": _Type("USCC", frozenset({"CN"}), _check_uscc),
        "BRN": _Type("business registration number", frozenset(), _check_brn),
        "LEI": _Type("LEI", frozenset(), _check_lei),
    }
)


@lru_cache(_REMEMBERED_MAX)
def normalize(identification_type: str, number: str) -> str:
    """Return a number's one form: upper case, no brackets, spaces or separators; a BRN without its branch, a Home Return Permit without its issue."""
    if identification_type == "BRN":
        number = number.split("-")[0]  # 12345678-000: the registration is the first eight digits
    plain = number.upper().translate(_NOT_NUMBER)
    return plain[:_HRP_HOLDER] if identification_type == "HRP" else plain  # what follows counts the holder's permits


@lru_cache(_REMEMBERED_MAX)
def check(identification_type: str, number: str, country: str) -> str | None:
    """Say in a sentence what is wrong with a number issued by `country` (ISO 3166), None when nothing is."""
    kind = _TYPES.get(identification_type)
    if kind is None:
        return f"{identification_type} is no type of identification; use one of {', '.join(_TYPES)}"
    if kind.countries and country not in kind.countries:
        return f"A {kind.name} is issued by {' or '.join(sorted(kind.countries))}, not by {country}"
    return kind.check(normalize(identification_type, number), country)
