"""Doubt in memory: the reference for switch/store/postgres/doubt.py. One event loop; each method is one step.

A part of MemoryStore, which says what it needs of the books below.
"""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime

from switch.flow.doubt_books import ABOUT_PAYMENT, CONFIRMED, INQUIRIES_KEPT, OPEN, Inquiry, Proposal
from switch.flow.ports import EXCEPTION, Moved, Step, Stored
from switch.flow.record_events import resolved_detail
from switch.payment.status import ACCEPTED, REJECTED


class MemoryDoubt:
    """The part of the books that inquiries and proposals are in."""

    def __init__(self) -> None:
        self._inquiries: dict[tuple[str, int, int], Inquiry] = {}
        self._proposals: dict[tuple[str, str, int], Proposal] = {}

    @abstractmethod
    def _holder(self, payment_id: str) -> tuple[str, int]:
        """Return a payment's status and the incarnation that holds it."""

    @abstractmethod
    def _held(self, payment_id: str) -> Stored:
        """Return a payment that is there."""

    @abstractmethod
    def _record_event(
        self, payment_id: str, record: str, at: datetime, code: str = "", detail: str = "{}", participant: str = ""
    ) -> None:
        """Append an event of a record."""

    @abstractmethod
    async def finish(self, steps: Sequence[Step]) -> list[Moved]:
        """Move payments."""

    async def abandon(self, steps: Sequence[Step], incarnation: int) -> list[Moved]:
        """Move accepted payments that a worker still holds."""
        return await self.finish([step for step in steps if self._holder(step.payment_id) == (ACCEPTED, incarnation)])

    async def tell(
        self, payment_id: str, record: str, at: datetime, code: str, detail: str, participant: str | None
    ) -> None:
        """Write one event of a record."""
        self._record_event(payment_id, record, at, code, detail, participant or "")

    async def ended(self, payment_ids: Sequence[str]) -> set[str]:
        """Return which of these payments operators have ended while their rails' last word is out."""
        held = [self._held(payment_id) for payment_id in payment_ids]
        return {each.payment_id for each in held if each.status == REJECTED and each.awaits_rail}

    async def note_inquiries(self, inquiries: Sequence[Inquiry]) -> None:
        """Keep inquiries, one a leg, each as the leg's next; past INQUIRIES_KEPT the last row counts on."""
        for each in inquiries:
            known = sum(place[:2] == (each.payment_id, each.leg) for place in self._inquiries)
            n = min(known + 1, INQUIRIES_KEPT)
            place = (each.payment_id, each.leg, n)
            before = self._inquiries.get(place)
            self._inquiries[place] = each._replace(n=n, times=before.times + 1 if before else 1)

    async def inquiries(self, payment_id: str) -> list[Inquiry]:
        """Return a payment's inquiries, oldest first."""
        return [self._inquiries[place] for place in sorted(self._inquiries) if place[0] == payment_id]

    async def propose(self, proposal: Proposal) -> bool:
        """Keep a proposal; False where its place is taken, or one on the same subject is open."""
        place = (proposal.payment_id, proposal.subject, proposal.n)
        taken = any(each.outcome == OPEN for key, each in self._proposals.items() if key[:2] == place[:2])
        if taken or place in self._proposals:
            return False
        self._proposals[place] = proposal
        return True

    async def decide_proposal(self, proposal: Proposal, outcome: str, by: str, at: datetime) -> bool:
        """Confirm an open proposal, or have it lapse; False where it is open no more."""
        place = (proposal.payment_id, proposal.subject, proposal.n)
        if self._proposals[place].outcome != OPEN:
            return False
        assert outcome != CONFIRMED or by not in ("", proposal.proposed_by), "four eyes are two operators'"
        self._proposals[place] = proposal._replace(outcome=outcome, decided_by=by, decided_at=at)
        if outcome == CONFIRMED and proposal.subject != ABOUT_PAYMENT:
            self._record_event(proposal.payment_id, EXCEPTION, at, "", resolved_detail(proposal))
        return True

    async def proposals(self, payment_id: str | None) -> list[Proposal]:
        """Return proposals, oldest first, of one payment or all."""
        found = [each for each in self._proposals.values() if payment_id in (None, each.payment_id)]
        return sorted(found, key=lambda each: (each.proposed_at, each.payment_id, each.subject, each.n))
