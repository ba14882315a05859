"""Whether a name given is the name registered: match, close or no, how near, and why. Pure.

Order of family and given name, case, spacing, hyphens, accents, titles and the form of Chinese characters do not count; one
slip of the pen, initials, a word or a company's legal form left out are close. The thresholds and scores are ours (assumed):
no scheme of the Bay Area publishes its own. `match_name` is what payments go by: as written. `compare_names`, for look-ups,
also calls close what is only read alike, in other characters or another romanisation: people may go on from there, a
payment does not. `written_as` is for banks that take a name only as registered. docs/directory.md shows the cases that tests hold.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from opencc import OpenCC
from rapidfuzz.distance import OSA

from switch.directory.readings import read_alike, read_in

MATCH, CLOSE, NO = "match", "close", "no"

_REMEMBERED_MAX = 1 << 14
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr"})
# A company's legal form, the words of Macau's Portuguese among them, in one spelling each.
_SHORT = {
    "limited": "ltd", "limitada": "ltd", "lda": "ltd", "company": "co", "companhia": "co", "corporation": "corp",
    "incorporated": "inc", "and": "&",
}  # fmt: skip
_LEGAL_FORMS = frozenset({"ltd", "co", "corp", "inc", "plc", "llc"})
_CHINESE_FORMS = ("股份有限公司", "有限责任公司", "有限公司", "公司")  # the longest first
_INITIALS = re.compile(r"\b([a-z])\.")
# One slip in a name of at least six letters, two from twenty on; in Chinese one character in four or more, since in a
# person's two or three characters another character is another person.
_LATIN_LENGTH_MIN, _LATIN_LENGTH_LONG, _CHINESE_LENGTH_MIN = 6, 20, 4
# Of 100, which is a match. A slip takes its share of the letters, but what is close stays above what is not.
_ORDER, _LEGAL_FORM, _WORD, _INITIAL, _READING = 95, 92, 88, 85, 75
_CLOSE_MIN, _NO_MAX = 70, 60


class Comparison(NamedTuple):
    """What comparing two names gives: the verdict, a score of 0 to 100, why, and whether a payment goes on with it."""

    verdict: str
    score: int
    why: str  # a row of WHY
    goes_on: bool


WHY: dict[str, str] = {
    "same": "the same name, whatever its order, case, spacing, accents, titles and form of characters",
    "order": "the same words in another order than a family name's change of place gives",
    "legal-form": "one of the two leaves out the company's legal form",
    "word-left-out": "one of the two leaves out a word",
    "initials": "one of the two has initials for words of the other",
    "spelling": "a slip of the pen: one letter or character, two in a long name",
    "mandarin": "Chinese characters, and their reading in pinyin",
    "cantonese": "Chinese characters, and their reading in Hong Kong's romanisation",
    "romanisation": "a Cantonese and a Mandarin reading that may be of the same characters",
    "other": "another name",
}


class _Name(NamedTuple):
    words: tuple[str, ...]
    chinese: bool


def match_name(given: str, registered: str) -> str:
    """Compare two names as they are written: "match", "close" or "no"."""
    if given == registered:
        return MATCH
    return _compare(given, registered).verdict


def compare_names(given: str, registered: str) -> Comparison:
    """Compare two names as they are written and, where that says no, as Chinese names are read."""
    found = _compare(given, registered)
    if found.verdict != NO:
        return found
    why = _read(_fold(given), _fold(registered))
    return Comparison(CLOSE, _READING, why, False) if why else found


def written_as(given: str, registered: str) -> bool:
    """Whether a name is the one registered as a strict bank takes it: but for case, width and the number of spaces (assumed)."""
    return given == registered or _written(given) == _written(registered)


@lru_cache(_REMEMBERED_MAX)
def _compare(given: str, registered: str) -> Comparison:
    left, right = _fold(given), _fold(registered)
    if not left.words or not right.words or left.chinese != right.chinese:
        return _found(NO, 0, "other")
    if left.chinese:
        return _compare_chinese(left.words[0], right.words[0])
    return _compare_latin(left.words, right.words)


def _found(verdict: str, score: int, why: str) -> Comparison:
    return Comparison(verdict, score, why, verdict != NO)


def _compare_chinese(left: str, right: str) -> Comparison:
    if left == right:
        return _found(MATCH, 100, "same")
    if left in _without_form(right) or right in _without_form(left):
        return _found(CLOSE, _LEGAL_FORM, "legal-form")
    length = min(len(left), len(right))
    return _by_slips([(left, right)], 1 if length >= _CHINESE_LENGTH_MIN else 0)


def _compare_latin(left: tuple[str, ...], right: tuple[str, ...]) -> Comparison:
    spellings, registered = _rotations(left), _rotations(right)
    if not spellings.isdisjoint(registered):
        return _found(MATCH, 100, "same")
    if sorted(left) == sorted(right):
        return _found(CLOSE, _ORDER, "order")
    if _part_of(left, right):
        forms = frozenset(left) ^ frozenset(right)
        return (
            _found(CLOSE, _LEGAL_FORM, "legal-form") if forms <= _LEGAL_FORMS else _found(CLOSE, _WORD, "word-left-out")
        )
    if _only_forms_differ(left, right):
        return _found(CLOSE, _LEGAL_FORM, "legal-form")
    if _initials_of(left, right) or _initials_of(right, left):
        return _found(CLOSE, _INITIAL, "initials")
    length = min(len(next(iter(spellings))), len(next(iter(registered))))
    slips = 0 if length < _LATIN_LENGTH_MIN else 2 if length >= _LATIN_LENGTH_LONG else 1
    pairs = [("".join(left), other) for other in registered] + [("".join(right), other) for other in spellings]
    return _by_slips(pairs, slips)


def _by_slips(pairs: Iterable[tuple[str, str]], slips_max: int) -> Comparison:
    """Compare by the fewest letters that differ: insertions, omissions, replacements, neighbours changed round."""
    slips, length = min((OSA.distance(*pair), max(map(len, pair))) for pair in pairs)
    score = 100 - 100 * slips // length
    if slips <= slips_max:
        return _found(CLOSE, max(score, _CLOSE_MIN), "spelling")
    return _found(NO, min(score, _NO_MAX), "other")


def _only_forms_differ(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Whether two firms' names are one but for the legal form, which one of them leaves out."""
    cores = [tuple(word for word in words if word not in _LEGAL_FORMS) for words in (left, right)]
    kept = [words for words, core in zip((left, right), cores, strict=True) if len(words) == len(core)]
    return len(kept) == 1 and bool(cores[0]) and "".join(cores[0]) == "".join(cores[1])


def _without_form(name: str) -> tuple[str, ...]:
    """Return a Chinese firm's name without its legal form, none where it has none or is nothing else."""
    form = next((form for form in _CHINESE_FORMS if name.endswith(form)), "")
    return (name.removesuffix(form),) if form and name != form else ()


def _initials_of(less: tuple[str, ...], more: tuple[str, ...]) -> bool:
    """Whether one name is the other with initials for some words, at least one being written out in both."""
    turned = (less[n:] + less[:n] for n in range(len(less)))
    return any(
        len(words) == len(more)
        and all(
            one == other or (len(one) == 1 and other.startswith(one)) for one, other in zip(words, more, strict=True)
        )
        and any(one == other and len(one) > 1 for one, other in zip(words, more, strict=True))
        for words in turned
    )


def _read(left: _Name, right: _Name) -> str:
    """Return in which reading two names may be one, "" in none."""
    if not left.words or not right.words:
        return ""
    if left.chinese and right.chinese:
        return ""
    if not left.chinese and not right.chinese:
        return "romanisation" if read_alike(left.words, right.words) else ""
    chinese, latin = (left, right) if left.chinese else (right, left)
    return read_in(chinese.words[0], latin.words)


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
    plain = _INITIALS.sub(r"\1 ", plain).replace("'", "").replace("’", "").replace(".", "")
    words = "".join(letter if letter.isalnum() or letter == "&" else " " for letter in plain).split()
    return _Name(tuple(_SHORT.get(word, word) for word in words if word not in _TITLES), False)


def _written(name: str) -> list[str]:
    return unicodedata.normalize("NFKC", name).casefold().split()


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
