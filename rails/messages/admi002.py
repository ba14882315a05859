"""admi.002: a message could not be read at all. Answers by the reference of its header, where that could be read. Pure."""

from types import MappingProxyType
from typing import NamedTuple

from rails.messages.codec import Kind, Received
from rails.messages.elements import instant_of, leaf
from rails.messages.envelope import enveloped
from rails.messages.errors import MessageError
from rails.messages.model import NOT_PROVIDED, BusinessHeader
from rails.messages.text import printable

ADMI_002 = "admi.002.001.01"
_REFERENCE_MAX, _TEXT_MAX = 35, 350


class MessageReject(NamedTuple):
    """Why a message was rejected. `reference` is its BizMsgIdr or MsgId, NOTPROVIDED where neither could be read."""

    reference: str
    reason_code: str  # ExternalStatusReason1Code: FF01, RR10, ... (ISO leaves the set to the scheme)
    rejected_at: str | None = None  # ISO 8601 text with offset
    location: str | None = None  # path of the element at fault
    description: str | None = None
    header: BusinessHeader | None = None
    definition: str = ADMI_002


def rejection_of(error: MessageError, rejected_at: str, header: BusinessHeader | None = None) -> MessageReject:
    """Say of a message what its error says."""
    reference = printable(error.message_id)[:_REFERENCE_MAX] or NOT_PROVIDED
    location, description = [printable(text)[:_TEXT_MAX] or None for text in (error.field, error.text)]
    return MessageReject(reference, error.code, rejected_at, location, description, header)


def build_admi002(reject: MessageReject) -> bytes:
    """Build a message reject, wrapped with its header where it has one. Raises MessageError (RR10)."""
    reason = (
        leaf("RjctgPtyRsn", reject.reason_code)
        + leaf("RjctnDtTm", reject.rejected_at)
        + leaf("ErrLctn", reject.location)
        + leaf("RsnDesc", reject.description)
    )
    content = f"<{ADMI_002}><RltdRef>{leaf('Ref', reject.reference)}</RltdRef><Rsn>{reason}</Rsn></{ADMI_002}>"
    return enveloped(reject.header, reject.definition, content)


def _read(received: Received) -> MessageReject:
    header, definition, found = received
    given = found["Rsn"]
    return MessageReject(
        found["RltdRef"]["Ref"], given["RjctgPtyRsn"], instant_of(given, "RjctnDtTm"), given.get("ErrLctn"),
        given.get("RsnDesc"), header, definition,
    )  # fmt: skip


KINDS = MappingProxyType({ADMI_002: Kind(ADMI_002, _read, (ADMI_002, "types"), frozenset(), message_id="RltdRef/Ref")})
