"""Identity numbers of the mainland: area, birth date, sequence and check digit (GB 11643; facts messages 2.5).

Own parts check, since `stdnum.cn.ric` refuses any area made after the holder's birth: so most residence permits of Hong
Kong and Macau people, which carry 810000 or 820000, and every one of Taiwan people, whose 830000 its table lacks. Other
areas come from that table, whatever their years.
"""

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from stdnum import numdb
from stdnum.cn import ric

_FORM = re.compile(r"[0-9]{17}[0-9X]")
# No province of GB/T 2260 begins with 89: persons of the sandbox carry it, so that no number is a real person's.
FICTIONAL_PROVINCE = "89"
# The area of a residence permit says where its holder is from (810000 and 820000: facts messages 2.5; 830000: assumed,
# from the same series of GB/T 2260).
RESIDENCE_PERMITS: Mapping[str, str] = MappingProxyType({"810000": "HK", "820000": "MO", "830000": "TW"})


def check_prc_id(number: str) -> str | None:
    """Say what is wrong with a normal-form PRC identity or residence-permit number, None when nothing is."""
    if _FORM.fullmatch(number) is None:
        return "A PRC identity number has 17 digits and a check character 0–9 or X"
    if ric.calc_check_digit(number) != number[-1]:
        return "The check digit of the PRC identity number is wrong"
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return "The birth date in the PRC identity number is no date"
    area = number[:6]
    if not area.startswith(FICTIONAL_PROVINCE) and not _assigned(area):
        return "The area code of the PRC identity number is not assigned"
    return None


def permit_holder(number: str) -> str | None:
    """Return whose residence permit a normal-form number is (HK, MO, TW); None for a mainland identity number."""
    return RESIDENCE_PERMITS.get(number[:6])


def _assigned(area: str) -> bool:
    return area in RESIDENCE_PERMITS or any("county" in properties for _, properties in numdb.get("cn/loc").info(area))
