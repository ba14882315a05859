"""Trying a scenario before anybody goes by it: the law with its overlays is read, and compiled for every day it differs.

What a rulebook says is compiled on the day it is first asked for; a fault found then would leave a switch without law.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from limits.documents import RulebookError
from limits.rules import Rulebook, load_rulebook
from limits.scenario import name_of, touches

CHANGE_DAYS_MAX = 400  # each is a law of its own to compile; the packaged one changes on some eighty


def try_overlays(overlays: Sequence[Mapping[str, Any]], days: Iterable[date] = ()) -> Rulebook:
    """Return the packaged law under overlays that can be gone by, on `days` as on every day on which something changes.

    Raises RulebookError naming file and key.
    """
    rulebook = load_rulebook(overlays)
    if len(rulebook.change_days) > CHANGE_DAYS_MAX:
        what = f"the law would change on {len(rulebook.change_days)} days; at most {CHANGE_DAYS_MAX} are taken"
        raise RulebookError(_named(overlays), "since", what)
    for day in sorted({*rulebook.change_days, *days}):
        try:
            rulebook.on(day).show()
        except (AssertionError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            what = f"does not make a law that can be gone by on {day} ({type(error).__name__}: {error})"
            raise RulebookError(_named(overlays), "document", what) from error
    return rulebook


def _named(overlays: Sequence[Mapping[str, Any]]) -> str:
    return f"scenario {' and '.join(name_of(overlay, n) for n, overlay in enumerate(overlays, 1))}"


def blamed(overlays: Sequence[Mapping[str, Any]], error: RulebookError) -> int | None:
    """Return which overlay (from 0) an error of `try_overlays` is about; None where no single one says what is wrong."""
    for n in reversed(range(len(overlays))):
        name = overlays[n].get("name")
        names = (f"scenario {n + 1}", f"scenario {name}" if isinstance(name, str) else "")
        if error.file in names or touches(overlays[n], error.file):
            return n
    return None
