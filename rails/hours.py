"""When a rail is open: dated sessions by currency over named calendars, and what closes it besides: maintenance, a suspension.

Open means open to customers' payments. What else a rail opens for, banks' own funding or clearing, has rows of its own.
Pure; what a business day is, is handed in.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, NamedTuple

IsBusinessDay = Callable[[str, date], bool]  # (calendar, day); calendars: HK, MO, CN and MO.half-days
PAYMENTS = "payments"  # customers' payments

LAW_ZONE = timezone(timedelta(hours=8))  # all three economies, no daylight saving
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_SEARCH_DAYS = 400  # how far an opening is looked for: more than a year, for a calendar that is not known further
_FOREVER = datetime.max.replace(tzinfo=UTC)
_WINDOWS_MAX = 4096  # days remembered, then forgotten and computed anew


class Session(NamedTuple):
    """The opening of each day of a calendar; offsets from its midnight (UTC+8) may reach into the days beside it."""

    calendar: str | None  # None: every day
    weekends_only: bool  # only Saturdays and Sundays that the calendar makes workdays
    first_days_off: bool  # not its business days but the first day after one of them that is none
    first_days_back: bool  # only the business days that follow a day that is none
    serves: str  # payments | clearing (banks settle what is queued) | cips (funding of CIPS and lending between banks)
    since: date
    until: date  # the last day it holds
    opens: timedelta
    closes: timedelta


class Window(NamedTuple):
    """An opening: start ≤ instant < end, UTC."""

    start: datetime
    end: datetime


class Closure(NamedTuple):
    """A time announced in which the rail takes nothing, whatever its sessions say: start ≤ instant < end, UTC, whole minutes."""

    start: datetime
    end: datetime | None  # None: until further notice; nobody can say when it opens next
    why: str  # maintenance, suspended, severe weather, ...


_NEVER = Window(datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))


class Hours:
    """The hours of one rail, for each of its currencies."""

    def __init__(
        self,
        sessions: Mapping[str, tuple[Session, ...]],
        is_business_day: IsBusinessDay,
        maintenance: tuple[Closure, ...] = (),
    ) -> None:
        self._sessions = {
            currency: tuple(session for session in rows if session.serves == PAYMENTS)
            for currency, rows in sessions.items()
        }
        self._all_sessions = sessions
        self._is_business_day = is_business_day
        self._maintenance = maintenance  # known from the catalogue
        self._closures: tuple[Closure, ...] = ()
        self._latest = dict.fromkeys(sessions, _NEVER)  # the window last found open, by currency
        self._windows: dict[tuple[str, date], tuple[Window, ...]] = {}

    @property
    def closures(self) -> tuple[Closure, ...]:
        """What closes the rail besides its hours and known maintenance; may be set at any time, and holds at once."""
        return self._closures

    @closures.setter
    def closures(self, closures: tuple[Closure, ...]) -> None:
        self._closures = closures
        self._latest = dict.fromkeys(self._latest, _NEVER)
        self._windows.clear()

    def is_open(self, at: datetime, currency: str) -> bool:
        """Whether the rail is open for `currency` at `at`; a currency it does not carry is never open."""
        latest = self._latest.get(currency)
        if latest is None:
            return False
        if latest.start <= at < latest.end:
            return True
        for day in _near(at):
            for window in self._windows_of(currency, day):
                if window.start <= at < window.end:
                    self._latest[currency] = window
                    return True
        return False

    def serves(self, at: datetime, currency: str, what: str) -> bool:
        """Whether the rail is open at `at` for what is no customer's payment: clearing, cips."""
        sessions = [session for session in self._all_sessions.get(currency, ()) if session.serves == what]
        return any(window.start <= at < window.end for day in _near(at) for window in self._computed(sessions, day))

    def next_opening(self, at: datetime, currency: str) -> datetime:
        """Return the first instant from `at` on (UTC) at which the rail is open; raises LookupError: none known."""
        if self.is_open(at, currency):
            return at
        first = at.astimezone(LAW_ZONE).date() - _DAY
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
        midnight = datetime(day.year, day.month, day.day, tzinfo=LAW_ZONE).astimezone(UTC)
        for session in sessions:
            if session.since <= day <= session.until and self._meets(session, day):
                yield from self._left_open(Window(midnight + session.opens, midnight + session.closes))

    def _left_open(self, window: Window) -> Iterable[Window]:
        """Return what closures leave of an opening."""
        left = [window]
        for closure in (*self._maintenance, *self._closures):
            left = [piece for each in left for piece in _without(each, closure)]
        return left

    def _meets(self, session: Session, day: date) -> bool:
        if session.weekends_only and day.isoweekday() <= 5:
            return False
        if session.calendar is None:
            return True
        works = self._is_business_day(session.calendar, day)
        if session.first_days_back:
            return works and not self._is_business_day(session.calendar, day - _DAY)
        if session.first_days_off:
            return not works and self._is_business_day(session.calendar, day - _DAY)
        return works


def _without(window: Window, closure: Closure) -> Iterable[Window]:
    """Cut a closure out of an opening."""
    ends = closure.end or _FOREVER
    if ends <= window.start or window.end <= closure.start:
        yield window
        return
    if window.start < closure.start:
        yield Window(window.start, closure.start)
    if ends < window.end:
        yield Window(ends, window.end)


def _near(at: datetime) -> tuple[date, date, date]:
    """Return the days whose sessions may reach an instant, the likeliest first."""
    day = at.astimezone(LAW_ZONE).date()
    return day, day - _DAY, day + _DAY


def read_session(row: Mapping[str, Any]) -> Session:
    """Read a row of the catalogue: all but `opens` and `closes` may be missing."""
    return Session(
        calendar=row.get("calendar"),
        weekends_only=row.get("weekends_only", False),
        first_days_off=row.get("first_days_off", False),
        first_days_back=row.get("first_days_back", False),
        serves=row.get("serves", PAYMENTS),
        since=row.get("since", date.min + 2 * _DAY),
        until=row.get("until", date.max - 2 * _DAY),
        opens=row.get("opens_day", 0) * _DAY + offset(row["opens"]),
        closes=row.get("closes_day", 0) * _DAY + offset(row["closes"]),
    )


def write_closures(closures: Sequence[Closure]) -> str:
    """Write closures as one text."""
    return json.dumps([(each.start.isoformat(), each.end and each.end.isoformat(), each.why) for each in closures])


def read_closures(text: str) -> tuple[Closure, ...]:
    """Read the text of write_closures."""
    return tuple(
        Closure(datetime.fromisoformat(start), datetime.fromisoformat(end) if end else None, why)
        for start, end, why in json.loads(text)
    )


def closure(start: datetime, end: datetime | None, why: str) -> Closure:
    """Make a closure of whole minutes that holds all of what is asked; raises ValueError where it would end before it begins."""
    if end is not None and end <= start:
        raise ValueError("a closure ends after it begins")
    begins, ends = _minute(start), end and _minute(end)
    return Closure(begins, ends + _MINUTE if end is not None and ends is not None and ends < end else ends, why)


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def offset(text: str) -> timedelta:
    """Read "HH:MM" as the time since midnight; "24:00" is the end of the day."""
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))
