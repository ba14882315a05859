"""Bank days of Hong Kong, Macau and the mainland: weekends, public holidays, make-up workdays, our corrections.

Which categories count, and what is provisional, is data in calendars.yaml. Not here: exchange days and rail hours.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import yaml
from holidays import country_holidays

SATURDAY = 5


class Calendar(NamedTuple):
    """What calendars.yaml says of one place."""

    country: str
    categories: tuple[str, ...]
    make_up_workdays: bool
    provisional_from: int | None  # first year whose days are not yet announced
    overrides: Mapping[date, bool]  # day -> whether banks are open after all


class Year(NamedTuple):
    """The exceptions of one year: closed weekdays and open weekend days."""

    closed: frozenset[date]
    opened: frozenset[date]


@cache
def calendars() -> Mapping[str, Calendar]:
    """Read calendars.yaml; a correction without source is refused by KeyError."""
    documents = yaml.safe_load(files(__package__).joinpath("calendars.yaml").read_text("utf-8"))
    return {name: read_calendar(document) for name, document in documents.items()}


def read_calendar(document: Mapping[str, object]) -> Calendar:
    """Read one calendar's document; every override needs `day`, `open` and `source`."""
    overrides = document["overrides"]
    categories = document["categories"]
    provisional_from = document["provisional_from"]
    assert isinstance(overrides, list) and isinstance(categories, list)
    assert provisional_from is None or isinstance(provisional_from, int)
    corrections: dict[date, bool] = {}
    for row in overrides:
        if not row["source"]:
            raise KeyError("source")
        corrections[row["day"]] = row["open"]
    return Calendar(
        str(document["country"]), tuple(categories), bool(document["make_up_workdays"]), provisional_from, corrections
    )


def read_year(calendar: Calendar, year: int) -> Year:
    """Collect the exceptions of one year."""
    known = country_holidays(calendar.country, years=year, categories=calendar.categories)
    closed = {day for day in known if day.year == year}
    opened = {day for day in known.weekend_workdays if day.year == year} if calendar.make_up_workdays else set()
    for day, is_open in calendar.overrides.items():
        if day.year == year:
            (opened if is_open else closed).add(day)
            (closed if is_open else opened).discard(day)
    return Year(frozenset(closed - opened), frozenset(opened))


@cache
def _year(calendar: str, year: int) -> Year:
    return read_year(calendars()[calendar], year)


def is_open(year: Year, day: date) -> bool:
    """Whether banks work on a day of that year."""
    if day.weekday() >= SATURDAY:
        return day in year.opened
    return day not in year.closed


def is_business_day(calendar: str, day: date) -> bool:
    """Whether banks of the calendar (HK, MO, CN) work on a day; raises KeyError for another calendar."""
    return is_open(_year(calendar, day.year), day)


def provisional_reason(calendar: str, day: date) -> str | None:
    """Say why the calendar is not yet certain for a day; None where it is announced."""
    first = calendars()[calendar].provisional_from
    if first is None or day.year < first:
        return None
    return f"days off and make-up workdays of {day.year} are not announced in the data: provisional"
