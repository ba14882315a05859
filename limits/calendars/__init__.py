"""Law days, windows and bank days. All times of the law are UTC+8, all year; what differs is the calendar.

`hours` beside this holds opening hours of lanes, `days` the bank days. Rails keep their own hours; they are handed
`is_business_day`.
"""

from datetime import UTC, date, datetime, timedelta, timezone

from limits.calendars.days import is_business_day, provisional_reason

__all__ = [
    "LAW_ZONE", "OUTSTANDING", "PAYMENT", "WINDOWS", "is_business_day", "law_day", "provisional_reason", "window_end",
    "window_key", "window_of",
]  # fmt: skip

LAW_ZONE = timezone(timedelta(hours=8), "UTC+8")

CALENDAR_DAY = "calendar-day"
CALENDAR_YEAR = "calendar-year"
OUTSTANDING = "outstanding"  # never resets
PAYMENT = "payment"  # the payment itself: no counter
WINDOWS = frozenset({CALENDAR_DAY, CALENDAR_YEAR, OUTSTANDING, PAYMENT})


def law_day(at: datetime) -> date:
    """Return the law's day (UTC+8) of an aware instant."""
    assert at.tzinfo is not None, "an instant without a zone belongs to no law day"
    return at.astimezone(LAW_ZONE).date()


def window_key(rule_window: str, day: date) -> str:
    """Return the key of the window that a law day falls in: "2026-03-02", "2026", or "all" where nothing resets."""
    if rule_window == CALENDAR_DAY:
        return day.isoformat()
    if rule_window == CALENDAR_YEAR:
        return str(day.year)
    assert rule_window == OUTSTANDING, f"a window of {rule_window!r} has no counter"
    return "all"


def window_of(rule_window: str, at: datetime) -> str:
    """Return the key of the window that an aware instant falls in."""
    return window_key(rule_window, law_day(at))


def window_end(rule_window: str, at: datetime) -> datetime | None:
    """Return the first instant after the window of `at` (aware, UTC); None where nothing resets."""
    day = law_day(at)
    if rule_window == CALENDAR_DAY:
        after = day + timedelta(days=1)
    elif rule_window == CALENDAR_YEAR:
        after = date(day.year + 1, 1, 1)
    else:
        return None
    return datetime(after.year, after.month, after.day, tzinfo=LAW_ZONE).astimezone(UTC)
