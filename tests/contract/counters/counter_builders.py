"""Builders of claims: each gives a valid claim of one kind of rule; the test states only what matters."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from limits.claims import WHILE_OPEN, Claim, ClaimSet, Refused
from limits.counters import CounterPort, headroom
from switch.store.postgres.counters import joined

MILLION = 10**6 * 100  # CNY 1,000,000 in fen
SHANGHAI = "stock-connect.shanghai.northbound.day|market|2014-12-01"
PERSON = "same-name.hong-kong.day|person:p1|2025-07-01"
SWAP = "swap-connect.northbound.day|market|2023-06-01"
AGENT = "position:HBAYHKH0:hk-fps:HKD"

AT = datetime(2014, 11, 17, 2, 0, tzinfo=UTC)

_numbers = count(1)


def buy(amount: int, **other: Any) -> Claim:
    """A buy order on the 13 bn northbound quota of 2014 (facts 1.1), in a session that does not latch."""
    fields: dict[str, Any] = {"ceiling": 13_000 * MILLION, "admission": WHILE_OPEN, "gives_back": True} | other
    return Claim("stock-connect.shanghai.northbound.day", SHANGHAI, amount, floor=None, **fields)


def sell(amount: int, **other: Any) -> Claim:
    """A sell trade on the same quota: it claims nothing and gives headroom once posted."""
    return buy(-amount, **other)


def same_name(amount: int, **other: Any) -> Claim:
    """A same-name remittance of RMB on the person's 80,000 a day (facts 4.2): gross, must fit."""
    fields: dict[str, Any] = {"counter": PERSON, "ceiling": 80_000_00, "floor": None, "gross": True} | other
    return Claim("same-name.hong-kong.day", delta=amount, **fields)


def swap(notional: int, **other: Any) -> Claim:
    """A swap on the 20 bn net notional of 2023 (facts 2), pay-fixed up, receive-fixed down."""
    fields: dict[str, Any] = {"ceiling": 20_000 * MILLION, "floor": -20_000 * MILLION, "gives_back": True} | other
    return Claim("swap-connect.northbound.day", SWAP, notional, **fields)


def debit(amount: int, **other: Any) -> Claim:
    """A debit of an agent's position: up = debit, so what was credited is the room under a ceiling of nothing."""
    return Claim("liquidity", AGENT, amount, **({"ceiling": 0, "floor": None} | other))


def payment(*claims: Claim) -> ClaimSet:
    return ClaimSet(f"payment-{next(_numbers)}", claims)


async def reserve(counters: CounterPort, *claims: Claim) -> tuple[str, Refused | None]:
    """Reserve one payment; returns its id and the verdict."""
    asked = payment(*claims)
    [verdict] = await counters.reserve([asked])
    return asked.payment_id, verdict


async def settle(counters: CounterPort, *claims: Claim) -> str:
    """Reserve one payment that must be admitted, and post it."""
    payment_id, verdict = await reserve(counters, *claims)
    assert verdict is None
    await counters.post([payment_id])
    return payment_id


async def left(counters: CounterPort, claim: Claim) -> int | None:
    """The headroom there is for a claim like this one."""
    return headroom(claim, (await counters.sums([claim.counter]))[claim.counter])


async def reserve_fast(connection: Any, rows: dict[str, Any]) -> bool:
    """Reserve a batch's totals in one guarded write, as the accepting procedure does: whether every row came back."""
    if not rows:
        return True
    came_back = await connection.fetchval("SELECT reserve($1, $2, $3, $4, $5, $6, $7)", *joined(rows))
    return bool(came_back == len(rows))


async def noted(connection: Any) -> dict[str, int]:
    """The versions that the open transaction has noted."""
    rows = await connection.fetch("SELECT counters, versions FROM batch WHERE xid = pg_current_xact_id()")
    return {key: version for row in rows for key, version in zip(row["counters"], row["versions"], strict=True)}
