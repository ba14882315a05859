"""Hours of the six rails: dated sessions, calendars that differ, the next opening."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rails.book import MemoryBook
from rails.catalogue import build_rails, load_catalogue
from rails.hours import Hours, read_session
from rails.simulated import SimulatedRail

CATALOGUE = load_catalogue()
HK_TIME = timezone(timedelta(hours=8))

# Days on which the three calendars differ, around Labour Day 2018 and National Day 2025.
HOLIDAYS = {
    "HK": {date(2025, 7, 1), date(2025, 10, 1), date(2025, 10, 7)},
    "MO": {date(2025, 9, 30), date(2025, 10, 1), date(2025, 10, 2), date(2025, 10, 7)},
    "CN": {date(2025, 10, day) for day in range(1, 9)} | {date(2018, 5, 1), date(2018, 4, 30)},
}
MAKE_UP = {"CN": {date(2025, 9, 28), date(2025, 10, 11), date(2018, 4, 28)}, "HK": set(), "MO": set()}
HALF_DAYS = {"MO.half-days": {date(2025, 9, 30)}}  # a day that Macau could have been given free from noon


def is_business_day(calendar: str, day: date) -> bool:
    if calendar in HALF_DAYS:
        return day in HALF_DAYS[calendar]
    return day in MAKE_UP[calendar] or (day.isoweekday() <= 5 and day not in HOLIDAYS[calendar])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HK_TIME).astimezone(UTC)


@pytest.fixture(scope="module")
def rails() -> dict[str, SimulatedRail]:
    return build_rails(lambda rail: MemoryBook(), is_business_day, 1)


OPEN_OR_NOT = [
    ("hk-fps", "HKD", "2025-10-01T03:00", True),
    ("hk-fps", "HKD", "2018-09-16T23:59", False),
    ("hk-fps", "MOP", "2025-10-01T03:00", False),
    ("ibps", "CNY", "2025-10-04T23:59:59", True),
    ("ibps", "HKD", "2025-10-04T12:00", False),
    ("mo-easy-transfer", "MOP", "2021-12-05T23:59", False),
    ("mo-easy-transfer", "MOP", "2021-12-06T00:00", True),
    ("mo-easy-transfer", "HKD", "2023-09-24T12:00", False),
    ("mo-easy-transfer", "HKD", "2023-09-25T00:00", True),
    ("hk-chats", "HKD", "2025-10-06T08:29:59", False),
    ("hk-chats", "HKD", "2025-10-06T08:30", True),
    ("hk-chats", "HKD", "2025-10-06T18:30", False),
    ("hk-chats", "HKD", "2025-10-07T12:00", False),  # a holiday of Hong Kong
    ("hk-chats", "HKD", "2025-09-28T12:00", False),  # a workday of the mainland alone
    ("hk-chats", "CNY", "2025-07-01T12:00", False),  # a holiday of Hong Kong, an ordinary workday of the mainland
    ("hk-chats", "CNY", "2025-09-28T12:00", True),
    ("hk-chats", "CNY", "2025-09-28T18:30", False),  # no night session on make-up days
    ("hk-chats", "CNY", "2025-10-09T04:59:59", True),  # the night of the 8th
    ("hk-chats", "CNY", "2025-10-09T05:00", False),
    ("hk-chats", "CNY", "2025-10-11T03:00", True),  # Saturday, the night of Friday
    ("hk-chats", "CNY", "2025-10-12T03:00", False),
    ("hk-chats", "CNY", "2015-07-17T23:59", False),  # before 2015-07-20 it closed at 23:30
    ("hk-chats", "CNY", "2015-07-20T23:59", True),
    ("mo-rtgs", "HKD", "2020-10-16T12:00", False),
    ("mo-rtgs", "HKD", "2020-10-19T12:00", True),
    ("mo-rtgs", "CNY", "2025-10-02T12:00", False),  # a holiday of Macau alone
    ("hk-chats", "HKD", "2025-10-02T12:00", True),
    ("hvps", "CNY", "2018-01-19T08:00", False),
    ("hvps", "CNY", "2018-01-19T16:59", True),
    ("hvps", "CNY", "2018-01-19T17:00", False),
    ("hvps", "CNY", "2018-01-21T23:30", True),  # Sunday night for Monday the 22nd, the first day of the new hours
    ("hvps", "CNY", "2018-01-21T23:29", False),
    ("hvps", "CNY", "2018-05-01T20:30", True),  # for 2018-05-02
    ("hvps", "CNY", "2018-04-26T20:30", False),
    ("hvps", "CNY", "2018-04-27T23:30", True),  # Friday night for the make-up Saturday
    ("hvps", "CNY", "2025-10-10T21:00", True),  # for the make-up Saturday 2025-10-11
    ("hvps", "CNY", "2025-10-11T17:14:59", True),
    ("hvps", "CNY", "2025-10-11T17:15", False),
    ("hvps", "CNY", "2025-10-11T20:30", False),  # Sunday is none
    ("hvps", "CNY", "2025-10-03T12:00", False),
]


@pytest.mark.parametrize(("rail", "currency", "when", "is_open"), OPEN_OR_NOT)
def test_a_rail_is_open_when_its_sources_say_so(
    rails: dict[str, SimulatedRail], rail: str, currency: str, when: str, is_open: bool
) -> None:
    assert rails[rail].is_open(at(when), currency) is is_open


@pytest.mark.parametrize(
    ("rail", "currency", "when", "opens"),
    [
        ("hk-fps", "HKD", "2025-10-01T03:00", "2025-10-01T03:00"),
        ("hk-fps", "HKD", "2018-01-01T00:00", "2018-09-17T00:00"),
        ("hk-chats", "HKD", "2025-10-06T07:00", "2025-10-06T08:30"),
        ("hk-chats", "HKD", "2025-10-06T18:30", "2025-10-08T08:30"),
        ("hk-chats", "HKD", "2025-10-03T19:00", "2025-10-06T08:30"),
        ("hk-chats", "CNY", "2025-10-09T06:00", "2025-10-09T08:30"),
        ("hvps", "CNY", "2025-09-30T17:15", "2025-10-08T20:30"),
        ("hvps", "CNY", "2025-10-11T18:00", "2025-10-12T20:30"),
        ("mo-rtgs", "CNY", "2015-06-01T12:00", "2016-03-07T09:00"),
    ],
)
def test_the_next_opening_is_the_first_instant_at_which_it_is_open(
    rails: dict[str, SimulatedRail], rail: str, currency: str, when: str, opens: str
) -> None:
    opening = rails[rail].next_opening(at(when), currency)
    assert opening == at(opens)
    assert opening.utcoffset() == timedelta(0)


@given(
    st.sampled_from([("hk-chats", "HKD"), ("hk-chats", "CNY"), ("mo-rtgs", "HKD"), ("hvps", "CNY"), ("ibps", "CNY")]),
    st.datetimes(datetime(2025, 9, 20), datetime(2025, 10, 20), timezones=st.just(UTC)),
)
def test_nothing_before_the_next_opening_is_open(
    rails: dict[str, SimulatedRail], served: tuple[str, str], when: datetime
) -> None:
    rail, currency = rails[served[0]], served[1]
    opening = rail.next_opening(when, currency)
    assert rail.is_open(opening, currency)
    assert not any(rail.is_open(when + (opening - when) * step / 50, currency) for step in range(50) if opening > when)


@given(
    st.sampled_from([("hk-chats", "CNY"), ("hvps", "CNY")]),
    st.lists(st.datetimes(datetime(2025, 9, 20), datetime(2025, 10, 20), timezones=st.just(UTC)), min_size=2),
)
def test_what_was_asked_before_changes_no_answer(served: tuple[str, str], whens: list[datetime]) -> None:
    rail, currency = served
    sessions = tuple(map(read_session, CATALOGUE[rail]["hours"][currency]))
    asked, fresh = (Hours({currency: sessions}, is_business_day) for _ in range(2))
    answers = [asked.is_open(when, currency) for when in whens]
    assert [fresh.is_open(when, currency) for when in reversed(whens)] == answers[::-1]


def test_a_session_holds_from_its_first_to_its_last_day_and_the_earlier_of_two_openings_counts() -> None:
    rows = [
        {"until": date(2025, 3, 3), "opens": "14:00", "closes": "16:00"},
        {"since": date(2025, 3, 3), "opens": "10:00", "closes": "12:00"},
    ]
    hours = Hours({"CNY": tuple(map(read_session, rows))}, is_business_day)
    days = {day: [hours.is_open(at(f"2025-03-0{day}T{hour}:00"), "CNY") for hour in (11, 15)] for day in (2, 3, 4)}
    assert days == {2: [False, True], 3: [True, True], 4: [True, False]}
    assert hours.next_opening(at("2025-03-02T17:00"), "CNY") == at("2025-03-03T10:00")
    assert hours.next_opening(at("2025-03-03T12:00"), "CNY") == at("2025-03-03T14:00")


def test_a_currency_that_is_not_carried_has_no_opening(rails: dict[str, SimulatedRail]) -> None:
    with pytest.raises(LookupError):
        rails["ibps"].next_opening(at("2025-10-01T12:00"), "HKD")
