"""Counters on PostgreSQL: a batch's sums in one guarded write, and the exact path for what does not fit so.

The functions run inside the caller's transaction, late in it as the rows are hot. limits.counters says what fits.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from limits.claims import REPORT, ClaimSet, Refused, Sums
from limits.counters import EMPTY, Change, admit
from switch.payment.plan import Transfer
from switch.payment.postings import is_prefunded
from switch.store.postgres.connections import Connection
from switch.store.postgres.queries import queries

# Of one counter: up_pending, up_posted, down_pending, latching, ceiling, floor. A list, changed in place: this is the
# hottest loop of the house.
Total = list[Any]


def totals(batch: Iterable[ClaimSet]) -> dict[str, Total]:
    """Add up a batch's claims by counter: ups and downs apart, the strictest bounds, for how long they may close it (then the upper test is strict).

    A claim that never blocks brings no bound, but its amount stands in the sums that the others are tested with.
    """
    rows: dict[str, Total] = {}
    known = rows.get
    for _, claims in batch:
        for _, key, delta, ceiling, floor, _, effect, gross, _, latches, forced, _, _ in claims:
            row = known(key)
            if row is None:
                rows[key] = row = [0, 0, 0, "", None, None]
            if delta < 0:
                row[2] -= delta
                if floor is not None and not forced and effect != REPORT and (row[5] is None or floor > row[5]):
                    row[5] = floor
                continue
            if gross:
                row[1] += delta
            else:
                row[0] += delta
            if ceiling is None or effect == REPORT or (forced and not latches):
                continue
            if latches:
                row[3] = (
                    latches  # of a forced claim too: it passes, but may close its counter, which the exact path does
                )
            if row[4] is None or ceiling < row[4]:
                row[4] = ceiling
    return rows


def add_transfers(rows: dict[str, Total], transfers: Iterable[Transfer]) -> None:
    """Add pending transfers to the totals: the claims on their accounts' rows (postings.account_claims), without making them."""
    known = rows.get
    for _, debit, credit, amount_minor, _, _ in transfers:
        row = known(debit)
        if row is None:
            rows[debit] = row = [0, 0, 0, "", None, None]
        row[0] += amount_minor
        if row[4] is None and is_prefunded(debit):
            row[4] = 0
        row = known(credit)
        if row is None:
            rows[credit] = row = [0, 0, 0, "", None, None]
        row[2] += amount_minor


def joined(rows: Mapping[str, Total]) -> list[str]:
    """Write a batch's totals as `reserve` (schema/070_accepting.sql) takes them: keys and columns, each one text."""
    if not rows:
        return [""] * 7
    keys = sorted(rows)  # by code point, as COLLATE "C" sorts UTF-8
    columns = zip(*map(rows.__getitem__, keys), strict=True)
    return [
        ",".join(keys),
        *(",".join(["" if value is None else str(value) for value in column]) for column in columns),
    ]


async def reserve_exact(connection: Connection, batch: Sequence[ClaimSet], at: datetime) -> list[Refused | None]:
    """Reserve payment by payment in arrival order under locks; returns the verdicts and notes the version of each counter.

    Payments that touch no counter too tight for the whole batch are admitted in whatever order they came: they are added up,
    and only the others judged one by one. A counter that no admitted claim moved keeps the version it was seen at; one that is closed now is closed since `at`. The locks last until the transaction ends.
    """
    rows = totals(batch)
    if not rows:
        return [None] * len(batch)
    sums = await hold(connection, sorted(rows))
    versions = {key: state.version for key, state in sums.items()}
    tight = {key for key, row in rows.items() if not _holds(row, sums[key])}
    freely = [tight.isdisjoint([claim.counter for claim in claims]) for _, claims in batch]
    after = {
        key: _added(sums[key], row)
        for key, row in totals([each for each, free in zip(batch, freely, strict=True) if free]).items()
    }
    sums.update(after)
    verdicts: list[Refused | None] = []
    for (_, claims), free in zip(batch, freely, strict=True):
        if free:
            verdicts.append(None)
            continue
        refused, moved = admit(claims, sums)
        verdicts.append(refused)
        sums.update(moved)
        after.update(moved)
    if after:
        bounds = {key: (row[3], row[4], row[5]) for key, row in rows.items()}
        versions.update(await write(connection, after, bounds, at))
    await note(connection, "accept", versions)
    return verdicts


def _holds(row: Total, sums: Sums) -> bool:
    """Whether a counter takes all of a batch's claims, in whatever order they come, and stays open: as `reserve` asks."""
    up_pending, up_posted, down_pending, latching, ceiling, floor = row
    held, given = sums.up_pending + sums.up_posted - sums.down_posted, sums.down_pending + sums.down_posted
    if ceiling is not None and (sums.latched or held + up_pending + up_posted + bool(latching) > ceiling):
        return False
    return floor is None or bool(sums.up_posted - given - down_pending >= floor)


def _added(sums: Sums, row: Total) -> Sums:
    return sums._replace(
        up_pending=sums.up_pending + row[0], up_posted=sums.up_posted + row[1], down_pending=sums.down_pending + row[2]
    )


async def note(connection: Connection, step: str, versions: Mapping[str, int]) -> None:
    """Keep which versions of which counters this transaction made (or, on the exact path, saw)."""
    await connection.execute(queries("counters")["note"], step, list(versions), list(versions.values()))


async def hold(connection: Connection, keys: Sequence[str]) -> dict[str, Sums]:
    """Lock counters, sorted by key, until the transaction ends, and read them; those that are not there are made."""
    await connection.execute(queries("counters")["hold"], keys)
    return await read_sums(connection, keys)


async def write(
    connection: Connection,
    after: Mapping[str, Sums],
    bounds: Mapping[str, tuple[str, int | None, int | None]],
    at: datetime,
) -> dict[str, int]:
    """Write counters under lock, with how their last claims latch, ceiling and floor; returns their versions, which grow by one."""
    keys = sorted(after)
    sums = list(zip(*(after[key][:5] for key in keys), strict=True))
    terms = list(zip(*(bounds[key] for key in keys), strict=True))
    written = dict(await connection.fetch(queries("counters")["write"], keys, *sums, *terms, at))
    assert len(written) == len(keys), "a counter under our lock was not there to be written"
    return written


async def apply(connection: Connection, changes: Mapping[str, Change]) -> dict[str, int]:
    """Add to counters what a step changes, under locks along the key; returns the version of each.

    A counter that is not there is our own error: a give-back never creates one; so is a sum that would become negative
    (asyncpg's CheckViolationError).
    """
    keys = sorted(changes)
    columns = list(zip(*map(changes.__getitem__, keys), strict=True))
    versions = dict(await connection.fetch(queries("counters")["change"], keys, *columns))
    assert len(versions) == len(keys), f"no such counter: {set(keys) - set(versions)}"
    return versions


async def read_sums(connection: Connection, keys: Sequence[str]) -> dict[str, Sums]:
    """Read the sums of these counters without a lock; one never used is empty."""
    found = {key: Sums(*sums) for key, *sums in await connection.fetch(queries("counters")["read"], keys)}
    return {key: found.get(key, EMPTY) for key in keys}
