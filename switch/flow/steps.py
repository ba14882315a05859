"""What moves a payment, and what a rail says after its end: plain values that every book of a store takes."""

from datetime import date, datetime
from typing import NamedTuple

from limits.claims import Claim
from switch.payment.plan import Transfer


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
