"""Events of what stands beside a payment: written in the transaction of whoever changes the record, never by finish."""

from datetime import datetime

from switch.store.postgres.connections import Connection
from switch.store.postgres.queries import queries


async def note_record_event(
    connection: Connection,
    payment_id: str,
    record: str,
    at: datetime,
    code: str = "",
    detail: str = "{}",
    participant: str | None = None,
) -> None:
    """Write one event of a record, in the connection's open transaction.

    `record` is one of flow.ports RECORDS, `detail` JSON as ports.StoredEvent has it; `participant` (BIC8) is told, None =
    the payment's own.
    """
    await connection.execute(
        queries("records")["insert_record_event"], payment_id, record, code, at, detail, participant
    )
