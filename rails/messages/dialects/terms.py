"""What the dialects share: how agents are named on a rail, how a leg is known again, and the one protocol of them all.

A dialect turns a leg into the bytes of its rail and back; it neither sends nor decides. No rail of these carries a UETR:
`1-` and the UETR's 32 hexadecimal digits stand where the rail has a transaction's id (assumed), so that a report says
whose it is.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from rails.messages.dialects.leaves import Form
from rails.messages.errors import MessageError
from rails.port import RailInstruction, RailReport

# How a field or element stands in a dialect: named in the facts; ours, where they are silent; not on this rail.
CARRIED = "carried"
ASSUMED = "assumed"
LEFT_OUT = "left out"
OURS = "our switch's own; no matter of a domestic rail"
NEVER_SEEN = "AG09"  # the reason that answers an inquiry after an unknown leg, with the promise of rails.port.UNKNOWN
_KEY = re.compile(r"([1-9])-([0-9a-f]{32})")
KEY = Form(_KEY, "the leg's number, a hyphen and the UETR's 32 hexadecimal digits")
_REASON = re.compile(r"[A-Z]{2}[0-9]{2}|[A-Z]{4}")  # of ExternalStatusReason1Code


class Row(NamedTuple):
    """One row of a dialect's table: a field of a leg, an element of the rail, or both.

    `field` is dotted, of RailInstruction, "" for an element that no field of ours fills; `element` "" = left out. `as_is`:
    the field's text is the element's. `facts` is the section of facts messages.
    """

    field: str
    element: str
    standing: str
    facts: str
    note: str = ""
    as_is: bool = False


class Members(NamedTuple):
    """How a rail names its members, by BIC8 and back, and the rail's own reject codes in ISO's words.

    The reject codes of no rail are public: a code of ISO's form is taken for ISO's, others need a row here.
    """

    ids: Mapping[str, str]
    bics: Mapping[str, str]
    reasons: Mapping[str, str]

    def id_of(self, bic: str, field: str) -> str:
        """Return the member id of a BIC; raises MessageError (RC10)."""
        found = self.ids.get(bic[:8])
        if found is None:
            raise MessageError("RC10", field, f"{bic} has no member id on this rail")
        return found

    def bic_of(self, member_id: str, field: str) -> str:
        """Return the BIC8 of a member id; raises MessageError (RC10)."""
        found = self.bics.get(member_id)
        if found is None:
            raise MessageError("RC10", field, f"{member_id} is no member of this rail")
        return found

    def reason(self, code: str, field: str) -> str:
        """Return the ISO code of a reject code; raises MessageError."""
        found = self.reasons.get(code, code)
        if _REASON.fullmatch(found) is None:
            raise MessageError(
                "FF01", field, f"{code} is neither of ISO's form nor in the table of the rail's own codes"
            )
        return found


def members(ids: Mapping[str, str], reasons: Mapping[str, str] | None = None) -> Members:
    """Make the table of a rail's members from {BIC8: member id}; two members with one id are a ValueError."""
    bics = {member_id: bic for bic, member_id in ids.items()}
    if len(bics) != len(ids):
        raise ValueError("two members have one id")
    return Members(dict(ids), bics, dict(reasons or {}))


class Inquiry(NamedTuple):
    """A question after one leg."""

    uetr: str
    leg: int
    asker: str  # BIC8
    at: datetime


class Dialect(Protocol):
    """One rail's way of writing. Every method raises MessageError naming the element at fault."""

    @property
    def name(self) -> str:
        """What the dialect is called: hk-fps, ibps, beps, hvps."""

    def write_credit(self, sent: RailInstruction, known: Members) -> bytes:
        """Write one leg, which must carry its transfer: names stand in no other place."""

    def read_credit(self, body: bytes, known: Members, deadline: timedelta) -> RailInstruction:
        """Read one leg; no rail carries `expires_at`, which becomes its creation and `deadline`."""

    def write_report(self, report: RailReport, receiver: str, known: Members) -> bytes:
        """Write what the rail says of a leg, to the agent of BIC8 `receiver`."""

    def read_report(self, body: bytes, rail: str, known: Members, inquired: bool = False) -> RailReport:
        """Read what `rail` says of a leg; only where it was `inquired` after does AG09 mean that it is unknown."""

    def write_inquiry(self, inquiry: Inquiry, known: Members) -> bytes:
        """Write the question after a leg; what is read as a report answers it."""

    def read_inquiry(self, body: bytes, known: Members) -> Inquiry:
        """Read the question after a leg."""


def key_of(uetr: str, leg: int) -> str:
    """Return what a leg is known by on a rail without UETRs: 34 characters."""
    return f"{leg}-{UUID(uetr).hex}"


def read_key(key: str, field: str) -> tuple[str, int]:
    """Return UETR and leg of a key; raises MessageError."""
    found = _KEY.fullmatch(key)
    if found is None:
        raise MessageError("FF01", field, f"It takes {KEY.says}")
    return str(UUID(found.group(2))), int(found.group(1))


def utc(at: datetime) -> str:
    """Write an instant in UTC with Z, to the microsecond where it has any."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def instant(text: str, field: str, offset: timedelta = timedelta(0)) -> datetime:
    """Read an instant; one without offset is of the zone `offset` ahead of UTC. Raises MessageError (DT01)."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise MessageError("DT01", field, f"{text} is no day and time of the calendar") from None
    return at if at.tzinfo is not None else (at - offset).replace(tzinfo=UTC)
