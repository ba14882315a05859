"""The accepting transaction of a batch (design 2 and 3) in one call: identities, fence, quotes, rows, and the hot rows last.

Identities and rows are written as if none were known and every claim fitted; one guarded upsert says whether they did. Where
an identity stands already, a quote is used or a counter does not come back, the call is rolled back as a whole and the exact
path (.accept_exact) sorts out replays and judges payment by payment.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from limits.claims import ClaimSet
from switch.flow.ports import ACCEPTED, REFUSED, Admission, Judge, Outcome, StaleWorld, StoreUnavailable
from switch.payment.plan import Plan, Refusal
from switch.store.postgres.accept_exact import accept_exact
from switch.store.postgres.admitted import row_of
from switch.store.postgres.connections import Connection
from switch.store.postgres.counters import add_transfers, joined, totals
from switch.store.postgres.queries import queries
from switch.store.postgres.workers import LEASE_LOST

_STANDINGS_MAX = 100_000

# Verdicts of the call (schema/070_accepting.sql); any other sends the batch the exact path.
_STALE_WORLD, _NO_LEASE = "stale world", "no lease"


async def accept_batch(
    connection: Connection,
    batch: Sequence[Admission],
    generation: int,
    incarnation: int,
    judge: Judge,
    standings: set[str],
    paths: Counter[str],
) -> list[Outcome]:
    """Run the fast path, and the exact one where it does not hold; `standings` are those known to be stored, `paths` counts which was taken."""
    new = {
        item.finding.standing_id: item.finding.standing
        for item in batch
        if item.finding.standing_id not in standings and isinstance(item.verdict, Plan)
    }
    if new:
        await connection.execute(queries("payments")["insert_standings"], list(new), list(new.values()))
        if len(standings) > _STANDINGS_MAX:
            standings.clear()  # to store one again changes nothing
        standings.update(new)
    verdict = await connection.fetchval(queries("payments")["accept_batch"], *_asked(batch, generation, incarnation))
    if verdict == _STALE_WORLD:
        raise StaleWorld
    if verdict == _NO_LEASE:
        raise StoreUnavailable(LEASE_LOST)
    if verdict is not None:
        paths["exact"] += 1
        return await accept_exact(connection, batch, generation, incarnation, judge)
    paths["fast"] += 1
    return [_outcome(item) for item in batch]


def _asked(batch: Sequence[Admission], generation: int, incarnation: int) -> tuple[Any, ...]:
    """Write the call's arguments."""
    plans = [(item.payment_id, item.verdict) for item in batch if isinstance(item.verdict, Plan)]
    sums = totals([ClaimSet("", plan.claims) for _, plan in plans])
    for _, plan in plans:
        add_transfers(sums, plan.transfers)
    quotes = [(plan.quote_id, payment_id) for payment_id, plan in plans if plan.quote_id]
    return (
        [row_of(i, item, item.verdict) for i, item in enumerate(batch)],
        generation,
        incarnation,
        [quote_id for quote_id, _ in quotes],
        [payment_id for _, payment_id in quotes],
        *joined(sums),
    )


def _outcome(item: Admission) -> Outcome:
    if isinstance(item.verdict, Refusal):
        return Outcome(REFUSED, item.payment_id, item.verdict)
    return Outcome(ACCEPTED, item.payment_id)
