"""Prices and firm quotes: what each provider asks for a conversion, best first. Not here: inventory, once-only use."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from fx.money import DOWN, EXPONENTS, UP, Money, divide
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


class _Terms(NamedTuple):
    """A request with its rate as whole numbers: buy minor = sell minor × numerator / denominator."""

    request: Request
    fixed_minor: int
    fixes_sell: bool
    numerator: int
    denominator: int


def prices(providers: Sequence[Provider], request: Request, rates: Rates) -> Iterator[Price]:
    """Give the price of each provider that trades the pair, best for the customer first, ties by name.

    None where no provider trades it, no rate is carried, or the amount is too small to buy one minor unit.
    """
    pair = (request.sell_currency, request.buy_currency)
    trading = [(provider.name, provider.spreads[pair]) for provider in providers if pair in provider.spreads]
    if not trading or request.fixed.amount_minor <= 0:
        return
    try:
        rate = rates.mid(*pair, request.market, request.at)
    except NoRate:
        return
    terms = _terms(request, rate)
    offers = []
    for name, spreads in trading:
        sell, buy, spread = _amounts(terms, _bps(terms, spreads))
        if buy > 0 and sell > spread:
            offers.append((-buy if terms.fixes_sell else sell, name, sell, buy, spread))
    for _, name, sell, buy, spread in sorted(offers):
        yield _price(
            name, terms, rate, sell, buy, spread
        )  # mostly the first is taken: the others are never written out


def trades(providers: Sequence[Provider], request: Request) -> bool:
    """Whether any provider trades the pair: what then has no price is too small to be converted."""
    pair = (request.sell_currency, request.buy_currency)
    return any(pair in provider.spreads for provider in providers)


def firm(quote_id: str, participant: str, price: Price, provider: Provider, at: datetime) -> Quote:
    """Make a price firm from `at` for as long as its provider honours it."""
    assert provider.name == price.provider
    return Quote(quote_id, participant, price, at + timedelta(seconds=provider.quote_seconds))


def _terms(request: Request, rate: Rate) -> _Terms:
    sell_currency, buy_currency, (fixed_minor, fixed_currency), _market, _at = request
    assert fixed_currency in (sell_currency, buy_currency) and sell_currency != buy_currency
    numerator, denominator = rate.mid.as_integer_ratio()
    shift = EXPONENTS[buy_currency] - EXPONENTS[sell_currency]
    if shift > 0:
        numerator *= 10**shift
    elif shift < 0:
        denominator *= 10**-shift
    return _Terms(request, fixed_minor, fixed_currency == sell_currency, numerator, denominator)


def _bps(terms: _Terms, spreads: Spreads) -> int:
    """Return the spread of the tier that the fixed amount falls in, measured at mid in the table's currency."""
    size = terms.fixed_minor
    if spreads.size_currency != terms.request.fixed.currency:
        if terms.fixes_sell:
            size = divide(size * terms.numerator, terms.denominator, DOWN)
        else:
            size = divide(size * terms.denominator, terms.numerator, DOWN)
    for below_minor, bps in spreads.tiers:
        if below_minor is None or size < below_minor:
            return bps
    raise AssertionError("the last tier has no bound")


def _amounts(terms: _Terms, bps: int) -> tuple[int, int, int]:
    """Return (sell, buy, spread) in minor units: the fixed side exact, every rounding against the customer."""
    if terms.fixes_sell:
        sell = terms.fixed_minor
        spread = divide(sell * bps, BASIS_POINTS, UP)
        return sell, divide((sell - spread) * terms.numerator, terms.denominator, DOWN), spread
    buy = terms.fixed_minor
    principal = divide(buy * terms.denominator, terms.numerator, UP)
    spread = divide(principal * bps, BASIS_POINTS - bps, UP)
    return principal + spread, buy, spread


def _price(name: str, terms: _Terms, rate: Rate, sell: int, buy: int, spread: int) -> Price:
    sell_currency, buy_currency = terms.request.sell_currency, terms.request.buy_currency
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
