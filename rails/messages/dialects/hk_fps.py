"""The dialect of HK FPS as far as it is public: an envelope of header and document; credit, report and inquiry.

Known from participants' code that agrees (facts messages 2.1, M); no schema, no time-out and no list of reject codes is
public. An envelope carries one message here. Signatures are handed through as they are and never verified. Not here:
batches of many, direct debits, addressing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from lxml import etree

from rails.messages.codec import codec
from rails.messages.dialects.hk_fps_messages import (
    BATCH,
    CATEGORY_OF,
    CREDIT,
    CREDITS,
    ENQUIRY,
    ENVELOPE,
    FRAME,
    HEAD,
    HEADER,
    HEARD,
    INQUIRY,
    INSTANT,
    ISO,
    ISO_OF,
    NO_CREDIT,
    NO_REASON,
    OTHERS,
    PACS_002,
    PACS_008,
    PACS_028,
    RAIL_ID,
    REPORT,
    SAID,
    SIGNATURE,
    SKIP,
    ST,
    TX,
    VERIFY,
)
from rails.messages.dialects.hk_fps_table import ROWS
from rails.messages.dialects.leaves import Message, Values, read, write
from rails.messages.dialects.terms import NEVER_SEEN, Inquiry, Members, instant, key_of, read_key, utc
from rails.messages.dialects.transfers import (
    AGENT,
    agents_of,
    fill,
    get_amount,
    get_identification,
    leg_from,
    put_amount,
    put_identification,
    transfer_of,
)
from rails.messages.errors import MessageError
from rails.messages.model import NOT_PROVIDED
from rails.port import REJECTED, UNKNOWN, RailInstruction, RailReport

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True)
class HkFps:
    """HK FPS's dialect: which service and verification a credit asks for, and what stands for a signature."""

    service: str = INSTANT
    verification: str = VERIFY
    signature: str = ""  # an xmldsig Signature element as text, put into AppHdr/Sgntr as it is

    def __post_init__(self) -> None:
        if self.service not in CREDITS or self.verification not in (VERIFY, SKIP):
            raise ValueError(f"{self.service}, {self.verification} is no service of a credit with its verification")
        if self.signature and codec().parse(self.signature.encode()).tag != SIGNATURE:
            raise MessageError("FF01", "AppHdr/Sgntr", f"It takes one {SIGNATURE}")

    @property
    def name(self) -> str:
        """What the dialect is called."""
        return "hk-fps"

    def write_credit(self, sent: RailInstruction, known: Members) -> bytes:
        """Write one leg as pacs.008.001.06 in its envelope."""
        transfer = transfer_of(sent)
        sender, receiver = agents_of(sent, known, (f"{TX}DbtrAgt", f"{TX}CdtrAgt"))
        message_id = _message_id(sender, sent.uetr, sent.sent_at)
        values: Values = {
            "GrpHdr/MsgId": message_id, "GrpHdr/CreDtTm": utc(sent.sent_at), "GrpHdr/NbOfTxs": "1",
            "GrpHdr/SttlmInf/SttlmMtd": "CLRG", "GrpHdr/SttlmInf/ClrSys/Prtry": RAIL_ID,
            f"{TX}PmtId/TxId": key_of(sent.uetr, sent.leg), f"{TX}PmtTpInf/LclInstrm/Prtry": self.verification,
            f"{TX}PmtTpInf/CtgyPurp/Prtry": CATEGORY_OF.get(transfer.category_purpose or "", OTHERS),
            f"{TX}ChrgBr": "SLEV", f"{TX}DbtrAgt/{AGENT}": sender, f"{TX}CdtrAgt/{AGENT}": receiver,
            f"{TX}DbtrAcct/Id/Othr/SchmeNm/Prtry": "BBAN", f"{TX}CdtrAcct/Id/Othr/SchmeNm/Prtry": "BBAN",
        }  # fmt: skip
        fill(values, sent, ROWS)
        put_amount(values, f"{TX}IntrBkSttlmAmt", sent.amount_minor, sent.currency)
        put_identification(values, f"{TX}Dbtr/Id", transfer.debtor)
        put_identification(values, f"{TX}Cdtr/Id", transfer.creditor)
        return self._envelope(CREDIT, PACS_008, values, (sender, RAIL_ID), self.service)

    def read_credit(self, body: bytes, known: Members, deadline: timedelta) -> RailInstruction:
        """Read a pacs.008.001.06 in its envelope."""
        header, values = _open(body, {PACS_008: CREDIT})
        _serves(header, CREDITS)
        uetr, leg = read_key(values[f"{TX}PmtId/TxId"], f"{TX}PmtId/TxId")
        path = f"{TX}PmtTpInf/CtgyPurp/Prtry"
        category = values[path]
        if category in NO_CREDIT:
            raise MessageError("FF06", path, f"{category} is of a direct debit, a return or a sweep, not of a credit")
        further: dict[str, Any] = {
            "transfer.category_purpose": ISO_OF[category],
            "transfer.debtor.identification": get_identification(values, f"{TX}Dbtr/Id"),
            "transfer.creditor.identification": get_identification(values, f"{TX}Cdtr/Id"),
        }
        sides = (f"{TX}DbtrAgt/{AGENT}", f"{TX}CdtrAgt/{AGENT}")
        return leg_from(
            values, ROWS, uetr=uetr, leg=leg, agents=(known.bic_of(values[sides[0]], sides[0]), known.bic_of(values[sides[1]], sides[1])),
            sent_at=instant(values["GrpHdr/CreDtTm"], "GrpHdr/CreDtTm"), deadline=deadline,
            amount=get_amount(values, f"{TX}IntrBkSttlmAmt"), charge_bearer="SLEV", further=further,
        )  # fmt: skip

    def write_report(self, report: RailReport, receiver: str, known: Members) -> bytes:
        """Write what FPS says of a leg as pacs.002.001.08 in its envelope."""
        status, word = SAID[report.status]
        values: Values = {
            "GrpHdr/MsgId": _message_id(RAIL_ID, report.uetr, report.at), "GrpHdr/CreDtTm": utc(report.at),
            "OrgnlGrpInfAndSts/OrgnlMsgId": NOT_PROVIDED, "OrgnlGrpInfAndSts/OrgnlMsgNmId": PACS_008,
            f"{ST}OrgnlTxId": key_of(report.uetr, report.leg), f"{ST}TxSts": status,
        }  # fmt: skip
        if self.service == BATCH and status in ("ACSC", "RJCT"):
            values["OrgnlGrpInfAndSts/GrpSts"] = status
        if reason := NEVER_SEEN if report.status == UNKNOWN else report.reason_code:
            values[f"{ST}StsRsnInf/Rsn/Prtry"] = reason
        if word:
            values[f"{ST}StsRsnInf/AddtlInf"] = word
        member = known.id_of(receiver, "AppHdr/To")
        return self._envelope(REPORT, PACS_002, values, (RAIL_ID, member), self.service)

    def read_report(self, body: bytes, rail: str, known: Members, inquired: bool = False) -> RailReport:
        """Read a pacs.002.001.08 in its envelope."""
        header, values = _open(body, {PACS_002: REPORT})
        _serves(header, CREDITS)
        uetr, leg = read_key(values[f"{ST}OrgnlTxId"], f"{ST}OrgnlTxId")
        at = instant(values["GrpHdr/CreDtTm"], "GrpHdr/CreDtTm")
        said = values[f"{ST}TxSts"]
        status = HEARD.get((said, values.get(f"{ST}StsRsnInf/AddtlInf", "")))
        if status is None:  # what a rail adds in words of its own changes no status
            status = HEARD[said, ""]
        amount = f"{ST}OrgnlTxRef/IntrBkSttlmAmt"
        amount_minor = get_amount(values, amount)[0] if amount in values else None
        if status != REJECTED:
            return RailReport(rail, uetr, leg, status, "", at, amount_minor)
        path = f"{ST}StsRsnInf/Rsn/Prtry"
        reason = known.reason(values[path], path) if path in values else NO_REASON
        if inquired and reason == NEVER_SEEN:
            return RailReport(rail, uetr, leg, UNKNOWN, "", at, amount_minor)
        return RailReport(rail, uetr, leg, REJECTED, reason, at, amount_minor)

    def write_inquiry(self, inquiry: Inquiry, known: Members) -> bytes:
        """Write the question after a leg as pacs.028.001.01 in its envelope."""
        asker = known.id_of(inquiry.asker, "AppHdr/Fr")
        values: Values = {
            "GrpHdr/MsgId": _message_id(asker, inquiry.uetr, inquiry.at), "GrpHdr/CreDtTm": utc(inquiry.at),
            "OrgnlGrpInf/OrgnlMsgId": NOT_PROVIDED, "OrgnlGrpInf/OrgnlMsgNmId": PACS_008,
            "TxInf/OrgnlTxId": key_of(inquiry.uetr, inquiry.leg),
        }  # fmt: skip
        return self._envelope(INQUIRY, PACS_028, values, (asker, RAIL_ID), ENQUIRY)

    def read_inquiry(self, body: bytes, known: Members) -> Inquiry:
        """Read a pacs.028.001.01 in its envelope."""
        header, values = _open(body, {PACS_028: INQUIRY})
        _serves(header, (ENQUIRY,))
        uetr, leg = read_key(values["TxInf/OrgnlTxId"], "TxInf/OrgnlTxId")
        asker = known.bic_of(header[f"Fr/FIId/{AGENT}"], "AppHdr/Fr")
        return Inquiry(uetr, leg, asker, instant(values["GrpHdr/CreDtTm"], "GrpHdr/CreDtTm"))

    def _envelope(
        self, message: Message, definition: str, values: Values, sides: tuple[str, str], service: str
    ) -> bytes:
        message_id, created_at = values["GrpHdr/MsgId"], values["GrpHdr/CreDtTm"]
        header = write(
            HEADER,
            {
                f"Fr/FIId/{AGENT}": sides[0],
                f"To/FIId/{AGENT}": sides[1],
                "BizMsgIdr": message_id,
                "MsgDefIdr": definition,
                "BizSvc": service,
                "CreDt": created_at,
            },
        )
        if self.signature:
            header = header.removesuffix("</AppHdr>") + f"<Sgntr>{self.signature}</Sgntr></AppHdr>"
        frame: Values = {"NbOfMsgs": "1"}
        if service == BATCH:
            frame |= {"BtchInf/BtchId": message_id, "BtchInf/FlSeqNo": "1", "BtchInf/NbOfFls": "1"}
        payload = f"<FpsPylds><BizData>{header}{write(message, values)}</BizData></FpsPylds></FpsMsg>"
        return (_DECLARATION + write(FRAME, frame).removesuffix("</FpsMsg>") + payload).encode()


def signature_of(body: bytes) -> str:
    """Return the signature of an envelope as text, "" where it has none; raises MessageError."""
    found = next(codec().parse(body).iter(SIGNATURE), None)
    return "" if found is None else etree.tostring(found, encoding="unicode", with_tail=False)


def definition_of(body: bytes) -> str:
    """Return what an envelope holds, as its header says; raises MessageError."""
    found = codec().parse(body).findtext(f"{{{ENVELOPE}}}FpsPylds/{{{ENVELOPE}}}BizData/{{*}}AppHdr/{{*}}MsgDefIdr")
    if not found:
        raise MessageError("CH21", "AppHdr/MsgDefIdr", "It is missing")
    return found


def _message_id(member: str, uetr: str, at: datetime) -> str:
    """Make a message id as participants do, M with clearing code and time stamp; what follows it is of the UETR."""
    return f"M{member}{instant_digits(at)}{UUID(uetr).hex[:12]}"


def instant_digits(at: datetime) -> str:
    """Return an instant as 14 digits, UTC."""
    return "".join(char for char in utc(at)[:19] if char.isdigit())


def _open(body: bytes, taken: Mapping[str, Message]) -> tuple[Values, Values]:
    """Open an envelope: the header's values and the document's; raises MessageError."""
    root = codec().parse(body)
    if root.tag != f"{{{ENVELOPE}}}FpsMsg":
        raise MessageError("FF01", "FpsMsg", f"{{{ENVELOPE}}}FpsMsg must stand here, not {str(root.tag)[:120]}")
    payload = _take_out(root, f"{{{ENVELOPE}}}FpsPylds", "FpsPylds")
    for signature in root.findall(SIGNATURE):
        root.remove(signature)
    read(FRAME, root)
    if len(payload) != 1 or payload[0].tag != f"{{{ENVELOPE}}}BizData" or len(payload[0]) != 2:
        raise MessageError("FF01", "FpsPylds/BizData", "An envelope holds one BizData of one AppHdr and one Document")
    head, document = payload[0]
    for box in head.findall(f"{{{ISO}{HEAD}}}Sgntr"):
        head.remove(box)
    header = read(HEADER, head)
    definition = header["MsgDefIdr"]
    message = taken.get(definition)
    if message is None:
        raise MessageError("FF01", "AppHdr/MsgDefIdr", f"{', '.join(taken)} is taken here, not {definition}")
    return header, read(message, document)


def _take_out(root: etree._Element, tag: str, name: str) -> etree._Element:
    found = root.findall(tag)
    if len(found) != 1 or found[0] is not root[len(root) - 1 - len(root.findall(SIGNATURE))]:
        raise MessageError("FF01", name, "It must stand once, last before a signature")
    root.remove(found[0])
    return found[0]


def _serves(header: Values, services: tuple[str, ...]) -> None:
    service = header["BizSvc"]
    if service not in services:
        raise MessageError("FF01", "AppHdr/BizSvc", f"{', '.join(services)} serve this message, not {service}")
