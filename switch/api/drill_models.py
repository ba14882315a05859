"""The shapes of what is said of drills."""

from datetime import date, datetime
from typing import Any

from switch.api.shapes import Answer


class DrillSummary(Answer):
    """A drill: its name, its title, what it tells."""

    drill: str
    title: str
    tell: str


class DrillsDocument(Answer):
    """The drills there are."""

    drills: list[DrillSummary]


class DrillStep(Answer):
    """One step as it was played; `met` null where nothing was expected of it."""

    step: str
    at: datetime
    tell: str | None
    payment_id: str | None
    expect: dict[str, Any] | None
    met: bool | None


class DrillMiss(Answer):
    """One thing expected of a step that did not come."""

    step: str
    what: str
    expected: Any
    got: Any


class DrillDocument(Answer):
    """What came of a drill; `met`: all that was expected."""

    drill: str
    title: str
    day: date
    met: bool
    expected: int
    steps: list[DrillStep]
    unmet: list[DrillMiss]
    clock: dict[str, datetime]  # from, to
