"""Trading days of exchanges and links: where the markets' holidays differ, settlement days, typhoons, the first days."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from limits.calendars import is_business_day, is_trading_day, next_trading_day, provisional_reason
from limits.calendars.days import Override, read_overrides
from limits.calendars.trading import (
    Exchange,
    exchange_trades,
    is_half_trading_day,
    read_trading_calendar,
    trading_calendars,
)

ONE_DAY = timedelta(days=1)
SHANGHAI, SHENZHEN = "stock-connect.shanghai", "stock-connect.shenzhen"


def day(text: str) -> date:
    return date.fromisoformat(text)


def days(first: str, last: str) -> Iterator[date]:
    at = day(first)
    while at <= day(last):
        yield at
        at += ONE_DAY


@pytest.mark.parametrize(
    ("calendar", "first"),
    [
        (SHANGHAI, "2014-11-17"),
        (SHENZHEN, "2016-12-05"),
        ("bond-connect", "2017-07-03"),
        ("swap-connect", "2023-05-15"),
    ],
)
def test_a_link_trades_from_its_first_day(calendar: str, first: str) -> None:
    assert is_trading_day(calendar, day(first))
    assert next_trading_day(calendar, day("2014-01-01")) == day(first)
    assert not any(is_trading_day(calendar, each) for each in days("2014-01-01", str(day(first) - ONE_DAY)))


@pytest.mark.parametrize("link", [SHANGHAI, SHENZHEN])
def test_1_may_2018_was_shut_so_the_new_quota_is_first_used_on_2_may(link: str) -> None:
    for calendar in (link, f"{link}.northbound", f"{link}.southbound"):
        assert not is_trading_day(calendar, day("2018-05-01"))
        assert next_trading_day(calendar, day("2018-04-30")) == day("2018-05-02")


@pytest.mark.parametrize(
    ("calendar", "when", "expected", "why"),
    [
        ("exchange.hong-kong", "2026-02-17", False, "Lunar New Year"),
        ("exchange.hong-kong", "2026-02-20", True, "its fourth day"),
        ("exchange.shanghai", "2026-02-20", False, "Spring Festival lasts longer"),
        ("exchange.shanghai", "2026-02-16", False, "and begins on the eve"),
        ("exchange.hong-kong", "2026-02-16", True, "half a day"),
        (SHANGHAI, "2026-02-16", False, "one market open is not enough"),
        (SHANGHAI, "2026-02-24", True, "both open again"),
        ("exchange.shanghai", "2026-02-28", False, "a make-up Saturday is none of an exchange"),
        ("interbank", "2026-02-28", True, "but one of the interbank market"),
        ("bond-connect", "2026-02-28", True, "and of Bond Connect with it"),
        ("exchange.hong-kong", "2025-10-02", True, "Golden Week is not Hong Kong's"),
        (SHANGHAI, "2025-10-02", False, "but shuts the link"),
        (SHENZHEN, "2025-10-07", False, "the day after Mid-Autumn, in both"),
        (SHENZHEN, "2025-10-09", True, "the first day after it"),
        ("bond-connect", "2025-07-01", True, "a holiday of Hong Kong alone"),
        (SHANGHAI, "2025-07-01", False, "which shuts the link"),
        ("exchange.shanghai", "2024-02-09", False, "New Year's Eve: a workday of banks, not of exchanges"),
        ("interbank", "2024-02-09", True, "assumed to follow the banks"),
        ("exchange.shenzhen", "2020-01-31", False, "the Spring Festival lengthened in the epidemic"),
        ("exchange.shenzhen", "2020-02-03", True, "the first day after it"),
        (SHANGHAI, "2015-09-03", False, "the 70th anniversary of the victory, in both"),
        (SHANGHAI, "2026-03-02", True, "an ordinary Monday"),
    ],
)
def test_each_market_has_its_own_trading_days(calendar: str, when: str, expected: bool, why: str) -> None:
    assert is_trading_day(calendar, day(when)) is expected, why


@pytest.mark.parametrize(
    ("calendar", "when", "expected", "why"),
    [
        (f"{SHANGHAI}.northbound", "2015-04-02", False, "T+1 is Good Friday: no bank in Hong Kong"),
        (f"{SHANGHAI}.southbound", "2015-04-02", True, "T+2 is after Easter, all at work"),
        (SHANGHAI, "2015-04-02", True, "so the link trades in one direction"),
        (f"{SHANGHAI}.southbound", "2021-02-08", True, "T+2 is the 10th, the last workday of the mainland"),
        (f"{SHANGHAI}.southbound", "2021-02-09", False, "T+2 is the eve, a holiday there"),
        (f"{SHANGHAI}.southbound", "2021-02-10", False, "T+2 is in the Spring Festival"),
        (f"{SHANGHAI}.northbound", "2021-02-10", True, "T+1 of Shanghai is after it"),
        (f"{SHENZHEN}.southbound", "2022-09-30", False, "the last before the rule fell: Golden Week follows"),
        (f"{SHENZHEN}.northbound", "2023-04-06", False, "Good Friday again"),
        (f"{SHENZHEN}.northbound", "2024-03-28", True, "a year later it shuts nothing"),
        (f"{SHANGHAI}.southbound", "2023-09-28", True, "nor does Golden Week"),
    ],
)
def test_until_2023_banks_had_to_be_open_on_the_settlement_day(
    calendar: str, when: str, expected: bool, why: str
) -> None:
    assert is_trading_day(calendar, day(when)) is expected, why


@pytest.mark.parametrize("direction", ["northbound", "southbound"])
def test_from_2023_04_24_any_day_on_which_both_markets_are_open_trades(direction: str) -> None:
    markets = ("exchange.hong-kong", "exchange.shanghai")

    def lost(first: str, last: str) -> int:
        return sum(
            all(is_trading_day(market, each) for market in markets)
            and not is_trading_day(f"{SHANGHAI}.{direction}", each)
            for each in days(first, last)
        )

    assert lost("2023-04-24", "2026-12-31") == 0
    assert lost("2022-04-24", "2023-04-23") > 0


@pytest.mark.parametrize(
    ("when", "what"),
    [("2023-09-01", "Saola"), ("2023-09-08", "black rain"), ("2024-09-06", "Yagi, the last such day")],
)
def test_a_typhoon_shut_the_exchange_of_hong_kong_and_the_links_but_no_bank_and_no_other_market(
    when: str, what: str
) -> None:
    lost = day(when)
    shut = ("exchange.hong-kong", SHANGHAI, SHENZHEN, f"{SHANGHAI}.northbound")
    assert not any(is_trading_day(calendar, lost) for calendar in shut), what
    assert all(is_trading_day(calendar, lost) for calendar in ("exchange.shanghai", "interbank", "swap-connect"))
    assert is_business_day("HK", lost)  # assumed, calendars.yaml


def test_no_day_is_lost_to_weather_since_2024_09_23() -> None:
    lost = [
        each
        for each in days("2024-09-23", "2026-12-31")
        if is_business_day("HK", each) and not is_trading_day("exchange.hong-kong", each)
    ]
    assert not lost


def test_a_scenarios_typhoon_shuts_what_rests_on_the_market_it_names() -> None:
    monday = day("2026-03-02")
    rows = [{"calendar": "exchange.hong-kong", "day": monday, "open": False, "assumed": True, "reason": "test only"}]
    typhoon = read_overrides(rows)
    assert is_trading_day(SHANGHAI, monday) and not is_trading_day(SHANGHAI, monday, typhoon)
    assert next_trading_day(SHANGHAI, day("2026-03-01"), typhoon) == day("2026-03-03")
    assert is_trading_day("interbank", monday, typhoon) and is_trading_day("exchange.shenzhen", monday, typhoon)
    assert not is_trading_day("bond-connect", monday, frozenset({Override("CN", monday, False)}))


@pytest.mark.parametrize(
    ("when", "half"),
    [("2026-02-16", True), ("2025-12-24", True), ("2025-12-31", True), ("2026-03-02", False), ("2023-12-24", False)],
)
def test_the_eves_are_half_days_of_hong_kongs_exchange_alone(when: str, half: bool) -> None:
    assert is_half_trading_day("exchange.hong-kong", day(when)) is half
    assert not is_half_trading_day("exchange.shanghai", day(when))
    with pytest.raises(KeyError, match="no exchange"):
        is_half_trading_day(SHANGHAI, day(when))


def test_a_half_day_lost_to_a_typhoon_is_none() -> None:
    eve = day("2025-12-24")
    assert not is_half_trading_day("exchange.hong-kong", eve, frozenset({Override("exchange.hong-kong", eve, False)}))


@pytest.mark.parametrize("calendar", sorted(trading_calendars()))
def test_days_not_in_the_data_are_provisional_and_say_why(calendar: str) -> None:
    assert provisional_reason(calendar, day("2026-12-31")) is None
    reason = provisional_reason(calendar, day("2027-01-01"))
    assert reason is not None and reason.startswith("provisional: ")
    assert provisional_reason("exchange.hong-kong", day("2013-12-31")) is not None


@pytest.mark.parametrize("calendar", sorted(trading_calendars()))
def test_the_next_trading_day_is_the_first_after_a_day(calendar: str) -> None:
    for each in days("2017-12-20", "2018-03-10"):
        if calendar == "swap-connect":
            each = each.replace(year=each.year + 7)
        found = next_trading_day(calendar, each)
        assert each < found and is_trading_day(calendar, found)
        between = range(1, (found - each).days)
        assert not any(is_trading_day(calendar, each + n * ONE_DAY) for n in between)


def test_a_market_that_is_shut_for_good_has_no_next_trading_day() -> None:
    shut = frozenset(Override("CN", each, False) for each in days("2026-03-01", "2026-04-30"))
    with pytest.raises(LookupError, match="no trading day"):
        next_trading_day("interbank", day("2026-03-01"), shut)


def test_there_is_no_calendar_of_another_name() -> None:
    for ask in (is_trading_day, next_trading_day, provisional_reason, is_half_trading_day):
        with pytest.raises(KeyError):
            ask("stock-connect.london", day("2026-03-02"))


@pytest.mark.parametrize(
    "terms",
    [
        [{"since": date(2020, 1, 1), "banks": ["CN"]}, {"since": date(2019, 1, 1), "banks": ["CN"]}],
        [{"since": date(2020, 1, 1), "banks": ["CN"]}, {"since": date(2020, 1, 1), "banks": ["HK"]}],
        [{"since": date(2020, 1, 1)}],
        [{"since": date(2020, 1, 1), "banks": ["CN"], "any_of": ["interbank"]}],
        [],
    ],
)
def test_terms_that_are_none_are_refused(terms: list[dict[str, object]]) -> None:
    with pytest.raises(ValueError):
        read_trading_calendar("bad", {"terms": terms})


def test_an_exchanges_dated_correction_wins_and_needs_a_source() -> None:
    monday, sunday = day("2026-03-02"), day("2026-03-01")
    row = {"mic": "XSHG", "half_days": False, "since": day("2014-01-01"), "provisional": {"from": 2027, "why": "-"}}

    def corrected(*overrides: dict[str, object]) -> Exchange:
        read = read_trading_calendar("x", {"exchange": row | {"overrides": overrides}, "terms": []}).exchange
        assert read is not None
        return read

    assert exchange_trades("x", corrected(), monday) and not exchange_trades("x", corrected(), sunday)
    both = corrected(
        {"day": monday, "open": False, "source": "a notice"}, {"day": sunday, "open": True, "source": "a notice"}
    )
    assert exchange_trades("x", both, sunday) and not exchange_trades("x", both, monday)
    with pytest.raises(KeyError, match="source"):
        corrected({"day": monday, "open": False})
