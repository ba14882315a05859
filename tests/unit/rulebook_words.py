"""The words a rulebook may use, written from the code's own sets: the section "Words" of docs/rulebook.md."""

from collections.abc import Iterable

from limits.calendars import WINDOWS
from limits.conditions import _FLAGS, _SETS, _VOCABULARY
from limits.facts import ACCOUNT_TYPES
from limits.rulebook import read_documents
from limits.rules import Rulebook
from limits.values import BASES, EFFECTS, ENFORCERS, KEYED, SCOPES
from rails.catalogue import load_catalogue


def section() -> str:
    """Write the table of words, one kind a row."""
    lanes = Rulebook(read_documents()).book.lanes
    rows: dict[str, Iterable[str]] = {
        "facts in conditions": set(_VOCABULARY) - _SETS,
        "facts that are sets (`has`, `lacks`)": _SETS,
        "facts that are true or false": _FLAGS,
        "venues": {venue for lane in lanes for venue in lane.venues if venue},
        "account types": ACCOUNT_TYPES,
        "rails": load_catalogue(),
        "`scope`": SCOPES,
        "`basis`": BASES,
        "`window.period`": WINDOWS,
        "`effect`": EFFECTS,
        "`enforced_by`": ENFORCERS,
        "`keyed_by`": KEYED,
    }
    lines = [f"| {name} | {', '.join(f'`{word}`' for word in sorted(words))} |" for name, words in rows.items()]
    return "\n".join(["| of | words |", "|---|---|", *lines, ""])
