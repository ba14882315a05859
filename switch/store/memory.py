"""The store in memory: the reference under the same contract, and the durable part of a simulated crash.

One event loop; each method is one atomic step. Nothing of it survives the process.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from fx.quotes import Quote
from limits.claims import Refused
from limits.counters import Change, Reservation, adjusted, admit, post_changes, void_changes
from switch.flow.figures import Figures, Period
from switch.flow.ports import (
    ACCEPTED,
    AGAIN,
    EXCEPTION,
    INSTRUCTION,
    KEY,
    REFUSED,
    REPLAYED,
    UETR,
    Admission,
    ExceptionRecord,
    Identity,
    Judge,
    Moved,
    Outcome,
    StaleWorld,
    Step,
    Stored,
    StoredEvent,
    StoredLeg,
    StoredTransfer,
    Unfinished,
)
from switch.flow.queue_books import Release
from switch.flow.record_events import exception_code, exception_detail
from switch.payment.plan import Leg, Plan, Refusal, Transfer
from switch.payment.postings import account_claims, reservation
from switch.payment.reasons import code_of
from switch.payment.refusals import refusal_json
from switch.payment.status import ACCEPTED as PAYMENT_ACCEPTED
from switch.payment.status import (
    LEG_HELD,
    LEG_TABLE,
    MONEY,
    PAYMENT_TABLE,
    PENDING,
    POSTED,
    QUEUED,
    REJECTED,
    RELEASE,
    VOIDED,
)
from switch.store.memory_directory import MemoryDirectory
from switch.store.memory_doubt import MemoryDoubt
from switch.store.memory_measure import MemoryMeasure
from switch.store.memory_orders import MemoryOrders
from switch.store.memory_persons import MemoryPersons
from switch.store.memory_queue import MemoryQueue
from switch.store.memory_report import added_up
from switch.store.memory_returns import MemoryReturns


class _Row(NamedTuple):
    """A payment and all that belongs to it."""

    stored: Stored
    legs: tuple[tuple[Leg, str], ...]
    transfers: tuple[Transfer, ...]
    alone: tuple[Transfer, ...]
    sealed: bytes
    incarnation: int


class MemoryStore(MemoryPersons, MemoryReturns, MemoryDoubt, MemoryQueue, MemoryDirectory, MemoryMeasure, MemoryOrders):
    """Books of one sandbox in dictionaries."""

    def __init__(self) -> None:
        MemoryPersons.__init__(self)  # first: the others ask it for sums
        MemoryReturns.__init__(self)
        MemoryDoubt.__init__(self)
        MemoryQueue.__init__(self)
        MemoryDirectory.__init__(self)
        MemoryOrders.__init__(self)
        self._generation = 1
        self._world: dict[str, str] = {}
        self._identities: dict[Identity, tuple[str, date, bytes]] = {}
        self._rows: dict[str, _Row] = {}
        self._adjusted: dict[str, Reservation] = {}  # of payments of whose claims some went back
        self._events: list[StoredEvent] = []
        self._count: dict[str, int] = {}
        self._quotes: dict[str, tuple[Quote, str]] = {}
        self._exceptions: dict[tuple[str, str], ExceptionRecord] = {}
        self._keys: dict[bytes, str] = {}
        self._workers: set[int] = set()
        self._incarnation = 0
        self._transaction = 0
        self._funded = False

    async def open(self) -> None:
        """Nothing to make."""

    async def close(self) -> None:
        """Nothing to let go of."""

    # --- world ---

    async def generation(self) -> int:
        """Return the fence's generation."""
        return self._generation

    async def world(self) -> dict[str, str]:
        """Return the world's facts as last stored, with one for each linked document."""
        return self._world | self._links()

    async def advance(self, world: Mapping[str, str], generation: int | None = None) -> int:
        """Store facts of the world and grow the generation; StaleWorld where someone else was first."""
        if generation not in (None, self._generation):
            raise StaleWorld
        self._world |= world
        self._generation += 1
        return self._generation

    async def fund(self, transfers: Sequence[Transfer]) -> None:
        """Post opening transfers once."""
        if not self._funded:
            self._funded = True
            self._post_alone(transfers)

    def _post_alone(self, transfers: Iterable[Transfer]) -> None:
        for transfer in transfers:
            self._add(transfer.debit_account, Change(up_posted=transfer.amount_minor))
            self._add(transfer.credit_account, Change(down_posted=transfer.amount_minor))

    # --- the two transactions of a payment ---

    async def accept(self, batch: Sequence[Admission], generation: int, judge: Judge) -> list[Outcome]:
        """Admit a batch, payment by payment in arrival order."""
        self._begin(generation)
        return [self._accept(item, position, judge) for position, item in enumerate(batch)]

    def _accept(self, item: Admission, position: int, judge: Judge) -> Outcome:
        by_kind = {identity.kind: identity for identity in item.identities}
        refused: Refused | None = None
        known = self._identities.get(by_kind[KEY])
        if known is not None:
            return Outcome(REPLAYED, known[0], same_content=known[2] == item.content_hash)
        refusal = item.verdict if isinstance(item.verdict, Refusal) else None
        if by_kind[INSTRUCTION] in self._identities and refusal is None:
            detail = {"instruction_id": item.instruction_id, "agent": item.debtor_agent}
            refusal = Refusal("duplicate-instruction", detail, "instruction_id")
        if by_kind[UETR] in self._identities:
            refusal = Refusal("duplicate-uetr", {}, "uetr")
        if isinstance(item.verdict, Plan) and refusal is None:
            admitted = self._admit(item, item.verdict, judge)
            if admitted is not None and admitted.kind == AGAIN:
                return admitted
            refusal, refused = (admitted.refusal, admitted.refused) if admitted is not None else (None, None)
        for identity in item.identities:
            self._identities.setdefault(identity, (item.payment_id, item.received_on, item.content_hash))
        self._store(item, refusal, position)
        return Outcome(ACCEPTED if refusal is None else REFUSED, item.payment_id, refusal, refused)

    def _admit(self, item: Admission, plan: Plan, judge: Judge) -> Outcome | None:
        if plan.quote_id and self._quotes[plan.quote_id][1]:
            return Outcome(REFUSED, item.payment_id, Refusal("quote-used", {"quote_id": plan.quote_id}, "quote_id"))
        refused: Refused | None
        refused, after = admit(reservation(plan), self._sums)
        self._write(after)
        if refused is not None:
            refusal = judge(item, refused)
            return Outcome(AGAIN if refusal is None else REFUSED, item.payment_id, refusal, refused)
        if plan.quote_id:
            self._quotes[plan.quote_id] = (self._quotes[plan.quote_id][0], item.payment_id)
        return None

    def _store(self, item: Admission, refusal: Refusal | None, position: int) -> None:
        plan = item.verdict if refusal is None and isinstance(item.verdict, Plan) else None
        status = PAYMENT_ACCEPTED if plan else REJECTED
        detail = refusal_json(refusal) if refusal else "{}"
        if plan is not None and plan.opens_at is not None:
            status, detail = QUEUED, self._wait(item.payment_id, plan.opens_at)
        stored = Stored(
            item.payment_id, item.received_at, item.received_on, item.participant, status,
            code_of(refusal) if refusal else "", detail, item.uetr,
            item.instruction_id, item.debtor_agent, item.creditor_agent, plan.lane.id if plan else "",
            plan.debit.amount_minor if plan else 0, plan.debit.currency if plan else "",
            plan.settlement.amount_minor if plan else 0, plan.settlement.currency if plan else "", item.rulebook_id,
            plan.quote_id if plan else "", item.finding.document, plan.claims if plan else (), None, bool(plan),
        )  # fmt: skip
        legs = ((plan.leg, LEG_HELD),) if plan else ()
        transfers = plan.transfers if plan else ()
        self._rows[item.payment_id] = _Row(stored, legs, transfers, (), item.sealed, self._incarnation)
        waits = status == QUEUED
        self._event(stored, 1, item.received_at, position, detail if waits else "{}")

    def _event(self, stored: Stored, n: int, at: datetime, position: int, detail: str = "{}") -> None:
        cursor = f"{self._transaction}-{position}"
        self._count[stored.payment_id] = n
        self._events.append(
            StoredEvent(cursor, stored.payment_id, stored.participant, n, stored.status, stored.code, at, detail)
        )

    def _holder(self, payment_id: str) -> tuple[str, int]:
        row = self._rows[payment_id]
        return row.stored.status, row.incarnation

    def _record_event(
        self, payment_id: str, record: str, at: datetime, code: str = "", detail: str = "{}", participant: str = ""
    ) -> None:
        """Append an event of a record beside a payment; "" tells the payment's own participant."""
        self._transaction += 1
        stored = self._rows[payment_id].stored
        told = participant or stored.participant
        self._events.append(
            StoredEvent(f"{self._transaction}-0", payment_id, told, 0, stored.status, code, at, detail, record)
        )

    async def finish(self, steps: Sequence[Step]) -> list[Moved]:
        """Move payments; only what moved is returned."""
        self._transaction += 1
        moved = []
        for position, step in enumerate(steps):
            row = self._rows.get(step.payment_id)
            to = PAYMENT_TABLE[row.stored.status].get(step.event) if row else None
            if row is None or to is None:
                continue
            self._move_money(row, to)
            posted = MONEY[to] == POSTED
            stored = row.stored._replace(
                status=to, code=step.code, detail=step.detail if step.detail != "{}" else row.stored.detail,
                settled_at=(row.stored.settled_at or step.at) if posted else None,
                awaits_rail=row.stored.awaits_rail and not step.last_word,
            )  # fmt: skip
            legs = tuple((leg, LEG_TABLE[status].get(step.event, status)) for leg, status in row.legs)
            self._rows[step.payment_id] = row._replace(stored=stored, legs=legs)
            self._event(stored, self._count[step.payment_id] + 1, step.at, position, step.detail)
            moved.append(Moved(step.payment_id, to))
        return moved

    def _move_money(self, row: _Row, to: str) -> None:
        before, after = MONEY[row.stored.status], MONEY[to]
        if before == after:
            return
        claims = row.stored.claims + tuple(account_claims(row.transfers))
        self._change(void_changes(claims) if after == VOIDED else post_changes(claims))

    async def hear_out(self, step: Step, record: ExceptionRecord | None) -> bool:
        """Await a rail no more after its last word; write an exception record with its suspense posting once."""
        row = self._rows[step.payment_id]
        stored = row.stored._replace(awaits_rail=row.stored.awaits_rail and not step.last_word)
        row = self._rows[step.payment_id] = row._replace(stored=stored)
        if record is None or (record.payment_id, record.kind) in self._exceptions:
            return False
        self._exceptions[record.payment_id, record.kind] = record
        self._record_event(
            record.payment_id, EXCEPTION, record.at, exception_code(record.detail), exception_detail(record)
        )
        self._post_alone(record.transfers)
        for claim in record.forced:
            self._add(self._where_it_is(claim.counter), Change(up_posted=claim.delta))
        self._rows[record.payment_id] = row._replace(alone=row.alone + record.transfers)
        return True

    async def adjust(self, payment_id: str, step: str, share: tuple[int, int], at: datetime) -> bool:
        """Give back a share of a posted payment's claims; False where this step has counted before."""
        return self._give_back(payment_id, step, share)

    # --- what the other parts need of these books ---

    def _begin(self, generation: int) -> None:
        """Begin a transaction in the world of this generation."""
        if generation != self._generation:
            raise StaleWorld
        self._transaction += 1

    def _grow(self) -> None:
        self._generation += 1

    def _set_out(self, release: Release, at: datetime, position: int) -> Unfinished:
        row = self._rows[release.payment_id]
        stored = row.stored._replace(status=PAYMENT_TABLE[QUEUED][RELEASE], detail="{}")
        [(leg, leg_status)] = row.legs
        legs = ((leg._replace(expires_at=release.deadline_at), leg_status),)
        row = row._replace(stored=stored, legs=legs, incarnation=self._incarnation)
        self._rows[release.payment_id] = row
        self._event(stored, self._count[release.payment_id] + 1, at, position)
        return _unfinished(row)

    def _note_detail(self, payment_id: str, detail: str) -> None:
        row = self._rows[payment_id]
        self._rows[payment_id] = row._replace(stored=row.stored._replace(detail=detail))

    def _held(self, payment_id: str) -> Stored:
        return self._rows[payment_id].stored

    def _post_beside(self, payment_id: str, transfers: Sequence[Transfer]) -> None:
        row = self._rows[payment_id]
        self._post_alone(transfers)
        self._rows[payment_id] = row._replace(alone=row.alone + tuple(transfers))

    def _given_back(self, payment_id: str) -> tuple[int, int]:
        held = self._adjusted.get(payment_id)
        return held.given.as_integer_ratio() if held else (0, 1)

    def _give_back(self, payment_id: str, step: str, share: tuple[int, int]) -> bool:
        row = self._rows.get(payment_id)
        assert row is not None and MONEY[row.stored.status] != PENDING, f"payment {payment_id} is not at its end"
        held = self._adjusted.get(payment_id) or Reservation(row.stored.claims, MONEY[row.stored.status])
        after, changes = adjusted(held, step, share)
        self._change(changes)
        self._adjusted[payment_id] = after
        return after != held

    # --- workers ---

    async def register(self, incarnation: int, lease_seconds: float) -> int:
        """Take a worker's lease; an incarnation that is not the newest has lapsed: memory knows no clock."""
        self._incarnation = incarnation
        self._workers.add(incarnation)
        return 0

    async def take_over(self, incarnation: int, limit: int) -> list[Unfinished]:
        """Take payments of other incarnations that await their rail's last word."""
        taken: list[Unfinished] = []
        for payment_id, row in self._rows.items():
            if row.incarnation == incarnation or len(taken) >= limit or not row.stored.awaits_rail:
                continue
            self._rows[payment_id] = row._replace(incarnation=incarnation)
            taken.append(_unfinished(row))
        return taken

    # --- quotes, keys ---

    async def save_quotes(self, quotes: Sequence[Quote]) -> None:
        """Keep firm quotes."""
        for quote in quotes:
            self._quotes.setdefault(quote.quote_id, (quote, ""))

    async def quotes(self, quote_ids: Sequence[str]) -> dict[str, tuple[Quote, str]]:
        """Return quotes by id, each with the payment that used it."""
        return {quote_id: self._quotes[quote_id] for quote_id in quote_ids if quote_id in self._quotes}

    async def participant_of_key(self, key_hash: bytes) -> str | None:
        """Return whose API key this is."""
        return self._keys.get(key_hash)

    async def save_key(self, participant: str, key_hash: bytes) -> None:
        """Keep the hash of a participant's API key."""
        self._keys[key_hash] = participant

    # --- reads ---

    async def payment(self, payment_id: str) -> Stored | None:
        """Return one payment."""
        row = self._rows.get(payment_id)
        return row.stored if row else None

    async def payments(self, participant: str | None, before: tuple[datetime, str] | None, limit: int) -> list[Stored]:
        """Return payments, newest first, after the cursor."""
        rows = sorted(
            (row.stored for row in self._rows.values()), key=lambda s: (s.received_at, s.payment_id), reverse=True
        )
        return [
            stored
            for stored in rows
            if participant in (None, stored.participant)
            and (before is None or (stored.received_at, stored.payment_id) < before)
        ][:limit]

    async def by_identity(self, identity: Identity) -> tuple[str, date, bytes] | None:
        """Return (payment_id, received_on, content hash) of an identity."""
        return self._identities.get(identity)

    async def legs(self, payment_id: str) -> list[StoredLeg]:
        """Return a payment's legs."""
        row = self._rows[payment_id]
        return [
            StoredLeg(payment_id, leg.n, leg.rail, leg.direction, status, leg.expires_at) for leg, status in row.legs
        ]

    async def transfers(self, payment_id: str) -> list[StoredTransfer]:
        """Return a payment's transfers."""
        row = self._rows[payment_id]
        own = [StoredTransfer(payment_id, transfer, MONEY[row.stored.status]) for transfer in row.transfers]
        return own + [StoredTransfer(payment_id, transfer, POSTED) for transfer in row.alone]

    async def sealed(self, payment_id: str) -> bytes | None:
        """Return a payment's sealed instruction."""
        row = self._rows.get(payment_id)
        return row.sealed if row else None

    async def events(self, payment_id: str) -> list[StoredEvent]:
        """Return a payment's events, oldest first."""
        return [event for event in self._events if event.payment_id == payment_id]

    async def stream(self, after: str, participant: str | None, limit: int) -> list[StoredEvent]:
        """Return events after the cursor, in the stream's order."""
        start = _order(after or "0-0")
        later = (event for event in self._events if _order(event.cursor) > start)
        return [event for event in later if participant in (None, event.participant)][:limit]

    async def exceptions(self, payment_id: str | None) -> list[ExceptionRecord]:
        """Return exception records, of one payment or all."""
        return [record for record in self._exceptions.values() if payment_id in (None, record.payment_id)]

    async def figures(self, period: Period) -> Figures:
        """Return what settled in a period, added up by what is alike."""
        return added_up(
            period, [row.stored for row in self._rows.values()], list(self._exceptions.values()), self._returns.values()
        )


def _unfinished(row: _Row) -> Unfinished:
    leg, stored = row.legs[0][0], row.stored
    return Unfinished(
        stored.payment_id, stored.received_on, stored.uetr, stored.status, leg.rail, leg.n, leg.expires_at,
        stored.debit_currency, stored.settlement_minor, stored.settlement_currency, row.sealed,
    )  # fmt: skip


def _order(cursor: str) -> tuple[int, int]:
    transaction, _, position = cursor.partition("-")
    return int(transaction), int(position)
