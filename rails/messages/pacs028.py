"""pacs.028: what has become of these payments? Asked after silence; answered with a pacs.002. Pure."""

from types import MappingProxyType
from typing import NamedTuple

from rails.messages.codec import Kind, Received, check_identifier
from rails.messages.elements import agent, agent_of, instant_of, leaf
from rails.messages.envelope import enveloped
from rails.messages.model import BusinessHeader
from rails.messages.original import OriginalPayment, check_original, ids, original_of, raise_first, reference

PACS_028 = "pacs.028.001.03"
PACS_028S = (PACS_028, "pacs.028.001.06")
_ROOT = "FIToFIPmtStsReq"


class Inquiry(NamedTuple):
    """One payment asked for; `accepted_at` repeats the AccptncDtTm of its instruction."""

    original: OriginalPayment
    request_id: str | None = None
    accepted_at: str | None = None


class StatusRequest(NamedTuple):
    """A payment status request. Agents are BICs, instants ISO 8601 texts with offset."""

    message_id: str
    created_at: str
    inquiries: tuple[Inquiry, ...]
    instructing_agent: str | None = None
    instructed_agent: str | None = None
    header: BusinessHeader | None = None
    definition: str = PACS_028


def build_pacs028(request: StatusRequest) -> bytes:
    """Build a status request, wrapped with its header where it has one. Raises MessageError (RR10)."""
    group = (
        leaf("MsgId", request.message_id)
        + leaf("CreDtTm", request.created_at)
        + agent("InstgAgt", request.instructing_agent)
        + agent("InstdAgt", request.instructed_agent)
    )
    content = "".join([_inquiry(each) for each in request.inquiries])
    return enveloped(request.header, request.definition, f"<{_ROOT}><GrpHdr>{group}</GrpHdr>{content}</{_ROOT}>")


def _inquiry(inquiry: Inquiry) -> str:
    return (
        f"<TxInf>{leaf('StsReqId', inquiry.request_id)}{ids(inquiry.original)}"
        f"{leaf('AccptncDtTm', inquiry.accepted_at)}{reference(inquiry.original, with_amounts=True)}</TxInf>"
    )


def _read(received: Received) -> StatusRequest:
    header, definition, found = received
    group = found["GrpHdr"]
    inquiries = tuple(
        [Inquiry(original_of(each), each.get("StsReqId"), instant_of(each, "AccptncDtTm")) for each in found["TxInf"]]
    )
    faults = [check_identifier(group["MsgId"], f"{_ROOT}/GrpHdr/MsgId")]
    faults += [check_original(each.original, f"{_ROOT}/TxInf[{n}]") for n, each in enumerate(inquiries, 1)]
    raise_first(faults, group["MsgId"])
    return StatusRequest(
        group["MsgId"], group["CreDtTm"].strip(), inquiries, agent_of(group, "InstgAgt"), agent_of(group, "InstdAgt"),
        header, definition,
    )  # fmt: skip


KINDS = MappingProxyType(
    {name: Kind(name, _read, ("pacs.028.body", "original", "types"), frozenset({"TxInf"})) for name in PACS_028S}
)
