"""The accepting transaction of a batch (design 2 and 3): fence, identities, quotes, rows, and the hot rows last.

Fast path: identities and rows are written as if none were known and every claim fitted, then one guarded upsert says
whether they did. Where an identity stands already, or a counter does not come back, the transaction is rolled back and
the exact path sorts out replays and judges payment by payment.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg

from limits.claims import ClaimSet, Refused
from limits.counters import straight
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
    StaleWorld,
    StoreUnavailable,
)
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import reservation
from switch.payment.queueing import opening_detail
from switch.payment.reasons import code_of
from switch.payment.refusals import refusal_json
from switch.payment.status import LEG_HELD, QUEUED, REJECTED
from switch.store.postgres.copying import (
    NULL,
    copy_rows,
    copy_values,
    date_value,
    escaped,
    integer_value,
    uuid_value,
    value,
)
from switch.store.postgres.counters import add_transfers, reserve_exact, reserve_fast, totals
from switch.store.postgres.rows import claims_text

Connection = Any  # asyncpg has no types of its own
_NO_HASH = b""

_IDENTITY = ("kind", "key", "payment_id", "received_on", "content_hash")
_PAYMENT = (
    "payment_id", "received_on", "received_at", "participant", "status", "code", "detail", "uetr", "instruction_id",
    "debtor_agent", "creditor_agent", "rulebook_id", "incarnation", "position", "lane", "debit_minor",
    "debit_currency", "settlement_minor", "settlement_currency", "quote_id", "rail", "leg_status", "deadline_at",
    "awaits_rail", "net_claims",
)  # fmt: skip
_UNPLANNED = "\t0\t\t0\t\t\t\t\t\\N\tf\tf"  # lane to net_claims of a payment that was refused
_DECISION = ("payment_id", "received_on", "position", "sealed", "standing_id", "own", "claims")
_EVENT = ("payment_id", "received_on", "n", "status", "code", "at", "detail", "participant", "position")
_TRANSFER = (
    "payment_id", "received_on", "n", "debit_account", "credit_account", "amount_minor", "currency", "line", "alone", "position",
)  # fmt: skip
_QUEUED = ("payment_id", "received_on", "opens_at")


class _RollBack(Exception):
    """The fast path did not hold: leave no trace and go the exact one."""


class Sorted(NamedTuple):
    """A batch after its identities and quotes are claimed."""

    replays: dict[int, Outcome]  # position -> stored answer of the same key
    refusals: dict[int, Refusal]  # position -> decided, duplicate or quote used
    plans: dict[int, Plan]  # position -> still to be admitted
    rivals: dict[int, str]  # position -> quote that went to another payment of the batch


async def accept_batch(
    connection: Connection,
    queries: Mapping[str, str],
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
        await connection.execute(queries["insert_standings"], list(new), list(new.values()))
        standings.update(new)
    try:
        async with connection.transaction():
            sorted_batch = await _begin_unknown(connection, queries, batch, generation, incarnation)
            await _write(connection, batch, sorted_batch.plans, sorted_batch.refusals, incarnation)
            rows = totals([ClaimSet("", plan.claims) for plan in sorted_batch.plans.values()])
            for plan in sorted_batch.plans.values():
                add_transfers(rows, plan.transfers)
            if not await reserve_fast(connection, rows):
                raise _RollBack
        paths["fast"] += 1
        return _outcomes(batch, sorted_batch, {}, {}, {})
    except (_RollBack, asyncpg.UniqueViolationError):
        paths["exact"] += 1
        return await _accept_exact(connection, queries, batch, generation, incarnation, judge)


async def _accept_exact(
    connection: Connection,
    queries: Mapping[str, str],
    batch: Sequence[Admission],
    generation: int,
    incarnation: int,
    judge: Judge,
) -> list[Outcome]:
    async with connection.transaction():
        sorted_batch = await _begin(connection, queries, batch, generation, incarnation)
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
            await _release_identities(connection, queries, [batch[i] for i in again])
        if unused:
            await connection.execute(queries["release_quotes"], [batch[i].payment_id for i in (*refused, *again)])
        plans = {i: plan for i, plan in sorted_batch.plans.items() if i not in refused and i not in again}
        await _write(connection, batch, plans, sorted_batch.refusals | refused, incarnation)
    return _outcomes(batch, sorted_batch, refused, binding, again)


async def _begin_unknown(
    connection: Connection, queries: Mapping[str, str], batch: Sequence[Admission], generation: int, incarnation: int
) -> Sorted:
    """Write all identities as new (first statement: it waits for whoever inserts the same), check the fence, claim quotes."""
    text = _Texts()
    lines = []
    for item in batch:
        payment_id, day, content_hash = item.payment_id, text[item.received_on], item.content_hash.hex()
        for kind, key in item.identities:
            lines.append(f"{kind}\t{key}\t{payment_id}\t{day}\t\\\\x{content_hash if kind == KEY else ''}")
    lines.sort()  # by kind and key, as everyone inserts them
    await copy_rows(connection, "identity", _IDENTITY, lines)
    await _check_fence(connection, queries, generation, incarnation)
    refusals: dict[int, Refusal] = {}
    plans: dict[int, Plan] = {}
    for i, item in enumerate(batch):
        if isinstance(item.verdict, Plan):
            plans[i] = item.verdict
        else:
            refusals[i] = item.verdict
    rivals = await _claim_quotes(connection, queries, batch, plans, refusals)
    return Sorted({}, refusals, plans, rivals)


async def _check_fence(connection: Connection, queries: Mapping[str, str], generation: int, incarnation: int) -> None:
    found = await connection.fetchval(queries["share_fence"], incarnation)
    if found is None:
        raise StoreUnavailable("this worker's lease was taken for lost; it must be registered anew")
    if found != generation:
        raise StaleWorld


async def _begin(
    connection: Connection, queries: Mapping[str, str], batch: Sequence[Admission], generation: int, incarnation: int
) -> Sorted:
    """As _begin_unknown, for a batch of which something is known: who loses an identity is a replay or a duplicate."""
    rows = sorted((identity, i) for i, item in enumerate(batch) for identity in item.identities)
    claimed = await _claim_identities(connection, queries, batch, rows)
    await _check_fence(connection, queries, generation, incarnation)
    replays: dict[int, Outcome] = {}
    refusals: dict[int, Refusal] = {
        i: item.verdict for i, item in enumerate(batch) if isinstance(item.verdict, Refusal)
    }
    if len(claimed) < len(rows):
        await _conflicts(connection, queries, batch, claimed, replays, refusals)
    plans = {
        i: item.verdict
        for i, item in enumerate(batch)
        if isinstance(item.verdict, Plan) and i not in replays and i not in refusals
    }
    rivals = await _claim_quotes(connection, queries, batch, plans, refusals)
    return Sorted(replays, refusals, plans, rivals)


async def _claim_identities(
    connection: Connection, queries: Mapping[str, str], batch: Sequence[Admission], rows: Sequence[tuple[Identity, int]]
) -> Sequence[Any]:
    """Insert identities, each for a position of the batch; returns the rows that were not there."""
    claimed: Sequence[Any] = await connection.fetch(
        queries["claim_identities"],
        [identity.kind for identity, _ in rows],
        [identity.key for identity, _ in rows],
        [batch[i].payment_id for _, i in rows],
        [batch[i].received_on for _, i in rows],
        [batch[i].content_hash if identity.kind == KEY else _NO_HASH for identity, i in rows],
    )
    return claimed


async def _conflicts(
    connection: Connection,
    queries: Mapping[str, str],
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
    found = await find_identities(connection, queries, keys)
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
        await connection.execute(queries["release_identities"], [x.kind for x in freed], [x.key for x in freed])
    if heirs:
        await _claim_identities(connection, queries, batch, sorted(heirs.items()))


async def find_identities(
    connection: Connection, queries: Mapping[str, str], identities: Sequence[Identity]
) -> dict[Identity, tuple[str, bytes]]:
    """Return (payment_id, content hash) of the identities that exist."""
    if not identities:
        return {}
    rows = await connection.fetch(queries["find_identities"], [x.kind for x in identities], [x.key for x in identities])
    return {Identity(row["kind"], row["key"].hex): (str(row["payment_id"]), row["content_hash"]) for row in rows}


async def _claim_quotes(
    connection: Connection,
    queries: Mapping[str, str],
    batch: Sequence[Admission],
    plans: dict[int, Plan],
    refusals: dict[int, Refusal],
) -> dict[int, str]:
    """Claim quotes for the first who asks; returns who lost to another of the batch."""
    asking = sorted((plan.quote_id, i) for i, plan in plans.items() if plan.quote_id)
    if not asking:
        return {}
    first = {quote_id: batch[i].payment_id for quote_id, i in reversed(asking)}
    rows = await connection.fetch(queries["claim_quotes"], list(first), list(first.values()))
    got = {row["quote_id"]: str(row["used_by"]) for row in rows}
    rivals: dict[int, str] = {}
    for quote_id, i in asking:
        if got.get(quote_id) != batch[i].payment_id:
            del plans[i]
            refusals[i] = Refusal("quote-used", {"quote_id": quote_id}, "quote_id")
            if quote_id in got:
                rivals[i] = quote_id
    return rivals


async def _release_identities(connection: Connection, queries: Mapping[str, str], items: Sequence[Admission]) -> None:
    """Let go of what items that are to be decided again have claimed."""
    identities = [identity for item in items for identity in item.identities]
    await connection.execute(queries["release_identities"], [x.kind for x in identities], [x.key for x in identities])


async def _write(
    connection: Connection,
    batch: Sequence[Admission],
    plans: Mapping[int, Plan],
    refusals: Mapping[int, Refusal],
    incarnation: int,
) -> None:
    """Write payments with all that belongs to them; refused ones hold nothing but their reason."""
    text = _Texts()  # days and instants repeat within a batch, and a datetime is slow to write
    payments, events, waiting = [], [], []
    verdicts: list[tuple[int, Plan | Refusal]] = [*plans.items(), *refusals.items()]
    for i, verdict in verdicts:
        item = batch[i]
        if isinstance(verdict, Plan):
            status, code, detail, planned = ACCEPTED, "", "{}", _planned(verdict, text)
            if verdict.opens_at is not None:
                status, detail = QUEUED, opening_detail(verdict.opens_at)
                waiting.append(f"{item.payment_id}\t{text[item.received_on]}\t{verdict.opens_at}")
        else:
            status, code, detail, planned = REJECTED, code_of(verdict), escaped(refusal_json(verdict)), _UNPLANNED
        payment_id, day, at, participant = (
            item.payment_id,
            text[item.received_on],
            text[item.received_at],
            item.participant,
        )
        payments.append(
            f"{payment_id}\t{day}\t{at}\t{participant}\t{status}\t{code}\t{detail}\t{item.uetr}\t{escaped(item.instruction_id)}\t"
            f"{item.debtor_agent}\t{item.creditor_agent}\t{item.rulebook_id}\t{incarnation}\t{i}\t{planned}"
        )
        told = detail if status == QUEUED else "{}"
        events.append(f"{payment_id}\t{day}\t1\t{status}\t{code}\t{at}\t{told}\t{participant}\t{i}")
    if not payments:
        return
    await copy_rows(connection, "payment", _PAYMENT, payments)
    await copy_rows(connection, "event", _EVENT, events)
    await copy_values(connection, "decision", _DECISION, [_decision(i, batch[i], plans.get(i)) for i, _ in verdicts])
    transfers = []
    for i, plan in plans.items():
        head = f"{batch[i].payment_id}\t{text[batch[i].received_on]}"
        for n, debit, credit, amount_minor, currency, line in plan.transfers:
            transfers.append(f"{head}\t{n}\t{debit}\t{credit}\t{amount_minor}\t{currency}\t{line}\tf\t{i}")
    await copy_rows(connection, "transfer", _TRANSFER, transfers)
    await copy_rows(connection, "queued", _QUEUED, waiting)


def _decision(position: int, item: Admission, plan: Plan | None) -> bytes:
    """Write what stays of a payment, its sealed bytes as they are: hexadecimal would double them, and cost twice to read."""
    head = uuid_value(item.payment_id) + date_value(item.received_on) + integer_value(position) + value(item.sealed)
    if plan is None:
        return head + NULL + NULL + NULL
    finding = item.finding
    return (
        head
        + value(finding.standing_id.encode())
        + value(finding.own.encode())
        + value(claims_text(plan.claims).encode())
    )


class _Texts(dict[object, str]):
    """Remembers how a value is written."""

    def __missing__(self, value: object) -> str:
        text = self[value] = str(value)
        return text


def _planned(plan: Plan, text: _Texts) -> str:
    debit, settlement, leg = plan.debit, plan.settlement, plan.leg
    return (
        f"{plan.lane.id}\t{debit.amount_minor}\t{debit.currency}\t{settlement.amount_minor}\t{settlement.currency}\t"
        f"{plan.quote_id}\t{leg.rail}\t{LEG_HELD}\t{text[leg.expires_at]}\tt\t{'f' if all(map(straight, plan.claims)) else 't'}"
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
