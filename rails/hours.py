"""When a rail is open: dated sessions by currency over named calendars. Pure; what a business day is, is handed in."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, NamedTuple

IsBusinessDay = Callable[[str, date], bool]  # (calendar, day); calendars are named by ISO 3166: HK, MO, CN

_LAW_ZONE = timezone(timedelta(hours=8))  # all three economies, no daylight saving
_DAY = timedelta(days=1)
_SEARCH_DAYS = 400  # how far an opening is looked for: more than a year, for a calendar that is not known further
_WINDOWS_MAX = 4096  # days remembered, then forgotten and computed anew


class Session(NamedTuple):
    """The opening of each day of a calendar; offsets from its midnight (UTC+8) may reach into the days beside it."""

    calendar: str | None  # None: every day
    weekends_only: bool  # only Saturdays and Sundays that the calendar makes workdays
    since: date
    until: date  # the last day it holds
    opens: timedelta
    closes: timedelta


class Window(NamedTuple):
    """An opening: start ≤ instant < end, UTC."""

    start: datetime
    end: datetime


_NEVER = Window(datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))


class Hours:
    """The hours of one rail, for each of its currencies."""

    def __init__(self, sessions: Mapping[str, tuple[Session, ...]], is_business_day: IsBusinessDay) -> None:
        self._sessions = sessions
        self._is_business_day = is_business_day
        self._latest = dict.fromkeys(sessions, _NEVER)  # the window last found open, by currency
        self._windows: dict[tuple[str, date], tuple[Window, ...]] = {}

    def is_open(self, at: datetime, currency: str) -> bool:
        """Whether the rail is open for `currency` at `at`; a currency it does not carry is never open."""
        latest = self._latest.get(currency)
        if latest is None:
            return False
        if latest.start <= at < latest.end:
            return True
        day = at.astimezone(_LAW_ZONE).date()
        for near in (day, day - _DAY, day + _DAY):
            for window in self._windows_of(currency, near):
                if window.start <= at < window.end:
                    self._latest[currency] = window
                    return True
        return False

    def next_opening(self, at: datetime, currency: str) -> datetime:
        """Return the first instant from `at` on (UTC) at which the rail is open; raises LookupError: none known."""
        if self.is_open(at, currency):
            return at
        first = at.astimezone(_LAW_ZONE).date() - _DAY
        since = min((session.since for session in self._sessions.get(currency, ())), default=date.max)
        first = max(first, since)
        for ahead in range(_SEARCH_DAYS if first <= date.max - _SEARCH_DAYS * _DAY else 0):
            later = [window.start for window in self._windows_of(currency, first + ahead * _DAY) if window.end > at]
            if later:
                return min(later)
        raise LookupError(f"no opening for {currency} is known after {at.isoformat()}")

    def _windows_of(self, currency: str, day: date) -> tuple[Window, ...]:
        windows = self._windows.get((currency, day))
        if windows is None:
            if len(self._windows) >= _WINDOWS_MAX:
                self._windows.clear()
            windows = self._windows[currency, day] = tuple(self._computed(self._sessions[currency], day))
        return windows

    def _computed(self, sessions: Iterable[Session], day: date) -> Iterable[Window]:
        midnight = datetime(day.year, day.month, day.day, tzinfo=_LAW_ZONE).astimezone(UTC)
        for session in sessions:
            if session.since <= day <= session.until and self._meets(session, day):
                yield Window(midnight + session.opens, midnight + session.closes)

    def _meets(self, session: Session, day: date) -> bool:
        if session.weekends_only and day.isoweekday() <= 5:
            return False
        return session.calendar is None or self._is_business_day(session.calendar, day)


def read_session(row: Mapping[str, Any]) -> Session:
    """Read a row of the catalogue: calendar, weekends_only, since, until, opens_day, closes_day may be missing."""
    return Session(
        calendar=row.get("calendar"),
        weekends_only=row.get("weekends_only", False),
        since=row.get("since", date.min + 2 * _DAY),
        until=row.get("until", date.max - 2 * _DAY),
        opens=row.get("opens_day", 0) * _DAY + offset(row["opens"]),
        closes=row.get("closes_day", 0) * _DAY + offset(row["closes"]),
    )


def offset(text: str) -> timedelta:
    """Read "HH:MM" as the time since midnight; "24:00" is the end of the day."""
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))
