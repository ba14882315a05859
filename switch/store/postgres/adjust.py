"""The adjusting transaction: a share of a posted payment's claims goes back, once for each name of a step (design 3)."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from limits.counters import NOTHING, PENDING, Reservation, adjusted
from switch.payment.status import MONEY
from switch.store.postgres.counters import apply, note
from switch.store.postgres.persons import where_sums_are
from switch.store.postgres.rows import claims_from

Connection = Any  # asyncpg has no types of its own


async def adjust_payment(
    connection: Connection, queries: Mapping[str, str], payment_id: str, step: str, share: tuple[int, int], at: datetime
) -> bool:
    """Give back a share of the original claims; False where this step has counted before. Its order: payment, then counters."""
    async with connection.transaction():
        payment = await connection.fetchrow(queries["hold_payment"], payment_id)
        assert payment is not None and MONEY[payment["status"]] != PENDING, f"payment {payment_id} is not at its end"
        done = await connection.fetch(queries["adjustments_of"], payment_id)
        given = Fraction(done[-1]["given"], done[-1]["given_of"]) if done else NOTHING
        claims = await where_sums_are(connection, claims_from(payment["claims"]))
        held = Reservation(tuple(claims), MONEY[payment["status"]], given, frozenset(row["step"] for row in done))
        after, changes = adjusted(held, step, share)
        if after == held:
            return False
        row = (payment_id, len(done) + 1, step, after.given.numerator, after.given.denominator, at)
        await connection.execute(queries["insert_adjustment"], *row)
        if changes:
            await note(connection, "adjust", await apply(connection, changes))
        return True
