"""Classification rows that nearly applied: which conditions failed, and what was found instead. For explain alone.

Decides nothing: limits.classification does. Pure, over the rows of a day.
"""

from typing import NamedTuple, Protocol

from limits.classification import Row
from limits.conditions import holds
from limits.documents import Source
from limits.facts import Profile

FAILED_MAX = 2  # a row that fails more than two conditions is about something else
# What a payment is at bottom, by how a condition on it reads: failing there counts double.
_BOTTOM = ("purpose", "venue", "debtor residency must", "debtor and creditor must be")


class Rows(Protocol):
    """What is asked of a day's law: its classification rows in order, each with its source (limits.rules.RulesOfDay)."""

    @property
    def rows(self) -> tuple[tuple[Row, Source], ...]: ...


class Near(NamedTuple):
    """A row that did not decide, and why: at most two conditions failed, or it stands below the row that decided."""

    row: str
    failed: tuple[str, ...]  # each condition with what was found; () = all hold, and a row above decided
    why: str  # the same as one sentence


def nearly(rules_of_day: Rows, profile: Profile, count: int = 3) -> tuple[Near, ...]:
    """Return the rows that nearly classified a profile, at most `count`: fewest failures first, then nearest in order.

    Above and below the deciding row alike; where none decided, from the first. Purpose, venue and whether two economies
    are parties count double: a row of another purpose is farther than one of the same that wants a document.
    """
    rows = [row for row, _ in rules_of_day.rows]
    deciding = next((n for n, row in enumerate(rows) if holds(row.when, profile)), None)
    here = deciding if deciding is not None else 0
    found = []
    for n, row in enumerate(rows):
        failing = [condition for condition in row.when if not condition.test(profile)]
        if n == deciding or len(failing) > FAILED_MAX:
            continue
        weight = sum(2 if condition.text.startswith(_BOTTOM) else 1 for condition in failing)
        found.append((weight, abs(n - here), n))
    near = [rows[n] for _, _, n in sorted(found)[:count]]
    return tuple(_near(row, profile, rows[here].id if deciding is not None else "") for row in near)


def why_not(row: Row, profile: Profile) -> tuple[str, ...]:
    """Say which conditions of a row do not hold, and what was found instead; () where all hold."""
    return tuple(
        f"{condition.text}; {condition.found(profile)}" for condition in row.when if not condition.test(profile)
    )


def _near(row: Row, profile: Profile, deciding: str) -> Near:
    failed = why_not(row, profile)
    return Near(row.id, failed, " and ".join(failed) or f"all holds; {deciding} stands above it, and the first decides")
