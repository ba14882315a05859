"""Hong Kong identity card numbers: one or two letters, six digits, a check digit (facts messages 2.5).

The check digit is ours: python-stdnum has none for Hong Kong.
"""

import re

_FORM = re.compile(r"[A-Z]{1,2}[0-9]{6}[0-9A]")
# Letters count A = 10 … Z = 35; a missing first letter counts as a space = 36. Weights fall from 9 to 2.
_FIRST = {"": 36 * 9} | {chr(ord("A") + n): (10 + n) * 9 for n in range(26)}
_SECOND = {chr(ord("A") + n): (10 + n) * 8 for n in range(26)}
_DIGIT = {str(n): n for n in range(10)}


def check_digit(body: str) -> str:
    """Return the check character of a body of one or two letters and six digits: 0–9, or A for ten."""
    letters, d = body[:-6], body[-6:]
    total = _FIRST[letters[:-1]] + _SECOND[letters[-1]]
    total += (
        _DIGIT[d[0]] * 7 + _DIGIT[d[1]] * 6 + _DIGIT[d[2]] * 5 + _DIGIT[d[3]] * 4 + _DIGIT[d[4]] * 3 + _DIGIT[d[5]] * 2
    )
    value = -total % 11
    return "A" if value == 10 else str(value)


def check_hkid(number: str) -> str | None:
    """Say what is wrong with a normal-form HKID (A1234563), None when nothing is."""
    if _FORM.fullmatch(number) is None:
        return "An HKID has one or two letters, six digits and a check digit, as in A123456(3)"
    if check_digit(number[:-1]) != number[-1]:
        return "The check digit of the HKID is wrong"
    return None
