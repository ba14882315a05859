"""How commands write amounts for people: HKD 195,000,050.00. Programs read them as they stand in the JSON."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def grouped(amount: str | None) -> str:
    """Write a decimal string with its thousands apart; a dash where there is none."""
    return f"{Decimal(amount):,}" if amount is not None else "—"


def money(amount: Mapping[str, Any] | None) -> str:
    """Write an amount of the API: its currency, then its number; "none" where there is none."""
    return f"{amount['currency']} {grouped(amount['amount'])}" if amount else "none"
