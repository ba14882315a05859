"""The finishing transaction of a batch: one statement a day moves payments and legs, writes events, posts or voids money."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from switch.flow.ports import Moved, Step
from switch.payment.status import MOVES, PAYMENT_TABLE
from switch.store.postgres.connections import Connection
from switch.store.postgres.queries import queries

_UNIT_SEPARATOR = "\x1f"  # stands in no JSON
# The transition tables as columns, for the query.
_MOVES = [list(column) for column in zip(*MOVES, strict=True)]


async def finish_batch(connection: Connection, steps: Sequence[Step]) -> list[Moved]:
    """Move payments, each of which stands in `steps` once.

    A row that another transaction moved while this one waited for it was judged by what it had been: such a step is tried
    again, at most as often as a payment can move.
    """
    moved: list[Moved] = []
    rest = steps
    for _ in PAYMENT_TABLE:
        moved += await _moved(connection, rest)
        done = {move.payment_id for move in moved}
        missing = [step for step in rest if step.payment_id not in done]
        if not missing:
            break
        rows = await connection.fetch(queries("payments")["statuses"], [step.payment_id for step in missing])
        present = {str(row["payment_id"]): row["status"] for row in rows}
        rest = [step for step in missing if step.event in PAYMENT_TABLE.get(present.get(step.payment_id, ""), {})]
        if not rest:
            break
    return moved


async def _moved(connection: Connection, steps: Sequence[Step]) -> list[Moved]:
    """Move payments, those of a day in a statement of its own: a day is a partition, and is named."""
    of_day: defaultdict[date, list[Step]] = defaultdict(list)
    for step in steps:
        of_day[step.received_on].append(step)
    return [move for day in sorted(of_day) for move in await _moved_of(connection, day, of_day[day])]


async def _moved_of(connection: Connection, day: date, steps: Sequence[Step]) -> list[Moved]:
    rows = await connection.fetch(
        queries("payments")["finish"].replace("__day", f"_{day:%Y%m%d}"),
        ",".join([step.payment_id for step in steps]),
        ",".join([str(step.received_on) for step in steps]),
        ",".join([step.event for step in steps]),
        ",".join([str(step.at) for step in steps]),
        ",".join([step.code for step in steps]),
        ",".join(["t" if step.last_word else "f" for step in steps]),
        _UNIT_SEPARATOR.join([step.detail for step in steps]),
        *_MOVES,
    )
    assert not rows or rows[0]["missing"] == 0, "a claim of a payment is on a counter that is not there"
    return [Moved(str(row["payment_id"]), row["becomes"]) for row in rows]
