"""How a rail addresses an account: by number or by proxy, the form of each, and its one normal form. Pure.

Whether a proxy is registered is the directory's to say; whether an account exists is its agent's.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from rails.identifiers import check, normalize
from rails.identifiers.phones import check_phone, normalize_phone

# Proxy types taken by the rails of a country, as ExternalProxyAccountType1Code (facts messages 2.1, 2.3, 1.5):
# HK FPS: mobile, e-mail, FPS ID of 7 or 9 digits, HKID (receive only); Macau Easy Transfer: mobile, FPS code of
# 8 digits ([M]); Payment Connect into the mainland: mobile or account.
PROXY_TYPES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "HK": frozenset({"MBNO", "EMAL", "SHID", "NIDN"}),
        "MO": frozenset({"MBNO", "SHID"}),
        "CN": frozenset({"MBNO"}),
    }
)
_SHID = MappingProxyType({"HK": re.compile(r"[0-9]{7}|[0-9]{9}"), "MO": re.compile(r"[0-9]{8}")})
_SHID_FORM = MappingProxyType({"HK": "7 or 9 digits", "MO": "8 digits"})
# One @, no spaces, a dot in the domain: what a directory needs, not RFC 5322.
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_ACCOUNT = re.compile(r"[A-Z0-9]{1,34}")
# Corporate accounts of the mainland run to 32 characters (facts messages 2.5); elsewhere ISO's 34 hold.
ACCOUNT_LENGTH_MAX = MappingProxyType({"CN": 32})
_REMEMBERED_MAX = 1 << 14


@lru_cache(_REMEMBERED_MAX)
def normalize_proxy(proxy_type: str, value: str) -> str:
    """Return the one form of a proxy: +CC-number, an e-mail address in lower case, digits, a bare HKID."""
    if proxy_type == "MBNO":
        return normalize_phone(value)
    if proxy_type == "EMAL":
        return value.strip().lower()
    if proxy_type == "NIDN":
        return normalize("HKID", value)
    return value.replace(" ", "").replace("-", "")


def check_proxy(proxy_type: str, value: str, country: str) -> str | None:
    """Say what is wrong with a proxy on the rails of `country` (HK, MO, CN), None when nothing is."""
    taken = PROXY_TYPES.get(country, frozenset())
    if proxy_type not in taken:
        return f"The rails of {country} take {', '.join(sorted(taken)) or 'no proxies'}, not {proxy_type}"
    if proxy_type == "MBNO":
        return check_phone(value, country)
    normal = normalize_proxy(proxy_type, value)
    if proxy_type == "EMAL":
        return None if _EMAIL.fullmatch(normal) else "The e-mail address is not of the form name@domain"
    if proxy_type == "NIDN":
        return check("HKID", normal, "HK")
    return None if _SHID[country].fullmatch(normal) else f"An FPS identifier of {country} has {_SHID_FORM[country]}"


def country_of_proxy(proxy_type: str, value: str) -> str:
    """Return whose rails (ISO 3166) take a proxy of this form, "" where none do: no form is of two countries."""
    return next((country for country in PROXY_TYPES if check_proxy(proxy_type, value, country) is None), "")


def normalize_account(number: str) -> str:
    """Return an account number without spaces and hyphens, in upper case."""
    if number.isdigit():  # the common case, at once
        return number
    return number.replace(" ", "").replace("-", "").upper()


def check_account(number: str, country: str) -> str | None:
    """Say what is wrong with an account number on the rails of `country`, None when nothing is.

    Forms differ by bank and none is published for Macau (facts messages 2.1, 2.3), so only characters and length count.
    """
    normal = normalize_account(number)
    longest = ACCOUNT_LENGTH_MAX.get(country, 34)
    if _ACCOUNT.fullmatch(normal) is None or len(normal) > longest:
        return f"An account number of {country} has 1 to {longest} letters and digits"
    return None
