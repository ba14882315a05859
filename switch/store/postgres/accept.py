"""The accepting transaction of a batch (design 2 and 3): fence, identities, quotes, rows, and the hot rows last.

Fast path: everything is written as if every claim fits, then one guarded upsert says whether it did. Where a counter
does not come back the transaction is rolled back and the exact path judges payment by payment.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
)
from switch.payment.plan import Plan, Refusal
from switch.payment.reasons import problem
from switch.payment.status import REJECTED
from switch.store.postgres.counters import reserve_exact, reserve_fast
from switch.payment.refusals import refusal_json

Connection = Any  # asyncpg has no types of its own
_NO_HASH = b""


class _RollBack(Exception):
    """The fast path did not hold: leave no trace and go the exact one."""


class Sorted(NamedTuple):
    """A batch after its identities and quotes are claimed."""

    replays: dict[int, Outcome]  # position -> stored answer of the same key
    refusals: dict[int, Refusal]  # position -> decided, duplicate or quote used
    plans: dict[int, Plan]  # position -> still to be admitted


async def accept_batch(
    connection: Connection,
    queries: Mapping[str, str],
    batch: Sequence[Admission],
    generation: int,
    incarnation: int,
    judge: Judge,
) -> list[Outcome]:
    """Run the fast path, and the exact one where it does not hold."""
    try:
        async with connection.transaction():
            sorted_batch = await _begin(connection, queries, batch, generation)
            await _write(connection, queries, batch, sorted_batch.plans, sorted_batch.refusals, incarnation)
            claim_sets = [ClaimSet(batch[i].payment_id, plan.claims) for i, plan in sorted_batch.plans.items()]
            if claim_sets:
                versions = await reserve_fast(connection, claim_sets)
                if versions is None:
                    raise _RollBack
                await _remember_batch(connection, queries, versions)
        return _outcomes(batch, sorted_batch, {}, {}, {})
    except _RollBack:
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
        sorted_batch = await _begin(connection, queries, batch, generation)
        positions = list(sorted_batch.plans)
        claim_sets = [ClaimSet(batch[i].payment_id, sorted_batch.plans[i].claims) for i in positions]
        verdicts, versions = await reserve_exact(connection, claim_sets)
        refused: dict[int, Refusal] = {}
        binding: dict[int, Refused] = {}
        again: dict[int, Refused] = {}
        for i, verdict in zip(positions, verdicts, strict=True):
            if verdict is None:
                continue
            refusal = judge(batch[i], verdict)
            if refusal is None:
                again[i] = verdict
            else:
                refused[i] = refusal
                binding[i] = verdict
        if again:
            await _undo(connection, queries, [batch[i] for i in again])
        plans = {i: plan for i, plan in sorted_batch.plans.items() if i not in refused and i not in again}
        await _write(connection, queries, batch, plans, sorted_batch.refusals | refused, incarnation)
        if versions:
            await _remember_batch(connection, queries, versions)
    return _outcomes(batch, sorted_batch, refused, binding, again)


async def _begin(
    connection: Connection, queries: Mapping[str, str], batch: Sequence[Admission], generation: int
) -> Sorted:
    """Claim identities (first statement: it waits for whoever inserts the same), check the fence, claim quotes."""
    rows = sorted((identity, i) for i, item in enumerate(batch) for identity in item.identities)
    claimed = await connection.fetch(
        queries["claim_identities"],
        [identity.kind for identity, _ in rows],
        [identity.key for identity, _ in rows],
        [batch[i].payment_id for _, i in rows],
        [batch[i].received_on for _, i in rows],
        [batch[i].content_hash if identity.kind == KEY else _NO_HASH for identity, i in rows],
    )
    if await connection.fetchval(queries["share_fence"]) != generation:
        raise StaleWorld
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
    await _claim_quotes(connection, queries, batch, plans, refusals)
    return Sorted(replays, refusals, plans)


async def _conflicts(
    connection: Connection,
    queries: Mapping[str, str],
    batch: Sequence[Admission],
    claimed: Sequence[Any],
    replays: dict[int, Outcome],
    refusals: dict[int, Refusal],
) -> None:
    """Sort out who lost an identity: the same key is a replay, a known UETR or instruction id is a refusal."""
    won: dict[tuple[int, bytes], str] = {(row["kind"], row["key"]): str(row["payment_id"]) for row in claimed}
    used: set[tuple[int, bytes]] = set()
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
    losers: list[Identity] = []
    for i, identity in lost:
        if identity.kind == KEY:
            payment_id, content_hash = found[identity]
            replays[i] = Outcome(REPLAYED, payment_id, same_content=content_hash == batch[i].content_hash)
            losers += held.get(i, ())
    for i, identity in lost:
        if i in replays:
            continue
        if identity.kind == UETR:
            refusals[i] = Refusal("duplicate-uetr", {}, "uetr")
        elif identity.kind == INSTRUCTION and i not in refusals:
            detail = {"instruction_id": batch[i].instruction_id, "agent": batch[i].debtor_agent}
            refusals[i] = Refusal("duplicate-instruction", detail, "instruction_id")
    for i in replays:
        refusals.pop(i, None)
    if losers:
        await connection.execute(queries["release_identities"], [x.kind for x in losers], [x.key for x in losers])


async def find_identities(
    connection: Connection, queries: Mapping[str, str], identities: Sequence[Identity]
) -> dict[Identity, tuple[str, bytes]]:
    """Return (payment_id, content hash) of the identities that exist."""
    if not identities:
        return {}
    rows = await connection.fetch(queries["find_identities"], [x.kind for x in identities], [x.key for x in identities])
    return {Identity(row["kind"], row["key"]): (str(row["payment_id"]), row["content_hash"]) for row in rows}


async def _claim_quotes(
    connection: Connection,
    queries: Mapping[str, str],
    batch: Sequence[Admission],
    plans: dict[int, Plan],
    refusals: dict[int, Refusal],
) -> None:
    asking = sorted((plan.quote_id, i) for i, plan in plans.items() if plan.quote_id)
    if not asking:
        return
    rows = await connection.fetch(
        queries["claim_quotes"], [q for q, _ in asking], [batch[i].payment_id for _, i in asking]
    )
    got = {row["quote_id"]: str(row["used_by"]) for row in rows}
    for quote_id, i in asking:
        if got.get(quote_id) != batch[i].payment_id:
            del plans[i]
            refusals[i] = Refusal("quote-used", {"quote_id": quote_id}, "quote_id")


async def _undo(connection: Connection, queries: Mapping[str, str], items: Sequence[Admission]) -> None:
    """Let go of what items that are to be decided again have claimed."""
    identities = [identity for item in items for identity in item.identities]
    await connection.execute(queries["release_identities"], [x.kind for x in identities], [x.key for x in identities])
    await connection.execute(queries["release_quotes"], [item.payment_id for item in items])


async def _remember_batch(connection: Connection, queries: Mapping[str, str], versions: Mapping[str, int]) -> None:
    await connection.execute(queries["insert_batch"], "accept", list(versions), list(versions.values()))


async def _write(
    connection: Connection,
    queries: Mapping[str, str],
    batch: Sequence[Admission],
    plans: Mapping[int, Plan],
    refusals: Mapping[int, Refusal],
    incarnation: int,
) -> None:
    payments = [_accepted_row(batch[i], plan) for i, plan in plans.items()]
    payments += [_refused_row(batch[i], refusal) for i, refusal in refusals.items()]
    if not payments:
        return
    columns = list(zip(*payments, strict=True))
    await connection.execute(queries["insert_payments"], *columns, incarnation)
    ids, days, instants, participants, statuses, codes = columns[:6]
    stored = [batch[i] for i in (*plans, *refusals)]
    await connection.execute(queries["insert_messages"], ids, days, [item.sealed for item in stored])
    positions = [*plans, *refusals]
    await connection.execute(queries["insert_events"], ids, days, statuses, codes, instants, participants, positions)
    if plans:
        legs = [
            (
                batch[i].payment_id,
                batch[i].received_on,
                plan.leg.n,
                plan.leg.rail,
                plan.leg.direction,
                plan.leg.expires_at,
            )
            for i, plan in plans.items()
        ]
        await connection.execute(queries["insert_legs"], *zip(*legs, strict=True))
        transfers = [
            (batch[i].payment_id, batch[i].received_on, *transfer)
            for i, plan in plans.items()
            for transfer in plan.transfers
        ]
        await connection.execute(queries["insert_transfers"], *zip(*transfers, strict=True), False)


def _accepted_row(item: Admission, plan: Plan) -> tuple[Any, ...]:
    rules, counters, deltas, bounds, gross = claim_arrays(plan)
    return (
        item.payment_id, item.received_on, item.received_at, item.participant, "accepted", "", "{}", item.uetr,
        item.instruction_id, item.debtor_agent, item.creditor_agent, plan.lane.id, plan.debit.amount_minor,
        plan.debit.currency, plan.settlement.amount_minor, plan.settlement.currency, item.rulebook_id, plan.quote_id,
        item.decision, rules, counters, deltas, bounds, gross, plan.reports_credit,
    )  # fmt: skip


def _refused_row(item: Admission, refusal: Refusal) -> tuple[Any, ...]:
    found = problem(refusal)
    return (
        item.payment_id, item.received_on, item.received_at, item.participant, REJECTED, found.code, refusal_json(refusal),
        item.uetr, item.instruction_id, item.debtor_agent, item.creditor_agent, "", 0, "", 0, "", item.rulebook_id, "",
        item.decision, "{}", "{}", "{}", "{}", "{}", False,
    )  # fmt: skip


def claim_arrays(plan: Plan) -> tuple[str, str, str, str, str]:
    """Write a plan's claims as five PostgreSQL array literals; rule ids and counter keys hold no character to escape."""
    rules, counters, deltas, bounds, gross = [], [], [], [], []
    for claim in plan.claims:
        rules.append(claim.rule)
        counters.append(claim.counter)
        deltas.append(str(claim.delta))
        bound = claim.ceiling if claim.delta >= 0 else claim.floor
        bounds.append("NULL" if bound is None else str(bound))
        gross.append("t" if straight(claim) else "f")
    return (
        "{" + ",".join(rules) + "}", "{" + ",".join(counters) + "}", "{" + ",".join(deltas) + "}",
        "{" + ",".join(bounds) + "}", "{" + ",".join(gross) + "}",
    )  # fmt: skip


def _outcomes(
    batch: Sequence[Admission],
    sorted_batch: Sorted,
    refused: Mapping[int, Refusal],
    binding: Mapping[int, Refused],
    again: Mapping[int, Refused],
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
