"""Texts on their way into XML: escaped, and cut into the pieces an element may hold. Pure."""

import re
from xml.sax.saxutils import escape

from rails.messages.errors import MessageError

_SPECIAL = re.compile('[&<>"]')
# What XML 1.0 cannot carry in any form, but Python and JSON can.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

ADDITIONAL_INFORMATION_MAX = 105  # characters of one AddtlInf
PIECES_MAX = 10  # of our profile; ISO sets no bound, a sentence of the switch needs three


def xml(value: str) -> str:
    """Escape a text for an element or attribute; raises MessageError (RR10) where XML cannot carry it."""
    if value.isascii() and value.isalnum():
        return value
    if _NOT_XML.search(value) is not None:
        raise MessageError("RR10", "", "The text holds a character that XML cannot carry")
    return escape(value, {'"': "&quot;"}) if _SPECIAL.search(value) else value


def printable(value: str) -> str:
    """Replace what XML cannot carry, line breaks and tabs, by spaces: for texts that must not fail."""
    return value if value.isprintable() else _NOT_XML.sub(" ", " ".join(value.split()))


def pieces(text: str) -> list[str]:
    """Cut a text into at most PIECES_MAX pieces of at most 105 characters, at spaces where there are any."""
    cut: list[str] = []
    rest = printable(text).strip()
    while rest and len(cut) < PIECES_MAX:
        end = len(rest)
        if end > ADDITIONAL_INFORMATION_MAX:
            space = rest.rfind(" ", 1, ADDITIONAL_INFORMATION_MAX)  # so a piece of full length is a word cut
            end = space if space > 0 else ADDITIONAL_INFORMATION_MAX
        cut.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return cut
