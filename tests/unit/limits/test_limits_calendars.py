"""Windows, law days and bank days at their edges."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limits.calendars import is_business_day, law_day, provisional_reason, window_end, window_of
from limits.calendars.days import Calendar, calendars, is_open, read_calendar, read_year
from limits.calendars.hours import opening_hours, session

MS = timedelta(milliseconds=1)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_law_day_turns_at_midnight_in_utc_plus_8() -> None:
    midnight = instant("2026-03-02T16:00:00+00:00")
    assert law_day(midnight - MS) == date(2026, 3, 2)
    assert law_day(midnight) == date(2026, 3, 3)
    assert law_day(instant("2026-03-02T11:00:00-05:00")) == date(2026, 3, 3)


def test_an_instant_without_zone_has_no_law_day() -> None:
    with pytest.raises(AssertionError):
        law_day(datetime(2026, 3, 2))


def test_windows_turn_at_their_end() -> None:
    for window, before, after in (("calendar-day", "2025-12-31", "2026-01-01"), ("calendar-year", "2025", "2026")):
        end = window_end(window, instant("2025-12-31T23:59:59.999+08:00"))
        assert end == instant("2025-12-31T16:00:00+00:00") and end.tzinfo is UTC
        assert window_of(window, end - MS) == before
        assert window_of(window, end) == after
    assert window_of("outstanding", instant("2026-03-02T00:00:00+00:00")) == "all"
    assert window_end("outstanding", instant("2026-03-02T00:00:00+00:00")) is None


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["calendar-day", "calendar-year"]),
)
def test_a_window_ends_after_its_instant_and_where_the_next_begins(at: datetime, window: str) -> None:
    end = window_end(window, at)
    assert end is not None and at < end
    assert window_of(window, end - timedelta(microseconds=1)) == window_of(window, at) != window_of(window, end)


@pytest.mark.parametrize(
    ("calendar", "day", "expected", "why"),
    [
        ("HK", "2026-02-17", False, "Lunar New Year"),
        ("HK", "2026-04-03", False, "Good Friday is a general holiday, not a statutory one"),
        ("HK", "2026-04-07", False, "the day after Easter Monday, Ching Ming being a Sunday"),
        ("HK", "2026-02-28", False, "a Saturday: no make-up workdays in Hong Kong"),
        ("HK", "2026-02-16", True, "New Year's Eve"),
        ("HK", "2026-10-02", True, "Golden Week is not Hong Kong's"),
        ("MO", "2026-10-02", False, "the day after National Day"),
        ("MO", "2026-12-21", False, "compensatory rest for Establishment Day"),
        ("MO", "2026-12-08", False, "Immaculate Conception"),
        ("MO", "2026-02-23", True, "the Monday of the mainland's Spring Festival"),
        ("CN", "2026-02-23", False, "Spring Festival, exchanged for a Saturday"),
        ("CN", "2026-02-28", True, "that Saturday, a make-up workday"),
        ("CN", "2026-02-14", True, "a make-up Saturday"),
        ("CN", "2026-01-04", True, "a make-up Sunday"),
        ("CN", "2026-10-07", False, "Golden Week"),
        ("CN", "2026-10-08", True, "the day after it"),
        ("CN", "2026-10-10", True, "its make-up Saturday"),
        ("CN", "2026-10-11", False, "an ordinary Sunday"),
        ("CN", "2026-04-03", True, "Good Friday is no holiday there"),
        ("HK", "2026-03-02", True, "an ordinary Monday"),
        ("MO", "2026-03-02", True, "an ordinary Monday"),
        ("CN", "2026-03-02", True, "an ordinary Monday"),
    ],
)
def test_each_place_has_its_own_bank_days(calendar: str, day: str, expected: bool, why: str) -> None:
    assert is_business_day(calendar, date.fromisoformat(day)) is expected, why


def test_there_is_no_fourth_calendar() -> None:
    with pytest.raises(KeyError):
        is_business_day("SG", date(2026, 3, 2))


def test_an_unannounced_year_says_that_it_is_provisional() -> None:
    assert provisional_reason("CN", date(2026, 12, 31)) is None
    reason = provisional_reason("CN", date(2027, 1, 1))
    assert reason is not None and "provisional" in reason
    assert provisional_reason("HK", date(2027, 1, 1)) is None


def test_a_dated_correction_wins() -> None:
    corrected = calendars()["HK"]._replace(
        overrides={date(2026, 3, 2): False, date(2026, 2, 17): True, date(2026, 3, 7): True}
    )
    year = read_year(corrected, 2026)
    assert not is_open(year, date(2026, 3, 2))
    assert is_open(year, date(2026, 2, 17)) and is_open(year, date(2026, 3, 7))
    assert is_open(year, date(2026, 3, 3)) and not is_open(year, date(2026, 3, 8))


def test_a_correction_without_source_is_refused() -> None:
    document = {
        "country": "HK", "categories": ["public"], "make_up_workdays": False, "provisional_from": None,
        "overrides": [{"day": date(2026, 3, 2), "open": False}],
    }  # fmt: skip
    with pytest.raises(KeyError, match="source"):
        read_calendar(document)
    document["overrides"] = [{"day": date(2026, 3, 2), "open": False, "source": "Gazette"}]
    assert read_calendar(document) == Calendar("HK", ("public",), False, None, {date(2026, 3, 2): False})


# --- Opening hours of a lane ---


def test_hours_are_open_at_their_beginning_and_closed_at_their_end() -> None:
    hours = opening_hours((session("daily", "07:00", "23:00"),))
    opens, closes = instant("2026-03-02T07:00:00+08:00"), instant("2026-03-02T23:00:00+08:00")
    assert [hours.is_open(at) for at in (opens - MS, opens, closes - MS, closes)] == [False, True, True, False]
    assert hours.next_opening(opens - MS) == opens
    assert hours.next_opening(opens) == opens
    assert hours.next_opening(closes) == opens + timedelta(days=1)
    assert hours.text == "daily 07:00–23:00"


def test_a_session_may_cross_midnight() -> None:
    hours = opening_hours((session("weekdays", "08:30", "05:00"),))
    assert hours.is_open(instant("2026-03-03T04:59:59.999+08:00"))
    assert not hours.is_open(instant("2026-03-03T05:00:00+08:00"))
    assert hours.is_open(instant("2026-03-07T04:00:00+08:00"))  # Friday's, on Saturday
    assert not hours.is_open(instant("2026-03-02T04:00:00+08:00"))  # Sunday has none
    assert hours.next_opening(instant("2026-03-07T05:00:00+08:00")) == instant("2026-03-09T08:30:00+08:00")
    assert hours.text == "weekdays 08:30–05:00 next day"


def test_business_hours_skip_holidays_and_keep_make_up_workdays() -> None:
    hours = opening_hours((session("business", "08:30", "18:30"),), "CN")
    assert hours.next_opening(instant("2026-09-30T18:30:00+08:00")) == instant(
        "2026-10-08T08:30:00+08:00"
    )  # Golden Week
    assert hours.is_open(instant("2026-10-10T12:00:00+08:00"))  # its make-up Saturday


def test_a_whole_day_has_no_gap() -> None:
    hours = opening_hours((session("daily", "00:00", "24:00"),))
    midnight = instant("2026-03-02T00:00:00+08:00")
    assert hours.is_open(midnight - MS) and hours.is_open(midnight)
    assert hours.text == "daily 00:00–24:00"


@settings(deadline=None)  # the first example builds a calendar
@given(st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC)))
def test_the_next_opening_is_the_first_open_instant(at: datetime) -> None:
    hours = opening_hours((session("business", "20:30", "17:15"), session("weekdays", "18:00", "19:00")), "HK")
    opening = hours.next_opening(at)
    assert opening >= at and hours.is_open(opening)
    assert opening == at or not hours.is_open(opening - timedelta(microseconds=1))
    assert opening == at or not hours.is_open(at)


@pytest.mark.parametrize(
    ("days", "opens", "closes"),
    [
        ("daily", "7:00", "23:00"),
        ("daily", "07:60", "23:00"),
        ("daily", "07:00", "24:01"),
        ("sundays", "07:00", "23:00"),
        ("daily", "", ""),
    ],
)
def test_hours_that_are_none_are_refused(days: str, opens: str, closes: str) -> None:
    with pytest.raises(ValueError):
        session(days, opens, closes)


def test_business_days_need_a_calendar() -> None:
    with pytest.raises(ValueError, match="calendar"):
        opening_hours((session("business", "07:00", "23:00"),))
    with pytest.raises(ValueError, match="never open"):
        opening_hours(())
