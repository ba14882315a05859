"""Prices and firm quotes: what each provider asks for a conversion, best first. Not here: inventory, once-only use."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from fx.money import DOWN, EXPONENTS, UP, Money, divide, minor_ratio
from fx.providers import BASIS_POINTS, Provider, Spreads
from fx.rates import RATE_DIGITS, NoRate, Rate, Rates

_EFFECTIVE = Context(prec=RATE_DIGITS, rounding=ROUND_HALF_EVEN)


class Price(NamedTuple):
    """One provider's price for one conversion. `sell` leaves the debtor, `buy` reaches the creditor side.

    sell = principal + spread; buy = principal × mid, rounded against the customer by less than one minor unit.
    """

    provider: str
    sell: Money  # what the debtor pays, spread included
    buy: Money  # what the provider pays out
    spread: Money  # the provider's margin, in the sell currency, a line of its own
    mid: Decimal  # units of buy currency for one of sell currency
    rate: Decimal  # effective: buy / sell in major units, to 12 significant digits
    market: str  # onshore | offshore | pegged
    as_of: datetime

    @property
    def principal(self) -> Money:
        """What is converted at mid: the sell amount less the spread."""
        return Money(self.sell.amount_minor - self.spread.amount_minor, self.sell.currency)


class Quote(NamedTuple):
    """A firm price: honoured once, until `expires_at`."""

    quote_id: str
    participant: str
    price: Price
    expires_at: datetime


class Request(NamedTuple):
    """A conversion asked for. `fixed` is in the sell or the buy currency and says whose side the amount fixes."""

    sell_currency: str
    buy_currency: str
    fixed: Money  # above zero
    market: str  # onshore | offshore: where CNY is converted
    at: datetime


# Of one provider: what the best has least of, its name, and what is sold, bought and kept, minor units.
_Offer = tuple[int, str, int, int, int]


def prices(providers: Sequence[Provider], request: Request, rates: Rates) -> list[Price]:
    """Return the price of each provider that trades the pair, best for the customer first, ties by name.

    None where no provider trades it, no rate is carried, or the amount is too small to buy one minor unit.
    """
    found = _offers(providers, request, rates)
    return [_price(request, found[0], offer) for offer in sorted(found[1])] if found is not None else []


def best_price(providers: Sequence[Provider], request: Request, rates: Rates) -> Price | None:
    """Return the first of `prices`, and write out no other; None where there is none."""
    found = _offers(providers, request, rates)
    return _price(request, found[0], min(found[1])) if found is not None else None


def trades(providers: Sequence[Provider], request: Request) -> bool:
    """Whether any provider trades the pair: what then has no price is too small to be converted."""
    pair = (request.sell_currency, request.buy_currency)
    return any(pair in provider.spreads for provider in providers)


def firm(quote_id: str, participant: str, price: Price, provider: Provider, at: datetime) -> Quote:
    """Make a price firm from `at` for as long as its provider honours it."""
    assert provider.name == price.provider
    return Quote(quote_id, participant, price, at + timedelta(seconds=provider.quote_seconds))


def _offers(providers: Sequence[Provider], request: Request, rates: Rates) -> tuple[Rate, list[_Offer]] | None:
    sell_currency, buy_currency, (fixed_minor, fixed_currency), market, at = request
    pair = (sell_currency, buy_currency)
    trading = [(each.name, spreads) for each in providers if (spreads := each.spreads.get(pair)) is not None]
    if not trading or fixed_minor <= 0:
        return None
    assert fixed_currency in pair and sell_currency != buy_currency
    try:
        rate = rates.mid(sell_currency, buy_currency, market, at)
    except NoRate:
        return None
    ratio, fixes_sell = minor_ratio(rate.mid, sell_currency, buy_currency), fixed_currency == sell_currency
    numerator, denominator = ratio if fixes_sell else (ratio[1], ratio[0])
    other_minor = divide(fixed_minor * numerator, denominator, DOWN)  # the other side at mid: sizes may be in either
    offers: list[_Offer] = []
    for name, spreads in trading:
        bps = _bps(spreads, fixed_minor if spreads.size_currency == fixed_currency else other_minor)
        sell, buy, spread = _sold(fixed_minor, bps, ratio) if fixes_sell else _bought(fixed_minor, bps, ratio)
        if buy > 0 and sell > spread:
            offers.append((-buy if fixes_sell else sell, name, sell, buy, spread))
    return (rate, offers) if offers else None


def _bps(spreads: Spreads, size_minor: int) -> int:
    """Return the spread of the tier that a size in the table's currency falls in."""
    for below_minor, bps in spreads.tiers:
        if below_minor is None or size_minor < below_minor:
            return bps
    raise AssertionError("the last tier has no bound")


def _sold(sell: int, bps: int, ratio: tuple[int, int]) -> tuple[int, int, int]:
    """Return (sell, buy, spread) in minor units for what is sold: that is exact, every rounding against the customer."""
    spread = divide(sell * bps, BASIS_POINTS, UP)
    return sell, divide((sell - spread) * ratio[0], ratio[1], DOWN), spread


def _bought(buy: int, bps: int, ratio: tuple[int, int]) -> tuple[int, int, int]:
    """Return (sell, buy, spread) in minor units for what is bought: that is exact, every rounding against the customer."""
    principal = divide(buy * ratio[1], ratio[0], UP)
    spread = divide(principal * bps, BASIS_POINTS - bps, UP)
    return principal + spread, buy, spread


def _price(request: Request, rate: Rate, offer: _Offer) -> Price:
    sell_currency, buy_currency, (_, name, sell, buy, spread) = request.sell_currency, request.buy_currency, offer
    effective = _EFFECTIVE.divide(Decimal(buy), Decimal(sell))
    shift = EXPONENTS[sell_currency] - EXPONENTS[buy_currency]
    return Price(
        name,
        Money(sell, sell_currency),
        Money(buy, buy_currency),
        Money(spread, sell_currency),
        rate.mid,
        effective.scaleb(shift) if shift else effective,
        rate.market,
        rate.as_of,
    )
