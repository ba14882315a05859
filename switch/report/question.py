"""What may be asked of the reports: the one table of their names, and the check of a question. No I/O."""

from datetime import date
from typing import NamedTuple

RECEIPTS_AND_PAYMENTS, CONVERSION = "receipts-and-payments", "conversion"
REPORTS = (RECEIPTS_AND_PAYMENTS, CONVERSION)
DAYS_MAX = 3_660  # ten years: a cell has a day, so the answer grows with them
_YEARS = range(2000, 2101)  # no clock of a sandbox stands outside them


class WrongQuestion(ValueError):
    """Something asked cannot be answered: `field` says what, the text what to write instead."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field} {text}")
        self.field = field
        self.text = text


class Question(NamedTuple):
    """One report that is asked for."""

    report: str
    since: date  # law days (UTC+8), both included
    until: date
    economy: str | None = None  # ISO 3166; None = all that have an entry
    participant: str | None = None  # whose payments; None = all
    count_min: int = 1  # cells of fewer records are left out


def read_question(
    report: str, since: str, until: str, economy: str | None, participant: str | None, count_min: int = 1
) -> Question:
    """Check what was asked for; raises WrongQuestion, which names the field."""
    first, last = _day("from", since), _day("to", until)
    if last < first:
        raise WrongQuestion("to", f"is before {first}, the first day; write a day from then on")
    if (last - first).days >= DAYS_MAX:
        raise WrongQuestion("to", f"is more than {DAYS_MAX} days after the first; ask for fewer")
    if economy is not None and not (
        len(economy) == 2 and economy.isascii() and economy.isalpha() and economy.isupper()
    ):
        raise WrongQuestion("economy", "is an ISO 3166 code of two letters, as CN")
    if count_min < 1:
        raise WrongQuestion("min-count", "is a whole number from 1 on")
    return Question(report, first, last, economy, participant, count_min)


def _day(field: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if len(text) != 10 or day.year not in _YEARS:
        raise WrongQuestion(field, "is a day from 2000 to 2100, written as 2026-03-05")
    return day
