"""What the flow asks of a store: batches in, outcomes out; each call is one transaction and is idempotent.

Two implementations under one contract suite: switch.store.memory (the reference, for simulation) and
switch.store.postgres. Ids are UUID texts, instants are aware UTC, money is minor units. A part of the port is built of three:
its protocol X_books.py here, a mixin switch/store/memory_X.py, and its SQL in switch/store/postgres/X.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol

from fx.quotes import Quote
from limits.claims import Refused, Sums
from switch.flow.directory_books import DirectoryBooks
from switch.flow.doubt_books import DoubtBooks
from switch.flow.figures import Figures, Period
from switch.flow.measure_books import MeasureBooks
from switch.flow.order_books import OrderBooks
from switch.flow.queue_books import QueueBooks
from switch.flow.return_books import ReturnBooks
from switch.flow.steps import ExceptionRecord as ExceptionRecord  # part of the port
from switch.flow.steps import Moved as Moved
from switch.flow.steps import Step as Step
from switch.flow.steps import Stored as Stored
from switch.flow.steps import Unfinished as Unfinished
from switch.payment.plan import Plan, Refusal, Transfer

# Kinds of identity (design 2): one row each in one unpartitioned table.
KEY, UETR, INSTRUCTION = 1, 2, 3

# Whose event one of the stream is: the payment's own, or that of a record beside it, whose events never change its status.
PAYMENT, EXCEPTION, RECALL, RETURN, ABORT = "payment", "exception", "recall", "return", "abort"
RECORDS = (EXCEPTION, RECALL, RETURN, ABORT)

PERSON = "person:"  # and a document's pseudonym: the world's fact that says to which person the document is linked


class StaleWorld(Exception):
    """The sandbox's generation has moved on: decide again."""


class StoreUnavailable(Exception):
    """The store could not be reached or did not answer: nothing is known to have happened."""


class Identity(NamedTuple):
    """One identity a payment claims; `key` is 32 hex digits (those of the payment id or UETR, or a digest)."""

    kind: int
    key: str


class Finding(NamedTuple):
    """What decide found, for the reader, as JSON: what many decisions have in common is named, and stored once."""

    standing_id: str  # digest of `standing`
    standing: str  # class, lane, route
    own: str  # price, charge

    @property
    def document(self) -> str:
        """The two in one."""
        return self.standing if self.own == "{}" else f"{self.standing[:-1]}, {self.own[1:]}"


NOTHING_FOUND = Finding("", "{}", "{}")


class Admission(NamedTuple):
    """One payment to be stored: accepted if its plan's claims are admitted, else refused."""

    payment_id: str
    received_at: datetime
    received_on: date
    participant: str
    identities: tuple[Identity, Identity, Identity]
    content_hash: bytes
    uetr: str
    instruction_id: str
    debtor_agent: str
    creditor_agent: str
    rulebook_id: str
    sealed: bytes  # the raw instruction, encrypted
    finding: Finding
    verdict: Plan | Refusal


# Outcomes of an admission.
ACCEPTED, REFUSED, REPLAYED, AGAIN = "accepted", "refused", "replayed", "again"


class Outcome(NamedTuple):
    """What became of one admission. `again`: nothing was stored, decide again without what `refused` names."""

    kind: str
    payment_id: str  # for replayed: the payment the key belongs to
    refusal: Refusal | None = None
    refused: Refused | None = None
    same_content: bool = True  # for replayed: whether the content is that of the first


# Turns a refused claim into the refusal to store, or None where the payment is to be decided again.
Judge = Callable[[Admission, Refused], Refusal | None]


class StoredEvent(NamedTuple):
    """One event of a payment, or of a record beside it; `cursor` orders the stream by transaction, then by position in it.

    Of a record (`record` is one of RECORDS) `status` is the payment's, unchanged by it, `n` is 0, and `detail` is JSON with
    kind, record_id, state (the record's own) and text (a sentence for the reader, no name or number of a person).
    """

    cursor: str
    payment_id: str
    participant: str
    n: int
    status: str
    code: str
    at: datetime
    detail: str
    record: str = PAYMENT


class StoredLeg(NamedTuple):
    """One leg as the store holds it."""

    payment_id: str
    n: int
    rail: str
    direction: str
    status: str
    deadline_at: datetime


class StoredTransfer(NamedTuple):
    """One transfer; `state` follows the payment's money unless posted by itself (suspense)."""

    payment_id: str
    transfer: Transfer
    state: str  # pending | posted | voided


class Store(ReturnBooks, DoubtBooks, QueueBooks, DirectoryBooks, MeasureBooks, OrderBooks, Protocol):
    """Durable books of one sandbox."""

    async def open(self) -> None:
        """Make the sandbox's schema if it is not there."""

    async def close(self) -> None:
        """Let go of connections."""

    async def generation(self) -> int:
        """Return the fence's generation."""

    async def advance(self, world: Mapping[str, str], generation: int | None = None) -> int:
        """Store facts of the world and grow the generation by one, under the exclusive lock; returns the new one.

        Raises StaleWorld where `generation` is given and is not the fence's: someone else was first.
        """

    async def world(self) -> dict[str, str]:
        """Return the world's facts as last stored, with one for each linked document (PERSON)."""

    async def link_persons(self, first: str, second: str) -> bool:
        """Make one person of those whose documents (pseudonyms) these are; False where they are one already.

        The second's usage is added to the first's in every window there is, and what is posted or given back later goes there
        too. The generation grows with it.
        """

    async def fund(self, transfers: Sequence[Transfer]) -> None:
        """Post opening transfers once; a second call with the same accounts changes nothing."""

    async def accept(self, batch: Sequence[Admission], generation: int, judge: Judge) -> list[Outcome]:
        """Store a batch in one transaction: identities, payments, then counters; outcomes in the batch's order."""

    async def finish(self, steps: Sequence[Step]) -> list[Moved]:
        """Move payments, one step each a call, one transaction an event and day; only what moved is returned."""

    async def hear_out(self, step: Step, record: ExceptionRecord | None) -> bool:
        """Keep what a rail said of a payment that had ended: after its last word it is awaited no more.

        What contradicts the end is an exception record, written once with its suspense posting; False where none was.
        """

    async def adjust(self, payment_id: str, step: str, share: tuple[int, int], at: datetime) -> bool:
        """Give back a share (numerator, denominator) of a posted payment's claims; False where this step has counted before.

        It goes to the counters and in the proportion of the claims that were admitted, and only where their rule gives back;
        of a voided payment nothing is left to give. A payment that is unknown or still pending, and shares that add up to
        more than the whole, are our own error.
        """

    async def register(self, incarnation: int, lease_seconds: float) -> int:
        """Take or renew a worker's lease, in database time (0 hands it back); returns how many other workers hold one."""

    async def take_over(self, incarnation: int, limit: int) -> list[Unfinished]:
        """Take payments of workers whose lease has lapsed, of those that await their rail's last word."""

    async def save_quotes(self, quotes: Sequence[Quote]) -> None:
        """Keep firm quotes."""

    async def quotes(self, quote_ids: Sequence[str]) -> dict[str, tuple[Quote, str]]:
        """Return quotes by id, each with the payment that used it ("" = none)."""

    async def sums(self, counters: Iterable[str]) -> dict[str, Sums]:
        """Return the sums of counters that exist, of one that was linked to another's those of the other."""

    async def counters(self, prefix: str) -> dict[str, Sums]:
        """Return all counters whose key begins with `prefix`."""

    async def payment(self, payment_id: str) -> Stored | None:
        """Return one payment."""

    async def payments(self, participant: str | None, before: tuple[datetime, str] | None, limit: int) -> list[Stored]:
        """Return payments, newest first, after the cursor."""

    async def by_identity(self, identity: Identity) -> tuple[str, date, bytes] | None:
        """Return (payment_id, received_on, content hash) of an identity."""

    async def legs(self, payment_id: str) -> list[StoredLeg]:
        """Return a payment's legs."""

    async def transfers(self, payment_id: str) -> list[StoredTransfer]:
        """Return a payment's transfers."""

    async def sealed(self, payment_id: str) -> bytes | None:
        """Return a payment's sealed instruction."""

    async def events(self, payment_id: str) -> list[StoredEvent]:
        """Return a payment's events, oldest first."""

    async def stream(self, after: str, participant: str | None, limit: int) -> list[StoredEvent]:
        """Return committed events after the cursor `after` ("" = from the start) in the stream's order: none is ever skipped."""

    async def exceptions(self, payment_id: str | None) -> list[ExceptionRecord]:
        """Return exception records, of one payment or all."""

    async def figures(self, period: Period) -> Figures:
        """Return what settled in a period, added up by what is alike, and how many payments came in and did not settle."""

    async def participant_of_key(self, key_hash: bytes) -> str | None:
        """Return whose API key this is."""

    async def save_key(self, participant: str, key_hash: bytes) -> None:
        """Keep the hash of a participant's API key."""
