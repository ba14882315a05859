"""Trading days of exchanges, of the interbank market and of the links over them, from the dated terms of trading.yaml.

What an exchange closes for comes from the package `holidays`; a day it does not know is an Override handed in. Not here: the
hours of a trading day (`sessions`).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml
from holidays import financial_holidays

from limits.calendars import days
from limits.calendars.days import (
    AS_KNOWN,
    SATURDAY,
    Overrides,
    Provisional,
    is_business_day,
    overridden,
    read_overrides,
)

ONE_DAY = timedelta(days=1)
# The longest closure in the calendars is a Golden Week joined to weekends, and settlement days before it: two weeks.
SEARCH_DAYS_MAX = 31
DAYS_REMEMBERED = 4096  # some ten calendars over a year, which is what a run or a report asks for


class Exchange(NamedTuple):
    """What an exchange's days off are taken from."""

    mic: str
    half_days: bool
    since: date
    provisional: Provisional
    overrides: Overrides


class Settlement(NamedTuple):
    """The day a trade settles on, and whose banks must work on it."""

    days_after: int
    counted_on: str
    banks: tuple[str, ...]


class Term(NamedTuple):
    """When a calendar trades, from a day on: all markets and banks, or any of some calendars."""

    since: date
    markets: tuple[str, ...]
    banks: tuple[str, ...]
    any_of: tuple[str, ...]
    settlement: Settlement | None


class TradingCalendar(NamedTuple):
    """One calendar: an exchange's own days, or dated terms over other calendars."""

    exchange: Exchange | None
    terms: tuple[Term, ...]  # ascending


@cache
def trading_calendars() -> Mapping[str, TradingCalendar]:
    """Read trading.yaml; a correction without source is refused by KeyError."""
    documents = yaml.load(files(__package__).joinpath("trading.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return {name: read_trading_calendar(name, document) for name, document in documents.items()}


def read_trading_calendar(name: str, document: Mapping[str, Any]) -> TradingCalendar:
    """Read one calendar's document; raises ValueError for terms out of order."""
    terms = tuple(map(_read_term, document["terms"]))
    if [term.since for term in terms] != sorted({term.since for term in terms}):
        raise ValueError(f"{name}: terms must ascend by `since`")
    row = document.get("exchange")
    if (row is None) == (not terms):
        raise ValueError(f"{name}: needs either `exchange` or `terms`")
    return TradingCalendar(_read_exchange(name, row) if row else None, terms)


def _read_exchange(name: str, row: Mapping[str, Any]) -> Exchange:
    return Exchange(
        row["mic"],
        row["half_days"],
        row["since"],
        Provisional(row["provisional"]["from"], row["provisional"]["why"]),
        read_overrides({"calendar": name} | each for each in row["overrides"]),
    )


def _read_term(row: Mapping[str, Any]) -> Term:
    markets, banks, any_of = (tuple(row.get(key, ())) for key in ("markets", "banks", "any_of"))
    if bool(markets or banks) == bool(any_of):
        raise ValueError(f"the term since {row['since']} needs either `markets` and `banks`, or `any_of`")
    given = row.get("settlement")
    settlement = Settlement(given["days_after"], given["counted_on"], tuple(given["banks"])) if given else None
    return Term(row["since"], markets, banks, any_of, settlement)


def is_trading_day(calendar: str, day: date, overrides: Overrides = AS_KNOWN) -> bool:
    """Whether a calendar of trading.yaml trades on a day; raises KeyError for another calendar.

    Overrides may name any calendar on which it rests, banks (HK, MO, CN) and exchanges too: a typhoon closes
    `exchange.hong-kong`, and with it the links. Before a calendar's first day it does not trade.
    """
    return _trades(calendar, day, overrides)


def next_trading_day(calendar: str, day: date, overrides: Overrides = AS_KNOWN) -> date:
    """Return the first trading day after a day; raises LookupError where none is known."""
    document = trading_calendars()[calendar]
    since = document.exchange.since if document.exchange else document.terms[0].since
    after = max(day, since - ONE_DAY)
    for n in range(1, SEARCH_DAYS_MAX + 1):
        if _trades(calendar, after + n * ONE_DAY, overrides):
            return after + n * ONE_DAY
    raise LookupError(f"{calendar} has no trading day within {SEARCH_DAYS_MAX} days after {after}")


def is_half_trading_day(calendar: str, day: date, overrides: Overrides = AS_KNOWN) -> bool:
    """Whether an exchange trades on a day until noon only; raises KeyError for another calendar, links among them."""
    exchange = trading_calendars()[calendar].exchange
    if exchange is None:
        raise KeyError(f"{calendar} is no exchange")
    return exchange.half_days and day in _half_days(exchange.mic, day.year) and _trades(calendar, day, overrides)


def provisional_reason(calendar: str, day: date) -> str | None:
    """Say why a calendar, of banks or of trading, is not certain for a day; None where its days are announced."""
    document = trading_calendars().get(calendar)
    if document is None:
        return days.provisional_reason(calendar, day)
    if document.exchange is None:
        term = _term(document, day) or document.terms[0]
        known = (provisional_reason(name, day) for name in term.markets + term.banks + term.any_of)
        return next((why for why in known if why), None)
    if day < document.exchange.since:
        return f"provisional: {calendar} before {document.exchange.since} is not in the data"
    first, why = document.exchange.provisional
    return None if day.year < first else f"provisional: {calendar} {day.year} is {why}"


def exchange_trades(calendar: str, exchange: Exchange, day: date) -> bool:
    """Whether an exchange trades on a day by its own days off and dated corrections."""
    said = overridden(calendar, day, exchange.overrides)
    if said is not None:
        return said
    return day >= exchange.since and day.weekday() < SATURDAY and day not in _days_off(exchange.mic, day.year)


@lru_cache(DAYS_REMEMBERED)
def _trades(calendar: str, day: date, overrides: Overrides) -> bool:
    document = trading_calendars()[calendar]
    said = overridden(calendar, day, overrides)
    if said is not None:
        return said
    if document.exchange is not None:
        return exchange_trades(calendar, document.exchange, day)
    term = _term(document, day)
    if term is None:
        return False
    if term.any_of:
        return any(_trades(name, day, overrides) for name in term.any_of)
    return (
        all(_trades(name, day, overrides) for name in term.markets)
        and all(is_business_day(name, day, overrides) for name in term.banks)
        and (term.settlement is None or _settles(term.settlement, day, overrides))
    )


def _settles(settlement: Settlement, day: date, overrides: Overrides) -> bool:
    settles_on = day
    for _ in range(settlement.days_after):
        settles_on = next_trading_day(settlement.counted_on, settles_on, overrides)
    return all(is_business_day(name, settles_on, overrides) for name in settlement.banks)


def _term(document: TradingCalendar, day: date) -> Term | None:
    return next((term for term in reversed(document.terms) if term.since <= day), None)


@cache
def _days_off(mic: str, year: int) -> frozenset[date]:
    return frozenset(financial_holidays(mic, years=year))


@cache
def _half_days(mic: str, year: int) -> frozenset[date]:
    return frozenset(financial_holidays(mic, years=year, categories="half_day"))
