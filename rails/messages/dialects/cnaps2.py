"""The dialect of CNAPS2, the mainland's rails, as far as it is public: IBPS, BEPS and HVPS (facts messages 2.4, M).

A credit goes up, what became of it comes down: a netting notice (saps.601) where it is netted, else a confirmation
(ccms.900) with a process code. Not here: debits, cancellation, reconciliation, keys and log-in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple
from uuid import UUID

from fx.money import format_amount
from rails.messages.codec import codec
from rails.messages.dialects.cnaps2_block import DOWN, UP, Block, read_block, write_block
from rails.messages.dialects.cnaps2_messages import (
    ACKNOWLEDGED_TYPE,
    ACKNOWLEDGEMENT,
    BEPS,
    BUSINESS_KIND,
    CF,
    CLEARED,
    CONFIRMATION,
    CONFIRMED_TYPE,
    CREDIT,
    CREDITS,
    CROSS_BORDER,
    DISCARD,
    DISCARDED_TYPE,
    DONE,
    EXPIRED,
    HVPS,
    IBPS,
    INF,
    INQUIRIES,
    INQUIRY,
    NETTED_TYPE,
    NETTING,
    NF,
    NO_REASON,
    ORDINARY_REMITTANCE,
    OVERDUE,
    PACKAGE,
    PKG,
    QUEUED,
    RECEIPT,
    RECEIPT_TYPE,
    REFUSED,
    REVERSED,
    SENT,
    ST,
    STATUS_OF,
    STOPPED,
    TX,
)
from rails.messages.dialects.cnaps2_table import CREDIT_ROWS, PACKAGE_ROWS
from rails.messages.dialects.leaves import Message, Values, read, write
from rails.messages.dialects.terms import NEVER_SEEN, Inquiry, Members, Row, instant, key_of, read_key
from rails.messages.dialects.transfers import (
    ACCOUNT,
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
from rails.port import BLOCKED, CREDITED, PENDING, REJECTED, SETTLED, UNKNOWN, RailInstruction, RailReport

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_CENTRE = "0000"  # the National Processing Centre, as sender and receiver of what is its own
_BEIJING = timezone(timedelta(hours=8))
_ID_DIGITS = 10**12


class Communication(NamedTuple):
    """A word about a message at the level of communication, by the header block's own id of it."""

    message_type: str
    message_id: str
    code: str
    text: str = ""  # of a discard


@dataclass(frozen=True)
class Cnaps2:
    """The dialect of one system (IBPS, BEPS or HVPS), and what stands for a signature."""

    system: str = IBPS
    signature: str | None = None  # the content of {S:…}, put there as it is

    def __post_init__(self) -> None:
        if self.system not in CREDITS:
            raise ValueError(f"{self.system} is none of {', '.join(CREDITS)}")

    @property
    def name(self) -> str:
        """What the dialect is called."""
        return self.system.lower()

    # --- credits ---

    def write_credit(self, sent: RailInstruction, known: Members) -> bytes:
        """Write one leg as ibps.101, hvps.111, or a beps.121 of one credit."""
        transfer = transfer_of(sent)
        sides = agents_of(sent, known, (f"{TX}DbtrAgt", f"{TX}CdtrAgt"))
        kind = ORDINARY_REMITTANCE if sent.debtor_agent[4:6] == "CN" else CROSS_BORDER
        values = self._package(sent, sides, kind) if self.system == BEPS else self._credit(sent, sides, kind)
        if self.system != BEPS:
            put_identification(values, f"{TX}Dbtr/Id", transfer.debtor)
            put_identification(values, f"{TX}Cdtr/Id", transfer.creditor)
        fill(values, sent, self._rows)
        message = PACKAGE if self.system == BEPS else CREDIT
        return self._framed(message, CREDITS[self.system], values, sides, UP, sent.sent_at, sent.uetr)

    @property
    def _rows(self) -> tuple[Row, ...]:
        return PACKAGE_ROWS if self.system == BEPS else CREDIT_ROWS

    def _credit(self, sent: RailInstruction, sides: tuple[str, str], kind: str) -> Values:
        key = key_of(sent.uetr, sent.leg)
        values: Values = {
            "GrpHdr/MsgId": key, "GrpHdr/CreDtTm": _local(sent.sent_at), "GrpHdr/NbOfTxs": "1",
            "GrpHdr/SttlmInf/SttlmMtd": "CLRG", f"{TX}PmtId/TxId": key, f"{TX}PmtTpInf/CtgyPurp/Prtry": kind,
            f"{TX}ChrgBr": "DEBT", f"{TX}Purp/Prtry": BUSINESS_KIND,
        }  # fmt: skip
        if self.system == HVPS:
            values[f"{TX}SttlmPrty"] = "NORM"
        for side, member in zip(("Dbtr", "Cdtr"), sides, strict=True):
            values[f"{TX}{side}Agt/{AGENT}"] = values[f"{TX}{side}Agt/BrnchId/Id"] = member
            values[f"{TX}{side}Acct/Id/Othr/Issr"] = member
        put_amount(values, f"{TX}IntrBkSttlmAmt", sent.amount_minor, sent.currency)
        return values

    def _package(self, sent: RailInstruction, sides: tuple[str, str], kind: str) -> Values:
        values: Values = {
            f"{PKG}MsgId": key_of(sent.uetr, sent.leg), f"{PKG}CreDtTm": _local(sent.sent_at), f"{PKG}NbOfTxs": "1",
            f"{PKG}SysCd": BEPS, f"{INF}TxId": f"{UUID(sent.uetr).int % 10**16:016}",
            f"{INF}PmtTpInf/CtgyPurp/Prtry": kind, f"{INF}Purp/Prtry": BUSINESS_KIND,
            f"{PKG}InstgPty/InstgDrctPty": sides[0], f"{PKG}InstgPty/InstgPty": sides[0],
            f"{PKG}InstdPty/InstdDrctPty": sides[1], f"{PKG}InstdPty/InstdPty": sides[1],
            f"{INF}DbtrAgt/{AGENT}": sides[0], f"{INF}CdtrAgt/{AGENT}": sides[1],
        }  # fmt: skip
        for path in (f"{PKG}CtrlSum", f"{INF}Amt"):
            put_amount(values, path, sent.amount_minor, sent.currency)
        return values

    def read_credit(self, body: bytes, known: Members, deadline: timedelta) -> RailInstruction:
        """Read an ibps.101, hvps.111, or a beps.121 of one credit."""
        beps = self.system == BEPS
        _, values = _opened(body, {CREDITS[self.system]: PACKAGE if beps else CREDIT})
        head, box = (PKG, INF) if beps else ("GrpHdr/", TX)
        key = f"{PKG}MsgId" if beps else f"{TX}PmtId/TxId"
        uetr, leg = read_key(values[key], key)
        amount = f"{box}{'Amt' if beps else 'IntrBkSttlmAmt'}"
        if beps and values[f"{PKG}CtrlSum"] != values[amount]:
            raise MessageError("AM10", f"{PKG}CtrlSum", "It is not the sum of the credits")
        further: dict[str, Any] = {
            f"transfer.{side}.identification": get_identification(values, f"{TX}{element}/Id")
            for side, element in (("debtor", "Dbtr"), ("creditor", "Cdtr"))
        }
        paths = (f"{box}DbtrAgt/{AGENT}", f"{box}CdtrAgt/{AGENT}")
        return leg_from(
            values, self._rows, uetr=uetr, leg=leg,
            agents=(known.bic_of(values[paths[0]], paths[0]), known.bic_of(values[paths[1]], paths[1])),
            sent_at=_instant(values, f"{head}CreDtTm"), deadline=deadline, amount=get_amount(values, amount),
            charge_bearer="DEBT", further=further,
        )  # fmt: skip

    # --- what became of them ---

    def write_report(self, report: RailReport, receiver: str, known: Members) -> bytes:
        """Write what the centre says of a leg: saps.601 where it is netted, else ccms.900 with a process code."""
        member = known.id_of(receiver, "{H:}/receiver")
        if report.status == SETTLED and self.system != HVPS:
            return self._framed(
                NETTING, NETTED_TYPE, _netting(report, member), (_CENTRE, member), DOWN, report.at, report.uetr
            )
        values = _group(report.uetr, report.leg, report.at, self.system, (_CENTRE, member))
        values |= {
            "OrgnlGrpHdr/OrgnlInstgPty": member,
            "OrgnlGrpHdr/OrgnlMT": CREDITS[self.system],
            f"{CF}PrcSts": self._process_code(report),
        }
        if reason := NEVER_SEEN if report.status == UNKNOWN else report.reason_code:
            values[f"{CF}PrcCd"] = reason
            values[f"{CF}RjctInf"] = reason
        return self._framed(CONFIRMATION, CONFIRMED_TYPE, values, (_CENTRE, member), DOWN, report.at, report.uetr)

    def _process_code(self, report: RailReport) -> str:
        if report.status == REJECTED and report.reason_code == EXPIRED:
            return OVERDUE
        return {
            PENDING: QUEUED if self.system == HVPS else SENT,
            SETTLED: CLEARED,
            CREDITED: DONE,
            BLOCKED: STOPPED,
            REJECTED: REFUSED,
            UNKNOWN: REFUSED,
        }[report.status]

    def read_report(self, body: bytes, rail: str, known: Members, inquired: bool = False) -> RailReport:
        """Read a saps.601, a ccms.900 or the receiving bank's ibps.102."""
        name, values = _opened(body, {NETTED_TYPE: NETTING, CONFIRMED_TYPE: CONFIRMATION, RECEIPT_TYPE: RECEIPT})
        at = _instant(values, "GrpHdr/CreDtTm")
        if name == NETTED_TYPE:
            uetr, leg = read_key(values[f"{NF}Id"], f"{NF}Id")
            amount = get_amount(values, f"{NF}Ntry/Amt")[0] if f"{NF}Ntry/Amt" in values else None
            return RailReport(rail, uetr, leg, STATUS_OF[values[f"{NF}AddtlNtfctnInf"]], "", at, amount)
        if name == RECEIPT_TYPE:
            uetr, leg = read_key(values[f"{ST}OrgnlTxId"], f"{ST}OrgnlTxId")
            status = REJECTED if values[f"{ST}TxSts"] == "RJCT" else PENDING  # taken, not netted yet
            path = f"{ST}StsRsnInf/Rsn/Prtry"
        else:
            uetr, leg = read_key(values["OrgnlGrpHdr/OrgnlMsgId"], "OrgnlGrpHdr/OrgnlMsgId")
            status, path = _process(values), f"{CF}PrcCd"
        if status != REJECTED:
            return RailReport(rail, uetr, leg, status, "", at)
        reason = known.reason(values[path], path) if path in values else NO_REASON
        if values.get(f"{CF}PrcSts") == OVERDUE:
            reason = EXPIRED
        if inquired and reason == NEVER_SEEN:
            return RailReport(rail, uetr, leg, UNKNOWN, "", at)
        return RailReport(rail, uetr, leg, REJECTED, reason, at)

    def write_receipt(self, report: RailReport, agents: tuple[str, str], known: Members) -> bytes:
        """Write what the receiving bank answers to an ibps.101: REJECTED refuses it, anything else takes it.

        `agents` are the BIC8s of the bank that answers and of the one that is answered.
        """
        sides = known.id_of(agents[0], "{H:}/sender"), known.id_of(agents[1], "{H:}/receiver")
        key = key_of(report.uetr, report.leg)
        values: Values = {
            "GrpHdr/MsgId": _message_id(sides[0], report.uetr, report.at), "GrpHdr/CreDtTm": _local(report.at),
            "OrgnlGrpInfAndSts/OrgnlMsgId": key, "OrgnlGrpInfAndSts/OrgnlMsgNmId": CREDITS[IBPS],
            f"{ST}OrgnlTxId": key, f"{ST}TxSts": "RJCT" if report.status == REJECTED else "ACCP",
        }  # fmt: skip
        if report.status == REJECTED:
            values[f"{ST}StsRsnInf/Rsn/Prtry"] = report.reason_code
        return self._framed(RECEIPT, RECEIPT_TYPE, values, sides, UP, report.at, report.uetr)

    # --- inquiries ---

    def write_inquiry(self, inquiry: Inquiry, known: Members) -> bytes:
        """Write the question after a leg as ibps.305 or ccms.316, of a body that is assumed."""
        asker = known.id_of(inquiry.asker, "{H:}/sender")
        name = INQUIRIES[self.system]
        values = _group(inquiry.uetr, inquiry.leg, inquiry.at, self.system, (asker, _CENTRE))
        values |= {"OrgnlGrpHdr/OrgnlInstgPty": asker, "OrgnlGrpHdr/OrgnlMT": CREDITS[self.system]}
        return self._framed(INQUIRY[name], name, values, (asker, _CENTRE), UP, inquiry.at, inquiry.uetr)

    def read_inquiry(self, body: bytes, known: Members) -> Inquiry:
        """Read the question after a leg."""
        name = INQUIRIES[self.system]
        _, values = _opened(body, {name: INQUIRY[name]})
        uetr, leg = read_key(values["OrgnlGrpHdr/OrgnlMsgId"], "OrgnlGrpHdr/OrgnlMsgId")
        asker = known.bic_of(values["OrgnlGrpHdr/OrgnlInstgPty"], "OrgnlGrpHdr/OrgnlInstgPty")
        return Inquiry(uetr, leg, asker, _instant(values, "GrpHdr/CreDtTm"))

    # --- the level of communication ---

    def write_acknowledgement(self, body: bytes, at: datetime) -> bytes:
        """Write the ccms.990 that says a message has come."""
        return self._about(body, at, ACKNOWLEDGEMENT, ACKNOWLEDGED_TYPE, {"ConfInf/MsgPrcCd": _CENTRE}, "ConfInf")

    def write_discard(self, body: bytes, at: datetime, code: str, text: str) -> bytes:
        """Write the ccms.911 that says a message was thrown away: the rail's own code of it, at most 8 characters."""
        return self._about(
            body, at, DISCARD, DISCARDED_TYPE, {"DscrdInf/PrcCd": code, "DscrdInf/RjctInf": text}, "DscrdInf"
        )

    def _about(self, body: bytes, at: datetime, message: Message, name: str, values: Values, box: str) -> bytes:
        block, _, _ = read_block(body)
        values = values | {
            f"{box}/OrigSndr": block.sender, f"{box}/OrigSndDt": block.date, f"{box}/MT": block.message_type,
            f"{box}/MsgId": block.message_id, f"{box}/MsgRefId": block.reference_id,
        }  # fmt: skip
        answer = Block(
            _CENTRE, self.system, block.sender, block.sender_system, f"{at.astimezone(_BEIJING):%Y%m%d}",
            f"{at.astimezone(_BEIJING):%H%M%S}", name, block.message_id, block.reference_id, DOWN,
        )  # fmt: skip
        return write_block(answer, self.signature) + _DECLARATION + write(message, values).encode()

    def _framed(
        self, message: Message, name: str, values: Values, sides: tuple[str, str], direction: str, at: datetime, uetr: str
    ) -> bytes:  # fmt: skip
        local = at.astimezone(_BEIJING)
        mesg_id = f"{local:%Y%m%d}{UUID(uetr).int % _ID_DIGITS:012}"
        block = Block(
            sides[0], self.system, sides[1], self.system, f"{local:%Y%m%d}", f"{local:%H%M%S}", name, mesg_id, mesg_id,
            direction,
        )  # fmt: skip
        return write_block(block, self.signature) + _DECLARATION + write(message, values).encode()


def read_communication(body: bytes) -> Communication:
    """Read a ccms.990 or a ccms.911; raises MessageError."""
    name, values = _opened(body, {ACKNOWLEDGED_TYPE: ACKNOWLEDGEMENT, DISCARDED_TYPE: DISCARD})
    box, code = ("ConfInf", "MsgPrcCd") if name == ACKNOWLEDGED_TYPE else ("DscrdInf", "PrcCd")
    said = values[f"{box}/MT"], values[f"{box}/MsgId"], values[f"{box}/{code}"]
    return Communication(*said, values.get(f"{box}/RjctInf", ""))


def _opened(body: bytes, taken: dict[str, Message]) -> tuple[str, Values]:
    """Open a message of one of some types: its type and its values; raises MessageError."""
    block, _, document = read_block(body)
    message = taken.get(block.message_type)
    if message is None:
        raise MessageError("FF01", "{H:}/message_type", f"{', '.join(taken)} is taken here, not {block.message_type}")
    return block.message_type, read(message, codec().parse(document))


def _netting(report: RailReport, member: str) -> Values:
    key, at = key_of(report.uetr, report.leg), _local(report.at)
    values: Values = {
        "GrpHdr/MsgId": _message_id(_CENTRE, report.uetr, report.at), "GrpHdr/CreDtTm": at, f"{NF}Id": key,
        f"{NF}CreDtTm": at, f"{NF}Acct/{ACCOUNT}": member, f"{NF}AddtlNtfctnInf": CLEARED,
    }  # fmt: skip
    if report.amount_minor is not None:
        values |= {
            f"{NF}Ntry/Amt": format_amount(report.amount_minor, "CNY"), f"{NF}Ntry/Amt/@Ccy": "CNY",
            f"{NF}Ntry/CdtDbtInd": "DBIT", f"{NF}Ntry/Sts": "BOOK", f"{NF}Ntry/BkTxCd/Prtry/Cd": CLEARED,
        }  # fmt: skip
    return values


def _group(uetr: str, leg: int, at: datetime, system: str, sides: tuple[str, str]) -> Values:
    return {
        "GrpHdr/MsgId": _message_id(sides[0], uetr, at), "GrpHdr/CreDtTm": _local(at),
        "GrpHdr/InstgPty/InstgDrctPty": sides[0], "GrpHdr/InstgPty/InstgPty": sides[0],
        "GrpHdr/InstdPty/InstdDrctPty": sides[1], "GrpHdr/InstdPty/InstdPty": sides[1], "GrpHdr/SysCd": system,
        "OrgnlGrpHdr/OrgnlMsgId": key_of(uetr, leg),
    }  # fmt: skip


def _process(values: Values) -> str:
    code = values[f"{CF}PrcSts"]
    if code == REVERSED:
        text = "PR22 says that settled money was taken back: that is a return, no report of the credit"
        raise MessageError("FF01", f"{CF}PrcSts", text)
    return STATUS_OF[code]


def _message_id(member: str, uetr: str, at: datetime) -> str:
    """Make a message id as members do: bank code, day and eight digits, here of the UETR; 28 characters of 12-digit codes."""
    return f"{member.ljust(12, '0')}{at.astimezone(_BEIJING):%Y%m%d}{UUID(uetr).int % 10**8:08}"


def _local(at: datetime) -> str:
    return at.astimezone(_BEIJING).replace(tzinfo=None).isoformat()


def _instant(values: Values, path: str) -> datetime:
    return instant(values[path], path, timedelta(hours=8))
