"""Fictional account holders drawn from a seed: names, accounts and proxies for the directory. Pure.

Not the senders of a day of traffic (those are the lab's); nobody here exists.
"""

from collections.abc import Iterator, Sequence
from random import Random

from rails.identifiers.fictional import phone
from rails.identifiers.phones import CALLING_CODES

PERSONS_PER_AGENT = 20
FIRMS_PER_AGENT = 4
FIRST_PHONE = 90_000  # the numbers below are left to who adds entries

_Row = tuple[str, str, str, str, str, tuple[tuple[str, str], ...]]

_CANTONESE = (
    ("CHAN", "WONG", "LEE", "CHEUNG", "LAU", "HO", "LEUNG", "NG", "TSANG", "YUEN"),
    (
        "Tai Man",
        "Siu Ming",
        "Wai Yee",
        "Ka Yan",
        "Chi Keung",
        "Mei Ling",
        "Hoi Ching",
        "Kwok Wah",
        "Sze Wing",
        "Pui Shan",
    ),
)
_PINYIN = (
    ("LI", "WANG", "ZHANG", "LIU", "CHEN", "YANG", "HUANG", "ZHAO", "WU", "ZHOU"),
    ("Xiaoming", "Wei", "Fang", "Jianguo", "Meilin", "Haiyan", "Zihan", "Yuxuan", "Guoqiang", "Lihua"),
)
_THAI = (
    ("SAETANG", "SRISUK", "CHAIYASIT", "BOONMEE", "THONGDEE", "WONGSAWAT"),
    ("Somchai", "Malee", "Anong", "Niran", "Kanya", "Prasit"),
)
_NAMES = {"CN": _PINYIN, "TH": _THAI}  # elsewhere Cantonese ones
_FIRMS = (
    ("Golden", "Harbour", "Kapok", "Lotus", "Pearl", "Southern", "Bauhinia", "Delta"),
    ("Trading", "Logistics", "Textiles", "Electronics", "Seafood", "Design", "Machinery", "Tea"),
)


def population(seed: int, agents: Sequence[tuple[str, str]]) -> Iterator[_Row]:
    """Yield (agent, account, name, kind, country, proxies) for each (BIC8, country) of `agents`."""
    chance = Random(seed)
    for place, (agent, country) in enumerate(agents):
        for n in range(PERSONS_PER_AGENT + FIRMS_PER_AGENT):
            serial = place * (PERSONS_PER_AGENT + FIRMS_PER_AGENT) + n
            is_person = n < PERSONS_PER_AGENT
            surnames, forenames = _NAMES.get(country, _CANTONESE) if is_person else _FIRMS
            name = f"{chance.choice(surnames)} {chance.choice(forenames)}" + ("" if is_person else f" {serial} Ltd")
            numbered = is_person and country in CALLING_CODES  # elsewhere the switch takes no proxies
            proxies = (("MBNO", phone(FIRST_PHONE + serial, country)),) if numbered else ()
            yield agent, _account(place, n, country), name, "person" if is_person else "firm", country, proxies


def _account(place: int, n: int, country: str) -> str:
    """Number an account in the form of its country: bank, branch and serial in HK and MO, a long card number in CN."""
    return f"62{place:04}{n:013}" if country == "CN" else f"9{place:02}001{n:06}"
