"""Rates: a pure function of seed and minute, inside the bands that bind, and nothing where no band is known."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fx.money import EXPONENTS
from fx.rates import FixedRates, NoRate, SeededRates, load_market

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
instants = st.datetimes(datetime(2014, 4, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
seeds = st.integers(0, 2**63)


@given(seeds, instants)
def test_the_hong_kong_dollar_stays_inside_its_convertibility_zone(seed: int, at: datetime) -> None:
    assert Decimal("7.75") <= SeededRates(seed).mid("USD", "HKD", "offshore", at).mid <= Decimal("7.85")


@given(seeds, instants)
def test_onshore_yuan_stays_within_two_per_cent_of_the_parity(seed: int, at: datetime) -> None:
    rates = SeededRates(seed)
    spot, parity = rates.mid("USD", "CNY", "onshore", at).mid, rates.central_parity(at)
    assert abs(spot - parity) <= parity * Decimal("0.02")


def test_a_narrow_band_binds_the_onshore_walk_and_leaves_offshore_free() -> None:
    market = load_market()
    narrow = market._replace(cny_band=((date(2014, 1, 1), Decimal("0.0001")),))
    rates, free = SeededRates(3, narrow), SeededRates(3, market)
    hours = [NOON + timedelta(hours=hour) for hour in range(200)]
    parities = [rates.central_parity(at) for at in hours]
    onshore = [rates.mid("USD", "CNY", "onshore", at).mid for at in hours]
    offshore = [rates.mid("USD", "CNY", "offshore", at).mid for at in hours]
    assert all(abs(a - b) <= b * Decimal("0.0001") for a, b in zip(onshore, parities, strict=True))
    assert onshore != [free.mid("USD", "CNY", "onshore", at).mid for at in hours]
    assert any(abs(a - b) > b * Decimal("0.0001") for a, b in zip(offshore, parities, strict=True))


@pytest.mark.parametrize(
    ("day", "share"), [("2006-01-03", "0.003"), ("2010-01-04", "0.005"), ("2014-03-14", "0.01"), ("2014-03-17", "0.02")]
)
def test_the_band_of_the_day_is_the_one_in_force(day: str, share: str) -> None:
    shares = dict(load_market().cny_band)
    since = max(since for since in shares if since <= date.fromisoformat(day))
    assert shares[since] == Decimal(share)


@given(seeds, instants)
def test_the_pataca_is_fixed_to_the_hong_kong_dollar(seed: int, at: datetime) -> None:
    rate = SeededRates(seed).mid("HKD", "MOP", "offshore", at)
    assert (rate.mid, rate.market) == (Decimal("1.03"), "pegged")


@given(seeds, st.sampled_from(["USD/CNY", "USD/HKD", "USD/JPY"]))
def test_a_minute_moves_the_walk_by_less_than_a_thousandth_also_over_midnight(seed: int, pair: str) -> None:
    base, quote = pair.split("/")
    rates = SeededRates(seed)
    before = datetime(2026, 3, 1, 15, 59, tzinfo=UTC)  # 23:59 in Hong Kong
    for start in (before, datetime(2026, 3, 1, 23, 59, tzinfo=UTC), NOON):
        one, two = (rates.mid(base, quote, "offshore", at).mid for at in (start, start + MINUTE))
        assert abs(two - one) <= one / 1000


def test_one_seed_gives_one_walk_and_another_seed_another() -> None:
    day = [NOON + MINUTE * minute for minute in range(0, 1440, 60)]
    walks = [[SeededRates(seed).mid("HKD", "CNY", "offshore", at) for at in day] for seed in (1, 1, 2)]
    assert walks[0] == walks[1] != walks[2]
    assert len({rate.mid for rate in walks[0]}) > 20


def test_what_was_asked_before_changes_no_rate() -> None:
    asked, fresh = SeededRates(9), SeededRates(9)
    for minute in range(300):
        asked.mid("HKD", "CNY", "onshore", NOON + MINUTE * minute)
    assert asked.mid("HKD", "CNY", "onshore", NOON) == fresh.mid("HKD", "CNY", "onshore", NOON)


def test_the_rate_is_as_of_its_minute_whatever_the_zone_of_the_question() -> None:
    rates = SeededRates(1)
    late = rates.mid("HKD", "CNY", "offshore", NOON + timedelta(seconds=59.9))
    assert late == rates.mid("HKD", "CNY", "offshore", NOON.astimezone(timezone(timedelta(hours=8))))
    assert late.as_of == NOON


@given(seeds, instants, st.sampled_from(sorted(EXPONENTS)), st.sampled_from(sorted(EXPONENTS)))
def test_every_pair_of_carried_currencies_has_a_rate_and_its_inverse(
    seed: int, at: datetime, base: str, quote: str
) -> None:
    rates = SeededRates(seed)
    product = rates.mid(base, quote, "offshore", at).mid * rates.mid(quote, base, "offshore", at).mid
    assert abs(product - 1) < Decimal("1e-10")


def test_a_pair_without_yuan_ignores_the_market() -> None:
    rates = SeededRates(4)
    assert rates.mid("USD", "HKD", "onshore", NOON).mid == rates.mid("USD", "HKD", "offshore", NOON).mid


def test_there_is_no_rate_before_the_first_band_for_a_third_market_or_for_an_unknown_currency() -> None:
    rates = SeededRates(4)
    for pair, market, at in [
        (("USD", "HKD"), "offshore", datetime(2005, 6, 19, 4, tzinfo=UTC)),
        (("USD", "CNY"), "onshore", datetime(2005, 7, 20, 4, tzinfo=UTC)),
        (("HKD", "CNY"), "pegged", NOON),
        (("HKD", "XXX"), "offshore", NOON),
    ]:
        with pytest.raises(NoRate):
            rates.mid(*pair, market, at)


def test_fixed_rates_give_the_inverse_and_prefer_the_market_asked_for() -> None:
    rates = FixedRates({("HKD", "CNY"): Decimal("0.9"), ("HKD", "CNY", "onshore"): Decimal("0.92")})
    assert rates.mid("HKD", "CNY", "offshore", NOON).mid == Decimal("0.9")
    assert rates.mid("HKD", "CNY", "onshore", NOON).mid == Decimal("0.92")
    assert rates.mid("CNY", "HKD", "offshore", NOON).mid == Decimal("1.11111111111")
    with pytest.raises(NoRate):
        rates.mid("HKD", "USD", "offshore", NOON)
    with pytest.raises(ValueError, match="above zero"):
        FixedRates({("HKD", "CNY"): Decimal(0)})
