"""What a report asks of a store, and what it gets: settled payments added up by what is alike, and counts of the others."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from limits.calendars import LAW_ZONE


class Period(NamedTuple):
    """Law days (UTC+8), both included; of one participant, or of all (None)."""

    since: date
    until: date
    participant: str | None
    small: Mapping[str, int]  # currency -> amount in minor units up to which a personal item needs no declared purpose

    @property
    def begin(self) -> datetime:
        """The first instant, UTC."""
        return datetime.combine(self.since, time(), LAW_ZONE).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """The first instant after it, UTC."""
        return datetime.combine(self.until, time(), LAW_ZONE).astimezone(UTC) + timedelta(days=1)


class Group(NamedTuple):
    """Settled payments of one day that are alike in class, way, currencies and size; sums of theirs in minor units."""

    day: date  # law day on which they settled
    standing: str  # JSON: class, lane, route, parties
    origin: str  # place of the debtor agent, from its BIC (ISO 9362)
    destination: str  # place of the creditor agent
    debit_currency: str
    settlement_currency: str
    market: str  # of the exchange, "" where there is none
    small_sold: bool  # each one's sold amount is within Period.small
    small_settled: bool  # each one's settlement amount is
    number: int
    sold_minor: int  # margin included, charges apart; 0 where nothing is exchanged
    bought_minor: int  # before a deducted charge; 0 where nothing is exchanged
    settled_minor: int  # what reached the creditors


class Figures(NamedTuple):
    """What a store holds of a period."""

    settled: tuple[Group, ...]
    unsettled: Mapping[str, int]  # status -> payments received in the period that stand in it now
    late: int  # payments that a rail paid in the period after the switch had ended them: in suspense, in no group
    # What came back in the period and reached the debtor agents, under the class of its payments: the creditor agent's place is
    # the origin, its currency the one debited, and the amounts are those of the way back.
    returned: tuple[Group, ...] = ()
    held: int = 0  # returns booked in the period that stand in suspense: in no group
