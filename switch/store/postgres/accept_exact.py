"""The exact path of an accepting transaction: identities and quotes one by one, claims in arrival order under locks.

Taken where the fast path (.accept) did not hold for a batch: something of it is known already, or a counter is tight.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from limits.claims import ClaimSet, Refused
from switch.flow.ports import (
    ACCEPTED,
    AGAIN,
    INSTRUCTION,
    KEY,
    REFUSED,
    REPLAYED,
    UETR,
    Admission,
    Identity,
    Judge,
    Outcome,
)
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import reservation
from switch.store.postgres.admitted import Row, row_of
from switch.store.postgres.connections import Connection
from switch.store.postgres.counters import reserve_exact
from switch.store.postgres.queries import queries
from switch.store.postgres.workers import check_fence

_NO_HASH = b""


class Sorted(NamedTuple):
    """A batch after its identities and quotes are claimed."""

    replays: dict[int, Outcome]  # position -> stored answer of the same key
    refusals: dict[int, Refusal]  # position -> decided, duplicate or quote used
    plans: dict[int, Plan]  # position -> still to be admitted
    rivals: dict[int, str]  # position -> quote that went to another payment of the batch


async def accept_exact(
    connection: Connection,
    batch: Sequence[Admission],
    generation: int,
    incarnation: int,
    judge: Judge,
) -> list[Outcome]:
    """Judge payment by payment and store what becomes of each, in one transaction."""
    async with connection.transaction():
        sorted_batch = await _begin(connection, batch, generation, incarnation)
        positions = list(sorted_batch.plans)
        claim_sets = [ClaimSet(batch[i].payment_id, reservation(sorted_batch.plans[i])) for i in positions]
        verdicts = await reserve_exact(connection, claim_sets, max(item.received_at for item in batch))
        refused: dict[int, Refusal] = {}
        binding: dict[int, Refused] = {}
        again: dict[int, Refused | None] = {}
        for i, verdict in zip(positions, verdicts, strict=True):
            if verdict is None:
                continue
            refusal = judge(batch[i], verdict)
            if refusal is None:
                again[i] = verdict
            else:
                refused[i] = refusal
                binding[i] = verdict
        unused = {sorted_batch.plans[i].quote_id for i in (*refused, *again)} - {""}
        for i, quote_id in sorted_batch.rivals.items():
            if quote_id in unused:  # who had it was not admitted: it is free for them
                del sorted_batch.refusals[i]
                again[i] = None
        if again:
            await _release_identities(connection, [batch[i] for i in again])
        if unused:
            await connection.execute(
                queries("payments")["release_quotes"], [batch[i].payment_id for i in (*refused, *again)]
            )
        plans = {i: plan for i, plan in sorted_batch.plans.items() if i not in refused and i not in again}
        verdicts_by_place: dict[int, Plan | Refusal] = {**plans, **sorted_batch.refusals, **refused}
        rows: list[Row] = [row_of(i, batch[i], verdict) for i, verdict in verdicts_by_place.items()]
        await connection.execute(queries("payments")["write_payments"], rows, incarnation)
    return _outcomes(batch, sorted_batch, refused, binding, again)


async def _begin(connection: Connection, batch: Sequence[Admission], generation: int, incarnation: int) -> Sorted:
    """Claim identities, check the fence, claim quotes: who loses an identity is a replay or a duplicate."""
    rows = sorted((identity, i) for i, item in enumerate(batch) for identity in item.identities)
    claimed = await _claim_identities(connection, batch, rows)
    await check_fence(connection, generation, incarnation)
    replays: dict[int, Outcome] = {}
    refusals: dict[int, Refusal] = {
        i: item.verdict for i, item in enumerate(batch) if isinstance(item.verdict, Refusal)
    }
    if len(claimed) < len(rows):
        await _conflicts(connection, batch, claimed, replays, refusals)
    plans = {
        i: item.verdict
        for i, item in enumerate(batch)
        if isinstance(item.verdict, Plan) and i not in replays and i not in refusals
    }
    rivals = await _claim_quotes(connection, batch, plans, refusals)
    return Sorted(replays, refusals, plans, rivals)


async def _claim_identities(
    connection: Connection, batch: Sequence[Admission], rows: Sequence[tuple[Identity, int]]
) -> Sequence[Any]:
    """Insert identities, each for a position of the batch; returns the rows that were not there."""
    claimed: Sequence[Any] = await connection.fetch(
        queries("payments")["claim_identities"],
        [identity.kind for identity, _ in rows],
        [identity.key for identity, _ in rows],
        [batch[i].payment_id for _, i in rows],
        [batch[i].received_on for _, i in rows],
        [batch[i].content_hash if identity.kind == KEY else _NO_HASH for identity, i in rows],
    )
    return claimed


async def _conflicts(
    connection: Connection,
    batch: Sequence[Admission],
    claimed: Sequence[Any],
    replays: dict[int, Outcome],
    refusals: dict[int, Refusal],
) -> None:
    """Sort out who lost an identity: the same key is a replay, a known UETR or instruction id is a refusal."""
    won: dict[tuple[int, str], str] = {(row["kind"], row["key"].hex): str(row["payment_id"]) for row in claimed}
    used: set[tuple[int, str]] = set()
    lost: list[tuple[int, Identity]] = []
    held: dict[int, list[Identity]] = {}
    for i, item in enumerate(batch):
        for identity in item.identities:
            mark = (identity.kind, identity.key)
            if won.get(mark) == item.payment_id and mark not in used:
                used.add(mark)
                held.setdefault(i, []).append(identity)
            else:
                lost.append((i, identity))
    keys = [identity for _, identity in lost if identity.kind == KEY]
    found = await find_identities(connection, keys)
    freed: list[Identity] = []
    for i, identity in lost:
        if identity.kind == KEY:
            payment_id, content_hash = found[identity]
            replays[i] = Outcome(REPLAYED, payment_id, same_content=content_hash == batch[i].content_hash)
            freed += held.get(i, ())
    heirs: dict[Identity, int] = {}
    for i, identity in lost:
        if i in replays:
            continue
        if identity in freed and identity not in heirs:
            heirs[identity] = i  # it lost to a replay, which claims nothing
        elif identity.kind == UETR:
            refusals[i] = Refusal("duplicate-uetr", {}, "uetr")
        elif identity.kind == INSTRUCTION and i not in refusals:
            detail = {"instruction_id": batch[i].instruction_id, "agent": batch[i].debtor_agent}
            refusals[i] = Refusal("duplicate-instruction", detail, "instruction_id")
    for i in replays:
        refusals.pop(i, None)
    if freed:
        await connection.execute(
            queries("payments")["release_identities"], [x.kind for x in freed], [x.key for x in freed]
        )
    if heirs:
        await _claim_identities(connection, batch, sorted(heirs.items()))


async def find_identities(connection: Connection, identities: Sequence[Identity]) -> dict[Identity, tuple[str, bytes]]:
    """Return (payment_id, content hash) of the identities that exist."""
    if not identities:
        return {}
    rows = await connection.fetch(
        queries("payments")["find_identities"], [x.kind for x in identities], [x.key for x in identities]
    )
    return {Identity(row["kind"], row["key"].hex): (str(row["payment_id"]), row["content_hash"]) for row in rows}


async def _claim_quotes(
    connection: Connection,
    batch: Sequence[Admission],
    plans: dict[int, Plan],
    refusals: dict[int, Refusal],
) -> dict[int, str]:
    """Claim quotes for the first who asks; returns who lost to another of the batch."""
    asking = sorted((plan.quote_id, i) for i, plan in plans.items() if plan.quote_id)
    if not asking:
        return {}
    first = {quote_id: batch[i].payment_id for quote_id, i in reversed(asking)}
    rows = await connection.fetch(queries("payments")["claim_quotes"], list(first), list(first.values()))
    got = {row["quote_id"]: str(row["used_by"]) for row in rows}
    rivals: dict[int, str] = {}
    for quote_id, i in asking:
        if got.get(quote_id) != batch[i].payment_id:
            del plans[i]
            refusals[i] = Refusal("quote-used", {"quote_id": quote_id}, "quote_id")
            if quote_id in got:
                rivals[i] = quote_id
    return rivals


async def _release_identities(connection: Connection, items: Sequence[Admission]) -> None:
    """Let go of what items that are to be decided again have claimed."""
    identities = [identity for item in items for identity in item.identities]
    await connection.execute(
        queries("payments")["release_identities"], [x.kind for x in identities], [x.key for x in identities]
    )


def _outcomes(
    batch: Sequence[Admission],
    sorted_batch: Sorted,
    refused: Mapping[int, Refusal],
    binding: Mapping[int, Refused],
    again: Mapping[int, Refused | None],
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for i, item in enumerate(batch):
        if i in sorted_batch.replays:
            outcomes.append(sorted_batch.replays[i])
        elif i in again:
            outcomes.append(Outcome(AGAIN, item.payment_id, refused=again[i]))
        elif (refusal := refused.get(i) or sorted_batch.refusals.get(i)) is not None:
            outcomes.append(Outcome(REFUSED, item.payment_id, refusal, binding.get(i)))
        else:
            outcomes.append(Outcome(ACCEPTED, item.payment_id))
    return outcomes
