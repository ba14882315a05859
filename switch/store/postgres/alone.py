"""What is posted by itself, whatever becomes of a payment: opening transfers, what a rail says of
one that had ended, what comes back."""

from collections.abc import Sequence
from datetime import date

from limits.claims import Claim
from switch.flow.ports import EXCEPTION, KEY, ExceptionRecord, Step
from switch.flow.record_events import exception_code, exception_detail
from switch.payment.plan import Transfer
from switch.store.postgres.connections import Connection
from switch.store.postgres.counters import note
from switch.store.postgres.persons import where_sums_are
from switch.store.postgres.queries import queries
from switch.store.postgres.records import note_record_event
from switch.store.postgres.rows import claims_text

FUNDING_DAY = date(2000, 1, 1)  # the day under which a sandbox's opening transfers stand, and their payment id
_FUNDING_ID = "00000000-0000-4000-8000-000000000001"


async def hear_out(connection: Connection, step: Step, record: ExceptionRecord | None) -> bool:
    """Await a rail no more after its last word; write an exception record with its suspense posting once."""
    async with connection.transaction():
        if step.last_word:
            await connection.execute(queries("payments")["end_wait"], step.payment_id, step.received_on)
        if record is None:
            return False
        claims = claims_text(record.forced)
        row = (record.payment_id, record.received_on, record.kind, record.at, record.detail, claims)
        if await connection.fetchval(queries("payments")["insert_exception"], *row) is None:
            return False
        forced = await where_sums_are(connection, record.forced)
        await post(connection, record.payment_id, record.received_on, record.transfers, forced)
        code, told = exception_code(record.detail), exception_detail(record)
        await note_record_event(connection, record.payment_id, EXCEPTION, record.at, code, told)
        return True


async def fund(connection: Connection, transfers: Sequence[Transfer]) -> None:
    """Post opening transfers once; their day's partitions are there."""
    async with connection.transaction():
        identity = ([KEY], [_FUNDING_ID], [_FUNDING_ID], [FUNDING_DAY], [b""])
        if await connection.fetch(queries("payments")["claim_identities"], *identity):
            await post(connection, _FUNDING_ID, FUNDING_DAY, transfers)


async def post(
    connection: Connection,
    payment_id: str,
    received_on: date,
    transfers: Sequence[Transfer],
    forced: Sequence[Claim] = (),
) -> None:
    """Post transfers and forced claims that follow no payment's status, in one sorted write of their counters."""
    if transfers:
        rows = [(payment_id, received_on, *transfer) for transfer in transfers]
        await connection.execute(queries("payments")["insert_transfers"], *zip(*rows, strict=True))
    sums: dict[str, list[int]] = {}
    for transfer in transfers:
        sums.setdefault(transfer.debit_account, [0, 0])[0] += transfer.amount_minor
        sums.setdefault(transfer.credit_account, [0, 0])[1] += transfer.amount_minor
    for claim in forced:
        sums.setdefault(claim.counter, [0, 0])[0] += claim.delta
    if not sums:
        return
    keys = sorted(sums)
    zeros = [0] * len(keys)
    rows = await connection.fetch(
        queries("payments")["force_counters"],
        keys,
        zeros,
        [sums[k][0] for k in keys],
        zeros,
        [sums[k][1] for k in keys],
    )
    await note(connection, "alone", {row["key"]: row["version"] for row in rows})
