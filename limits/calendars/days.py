"""Bank days of Hong Kong, Macau and the mainland: weekends, public holidays, make-up workdays, our corrections.

Which categories count, and what is provisional, is data in calendars.yaml. Not here: trading days (`trading`) and rail hours.
A day that the data does not know, a typhoon or a scenario's, is an Override handed in.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml
from holidays import country_holidays

SATURDAY = 5
HALF_DAYS = ".half-days"  # after a place: the calendar of its days that are worked until noon
_LANGUAGE = "en_US"  # of the package's names, by which half days are known; else it asks the machine


class Override(NamedTuple):
    """A day on which a calendar is open, or shut, against what is known of it."""

    calendar: str
    day: date
    is_open: bool


Overrides = frozenset[Override]
AS_KNOWN: Overrides = frozenset()


class Provisional(NamedTuple):
    """From which year on the days are computed and not announced, and why."""

    year: int
    why: str


class Calendar(NamedTuple):
    """What calendars.yaml says of one place."""

    country: str
    categories: tuple[str, ...]
    make_up_workdays: bool
    half_days: str | None  # the mark of a day free from noon, in the package's names
    provisional: Provisional
    overrides: Overrides


class Year(NamedTuple):
    """The exceptions of one year: closed weekdays, open weekend days, weekdays that are free from noon."""

    closed: frozenset[date]
    opened: frozenset[date]
    half: frozenset[date]


@cache
def calendars() -> Mapping[str, Calendar]:
    """Read calendars.yaml; a correction without source is refused by KeyError."""
    documents = yaml.load(files(__package__).joinpath("calendars.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return {name: read_calendar(name, document) for name, document in documents.items()}


def read_calendar(name: str, document: Mapping[str, Any]) -> Calendar:
    """Read one calendar's document."""
    return Calendar(
        document["country"],
        tuple(document["categories"]),
        document["make_up_workdays"],
        document["half_days"],
        Provisional(document["provisional"]["from"], document["provisional"]["why"]),
        read_overrides({"calendar": name} | row for row in document["overrides"]),
    )


def read_overrides(rows: Iterable[Mapping[str, Any]]) -> Overrides:
    """Read rows of calendar, day, open and either source, or assumed and reason; raises KeyError for what is missing."""
    overrides = set()
    for row in rows:
        grounds = "reason" if row.get("assumed") is True else "source"
        if not row.get(grounds):
            raise KeyError(grounds)
        overrides.add(Override(row["calendar"], row["day"], row["open"]))
    return frozenset(overrides)


def overridden(calendar: str, day: date, overrides: Overrides) -> bool | None:
    """Return what the overrides say of a day; None where they are silent. A day that is said to be both is shut."""
    if (calendar, day, False) in overrides:
        return False
    return True if (calendar, day, True) in overrides else None


def read_year(calendar: Calendar, year: int) -> Year:
    """Collect the exceptions of one year."""
    known = country_holidays(calendar.country, years=year, categories=calendar.categories, language=_LANGUAGE)
    closed = {day for day in known if day.year == year}
    opened = {day for day in known.weekend_workdays if day.year == year} if calendar.make_up_workdays else set()
    mark = calendar.half_days
    half = {day for day in closed if mark and known[day].endswith(mark)}  # the package marks weekdays alone
    for _, day, is_open in calendar.overrides:
        if day.year == year:
            (opened if is_open else closed).add(day)
            (closed if is_open else opened).discard(day)
            half.discard(day)
    return Year(frozenset(closed - opened), frozenset(opened), frozenset(half))


@cache
def _year(calendar: str, year: int) -> Year:
    return read_year(calendars()[calendar], year)


def is_open(year: Year, day: date) -> bool:
    """Whether banks work, all day, on a day of that year."""
    if day.weekday() >= SATURDAY:
        return day in year.opened
    return day not in year.closed


def is_business_day(calendar: str, day: date, overrides: Overrides = AS_KNOWN) -> bool:
    """Whether banks of the calendar (HK, MO, CN) work on a day; raises KeyError for another calendar.

    `MO.half-days` asks for the days of Macau that are worked until noon only: those are no business days of `MO`.
    """
    said = overridden(calendar, day, overrides) if overrides else None
    if said is not None:
        return said
    if calendar.endswith(HALF_DAYS):
        return day in _year(calendar.removesuffix(HALF_DAYS), day.year).half
    return is_open(_year(calendar, day.year), day)


def provisional_reason(calendar: str, day: date) -> str | None:
    """Say why the calendar is not yet certain for a day; None where it is announced."""
    first, why = calendars()[calendar].provisional
    return None if day.year < first else f"provisional: {calendar} {day.year} is {why}"
