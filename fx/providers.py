"""Currency providers: the pairs each trades and its spread by size. Data: no prices, and no inventories (ledger)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from fx.money import parse_amount

BASIS_POINTS = 10_000  # in one


class Tier(NamedTuple):
    """A spread for conversions smaller than a size."""

    below_minor: int | None  # minor units of the table's currency; None = no upper bound, the last tier
    bps: int  # of the sell amount, 0 ≤ bps < 10,000


class Spreads(NamedTuple):
    """One pair's spreads: the currency in which a conversion is measured, and ascending tiers."""

    size_currency: str
    tiers: tuple[Tier, ...]


class Provider(NamedTuple):
    """A provider of conversions. `spreads` holds each pair in both directions."""

    name: str
    title: str
    currencies: frozenset[str]
    spreads: Mapping[tuple[str, str], Spreads]
    quote_seconds: int  # how long its firm price is honoured
    fictional: bool


def load_providers(path: Path | None = None) -> tuple[Provider, ...]:
    """Read providers.yaml, or an operator's file of the same form; raises ValueError naming what is wrong."""
    data = yaml.load((path or Path(__file__).with_name("providers.yaml")).read_text(encoding="utf-8"), yaml.CSafeLoader)
    providers = tuple(_provider(row, data["quote_seconds"]) for row in data["providers"])
    names = [provider.name for provider in providers]
    if len(set(names)) != len(names):
        raise ValueError(f"two providers share a name: {names}")
    return providers


def _provider(row: Mapping[str, Any], quote_seconds: int) -> Provider:
    name, currencies = row["name"], frozenset(row["currencies"])
    spreads: dict[tuple[str, str], Spreads] = {}
    for entry in row["pairs"]:
        one, other = entry["pair"]
        if not {one, other} <= currencies or one == other or entry["size_in"] not in (one, other):
            raise ValueError(f"{name}: the pair {one}/{other} measured in {entry['size_in']} is outside its currencies")
        table = Spreads(entry["size_in"], _tiers(name, entry))
        spreads[one, other] = spreads[other, one] = table
    return Provider(name, row["title"], currencies, spreads, quote_seconds, bool(row.get("fictional")))


def _tiers(name: str, entry: Mapping[str, Any]) -> tuple[Tier, ...]:
    tiers = tuple(
        Tier(parse_amount(tier["below"], entry["size_in"]) if "below" in tier else None, tier["bps"])
        for tier in entry["tiers"]
    )
    bounds = [tier.below_minor for tier in tiers]
    inner = [bound for bound in bounds if bound is not None]
    if bounds[-1:] != [None] or len(inner) != len(bounds) - 1 or inner != sorted(set(inner)):
        raise ValueError(f"{name}: tiers of {entry['pair']} must ascend and end with one that has no bound")
    if not all(0 <= tier.bps < BASIS_POINTS for tier in tiers):
        raise ValueError(f"{name}: a spread of {entry['pair']} is outside 0 to {BASIS_POINTS} basis points")
    return tiers
