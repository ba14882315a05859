"""Prices and firm quotes (helper completes)."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from fx.money import Money


class Price(NamedTuple):
    """One provider's price for one conversion. `sell` leaves the debtor, `buy` reaches the creditor side.

    sell = principal + spread; buy = principal × mid, rounded against the customer by less than one minor unit.
    """

    provider: str
    sell: Money  # what the debtor pays, spread included
    buy: Money  # what the provider pays out
    spread: Money  # the provider's margin, in the sell currency, a line of its own
    mid: Decimal  # units of buy currency for one of sell currency
    rate: Decimal  # effective: buy / sell
    market: str  # onshore | offshore | pegged
    as_of: datetime


class Quote(NamedTuple):
    """A firm price: honoured once, until `expires_at`."""

    quote_id: str
    participant: str
    price: Price
    expires_at: datetime
