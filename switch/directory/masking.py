"""The name a look-up shows: enough that the payer knows the payee again, not enough to learn who an unknown number is. Pure.

How FPS masks names is not public in full: what is shown here is assumed (docs/directory.md). A person's family name stays,
of every other word its first letter; of Chinese characters the family name. A firm's name is public and stays as it is.
"""

import unicodedata

HIDDEN = "***"  # so many whatever it hides: the length of a name tells, too
# Family names of two characters that people in the three economies bear, in simplified and traditional form.
_TWO_CHARACTERS = frozenset(
    (
        "欧阳", "歐陽", "司徒", "司马", "司馬", "上官", "诸葛", "諸葛", "皇甫", "尉迟", "尉遲", "端木", "令狐", "夏侯", "慕容",
        "东方", "東方", "南宫", "南宮",
    )
)  # fmt: skip


def masked_name(name: str, kind: str) -> str:
    """Return how a registered name is shown to who looks it up; `kind` is person or firm."""
    if kind == "firm":
        return name
    plain = unicodedata.normalize("NFKC", name).strip()
    if any("\u3400" <= letter <= "\u9fff" for letter in plain):
        bare = "".join(plain.split())
        family = bare[:2] if bare[:2] in _TWO_CHARACTERS and len(bare) > 2 else bare[:1]
        return family + HIDDEN
    words = plain.replace(",", " ").split()
    kept = _family_name(words)
    return " ".join(word if n == kept else word[:1] + HIDDEN for n, word in enumerate(words))


def _family_name(words: list[str]) -> int:
    """Return which word is the family name: the one in capitals where one alone is, none (-1) where it cannot be told.

    All in capitals is the form of identity cards, which begin with the family name.
    """
    capitals = [n for n, word in enumerate(words) if len(word) > 1 and word.isupper()]
    if len(capitals) == 1 or (capitals and len(capitals) == len(words)):
        return capitals[0] if len(words) > 1 else -1
    return -1
