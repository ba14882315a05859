"""What the flow asks of a store about payments in doubt: inquiries, what two operators decide, what is ended unsent.

Each call is one transaction. Both stores; instants are aware UTC, of business time.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol

from switch.flow.steps import Moved, Step

# Rows a leg's inquiries take: after the back-off they come every minute, and a rail may be silent for days. The last row
# stands for all later ones and counts them.
INQUIRIES_KEPT = 32
NO_ANSWER = "none"  # the rail could not be reached

OPEN, CONFIRMED, LAPSED = "open", "confirmed", "lapsed"  # what becomes of a proposal
ABOUT_PAYMENT = "payment"  # a proposal's subject, where it is not the kind of an exception record

RECALLED = "recalled"
RESOLUTIONS = ("honoured", RECALLED, "written-off")  # how an exception ends


class Inquiry(NamedTuple):
    """One question to a rail about a leg (pacs.028), and its answer; the last one kept stands for `times` of them."""

    payment_id: str
    received_on: date
    leg: int
    n: int  # from 1, given by the store
    rail: str
    asked_at: datetime
    answer: str  # a status of rails.port reports, or NO_ANSWER
    code: str
    times: int = 1


class Proposal(NamedTuple):
    """What one operator proposes and another one confirms; `n` counts the proposals on one subject."""

    payment_id: str
    subject: str  # ABOUT_PAYMENT, or the kind of the exception record it resolves
    n: int
    action: str  # reject | settle; of an exception one of RESOLUTIONS
    reason: str
    proposed_by: str
    proposed_at: datetime
    lapses_at: datetime
    outcome: str = OPEN
    decided_by: str = ""
    decided_at: datetime | None = None


class DoubtBooks(Protocol):
    """Durable books of doubt."""

    async def abandon(self, steps: Sequence[Step], incarnation: int) -> list[Moved]:
        """Move accepted payments that a worker still holds under this incarnation; those another has taken over are left."""

    async def tell(
        self, payment_id: str, record: str, at: datetime, code: str, detail: str, participant: str | None
    ) -> None:
        """Write one event of a record; `participant` (BIC8) is told, None = the payment's own."""

    async def ended(self, payment_ids: Sequence[str]) -> set[str]:
        """Return which of these payments stand rejected while their rails' last word is out: operators have ended them."""

    async def note_inquiries(self, inquiries: Sequence[Inquiry]) -> None:
        """Keep inquiries, one a leg, each as the leg's next; past INQUIRIES_KEPT the last row counts on."""

    async def inquiries(self, payment_id: str) -> list[Inquiry]:
        """Return a payment's inquiries, oldest first."""

    async def propose(self, proposal: Proposal) -> bool:
        """Keep a proposal; False where its place is taken, or one on the same subject is open."""

    async def decide_proposal(self, proposal: Proposal, outcome: str, by: str, at: datetime) -> bool:
        """Confirm an open proposal, or have it lapse; False where it is open no more.

        Of an exception's the record is resolved with it, and its event told.
        """

    async def proposals(self, payment_id: str | None) -> list[Proposal]:
        """Return proposals, oldest first, of one payment or all."""
