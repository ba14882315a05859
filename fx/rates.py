"""Mid rates: a seeded walk inside the legal bands, and fixed rates for tests and operators.

Pure: a rate follows from seed, pair, market and minute alone. Bands, pegs and anchors are data in rates.yaml. Not here:
prices and spreads (fx.quotes), providers (fx.providers).
"""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import yaml

ONSHORE = "onshore"
OFFSHORE = "offshore"
PEGGED = "pegged"

RATE_DIGITS = 12  # significant digits of every rate: with amounts up to 10**15 a product stays exact in 28 digits
_RATE = Context(prec=RATE_DIGITS, rounding=ROUND_HALF_EVEN)
_EXACT = Context(prec=40)  # products of a walk and a peg
_LAW_ZONE = timezone(timedelta(hours=8))  # law days are UTC+8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_UNIT = 10**6  # walks are whole millionths
_KEPT_MAX = 8192  # rates remembered: an hour of every pair of seven currencies; then forgotten and computed anew

# Value noise in nine octaves, spaced 1, 4, 16 … 65,536 minutes (45 days), each twice as strong as the finer one before:
# over four times the interval the walk moves about twice as far, as a random walk does, yet never leaves its reach.
_OCTAVES = 9
_KNOT_MAX = 2**31


class NoRate(LookupError):
    """There is no rate for the pair, market and instant asked for."""


class Rate(NamedTuple):
    """Units of `quote` for one unit of `base`, in major units, as of a minute (UTC)."""

    base: str
    quote: str
    market: str  # onshore | offshore | pegged
    mid: Decimal
    as_of: datetime


class Rates(Protocol):
    """Where mid rates come from."""

    def mid(self, base: str, quote: str, market: str, at: datetime) -> Rate:
        """Return the mid rate in force at `at`; raises NoRate. A pair without CNY ignores the market."""


class Walk(NamedTuple):
    """Where a walk lives: millionths of the currency for one US dollar."""

    centre: int
    reach: int


class Market(NamedTuple):
    """What rates.yaml says: walks by currency, bands by date, pegs as (currency: (anchor, rate))."""

    walks: Mapping[str, Walk]
    hkd_since: date
    cny_band: tuple[tuple[date, Decimal], ...]  # since, share of the parity; ascending
    published_at: time
    follows_close_at: time
    pegs: Mapping[str, tuple[str, Decimal]]


def load_market(path: Path | None = None) -> Market:
    """Read rates.yaml, or the operator's own file of the same form."""
    data = yaml.load((path or Path(__file__).with_name("rates.yaml")).read_text(encoding="utf-8"), yaml.CSafeLoader)
    hkd = data["bands"]["HKD"]["values"][-1]
    low, high = _millionths(hkd["low"]), _millionths(hkd["high"])
    walks = {name: _walk(row) for name, row in data["walks"].items() if isinstance(row, dict)}
    walks["HKD"] = Walk((low + high) // 2, (high - low) // 2)
    parity = data["central_parity"]
    return Market(
        walks=walks,
        hkd_since=hkd["since"],
        cny_band=tuple((row["since"], Decimal(row["share"])) for row in data["bands"]["CNY"]["values"]),
        published_at=time.fromisoformat(parity["published_at"]),
        follows_close_at=time.fromisoformat(parity["follows_close_at"]),
        pegs={row["quote"]: (row["base"], Decimal(row["rate"])) for row in data["pegs"]},
    )


def _millionths(text: str) -> int:
    return int(Decimal(text) * _UNIT)


def _walk(row: Mapping[str, Any]) -> Walk:
    return Walk(_millionths(row["centre"]), _millionths(row["reach"]))


class SeededRates:
    """Rates that wander minute by minute as a pure function of the seed, crossed through the US dollar."""

    def __init__(self, seed: int, market: Market | None = None) -> None:
        self._seed = seed.to_bytes(16, "big", signed=True)
        self._market = market or load_market()
        self._kept: dict[tuple[str, str, str, int], Rate] = {}
        self._days = [since for since, _share in self._market.cny_band]
        self._last = (_EPOCH, 0)  # the instant asked for last and its minute: payments of a batch share one

    def mid(self, base: str, quote: str, market: str, at: datetime) -> Rate:
        """Return the mid rate of the minute of `at`; raises NoRate."""
        last, minute = self._last
        if at is not last:
            minute = (at - _EPOCH) // _MINUTE
            self._last = (at, minute)
        key = (base, quote, market, minute)
        rate = self._kept.get(key)
        if rate is None:
            rate = self._computed(base, quote, market, minute)
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            self._kept[key] = rate
        return rate

    def central_parity(self, at: datetime) -> Decimal:
        """Return the central parity in force at `at`, CNY for one USD."""
        return _EXACT.divide(self._parity((at - _EPOCH) // _MINUTE), _UNIT)

    def _computed(self, base: str, quote: str, market: str, minute: int) -> Rate:
        base_anchor, base_peg = self._market.pegs.get(base, (base, Decimal(1)))
        quote_anchor, quote_peg = self._market.pegs.get(quote, (quote, Decimal(1)))
        if base_anchor == quote_anchor:
            market, base_usd, quote_usd = PEGGED, 1, 1
        else:
            base_usd, quote_usd = (self._in_usd(anchor, market, minute) for anchor in (base_anchor, quote_anchor))
        mid = _RATE.divide(_EXACT.multiply(quote_usd, quote_peg), _EXACT.multiply(base_usd, base_peg))
        return Rate(base, quote, market, mid, _EPOCH + minute * _MINUTE)

    def _in_usd(self, currency: str, market: str, minute: int) -> int:
        """Return millionths of `currency` for one US dollar."""
        if currency == "USD":
            return _UNIT
        if currency == "CNY":
            return self._cny(market, minute)
        if currency not in self._market.walks:
            raise NoRate(f"no rate is carried for {currency}")
        if currency == "HKD" and _law_day(minute) < self._market.hkd_since:
            raise NoRate(f"no band of HKD is known before {self._market.hkd_since}")
        return self._walked(currency, minute)

    def _cny(self, market: str, minute: int) -> int:
        if market not in (ONSHORE, OFFSHORE):
            raise NoRate(f"CNY has an onshore and an offshore market, no {market!r} one")
        parity, share = self._parity(minute), self._band(minute)
        reach = int(parity * share)
        onshore = min(max(self._walked("CNY", minute), parity - reach), parity + reach)
        return onshore if market == ONSHORE else onshore + self._walked("offshore_basis", minute)

    def _parity(self, minute: int) -> int:
        """Return the central parity in force: the walk at the close of the day before it was published."""
        published = _EPOCH + minute * _MINUTE - _since_midnight(self._market.published_at)
        day = published.astimezone(_LAW_ZONE).date()
        close = datetime.combine(day - timedelta(days=1), self._market.follows_close_at, _LAW_ZONE)
        return self._walked("CNY", (close - _EPOCH) // _MINUTE)

    def _band(self, minute: int) -> Decimal:
        position = bisect_right(self._days, _law_day(minute))
        if not position:
            raise NoRate(f"no band of CNY is known before {self._days[0]}")
        return self._market.cny_band[position - 1][1]

    def _walked(self, name: str, minute: int) -> int:
        walk = self._market.walks[name]
        total = 0
        for octave in range(_OCTAVES):
            spacing = 1 << 2 * octave
            knot, past = divmod(minute, spacing)
            level = self._knot(name, octave, knot) * (spacing - past)
            if past:
                level += self._knot(name, octave, knot + 1) * past
            total += level << 2 * (_OCTAVES - 1 - octave) << octave
        whole = ((1 << _OCTAVES) - 1 << 2 * (_OCTAVES - 1)) * _KNOT_MAX
        return walk.centre + walk.reach * total // whole

    def _knot(self, name: str, octave: int, knot: int) -> int:
        """Return the seeded level at a knot of an octave, within ± _KNOT_MAX."""
        text = f"{name}|{octave}|{knot}".encode()
        drawn = int.from_bytes(blake2b(text, digest_size=8, key=self._seed).digest(), "big")
        return drawn % (2 * _KNOT_MAX + 1) - _KNOT_MAX


def _law_day(minute: int) -> date:
    return (_EPOCH + minute * _MINUTE).astimezone(_LAW_ZONE).date()


def _since_midnight(clock_time: time) -> timedelta:
    return timedelta(hours=clock_time.hour, minutes=clock_time.minute)


class FixedRates:
    """Rates that stand still: for tests, and for an operator's own table.

    `mapping` is keyed (base, quote) for every market or (base, quote, market); the inverse of a pair need not be given.
    """

    def __init__(self, mapping: Mapping[tuple[str, str] | tuple[str, str, str], Decimal]) -> None:
        self._mids: dict[tuple[str, ...], Decimal] = {}
        for (base, quote, *market), mid in mapping.items():
            if mid <= 0:
                raise ValueError(f"the rate {base}/{quote} must be above zero, not {mid}")
            self._mids.setdefault((quote, base, *market), _RATE.divide(Decimal(1), mid))
        self._mids.update((tuple(pair), mid) for pair, mid in mapping.items())

    def mid(self, base: str, quote: str, market: str, at: datetime) -> Rate:
        """Return the fixed rate, as of `at` itself; raises NoRate."""
        found = self._mids.get((base, quote, market)) or self._mids.get((base, quote))
        if found is None:
            raise NoRate(f"no {market} rate is given for {base}/{quote}")
        return Rate(base, quote, market, found, at)
