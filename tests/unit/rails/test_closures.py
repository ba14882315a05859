"""What closes a rail besides its hours, the hours of CIPS, and the rounds of BEPS."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits.calendars.days import is_business_day
from rails.beps import next_round, unfold_with
from rails.book import MemoryBook
from rails.catalogue import build_rails, load_catalogue
from rails.hours import Closure, Hours, closure, read_closures, read_session, write_closures
from rails.port import CREDITED, REJECTED, RailInstruction
from rails.steps import Answer

MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
CATALOGUE = load_catalogue()


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00+08:00").astimezone(UTC)


def hours_of(rail: str, maintenance: tuple[Closure, ...] = ()) -> Hours:
    rows = CATALOGUE[rail]["hours"]
    sessions = {currency: tuple(map(read_session, found)) for currency, found in rows.items()}
    return Hours(sessions, is_business_day, maintenance)


# --- closures ---


def test_a_closure_holds_from_its_first_instant_to_before_its_last() -> None:
    hours = hours_of("ibps")
    start, end = at("2026-03-05T01:00"), at("2026-03-05T03:00")
    assert hours.is_open(start, "CNY")
    hours.closures = (Closure(start, end, "maintenance"),)
    assert [hours.is_open(edge, "CNY") for edge in (start - MS, start, end - MS, end)] == [True, False, False, True]
    assert hours.next_opening(start, "CNY") == end
    hours.closures = ()
    assert hours.is_open(start, "CNY")


def test_a_closure_over_a_close_has_the_rail_open_with_its_next_session() -> None:
    hours = hours_of("hk-chats")
    hours.closures = (Closure(at("2026-03-05T12:00"), at("2026-03-06T07:00"), "severe weather"),)
    assert hours.next_opening(at("2026-03-05T13:00"), "HKD") == at("2026-03-06T08:30")
    assert hours.next_opening(at("2026-03-05T13:00"), "CNY") == at("2026-03-06T08:30")
    hours.closures = (Closure(at("2026-03-05T12:00"), at("2026-03-06T02:00"), "severe weather"),)
    assert hours.next_opening(at("2026-03-05T13:00"), "CNY") == at("2026-03-06T02:00")  # its night session goes on


def test_of_a_suspension_until_further_notice_nobody_says_the_end() -> None:
    hours = hours_of("ibps")
    hours.closures = (Closure(at("2026-03-05T00:00"), None, "suspended"),)
    assert hours.next_opening(at("2026-03-04T12:00"), "CNY") == at("2026-03-04T12:00")
    with pytest.raises(LookupError):
        hours.next_opening(at("2026-03-05T12:00"), "CNY")


def test_announced_maintenance_of_the_catalogue_closes_the_rail() -> None:
    rail = build_rails(lambda _: MemoryBook(), is_business_day, 1)["hk-fps"]
    edges = [at("2021-10-17T01:00") - MS, at("2021-10-17T01:00"), at("2021-10-17T13:00") - MS, at("2021-10-17T13:00")]
    assert [rail.is_open(edge, "HKD") for edge in edges] == [True, False, False, True]
    assert rail.next_opening(edges[1], "CNY") == edges[3] and rail.closures == ()
    for day in ("2021-11-14", "2021-12-19", "2024-08-18"):
        assert not rail.is_open(at(f"{day}T01:00"), "HKD") and rail.is_open(at(f"{day}T11:00"), "HKD")
        assert rail.next_opening(at(f"{day}T10:59"), "HKD") == at(f"{day}T11:00")


@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(2026, 2, 10), datetime(2026, 3, 10), timezones=st.just(UTC)),
            st.one_of(st.none(), st.integers(1, 20_000)),
        ),
        max_size=4,
    ),
    st.datetimes(datetime(2026, 2, 10), datetime(2026, 3, 10), timezones=st.just(UTC)),
    st.sampled_from(["hk-chats", "hvps", "cips", "beps"]),
)
def test_a_rail_is_open_in_its_hours_where_no_closure_holds(
    rows: list[tuple[datetime, int | None]], when: datetime, rail: str
) -> None:
    closures = tuple(
        closure(start, start + timedelta(minutes=minutes) if minutes else None, "x") for start, minutes in rows
    )
    plain, closed = hours_of(rail), hours_of(rail)
    closed.closures = closures
    holds = any(each.start <= when and (each.end is None or when < each.end) for each in closures)
    assert closed.is_open(when, "CNY") is (plain.is_open(when, "CNY") and not holds)
    try:
        opening = closed.next_opening(when, "CNY")
    except LookupError:
        assert any(each.end is None for each in closures)
        return
    assert closed.is_open(opening, "CNY")
    assert not any(closed.is_open(when + (opening - when) * step / 40, "CNY") for step in range(40) if opening > when)


def test_a_closure_is_of_whole_minutes_and_holds_all_of_what_was_asked() -> None:
    start, end = at("2026-03-05T01:00"), at("2026-03-05T03:00")
    assert closure(start + 59 * MS, end + MS, "x") == Closure(start, end + timedelta(minutes=1), "x")
    assert closure(start, end, "x") == Closure(start, end, "x") and closure(start, None, "x").end is None
    with pytest.raises(ValueError, match="ends after it begins"):
        closure(start, start, "x")


def test_closures_are_read_as_they_were_written() -> None:
    closures = (
        Closure(at("2026-03-05T01:00"), at("2026-03-05T03:00"), "半日"),
        Closure(at("2026-03-06T01:00"), None, ""),
    )
    assert read_closures(write_closures(closures)) == closures


async def test_what_is_sent_into_maintenance_the_rail_itself_rejects() -> None:
    rail: Any = build_rails(lambda _: MemoryBook(), is_business_day, 1)["ibps"]
    noon = at("2026-03-05T12:00")
    await rail.start(noon)
    rail.closures = (Closure(noon - HOUR, noon + HOUR, "maintenance"),)
    await rail.send([RailInstruction("u", 1, "PEARCNG0", "BANYCNS0", "1", 1, "CNY", noon, noon + HOUR)])
    [report] = await rail.inquire([("u", 1)], noon)
    assert (report.status, report.reason_code) == (REJECTED, "ED06")


# --- CIPS: 5x24+4 ---


@pytest.mark.parametrize(
    ("opens", "closes", "why"),
    [
        ("2026-03-09T04:30", "2026-03-14T08:30", "Monday half past four to Saturday half past eight"),
        (
            "2026-02-24T04:30",
            "2026-03-01T08:30",
            "out of the Spring Festival, over a make-up Saturday, to Sunday morning",
        ),
        ("2025-10-09T04:30", "2025-10-12T08:30", "out of Golden Week, with its make-up Saturday"),
        ("2018-05-02T04:30", "2018-05-05T08:30", "the first week of phase 2, out of Labour Day"),
    ],
)
def test_cips_is_open_without_a_gap_from_the_first_workday_s_early_morning(opens: str, closes: str, why: str) -> None:
    cips, first, last = hours_of("cips"), at(opens), at(closes)
    assert [cips.is_open(edge, "CNY") for edge in (first - MS, first, last - MS, last)] == [False, True, True, False], (
        why
    )
    assert all(cips.is_open(first + n * HOUR / 2, "CNY") for n in range(int((last - first) / (HOUR / 2)))), why
    assert cips.next_opening(first - MS, "CNY") == first


def test_cips_carried_nothing_before_its_second_phase() -> None:
    assert hours_of("cips").next_opening(at("2017-01-01T00:00"), "CNY") == at("2018-05-02T04:30")


# --- BEPS: netted in rounds ---

HALF_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("when", "round_at"),
    [
        ("2026-03-05T12:00", "2026-03-05T12:00"),
        ("2026-03-05T12:01", "2026-03-05T12:30"),
        ("2026-03-05T23:31", "2026-03-06T00:00"),
        ("2026-02-18T03:15", "2026-02-18T03:30"),  # in the Spring Festival, too
    ],
)
def test_a_round_comes_every_half_hour_day_and_night(when: str, round_at: str) -> None:
    assert next_round(at(when), HALF_HOUR) == at(round_at)


def test_beps_settles_with_the_round_credits_after_it_and_rejects_at_once() -> None:
    noon = at("2026-03-05T12:00")
    sent = RailInstruction("u", 1, "PEARCNG0", "BANYCNS0", "1", 1, "CNY", noon, noon + HOUR)
    unfold = unfold_with(HALF_HOUR)
    taken = unfold(sent, Answer(noon + 5 * MS, "", True, "once"), timedelta(seconds=2))
    assert (taken.outcome, taken.settled_at, taken.final_at) == (
        CREDITED, noon + HALF_HOUR, noon + HALF_HOUR + timedelta(seconds=2),
    )  # fmt: skip
    rejected = unfold(sent, Answer(noon + 5 * MS, "AC04", True, "once"), timedelta(seconds=2))
    assert (rejected.outcome, rejected.settled_at, rejected.final_at) == (REJECTED, None, noon + 5 * MS)
    unheard = unfold(sent, Answer(noon + 5 * MS, "", False, "once"), timedelta(seconds=2))
    assert unheard.reporting == "silent"


def test_a_round_never_comes_after_the_deadline() -> None:
    row = CATALOGUE["beps"]
    longest_ms = row["delays"]["answer"]["p100"] + row["delays"]["confirmation"]["p100"]
    rails = build_rails(lambda _: MemoryBook(), is_business_day, 1)
    assert timedelta(milliseconds=longest_ms) + HALF_HOUR < rails["beps"].capabilities.deadline
