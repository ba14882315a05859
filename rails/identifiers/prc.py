"""Identity numbers of the mainland: area, birth date, sequence and check digit (GB 11643; facts messages 2.5).

Own parts check, since `stdnum.cn.ric` refuses any area made after the holder's birth: so most residence permits of Hong
Kong and Macau people, which carry 810000 or 820000. Areas come from python-stdnum's table, whatever their years.
"""

import re
from datetime import date

from stdnum import numdb
from stdnum.cn import ric

_FORM = re.compile(r"[0-9]{17}[0-9X]")
# No province of GB/T 2260 begins with 89: persons of the sandbox carry it, so that no number is a real person's.
FICTIONAL_PROVINCE = "89"


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


def _assigned(area: str) -> bool:
    return any("county" in properties for _, properties in numdb.get("cn/loc").info(area))
