"""Sessions of a link's trading day: what its market accepts at an instant.

Dated rows are data in sessions.yaml; which days trade is `trading`. Not here: quotas and what an order does to one.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple

import yaml

from limits.calendars import LAW_ZONE
from limits.calendars.days import AS_KNOWN, Overrides
from limits.calendars.hours import read_minutes
from limits.calendars.trading import is_half_trading_day, is_trading_day, next_trading_day

CLOSED = "closed"
FULL, HALF = "full", "half"
DAYS_REMEMBERED = 1024  # four links and directions over a year of trading days


class Session(NamedTuple):
    """A row of sessions.yaml; minutes of the day."""

    name: str
    since: date
    until: date
    days: frozenset[str]
    opens: int
    closes: int
    accepts_buys: bool
    accepts_cancels: bool


class Venue(NamedTuple):
    """A link in one direction: its trading days, the exchange whose day it is, that day's rows."""

    calendar: str
    exchange: str
    sessions: tuple[Session, ...]


class SessionState(NamedTuple):
    """What holds at an instant, until `ends_at` (aware, UTC); sells are accepted where buys or cancels are."""

    name: str
    accepts_buys: bool
    accepts_cancels: bool
    ends_at: datetime


@cache
def venues() -> Mapping[tuple[str, str], Venue]:
    """Read sessions.yaml: (link, direction) -> venue; a row without source or reason is refused by KeyError."""
    return read_venues(yaml.load(files(__package__).joinpath("sessions.yaml").read_text("utf-8"), yaml.CSafeLoader))


def read_venues(document: Mapping[str, Any]) -> dict[tuple[str, str], Venue]:
    """Read the document's links with their schedules; raises ValueError for sessions that overlap."""
    schedules = {
        name: tuple(_read_session(row, document["sources"]) for row in rows)
        for name, rows in document["schedules"].items()
    }
    for name, sessions in schedules.items():
        _check_apart(name, sessions)
    return {
        (link, direction): Venue(row["calendar"], row["exchange"], schedules[row["schedule"]])
        for link, directions in document["links"].items()
        for direction, row in directions.items()
    }


def _read_session(row: Mapping[str, Any], sources: Mapping[str, Any]) -> Session:
    if row.get("assumed") is True:
        if not row.get("reason"):
            raise KeyError("reason")
    elif not sources[row["source"]]:
        raise KeyError("source")
    return Session(
        row["name"],
        row.get("since", date.min),
        row.get("until", date.max),
        frozenset(row.get("days", (FULL, HALF))),
        read_minutes(row["from"]),
        read_minutes(row["to"]),
        row["buys"],
        row["cancels"],
    )


def _check_apart(schedule: str, sessions: tuple[Session, ...]) -> None:
    """Hold the rows of each kind of day to follow one another, on each day on which one begins to hold."""
    for session in sessions:
        if session.opens >= session.closes:
            raise ValueError(f"{schedule}: {session.name} ends before it begins")
    changes = {session.since for session in sessions}
    for kind in (FULL, HALF):
        for day in changes:
            for before, after in pairwise(_of_day(sessions, day, kind)):
                if before.closes > after.opens:
                    raise ValueError(f"{schedule}: {before.name} and {after.name} overlap from {day}")


def session_at(link: str, direction: str, at: datetime, overrides: Overrides = AS_KNOWN) -> SessionState:
    """Return the state of a link (`stock-connect.shanghai`) in a direction (northbound, southbound) at an aware instant.

    Raises KeyError for another link or direction, LookupError where the next session of a closed market is not known.
    Source: facts rules 1.3.
    """
    day = at.astimezone(LAW_ZONE).date()
    for state in _states(link, direction, day, overrides):
        if at < state.ends_at:
            return state
    return _closed_until(_first_opening_after(link, direction, day, overrides))


@lru_cache(DAYS_REMEMBERED)
def _states(link: str, direction: str, day: date, overrides: Overrides) -> tuple[SessionState, ...]:
    """Return the states of a trading day, from midnight to the end of its last session; of another day none."""
    venue = venues()[link, direction]
    states: list[SessionState] = []
    if not is_trading_day(venue.calendar, day, overrides):
        return ()
    closed_from = 0
    for session in _sessions(venue, day, overrides):
        if session.opens > closed_from:
            states.append(_closed_until(_instant(day, session.opens)))
        closed_from = session.closes
        ends_at = _instant(day, session.closes)
        states.append(SessionState(session.name, session.accepts_buys, session.accepts_cancels, ends_at))
    return tuple(states)


def _closed_until(opens_at: datetime) -> SessionState:
    return SessionState(CLOSED, False, False, opens_at)


def _first_opening_after(link: str, direction: str, day: date, overrides: Overrides) -> datetime:
    venue = venues()[link, direction]
    trading_day = next_trading_day(venue.calendar, day, overrides)
    return _instant(trading_day, _sessions(venue, trading_day, overrides)[0].opens)


def _sessions(venue: Venue, day: date, overrides: Overrides) -> tuple[Session, ...]:
    return _of_day(venue.sessions, day, HALF if is_half_trading_day(venue.exchange, day, overrides) else FULL)


def _of_day(sessions: tuple[Session, ...], day: date, kind: str) -> tuple[Session, ...]:
    found = (session for session in sessions if session.since <= day <= session.until and kind in session.days)
    return tuple(sorted(found, key=lambda session: session.opens))


def _instant(day: date, minutes: int) -> datetime:
    return (datetime(day.year, day.month, day.day, tzinfo=LAW_ZONE) + timedelta(minutes=minutes)).astimezone(UTC)
