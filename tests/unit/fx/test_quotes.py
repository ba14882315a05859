"""Prices: the fixed side is exact, nobody gains by rounding, the best comes first."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fx.money import EXPONENTS, Money
from fx.providers import Provider, Spreads, Tier, load_providers
from fx.quotes import Price, Request, best_price, firm, prices
from fx.rates import FixedRates, Rates, SeededRates

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
CURRENCIES = sorted(EXPONENTS)
RATES = SeededRates(20260302)
currency = st.sampled_from(CURRENCIES)


def a_provider(name: str = "one", bps: int = 20, size_currency: str = "HKD", tiers: tuple[Tier, ...] = ()) -> Provider:
    spreads = Spreads(size_currency, tiers or (Tier(None, bps),))
    pairs = {(one, other): spreads for one in CURRENCIES for other in CURRENCIES if one != other}
    return Provider(name, name, frozenset(CURRENCIES), pairs, 600, True)


def a_request(sell: str = "HKD", buy: str = "CNY", amount_minor: int = 100_000, fixed: str = "HKD") -> Request:
    return Request(sell, buy, Money(amount_minor, fixed), "offshore", NOON)


def _priced(providers: Sequence[Provider], request: Request, rates: Rates) -> list[Price]:
    return list(prices(providers, request, rates))


def exact(price: Price) -> Fraction:
    """Minor units of buy for one minor unit of sell at mid."""
    shift = EXPONENTS[price.buy.currency] - EXPONENTS[price.sell.currency]
    return Fraction(price.mid) * Fraction(10) ** shift


@given(currency, currency, st.integers(1, 10**13), st.booleans(), st.integers(0, 500))
def test_nobody_gains_by_rounding_more_than_one_minor_unit(
    sell: str, buy: str, amount_minor: int, fixes_sell: bool, bps: int
) -> None:
    assume(sell != buy)
    fixed = sell if fixes_sell else buy
    for price in _priced([a_provider(bps=bps, size_currency=sell)], a_request(sell, buy, amount_minor, fixed), RATES):
        principal, mid = price.principal.amount_minor, exact(price)
        assert (price.sell if fixes_sell else price.buy) == Money(amount_minor, fixed)
        assert price.sell.amount_minor == principal + price.spread.amount_minor
        if fixes_sell:
            assert 0 <= principal * mid - price.buy.amount_minor < 1
        else:
            assert 0 <= principal - price.buy.amount_minor / mid < 1
        assert 0 <= price.spread.amount_minor - Fraction(price.sell.amount_minor * bps, 10_000) < 1
        assert price.buy.amount_minor > 0
        effective = Fraction(price.buy.amount_minor, price.sell.amount_minor) / (exact(price) / Fraction(price.mid))
        assert abs(Fraction(price.rate) - effective) <= effective / 10**11


@given(currency, currency, st.integers(1, 10**9), st.integers(0, 300))
def test_buying_what_a_sale_gave_never_costs_more_than_the_sale(sell: str, buy: str, amount: int, bps: int) -> None:
    assume(sell != buy)
    provider = a_provider(bps=bps, size_currency=sell)
    for sold in _priced([provider], a_request(sell, buy, amount, sell), RATES):
        (bought,) = _priced([provider], a_request(sell, buy, sold.buy.amount_minor, buy), RATES)
        assert bought.sell.amount_minor <= amount


def test_the_best_price_comes_first_and_ties_go_by_name() -> None:
    providers = [a_provider("zeta", 10), a_provider("alpha", 20), a_provider("beta", 10)]
    selling = _priced(providers, a_request(fixed="HKD"), RATES)
    buying = _priced(providers, a_request(fixed="CNY"), RATES)
    assert [price.provider for price in selling] == [price.provider for price in buying] == ["beta", "zeta", "alpha"]
    assert selling[0].buy > selling[2].buy
    assert buying[0].sell < buying[2].sell


def test_the_worked_example_of_both_directions() -> None:
    rates = FixedRates({("HKD", "CNY"): Decimal("0.9137")})
    (sold,) = _priced([a_provider(bps=18)], a_request(amount_minor=123_456), rates)
    assert (sold.sell.amount_minor, sold.spread.amount_minor, sold.buy.amount_minor) == (123_456, 223, 112_597)
    (bought,) = _priced([a_provider(bps=18)], a_request(amount_minor=123_456, fixed="CNY"), rates)
    assert (bought.sell.amount_minor, bought.spread.amount_minor, bought.buy.amount_minor) == (135_361, 244, 123_456)
    assert sold.rate == Decimal("0.912041537066")


@pytest.mark.parametrize(("amount_minor", "bps"), [(4_999_999, 18), (5_000_000, 14), (99_999_999, 14), (10**8, 11)])
def test_the_size_tier_is_the_one_the_amount_falls_in(amount_minor: int, bps: int) -> None:
    tiers = (Tier(5_000_000, 18), Tier(100_000_000, 14), Tier(None, 11))
    (price,) = _priced([a_provider(tiers=tiers)], a_request(amount_minor=amount_minor), RATES)
    assert price.spread.amount_minor == -(-amount_minor * bps // 10_000)


def test_the_size_is_measured_in_the_tables_currency_whichever_side_is_fixed() -> None:
    rates = FixedRates({("HKD", "CNY"): Decimal("0.5"), ("CNY", "HKD"): Decimal(2)})
    provider = a_provider(tiers=(Tier(1_000, 10), Tier(None, 0)))
    by_buy = [_priced([provider], a_request("HKD", "CNY", n, "CNY"), rates)[0].spread.amount_minor for n in (499, 500)]
    by_sell = [_priced([provider], a_request("CNY", "HKD", n, "CNY"), rates)[0].spread.amount_minor for n in (499, 500)]
    assert by_buy == [1, 0]
    assert by_sell == [1, 0]


def test_an_amount_too_small_to_buy_one_minor_unit_has_no_price() -> None:
    assert _priced([a_provider()], a_request("HKD", "JPY", 1), RATES) == []
    assert _priced([a_provider()], a_request("JPY", "HKD", 2, "JPY"), RATES) != []
    assert _priced([a_provider()], a_request(amount_minor=0), RATES) == []


def test_without_a_provider_of_the_pair_or_a_rate_there_is_no_price() -> None:
    assert _priced(load_providers(), a_request("THB", "KWD", 1_000, "THB"), RATES) == []
    assert _priced([a_provider()], a_request(), FixedRates({})) == []


def test_a_firm_price_holds_as_long_as_its_provider_honours_it() -> None:
    provider = load_providers()[0]
    price = _priced([provider], a_request(), RATES)[0]
    quote = firm("q1", "wallet", price, provider, NOON)
    assert (quote.price, quote.expires_at) == (price, NOON + timedelta(seconds=600))


def test_each_of_the_two_providers_wins_somewhere() -> None:
    providers = load_providers()
    best = {
        _priced(providers, a_request(amount_minor=amount), RATES)[0].provider for amount in (100_000, 10_000_000, 10**9)
    }
    assert best == {provider.name for provider in providers}
    assert all(provider.fictional for provider in providers)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("[{below: '5', bps: 1}]", "ascend"),
        ("[{bps: 1}, {bps: 2}]", "ascend"),
        ("[{below: '9', bps: 1}, {below: '5', bps: 1}, {bps: 1}]", "ascend"),
        ("[{bps: 10000}]", "basis points"),
    ],
)
def test_a_provider_with_senseless_tiers_does_not_load(tmp_path: Path, wrong: str, says: str) -> None:
    path = tmp_path / "providers.yaml"
    path.write_text(
        "quote_seconds: 600\nproviders: [{name: x, title: x, currencies: [HKD, CNY], "
        f"pairs: [{{pair: [HKD, CNY], size_in: HKD, tiers: {wrong}}}]}}]"
    )
    with pytest.raises(ValueError, match=says):
        load_providers(path)


@given(currency, currency, st.integers(0, 10**10), st.booleans())
def test_the_best_price_is_the_first_of_all(sell: str, buy: str, amount_minor: int, fixes_sell: bool) -> None:
    assume(sell != buy)
    providers = [a_provider("zeta", 10), a_provider("alpha", 20), a_provider("beta", 10), *load_providers()]
    request = a_request(sell, buy, amount_minor, sell if fixes_sell else buy)
    assert best_price(providers, request, RATES) == next(iter(prices(providers, request, RATES)), None)
