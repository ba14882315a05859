"""Sessions of the links at their edges, a millisecond before and at each; half days, the closing auction, days shut."""

from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from limits.calendars.days import Override
from limits.calendars.sessions import read_venues, session_at, venues

MS = timedelta(milliseconds=1)
SHANGHAI, SHENZHEN = "stock-connect.shanghai", "stock-connect.shenzhen"
NORTH, SOUTH = "northbound", "southbound"
OPENING, CONTINUOUS, CLOSING = "opening-auction", "continuous", "closing-auction"
MONDAY = "2026-03-02"


def at(day: str, time: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{time}:00+08:00")


# The day of each market: from when, its name, whether buys and cancels are accepted.
MAINLAND = [
    ("09:10", OPENING, True, True),
    ("09:20", OPENING, True, False),
    ("09:25", "break", False, False),
    ("09:30", CONTINUOUS, True, True),
    ("11:30", "break", False, False),
    ("13:00", CONTINUOUS, True, True),
    ("14:57", CLOSING, True, False),
    ("15:00", "closed", False, False),
]
SHANGHAI_BEFORE_ITS_CLOSING_AUCTION = [*MAINLAND[:6], MAINLAND[7]]
HONG_KONG = [
    ("09:00", "pre-open", True, True),
    ("09:15", "break", False, False),
    ("09:30", CONTINUOUS, True, True),
    ("12:00", "break", False, False),
    ("13:00", CONTINUOUS, True, True),
    ("16:00", CLOSING, True, True),
    ("16:10", "closed", False, False),
]
HONG_KONG_BEFORE_ITS_CLOSING_AUCTION = [*HONG_KONG[:5], ("16:00", *HONG_KONG[6][1:])]
HONG_KONG_HALF_DAY = [*HONG_KONG[:3], ("12:00", *HONG_KONG[5][1:]), ("12:10", *HONG_KONG[6][1:])]

DAYS = [
    (SHANGHAI, NORTH, MONDAY, MAINLAND),
    (SHENZHEN, NORTH, MONDAY, MAINLAND),
    (SHANGHAI, SOUTH, MONDAY, HONG_KONG),
    (SHENZHEN, SOUTH, MONDAY, HONG_KONG),
    (SHANGHAI, NORTH, "2018-08-17", SHANGHAI_BEFORE_ITS_CLOSING_AUCTION),  # the last Friday before it
    (SHANGHAI, NORTH, "2018-08-20", MAINLAND),
    (SHENZHEN, NORTH, "2018-08-17", MAINLAND),  # Shenzhen had one before
    (SHANGHAI, NORTH, "2014-11-17", SHANGHAI_BEFORE_ITS_CLOSING_AUCTION),  # the first day
    (SHANGHAI, SOUTH, "2016-07-22", HONG_KONG_BEFORE_ITS_CLOSING_AUCTION),
    (SHANGHAI, SOUTH, "2016-07-25", HONG_KONG),
    (SHANGHAI, SOUTH, "2025-12-24", HONG_KONG_HALF_DAY),
    (SHANGHAI, NORTH, "2025-12-24", MAINLAND),  # a half day of Hong Kong ends nothing in Shanghai
    (SHANGHAI, NORTH, "2024-12-31", MAINLAND),  # year end
    (SHANGHAI, NORTH, "2025-10-09", MAINLAND),  # the first after Golden Week
]  # fmt: skip


@pytest.mark.parametrize(("link", "direction", "day", "sessions"), DAYS)
def test_each_session_begins_at_its_instant_and_ends_before_the_next(
    link: str, direction: str, day: str, sessions: list[tuple[str, str, bool, bool]]
) -> None:
    before: tuple[str, bool, bool] = ("closed", False, False)
    for begins, *state in sessions:
        edge = at(day, begins)
        ends, starts = session_at(link, direction, edge - MS), session_at(link, direction, edge)
        assert ends[:3] == before and ends.ends_at == edge, f"before {begins}"
        assert list(starts[:3]) == state, f"at {begins}"
        assert starts.ends_at > edge and starts.ends_at.tzinfo is UTC
        before = starts[:3]


@pytest.mark.parametrize(
    ("link", "edges"),
    [
        (SHANGHAI, [("09:20", True, False), ("09:25", False, False), ("14:57", True, False)]),
        (SHENZHEN, [("09:20", True, False), ("09:25", False, False), ("14:57", True, False)]),
    ],
)
def test_no_cancellation_is_taken_in_the_mainlands_no_cancel_periods(
    link: str, edges: list[tuple[str, bool, bool]]
) -> None:
    for time, before, after in edges:
        edge = at(MONDAY, time)
        assert session_at(link, NORTH, edge - MS).accepts_cancels is before
        assert session_at(link, NORTH, edge).accepts_cancels is after
    assert session_at(link, SOUTH, at(MONDAY, "14:58")).accepts_cancels  # Hong Kong trades on
    assert session_at(SHANGHAI, NORTH, at("2018-08-17", "14:58")).accepts_cancels  # before its closing auction


@pytest.mark.parametrize(
    ("direction", "when", "opens", "why"),
    [
        (NORTH, ("2026-02-13", "15:00"), ("2026-02-24", "09:10"), "Lunar New Year"),
        (NORTH, ("2025-09-30", "23:59"), ("2025-10-09", "09:10"), "Golden Week"),
        (SOUTH, ("2025-09-30", "16:10"), ("2025-10-09", "09:00"), "Golden Week"),
        (NORTH, ("2026-02-28", "10:00"), ("2026-03-02", "09:10"), "a make-up Saturday"),
        (NORTH, ("2023-09-01", "10:00"), ("2023-09-04", "09:10"), "a typhoon day"),
        (NORTH, ("2025-12-31", "15:00"), ("2026-01-05", "09:10"), "year end"),
        (NORTH, ("2018-04-27", "15:00"), ("2018-05-02", "09:10"), "Labour Day"),
        (NORTH, ("2014-01-01", "12:00"), ("2014-11-17", "09:10"), "before there was a link"),
    ],
)
def test_a_closed_market_says_when_it_opens(
    direction: str, when: tuple[str, str], opens: tuple[str, str], why: str
) -> None:
    closed = session_at(SHANGHAI, direction, at(*when))
    assert closed.name == "closed" and not closed.accepts_buys and not closed.accepts_cancels, why
    assert closed.ends_at == at(*opens), why
    assert session_at(SHANGHAI, direction, closed.ends_at).name != "closed"
    assert session_at(SHANGHAI, direction, closed.ends_at - MS) == closed


def test_a_scenarios_typhoon_shuts_the_day() -> None:
    monday = date.fromisoformat(MONDAY)
    typhoon = frozenset({Override("exchange.hong-kong", monday, False)})
    assert session_at(SHANGHAI, NORTH, at(MONDAY, "10:00")).name == CONTINUOUS
    assert session_at(SHANGHAI, NORTH, at(MONDAY, "10:00"), typhoon).ends_at == at("2026-03-03", "09:10")


@settings(deadline=None)  # the first example builds a calendar
@given(
    st.sampled_from(sorted(venues())),
    st.datetimes(datetime(2014, 11, 17), datetime(2026, 12, 1), timezones=st.just(UTC)),
)
def test_a_state_holds_until_it_ends_and_another_follows(venue: tuple[str, str], when: datetime) -> None:
    state = session_at(*venue, when)
    assert state.ends_at > when
    assert session_at(*venue, state.ends_at - timedelta(microseconds=1)) == state
    assert session_at(*venue, state.ends_at) != state


def test_another_link_or_direction_has_no_sessions() -> None:
    for link, direction in (("bond-connect", NORTH), (SHANGHAI, "eastbound")):
        with pytest.raises(KeyError):
            session_at(link, direction, at(MONDAY, "10:00"))


def document() -> dict[str, Any]:
    text = files("limits.calendars").joinpath("sessions.yaml").read_text("utf-8")
    read: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)
    return read


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"source": "hearsay"}, KeyError),
        ({"source": None, "assumed": True}, KeyError),
        ({"to": "09:21"}, ValueError),
        ({"to": "09:05"}, ValueError),
    ],
)
def test_a_session_without_source_or_over_the_next_is_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    faulty = document()
    faulty["schedules"]["shenzhen"][0] |= changes
    with pytest.raises(error):
        read_venues(faulty)
