"""Whether a name given is the name registered: match, close or no, and what differs. Pure.

Order of surname and given name, case, spacing, hyphens, accents, titles and the form of Chinese characters do not
count; one slip of the pen is close. The thresholds are ours (assumed): no scheme of the Bay Area publishes its own. A
masked form is all that a refusal shows of the registered name.
"""

import unicodedata
from functools import cache, lru_cache
from typing import NamedTuple

from opencc import OpenCC
from rapidfuzz.distance import OSA

MATCH, CLOSE, NO = "match", "close", "no"

_REMEMBERED_MAX = 1 << 14
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr"})
_SHORT = {"limited": "ltd", "company": "co", "corporation": "corp", "incorporated": "inc", "and": "&"}
# One slip in a name of at least six letters, two from twenty on; in Chinese one character in four or more, since in a
# person's two or three characters another character is another person.
_LATIN_LENGTH_MIN, _LATIN_LENGTH_LONG, _CHINESE_LENGTH_MIN = 6, 20, 4


class _Name(NamedTuple):
    words: tuple[str, ...]
    chinese: bool


def match_name(given: str, registered: str) -> str:
    """Compare two names: "match", "close" or "no"."""
    if given == registered:
        return MATCH
    return _compare(given, registered)


@lru_cache(_REMEMBERED_MAX)
def _compare(given: str, registered: str) -> str:
    left, right = _fold(given), _fold(registered)
    if not left.words or not right.words or left.chinese != right.chinese:
        return NO
    if left.chinese:
        return _compare_chinese(left.words[0], right.words[0])
    return _compare_latin(left.words, right.words)


def _compare_chinese(left: str, right: str) -> str:
    if left == right:
        return MATCH
    long_enough = min(len(left), len(right)) >= _CHINESE_LENGTH_MIN
    return CLOSE if long_enough and OSA.distance(left, right, score_cutoff=1) <= 1 else NO


def _compare_latin(left: tuple[str, ...], right: tuple[str, ...]) -> str:
    spellings, registered = _rotations(left), _rotations(right)
    if not spellings.isdisjoint(registered):
        return MATCH
    if sorted(left) == sorted(right) or _part_of(left, right):
        return CLOSE
    length = min(len(next(iter(spellings))), len(next(iter(registered))))
    if length < _LATIN_LENGTH_MIN:
        return NO
    slips = 2 if length >= _LATIN_LENGTH_LONG else 1
    pairs = [("".join(left), other) for other in registered] + [("".join(right), other) for other in spellings]
    return CLOSE if any(OSA.distance(*pair, score_cutoff=slips) <= slips for pair in pairs) else NO


def _rotations(words: tuple[str, ...]) -> frozenset[str]:
    """Join words in every rotation: "chan tai man" is also "tai man chan" and "taiman chan"."""
    return frozenset("".join(words[n:] + words[:n]) for n in range(len(words)))


def _part_of(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Whether one name has all words of the other, of which there are at least two: a forename left out."""
    less, more = sorted((frozenset(left), frozenset(right)), key=len)
    return len(less) >= 2 and less <= more


def _fold(name: str) -> _Name:
    text = unicodedata.normalize("NFKC", name).casefold()
    if any("\u3400" <= letter <= "\u9fff" for letter in text):
        simplified = _simplifier().convert(text)
        return _Name(("".join(letter for letter in simplified if letter.isalnum()),), True)
    plain = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    plain = plain.replace("'", "").replace("’", "").replace(".", "")
    words = "".join(letter if letter.isalnum() or letter == "&" else " " for letter in plain).split()
    return _Name(tuple(_SHORT.get(word, word) for word in words if word not in _TITLES), False)


@cache
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


def describe_mismatch(given: str, registered: str) -> str:
    """Say what differs between a name given and the name registered, by place and script: no word of either is told."""
    left, right = _fold(given), _fold(registered)
    if left.chinese != right.chinese:
        scripts = ("Chinese characters", "Latin letters")
        is_given, is_registered = scripts if left.chinese else scripts[::-1]
        return f"it is given in {is_given} and registered in {is_registered}"
    strange = [str(n) for n, word in enumerate(left.words, 1) if word not in right.words]
    if strange and not left.chinese:
        which = "word " + strange[0] if len(strange) == 1 else "words " + ", ".join(strange)
        return f"{which} of {len(left.words)} not in the name registered"
    return f"{len(left.words)} words are given and {len(right.words)} registered, and they differ"
