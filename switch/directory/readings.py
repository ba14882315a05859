"""How Chinese characters are read in Latin letters: in pinyin (pypinyin), and in Hong Kong's customary romanisation of
Cantonese (cantonese-romanisation). Pure.

Whether two names may be one name read aloud, never that they are: many characters share a reading. The tables are read
when the first names of two scripts are compared (0.3 s and about 70 MB once in a process), not before: payments never do.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache

from opencc import OpenCC

MANDARIN, CANTONESE = "mandarin", "cantonese"
_Options = Sequence[frozenset[str]]  # of each syllable of a name, how it may be spelt
_REMEMBERED_MAX = 1 << 12
_NAMES_LENGTH_MAX = (
    6  # characters or syllables of a person's name; longer ones are firms', which are translated, not read
)
# Pinyin writes ü, keyboards v, passports yu (LYU), and many simply u.
_UMLAUT = {"lv": ("lv", "lu", "lyu"), "nv": ("nv", "nu", "nyu"), "lve": ("lve", "lue", "lyue"), "nve": ("nve", "nue")}


def read_in(chinese: str, words: tuple[str, ...]) -> str:
    """Say in which reading Chinese characters may be these Latin words (small letters), "" in none.

    The family name may stand first or last; one word more, such as an English given name, may stand in any place.
    """
    if not words or not 2 <= len(chinese) <= _NAMES_LENGTH_MAX:
        return ""
    spellings = set(_rotations(words))
    if len(words) > 2:
        spellings.update(*(_rotations(words[:n] + words[n + 1 :]) for n in range(len(words))))
    for reading, options in ((MANDARIN, _mandarin(chinese)), (CANTONESE, _cantonese(chinese))):
        if any(_spells(spelling, options) for spelling in spellings):
            return reading
    return ""


def read_alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether of two names in Latin letters one may be the Cantonese and the other the Mandarin reading of one name."""
    return _crosses(one, other) or _crosses(other, one)


def _crosses(cantonese: tuple[str, ...], mandarin: tuple[str, ...]) -> bool:
    if not 2 <= len(cantonese) <= _NAMES_LENGTH_MAX or not mandarin:
        return False
    spellings, table = set(_rotations(mandarin)), _across()
    return any(
        all(word in table for word in words)
        and any(_spells(spelling, [table[word] for word in words]) for spelling in spellings)
        for words in (cantonese, (*cantonese[1:], cantonese[0]), (cantonese[-1], *cantonese[:-1]))
    )


def _rotations(words: tuple[str, ...]) -> Iterable[str]:
    return ("".join(words[n:] + words[:n]) for n in range(len(words)))


def _spells(text: str, options: _Options) -> bool:
    """Whether a text is one spelling of each syllable, in their order, and nothing else."""
    reached = {0}
    for spellings in options:
        reached = {at + len(one) for at in reached for one in spellings if text.startswith(one, at)}
    return len(text) in reached


@lru_cache(_REMEMBERED_MAX)
def _mandarin(chinese: str) -> _Options:
    from pypinyin import Style, pinyin  # here: most processes never need its 57 MB

    read = pinyin(list(chinese), style=Style.NORMAL, heteronym=True, errors="ignore")
    return [frozenset(spelt for one in syllable for spelt in _UMLAUT.get(one, (one,))) for syllable in read]


@lru_cache(_REMEMBERED_MAX)
def _cantonese(chinese: str) -> _Options:
    table, traditional = _romanised(), _traditional().convert(chinese)
    if len(traditional) != len(chinese):
        traditional = chinese
    pairs = zip(chinese, traditional, strict=True)
    return [frozenset(table.get(one, ())) | frozenset(table.get(other, ())) for one, other in pairs]


@cache
def _romanised() -> Mapping[str, Sequence[str]]:
    from cantoroman import Cantonese  # here, as above

    found: Mapping[str, Sequence[str]] = Cantonese().charToRoman
    return found


@cache
def _across() -> Mapping[str, frozenset[str]]:
    """Return for each syllable of Hong Kong's romanisation the pinyin of the common characters it may stand for."""
    found: dict[str, set[str]] = {}
    simplified = OpenCC("t2s")
    for character, spellings in _romanised().items():
        if not _is_common(simplified.convert(character)):
            continue
        read = frozenset().union(*_mandarin(character))
        for one in spellings:
            found.setdefault(one, set()).update(read)
    return {one: frozenset(read) for one, read in found.items()}


def _is_common(character: str) -> bool:
    """Whether a simplified character is among the 3,755 of GB 2312's first level, by frequency of use."""
    try:
        return b"\xb0" <= character.encode("gb2312")[:1] <= b"\xd7"
    except UnicodeEncodeError:
        return False


@cache
def _traditional() -> OpenCC:
    return OpenCC("s2t")
