"""Windows, law days and bank days at their edges."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limits.calendars import is_business_day, is_trading_day, law_day, provisional_reason, window_end, window_of
from limits.calendars.days import (
    Calendar,
    Override,
    Provisional,
    calendars,
    is_open,
    read_calendar,
    read_overrides,
    read_year,
)
from limits.calendars.hours import opening_hours, session

MS = timedelta(milliseconds=1)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_law_day_turns_at_midnight_in_utc_plus_8() -> None:
    midnight = instant("2026-03-02T16:00:00+00:00")
    assert law_day(midnight - MS) == date(2026, 3, 2)
    assert law_day(midnight) == date(2026, 3, 3)
    assert law_day(instant("2026-03-02T11:00:00-05:00")) == date(2026, 3, 3)


@pytest.mark.parametrize(
    "day", ["2025-12-31", "2026-02-16", "2026-02-28", "2025-10-01", "2023-09-01", "2024-02-28", "2018-05-01"]
)
def test_no_holiday_moves_the_midnight_at_which_the_windows_turn(day: str) -> None:
    first = date.fromisoformat(day)
    second = first + timedelta(days=1)
    midnight = instant(f"{second}T00:00:00+08:00")
    for window in ("calendar-day", "trading-day"):
        assert [window_of(window, at) for at in (midnight - MS, midnight)] == [str(first), str(second)]
        assert window_end(window, midnight - MS) == midnight
    assert [law_day(at) for at in (midnight - MS, midnight)] == [first, second]


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
        ("HK", "2015-09-03", False, "the 70th anniversary of the victory, that year alone"),
        ("HK", "2022-09-12", False, "the second day after Mid-Autumn, the first being a Sunday"),
        ("HK", "2023-09-01", True, "Saola: the exchange was shut; that banks settled is assumed"),
        ("HK", "2018-04-28", False, "the mainland's make-up Saturday"),
        ("MO", "2026-10-02", False, "the day after National Day"),
        ("MO", "2026-12-21", False, "compensatory rest for Establishment Day"),
        ("MO", "2026-12-08", False, "Immaculate Conception"),
        ("MO", "2026-02-23", True, "the Monday of the mainland's Spring Festival"),
        ("CN", "2015-09-04", False, "exchanged for Sunday the 6th"),
        ("CN", "2015-09-06", True, "that Sunday"),
        ("CN", "2018-04-28", True, "the make-up Saturday before Labour Day"),
        ("CN", "2018-04-30", False, "the Monday it was exchanged for"),
        ("CN", "2020-01-31", False, "the Spring Festival lengthened in the epidemic"),
        ("CN", "2020-02-03", True, "the first day after it"),
        ("CN", "2024-02-09", True, "New Year's Eve, a workday that year; the exchanges were shut"),
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


@pytest.mark.parametrize("day", ["2017-10-03", "2023-10-03", "2028-10-03"])
def test_national_day_on_a_sunday_closes_hong_kong_banks_on_monday_alone(day: str) -> None:
    tuesday = date.fromisoformat(day)
    assert is_business_day("HK", tuesday)
    assert not is_business_day("HK", tuesday - timedelta(days=1))
    assert is_business_day("HK", tuesday) is is_trading_day("exchange.hong-kong", tuesday)


def test_hong_kong_banks_are_shut_when_its_exchange_is_but_for_typhoons() -> None:
    first = date(2014, 1, 1)
    differ = [
        day
        for day in (first + timedelta(days=n) for n in range(13 * 365))
        if is_business_day("HK", day) is not is_trading_day("exchange.hong-kong", day)
    ]
    assert [day.isoformat() for day in differ] == [
        "2016-08-02", "2016-10-21", "2017-08-23", "2020-10-13", "2021-10-13",
        "2023-07-17", "2023-09-01", "2023-09-08", "2024-09-06",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "half", "why"),
    [
        ("2026-02-16", True, "Chinese New Year's Eve"),
        ("2025-12-31", True, "New Year's Eve"),
        ("2025-12-24", False, "Christmas Eve is free all day"),
        ("2026-03-02", False, "an ordinary Monday"),
        ("2022-12-31", False, "New Year's Eve on a Saturday"),
    ],
)
def test_a_day_of_macau_that_is_free_from_noon_is_no_bank_day_but_a_half_day(day: str, half: bool, why: str) -> None:
    assert is_business_day("MO.half-days", date.fromisoformat(day)) is half, why
    assert not (half and is_business_day("MO", date.fromisoformat(day)))


@pytest.mark.parametrize("calendar", ["HK", "MO", "CN"])
def test_an_unannounced_year_says_that_it_is_provisional(calendar: str) -> None:
    assert provisional_reason(calendar, date(2026, 12, 31)) is None
    reason = provisional_reason(calendar, date(2027, 1, 1))
    assert reason is not None and reason.startswith(f"provisional: {calendar} 2027")


def test_a_dated_correction_wins() -> None:
    corrected = calendars()["MO"]._replace(
        overrides=frozenset(
            Override("MO", date.fromisoformat(day), opens)
            for day, opens in (("2026-03-02", False), ("2026-02-17", True), ("2026-03-07", True), ("2026-02-16", True))
        )
    )
    year = read_year(corrected, 2026)
    assert not is_open(year, date(2026, 3, 2))
    assert is_open(year, date(2026, 2, 17)) and is_open(year, date(2026, 3, 7))
    assert is_open(year, date(2026, 3, 3)) and not is_open(year, date(2026, 3, 8))
    assert is_open(year, date(2026, 2, 16)) and date(2026, 2, 16) not in year.half  # no longer a half day
    saturday = date(2026, 2, 28)  # a make-up workday, called off
    called_off = calendars()["CN"]._replace(overrides=frozenset({Override("CN", saturday, False)}))
    assert is_business_day("CN", saturday) and not is_open(read_year(called_off, 2026), saturday)


def test_a_correction_without_source_is_refused() -> None:
    row = {"day": date(2026, 3, 2), "open": False}
    document = {
        "country": "HK", "categories": ["public"], "make_up_workdays": False, "half_days": None,
        "provisional": {"from": 2027, "why": "not announced"}, "overrides": [row],
    }  # fmt: skip
    with pytest.raises(KeyError, match="source"):
        read_calendar("HK", document)
    with pytest.raises(KeyError, match="reason"):
        read_calendar("HK", document | {"overrides": [row | {"assumed": True}]})
    read = Calendar(
        "HK",
        ("public",),
        False,
        None,
        Provisional(2027, "not announced"),
        frozenset({Override("HK", date(2026, 3, 2), False)}),
    )
    assert read_calendar("HK", document | {"overrides": [row | {"source": "Gazette"}]}) == read
    assert read_calendar("HK", document | {"overrides": [row | {"assumed": True, "reason": "a test"}]}) == read


def test_a_scenarios_typhoon_shuts_the_banks_that_it_names_on_its_day_alone() -> None:
    monday = date(2026, 3, 2)
    typhoon = read_overrides([{"calendar": "HK", "day": monday, "open": False, "assumed": True, "reason": "test only"}])
    assert is_business_day("HK", monday) and not is_business_day("HK", monday, typhoon)
    assert is_business_day("HK", monday + timedelta(days=1), typhoon)
    assert is_business_day("MO", monday, typhoon) and is_business_day("CN", monday, typhoon)
    both = typhoon | {Override("HK", monday, True)}
    assert not is_business_day("HK", monday, both)  # said to be both: shut


# --- Opening hours of a lane ---


def test_hours_are_open_at_their_beginning_and_closed_at_their_end() -> None:
    hours = opening_hours((session("daily", "07:00", "23:00"),))
    opens, closes = instant("2026-03-02T07:00:00+08:00"), instant("2026-03-02T23:00:00+08:00")
    assert [hours.is_open(at) for at in (opens - MS, opens, closes - MS, closes)] == [False, True, True, False]
    assert hours.next_opening(opens - MS) == opens
    assert hours.next_opening(opens) == opens
    assert hours.next_opening(closes) == opens + timedelta(days=1)
    assert hours.text == "daily 07:00–23:00"


@pytest.mark.parametrize(
    "day", ["2025-12-31", "2026-01-01", "2026-02-17", "2026-02-28", "2025-10-01", "2023-09-01", "2026-03-01"]
)
def test_a_lane_open_every_day_keeps_its_hours_on_each_holiday_and_typhoon_day(day: str) -> None:
    hours = opening_hours((session("daily", "07:00", "23:00"),))
    opens, closes = instant(f"{day}T07:00:00+08:00"), instant(f"{day}T23:00:00+08:00")
    assert [hours.is_open(at) for at in (opens - MS, opens, closes - MS, closes)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("calendar", "closed", "opens", "why"),
    [
        ("HK", "2025-12-31", "2026-01-02", "New Year's Day alone"),
        ("MO", "2025-12-30", "2026-01-02", "New Year's Eve with it, free from noon"),
        ("CN", "2025-12-31", "2026-01-04", "to the make-up Sunday"),
        ("HK", "2026-02-16", "2026-02-20", "Lunar New Year"),
        ("MO", "2026-02-13", "2026-02-20", "Lunar New Year, the eve with it"),
        ("CN", "2026-02-14", "2026-02-24", "Spring Festival, between two make-up Saturdays"),
        ("HK", "2025-09-30", "2025-10-02", "National Day alone"),
        ("MO", "2025-09-30", "2025-10-03", "National Day and the day after"),
        ("CN", "2025-09-30", "2025-10-09", "Golden Week"),
        ("HK", "2026-02-27", "2026-03-02", "a make-up Saturday elsewhere"),
        ("CN", "2026-02-28", "2026-03-02", "after its make-up Saturday"),
        ("HK", "2023-08-31", "2023-09-01", "a typhoon day, assumed to be worked"),
    ],
)
def test_business_hours_end_and_begin_again_on_the_bank_days_of_their_place(
    calendar: str, closed: str, opens: str, why: str
) -> None:
    hours = opening_hours((session("business", "09:00", "17:00"),), calendar)
    closing, opening = instant(f"{closed}T17:00:00+08:00"), instant(f"{opens}T09:00:00+08:00")
    edges = [hours.is_open(at) for at in (closing - MS, closing, opening - MS, opening)]
    assert edges == [True, False, False, True], why
    assert hours.next_opening(closing) == hours.next_opening(opening - MS) == opening, why


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
