"""Law days, windows and bank days. All times of the law are UTC+8, all year; what differs is the calendar.

`hours` beside this holds opening hours of lanes, `days` the bank days, `trading` the trading days of markets and links,
`sessions` the hours of those. Rails keep their own hours; they are handed
`is_business_day`.
"""

from datetime import UTC, date, datetime, timedelta, timezone

from limits.calendars.days import is_business_day
from limits.calendars.trading import is_trading_day, next_trading_day, provisional_reason

__all__ = [
    "LAW_ZONE", "OUTSTANDING", "PAYMENT", "TRADING_DAY", "WINDOWS", "is_business_day", "is_trading_day", "law_day", "next_trading_day",
    "provisional_reason", "window_before", "window_end", "window_key", "window_of",
]  # fmt: skip

LAW_ZONE = timezone(timedelta(hours=8), "UTC+8")

CALENDAR_DAY = "calendar-day"
CALENDAR_YEAR = "calendar-year"
TRADING_DAY = "trading-day"  # of a link or market; a day on which it is closed takes no orders
OUTSTANDING = "outstanding"  # never resets
PAYMENT = "payment"  # the payment itself: no counter
WINDOWS = frozenset({CALENDAR_DAY, CALENDAR_YEAR, TRADING_DAY, OUTSTANDING, PAYMENT})


def law_day(at: datetime) -> date:
    """Return the law's day (UTC+8) of an aware instant."""
    assert at.tzinfo is not None, "an instant without a zone belongs to no law day"
    return at.astimezone(LAW_ZONE).date()


def window_key(rule_window: str, day: date) -> str:
    """Return the key of the window that a law day falls in: "2026-03-02", "2026", or "all" where nothing resets."""
    if rule_window in (CALENDAR_DAY, TRADING_DAY):
        return day.isoformat()
    if rule_window == CALENDAR_YEAR:
        return str(day.year)
    assert rule_window == OUTSTANDING, f"a window of {rule_window!r} has no counter"
    return "all"


def window_before(rule_window: str, day: date, n: int) -> tuple[str, date]:
    """Return the key and the last day of the n-th window before the one a law day falls in; of days and years."""
    if rule_window == CALENDAR_YEAR:
        return str(day.year - n), date(day.year - n, 12, 31)
    assert rule_window == CALENDAR_DAY, f"there is no window before one of {rule_window!r}"
    return (day - timedelta(days=n)).isoformat(), day - timedelta(days=n)


def window_of(rule_window: str, at: datetime) -> str:
    """Return the key of the window that an aware instant falls in."""
    return window_key(rule_window, law_day(at))


def window_end(rule_window: str, at: datetime, begins: timedelta = timedelta()) -> datetime | None:
    """Return the first instant after the window of `at` (aware, UTC); None where nothing resets.

    `begins` is how long after midnight a day begins. A trading day ends at midnight; when the next one is, its calendar says.
    """
    day = law_day(at - begins)
    if rule_window in (CALENDAR_DAY, TRADING_DAY):
        after = day + timedelta(days=1)
    elif rule_window == CALENDAR_YEAR:
        after = date(day.year + 1, 1, 1)
    else:
        return None
    return datetime(after.year, after.month, after.day, tzinfo=LAW_ZONE).astimezone(UTC) + begins
