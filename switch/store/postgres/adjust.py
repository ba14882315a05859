"""Giving back: a share of a posted payment's claims, once for each name of a step (design 3). A return does it in its own transaction."""

from datetime import datetime
from fractions import Fraction

from limits.claims import Claim
from limits.counters import NOTHING, PENDING, Reservation, adjusted
from switch.payment.status import MONEY
from switch.store.postgres.connections import Connection
from switch.store.postgres.counters import apply, note
from switch.store.postgres.persons import where_sums_are
from switch.store.postgres.queries import queries
from switch.store.postgres.rows import claims_from


async def adjust_payment(
    connection: Connection, payment_id: str, step: str, share: tuple[int, int], at: datetime
) -> bool:
    """Give back a share of the original claims; False where this step has counted before. Its order: payment, then counters."""
    async with connection.transaction():
        payment = await connection.fetchrow(queries("payments")["hold_payment"], payment_id)
        assert payment is not None, f"there is no payment {payment_id}"
        claims = tuple(await where_sums_are(connection, claims_from(payment["claims"])))
        held = await reservation_of(connection, payment_id, payment["status"], claims)
        return await give_back(connection, payment_id, held, step, share, at)


async def reservation_of(
    connection: Connection, payment_id: str, status: str, claims: tuple[Claim, ...]
) -> Reservation:
    """Read what has gone back of the claims (on the counters that bear them now) of a payment that is locked and at its end."""
    assert MONEY[status] != PENDING, f"payment {payment_id} is not at its end"
    done = await connection.fetch(queries("payments")["adjustments_of"], payment_id)
    given = Fraction(done[-1]["given"], done[-1]["given_of"]) if done else NOTHING
    return Reservation(claims, MONEY[status], given, frozenset(row["step"] for row in done))


async def give_back(
    connection: Connection,
    payment_id: str,
    held: Reservation,
    step: str,
    share: tuple[int, int],
    at: datetime,
) -> bool:
    """Give back a share of the claims of a payment that is locked; False where this step has counted before."""
    after, changes = adjusted(held, step, share)
    if after == held:
        return False
    row = (payment_id, len(held.steps) + 1, step, after.given.numerator, after.given.denominator, at)
    await connection.execute(queries("payments")["insert_adjustment"], *row)
    if changes:
        await note(connection, "adjust", await apply(connection, changes))
    return True
