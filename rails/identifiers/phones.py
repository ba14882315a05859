"""Mobile numbers of Hong Kong, Macau and the mainland in ISO's form +CC-number (facts messages 2.5).

Form first, then what phonenumbers knows of the numbering plans. No number is ever called: those of the sandbox are
drawn, and some may exist.
"""

import re
from functools import lru_cache
from types import MappingProxyType

import phonenumbers
from phonenumbers import PhoneNumberType

CALLING_CODES = MappingProxyType({"HK": "852", "MO": "853", "CN": "86"})
_NATIONAL = re.compile(r"\+(?:(852|853)([0-9]{8})|(86)([0-9]{11}))")
_SEPARATORS = str.maketrans("", "", " -()")
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_REMEMBERED_MAX = 1 << 14


@lru_cache(_REMEMBERED_MAX)
def normalize_phone(value: str) -> str:
    """Return +852-61234567 for any spelling with spaces, hyphens or brackets; other texts come back without them."""
    bare = value.translate(_SEPARATORS)
    found = _NATIONAL.fullmatch(bare)
    if found is None:
        return bare
    code, number = found.group(1) or found.group(3), found.group(2) or found.group(4)
    return f"+{code}-{number}"


@lru_cache(_REMEMBERED_MAX)
def check_phone(value: str, country: str) -> str | None:
    """Say what is wrong with a mobile number of `country` (HK, MO or CN), None when nothing is."""
    normal = normalize_phone(value)
    code = CALLING_CODES[country]
    if not normal.startswith(f"+{code}-"):
        digits = 11 if country == "CN" else 8
        return f"A mobile number of {country} is +{code}- and {digits} digits"
    parsed = phonenumbers.parse(normal)
    if not phonenumbers.is_valid_number(parsed) or phonenumbers.number_type(parsed) not in _MOBILE:
        return f"{normal} is no mobile number of {country}"
    return None
