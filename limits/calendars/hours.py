"""Opening hours of a lane: weekly sessions in UTC+8, which may cross midnight and follow a bank calendar.

Half-open: a session from 07:00 to 23:00 holds 07:00:00.000 and not 23:00:00.000. Rails have hours of their own.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from limits.calendars import LAW_ZONE
from limits.calendars.days import is_business_day

DAY_MINUTES = 24 * 60
ONE_DAY = timedelta(days=1)
# The longest closure in the calendars is a Golden Week joined to weekends, ten days; a lane shut longer is an error.
SEARCH_DAYS_MAX = 31

_DAYS: dict[str, Callable[[str, date], bool]] = {
    "daily": lambda calendar, day: True,
    "weekdays": lambda calendar, day: day.weekday() < 5,
    "business": is_business_day,
}


class Session(NamedTuple):
    """One weekly session: minutes of the day; `closes` past 24 hours where it crosses midnight."""

    days: str  # daily | weekdays | business
    opens: int
    closes: int


class OpeningHours(NamedTuple):
    """Sessions and the calendar that `business` means ("" where no session needs one)."""

    sessions: tuple[Session, ...]
    calendar: str
    text: str  # as people write it: "daily 07:00–23:00"

    def is_open(self, at: datetime) -> bool:
        """Whether an aware instant lies in a session."""
        local = at.astimezone(LAW_ZONE)
        minute = local.hour * 60 + local.minute  # sessions begin and end on whole minutes
        day = local.date()
        for days, opens, closes in self.sessions:
            if opens <= minute < closes and _DAYS[days](self.calendar, day):
                return True
            if minute + DAY_MINUTES < closes and _DAYS[days](self.calendar, day - ONE_DAY):
                return True
        return False

    def next_opening(self, at: datetime) -> datetime:
        """Return the first instant from `at` on that is open (aware, UTC): `at` itself where it is open."""
        if self.is_open(at):
            return at.astimezone(UTC)
        day = at.astimezone(LAW_ZONE).date()
        for n in range(SEARCH_DAYS_MAX):
            later = [opens for opens in self._openings(day + timedelta(days=n)) if opens >= at]
            if later:
                return min(later).astimezone(UTC)
        raise AssertionError(f"hours {self.text!r} do not open within {SEARCH_DAYS_MAX} days")

    def _openings(self, day: date) -> list[datetime]:
        midnight = datetime(day.year, day.month, day.day, tzinfo=LAW_ZONE)
        return [
            midnight + timedelta(minutes=session.opens)
            for session in self.sessions
            if _DAYS[session.days](self.calendar, day)
        ]


def read_minutes(text: str) -> int:
    """Read "07:00" (to "24:00") as minutes of the day; raises ValueError."""
    hours, _, minutes = text.partition(":")
    if not (len(hours) == len(minutes) == 2 and hours.isdigit() and minutes.isdigit()):
        raise ValueError(f"{text!r} is not a time; write 07:00")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > DAY_MINUTES:
        raise ValueError(f"{text!r} is not a time of day")
    return total


def session(days: str, opens: str, closes: str) -> Session:
    """Build one session; one that closes at or before its opening crosses midnight. Raises ValueError."""
    if days not in _DAYS:
        raise ValueError(f"{days!r} is none of {', '.join(sorted(_DAYS))}")
    start, end = read_minutes(opens), read_minutes(closes)
    return Session(days, start, end if end > start else end + DAY_MINUTES)


def opening_hours(sessions: tuple[Session, ...], calendar: str = "") -> OpeningHours:
    """Build opening hours from sessions; raises ValueError where `business` has no calendar."""
    if not sessions:
        raise ValueError("hours without a session are never open")
    if not calendar and any(session.days == "business" for session in sessions):
        raise ValueError("business days need a calendar: HK, MO or CN")
    return OpeningHours(sessions, calendar, "; ".join(map(_spoken, sessions)))


def _spoken(session: Session) -> str:
    opens, closes = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (session.opens, session.closes))
    if session.closes > DAY_MINUTES:
        closes = f"{session.closes // 60 - 24:02}:{session.closes % 60:02} next day"
    return f"{session.days} {opens}–{closes}"
