"""Hours of the RTGS rails over the calendars of the three places, a millisecond before each edge and at it."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import NamedTuple

import pytest

from limits.calendars.days import Override, is_business_day
from rails.catalogue import load_catalogue
from rails.hours import Hours, IsBusinessDay, read_session

MS = timedelta(milliseconds=1)
CATALOGUE = load_catalogue()


def hours_of(rail: str, works: IsBusinessDay = is_business_day) -> Hours:
    rows = CATALOGUE[rail]["hours"]
    return Hours({currency: tuple(map(read_session, sessions)) for currency, sessions in rows.items()}, works)


RAILS = {rail: hours_of(rail) for rail in ("hk-chats", "mo-rtgs", "hvps")}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00+08:00").astimezone(UTC)


class Opening(NamedTuple):
    """One opening as its sources have it."""

    rail: str
    currency: str
    opens: str
    closes: str
    why: str


OPENINGS = [
    # Hong Kong, HKD: Monday to Friday 08:30-18:30 of its calendar
    Opening("hk-chats", "HKD", "2026-03-02T08:30", "2026-03-02T18:30", "an ordinary Monday"),
    Opening("hk-chats", "HKD", "2025-12-31T08:30", "2025-12-31T18:30", "year end"),
    Opening("hk-chats", "HKD", "2026-02-16T08:30", "2026-02-16T18:30", "New Year's Eve is a whole day of banks"),
    Opening("hk-chats", "HKD", "2026-02-20T08:30", "2026-02-20T18:30", "the first after Lunar New Year"),
    Opening("hk-chats", "HKD", "2025-10-02T08:30", "2025-10-02T18:30", "in the mainland's Golden Week"),
    Opening("hk-chats", "HKD", "2023-09-01T08:30", "2023-09-01T18:30", "a typhoon day, assumed to be settled on"),
    # Hong Kong, RMB: to 23:30, since 2015-07-20 to 05:00 of the next day; make-up workdays of the mainland to 18:30
    Opening("hk-chats", "CNY", "2015-07-17T08:30", "2015-07-17T23:30", "the last Friday of the old hours"),
    Opening("hk-chats", "CNY", "2015-07-20T08:30", "2015-07-21T05:00", "the first day of the new ones"),
    Opening("hk-chats", "CNY", "2025-12-31T08:30", "2026-01-01T05:00", "over the year end, into a holiday"),
    Opening("hk-chats", "CNY", "2026-02-13T08:30", "2026-02-14T05:00", "Friday night, into a make-up Saturday"),
    Opening("hk-chats", "CNY", "2026-02-14T08:30", "2026-02-14T18:30", "that Saturday"),
    Opening("hk-chats", "CNY", "2026-01-04T08:30", "2026-01-04T18:30", "a make-up Sunday"),
    # Macau: business hours (assumed figures)
    Opening("mo-rtgs", "HKD", "2026-03-02T09:00", "2026-03-02T17:30", "an ordinary Monday"),
    Opening("mo-rtgs", "CNY", "2026-02-23T09:00", "2026-02-23T17:30", "while the mainland is on holiday"),
    Opening("mo-rtgs", "HKD", "2025-12-31T09:00", "2025-12-31T12:00", "year end: free from noon"),
    Opening("mo-rtgs", "CNY", "2026-02-16T09:00", "2026-02-16T12:00", "Lunar New Year's Eve: free from noon"),
    # The mainland's HVPS
    Opening("hvps", "CNY", "2018-01-19T08:30", "2018-01-19T17:00", "the last Friday of the oldest hours"),
    Opening("hvps", "CNY", "2018-01-21T23:30", "2018-01-22T17:15", "the first longer day, from Sunday night"),
    Opening("hvps", "CNY", "2018-04-27T23:30", "2018-04-28T17:15", "a make-up Saturday"),
    Opening("hvps", "CNY", "2018-05-01T20:30", "2018-05-02T17:15", "the first day of 5x21, from the holiday's evening"),
    Opening("hvps", "CNY", "2026-03-02T20:30", "2026-03-03T17:15", "an ordinary night"),
    Opening("hvps", "CNY", "2026-02-27T20:30", "2026-02-28T17:15", "Friday night for a make-up Saturday"),
    Opening("hvps", "CNY", "2025-10-08T20:30", "2025-10-09T17:15", "out of Golden Week"),
    Opening("hvps", "CNY", "2026-02-23T20:30", "2026-02-24T17:15", "out of the Spring Festival"),
    Opening("hvps", "CNY", "2025-12-30T20:30", "2025-12-31T17:15", "the last of the year"),
]


@pytest.mark.parametrize("opening", OPENINGS)
def test_a_rail_is_open_from_its_first_millisecond_to_before_its_last(opening: Opening) -> None:
    hours, currency = RAILS[opening.rail], opening.currency
    opens, closes = at(opening.opens), at(opening.closes)
    edges = [hours.is_open(edge, currency) for edge in (opens - MS, opens, closes - MS, closes)]
    assert edges == [False, True, True, False], opening.why
    assert hours.next_opening(opens - MS, currency) == opens, opening.why


@pytest.mark.parametrize(
    ("rail", "currency", "closed", "opens", "why"),
    [
        ("hk-chats", "HKD", "2026-02-16T18:30", "2026-02-20T08:30", "Lunar New Year"),
        ("hk-chats", "CNY", "2026-02-17T05:00", "2026-02-20T08:30", "Lunar New Year, the eve's night over"),
        ("hk-chats", "HKD", "2026-02-13T18:30", "2026-02-16T08:30", "a make-up Saturday is none for HKD"),
        ("mo-rtgs", "HKD", "2026-02-16T12:00", "2026-02-20T09:00", "Lunar New Year, from noon of the eve"),
        ("mo-rtgs", "CNY", "2025-09-30T17:30", "2025-10-03T09:00", "Macau's two days of National Day"),
        (
            "mo-rtgs",
            "CNY",
            "2025-12-19T17:30",
            "2025-12-26T09:00",
            "Establishment Day and Winter Solstice made good, and Christmas",
        ),
        ("hvps", "CNY", "2026-02-14T17:15", "2026-02-23T20:30", "Spring Festival, from a make-up Saturday"),
        ("hvps", "CNY", "2025-09-30T17:15", "2025-10-08T20:30", "Golden Week"),
        ("hvps", "CNY", "2025-12-31T17:15", "2026-01-03T20:30", "New Year, to the eve of a make-up Sunday"),
    ],
)
def test_a_rail_stays_shut_over_the_holidays_of_its_own_place(
    rail: str, currency: str, closed: str, opens: str, why: str
) -> None:
    assert RAILS[rail].is_open(at(closed) - MS, currency), why
    assert RAILS[rail].next_opening(at(closed), currency) == at(opens), why


@pytest.mark.parametrize(
    ("what", "opens", "closes", "why"),
    [
        ("clearing", "2018-01-22T17:15", "2018-01-22T20:30", "the first of the longer windows"),
        ("clearing", "2018-05-02T17:15", "2018-05-02T17:30", "the first of 5x21"),
        ("clearing", "2026-02-28T17:15", "2026-02-28T17:30", "a make-up Saturday"),
        ("cips", "2018-05-04T20:30", "2018-05-05T08:30", "the first Saturday of 5x21+12"),
        ("cips", "2026-03-06T20:30", "2026-03-07T08:30", "an ordinary Saturday"),
        ("cips", "2026-02-28T20:30", "2026-03-01T08:30", "Sunday, Saturday being worked"),
        ("cips", "2025-09-30T20:30", "2025-10-01T08:30", "the first day of Golden Week"),
    ],
)
def test_banks_clear_and_fund_cips_while_no_customers_payment_is_taken(
    what: str, opens: str, closes: str, why: str
) -> None:
    hvps = RAILS["hvps"]
    edges = [at(opens) - MS, at(opens), at(closes) - MS, at(closes)]
    assert [hvps.serves(edge, "CNY", what) for edge in edges] == [False, True, True, False], why
    assert not any(hvps.is_open(edge, "CNY") for edge in edges[1:3])
    assert not hvps.serves(edges[1], "HKD", what) and not RAILS["hk-chats"].serves(edges[1], "CNY", what)


@pytest.mark.parametrize("when", ["2018-04-29T00:00", "2025-10-02T00:00", "2026-03-08T00:00", "2026-03-04T00:00"])
def test_cips_is_funded_on_the_first_day_off_alone_and_not_before_2018_05_02(when: str) -> None:
    assert not RAILS["hvps"].serves(at(when), "CNY", "cips")


def test_a_scenarios_typhoon_shuts_the_rail_whose_banks_it_closes() -> None:
    typhoon = partial(is_business_day, overrides=frozenset({Override("HK", date(2026, 3, 2), False)}))
    noon = at("2026-03-02T12:00")
    chats, macau = hours_of("hk-chats", typhoon), hours_of("mo-rtgs", typhoon)
    assert not chats.is_open(noon, "HKD") and not chats.is_open(noon, "CNY") and macau.is_open(noon, "HKD")
    assert chats.next_opening(noon, "HKD") == at("2026-03-03T08:30")
