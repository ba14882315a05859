"""A payment as it stands, what moves it, and what a rail says after its end: plain values that every book of a store takes."""

from datetime import date, datetime
from typing import NamedTuple

from limits.claims import Claim
from switch.payment.plan import Transfer
from switch.payment.status import FINAL, IN_DOUBT


class Stored(NamedTuple):
    """A payment as the store holds it."""

    payment_id: str
    received_at: datetime
    received_on: date
    participant: str
    status: str
    code: str
    detail: str  # JSON: refusal or rail's reason
    uetr: str
    instruction_id: str
    debtor_agent: str
    creditor_agent: str
    lane: str
    debit_minor: int
    debit_currency: str
    settlement_minor: int
    settlement_currency: str
    rulebook_id: str
    quote_id: str
    decision: str
    claims: tuple[Claim, ...]
    settled_at: datetime | None
    awaits_rail: bool  # whether its rail's last word is still out, whatever an operator has decided

    @property
    def at_rest(self) -> bool:
        """Whether nothing comes by itself any more: it is final, in doubt, or settled by its rail's last word."""
        return self.status in FINAL or self.status == IN_DOUBT or not self.awaits_rail


class Unfinished(NamedTuple):
    """A payment taken over from a worker that is gone, its rail's last word still out: enough to resume it."""

    payment_id: str
    received_on: date
    uetr: str
    status: str
    rail: str
    leg: int
    deadline_at: datetime
    debit_currency: str
    settlement_minor: int
    settlement_currency: str
    sealed: bytes


class Step(NamedTuple):
    """One event for one payment: moves it only from a status the table allows."""

    payment_id: str
    received_on: date
    event: str  # an event of payment.status
    at: datetime
    code: str = ""  # ISO reason code where the event rejects
    detail: str = "{}"  # JSON for the reader
    last_word: bool = False  # its rail's: nothing more is to come from there. An operator's word is not the rail's


class Moved(NamedTuple):
    """A payment that a step has moved."""

    payment_id: str
    status: str


class ExceptionRecord(NamedTuple):
    """What a rail said after the end, beside the payment whose final status never changes."""

    payment_id: str
    received_on: date
    kind: str  # late-acceptance | contradiction
    at: datetime
    detail: str
    transfers: tuple[Transfer, ...]
    forced: tuple[Claim, ...]
