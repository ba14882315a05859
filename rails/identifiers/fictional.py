"""Numbers for persons and firms who do not exist: right check digits, and no real holder (design 8).

The n-th number of each kind is always the same and no two are equal within the stated count. What marks each kind:
PRC ids and USCCs carry an area of province 89, which is not assigned; HKIDs come from one small fixed list of prefixes,
mainland cards from one prefix;
phones and BIRs cannot be marked, since no free range is published, and may coincide with real ones.
"""

from datetime import date, timedelta

from stdnum import luhn
from stdnum.cn import ric, uscc

from rails.identifiers.hkid import check_digit
from rails.identifiers.phones import CALLING_CODES
from rails.identifiers.prc import FICTIONAL_PROVINCE

# The fixed list. Assumed never issued: no HKID known to us begins with Q.
HKID_PREFIXES = ("QX", "QY", "QZ")
CARD_PREFIX = (
    "62000688"  # assumed nobody's: the mainland's cards begin with 62, and no issuer of this range is known to us
)

_FIRST_BIRTH = date(1950, 1, 1)
_BIRTH_DAYS = 20_000  # to 2004: everybody is an adult
_STRIDE = 7919  # a prime that shares no factor with the counts below, so that neighbours do not look alike


def prc_id(n: int) -> str:
    """Return the n-th fictional PRC identity number; distinct for n below 20,000,000."""
    sequence, day = divmod(n, _BIRTH_DAYS)
    born = _FIRST_BIRTH + timedelta(days=day * _STRIDE % _BIRTH_DAYS)
    body = f"{FICTIONAL_PROVINCE}0000{born:%Y%m%d}{sequence % 1000:03}"
    return body + ric.calc_check_digit(body + "0")


def hkid(n: int) -> str:
    """Return the n-th fictional HKID in normal form; distinct for n below 3,000,000."""
    round_, place = divmod(n, 1_000_000)
    body = f"{HKID_PREFIXES[round_ % len(HKID_PREFIXES)]}{place * _STRIDE % 1_000_000:06}"
    return body + check_digit(body)


def bir(n: int) -> str:
    """Return the n-th fictional BIR in normal form, its last digit drawn; distinct for n below 10,000,000."""
    return f"1{n * _STRIDE % 10_000_000:07}"


def uscc_number(n: int) -> str:
    """Return the n-th fictional unified social credit code; distinct for n below 100,000,000."""
    body = f"91{FICTIONAL_PROVINCE}0000{n * _STRIDE % 100_000_000:08}0"
    return body + uscc.calc_check_digit(body)


def card(n: int) -> str:
    """Return the n-th fictional number of a mainland bank card, 19 digits; distinct for n below 10,000,000,000."""
    body = f"{CARD_PREFIX}{n:010}"
    digit: str = luhn.calc_check_digit(body)
    return body + digit


def brn(n: int) -> str:
    """Return the n-th fictional Hong Kong business registration number (99……); distinct for n below 1,000,000."""
    return f"99{n * _STRIDE % 1_000_000:06}"


def phone(n: int, country: str) -> str:
    """Return the n-th mobile number of HK, MO or CN in ISO's form; distinct for n below 100,000."""
    place = n * _STRIDE % 100_000
    national = {"HK": f"610{place:05}", "MO": f"662{place:05}", "CN": f"138000{place:05}"}[country]
    return f"+{CALLING_CODES[country]}-{national}"


def is_fictional(identification_type: str, number: str) -> bool:
    """Whether a normal-form PRCID, USCC or HKID carries the mark of a fictional holder; other types carry none."""
    if identification_type == "PRCID":
        return number.startswith(FICTIONAL_PROVINCE)
    if identification_type == "USCC":
        return number[2:4] == FICTIONAL_PROVINCE
    return identification_type == "HKID" and number[:2] in HKID_PREFIXES
