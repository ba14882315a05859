"""Read pacs.002 status reports: what a rail or an agent says has become of payments. Pure."""

from types import MappingProxyType
from typing import Any

from rails.messages.checks import check_reason
from rails.messages.codec import Kind, Received, check_identifier
from rails.messages.elements import agent_of, amount_of, charges_of, clearing_system_of, instant_of, reason_of
from rails.messages.errors import MessageError
from rails.messages.model import NOT_PROVIDED, PACS_002S, StatusReport, TransactionStatus
from rails.messages.original import check_money, raise_first

_ROOT = "FIToFIPmtStsRpt"
_REJECTED = "RJCT"


def _read(received: Received) -> StatusReport:
    header, definition, found = received
    group, original = found["GrpHdr"], found["OrgnlGrpInfAndSts"]
    code, text = reason_of(original, "StsRsnInf")
    statuses = tuple([_status_of(each) for each in found.get("TxInfAndSts", ())])
    group_status = original.get("GrpSts", "")
    faults = [check_identifier(group["MsgId"], f"{_ROOT}/GrpHdr/MsgId")]
    faults.append(_check_group(group_status, code, statuses))
    faults += [_check(each, f"{_ROOT}/TxInfAndSts[{n}]") for n, each in enumerate(statuses, 1)]
    raise_first(faults, group["MsgId"])
    return StatusReport(
        group["MsgId"], group["CreDtTm"].strip(), agent_of(group, "InstgAgt"),
        agent_of(group, "InstdAgt"), original["OrgnlMsgId"], original["OrgnlMsgNmId"], statuses, group_status, code,
        text, header, definition,
    )  # fmt: skip


def _status_of(found: dict[str, Any]) -> TransactionStatus:
    code, text = reason_of(found, "StsRsnInf")
    said = found.get("OrgnlTxRef") or {}
    settled = found.get("FctvIntrBkSttlmDt") or {}
    return TransactionStatus(
        found.get("OrgnlInstrId", NOT_PROVIDED), found["OrgnlEndToEndId"], found.get("OrgnlUETR"), found["TxSts"],
        code, text, clearing_system_of(said), instant_of(found, "AccptncDtTm"), instant_of(settled, "DtTm"),
        found.get("ClrSysRef"), amount_of(said, "IntrBkSttlmAmt"), agent_of(said, "DbtrAgt"),
        agent_of(said, "CdtrAgt"), charges_of(found),
    )  # fmt: skip


def _check_group(status: str, code: str, statuses: tuple[TransactionStatus, ...]) -> MessageError | None:
    field = f"{_ROOT}/OrgnlGrpInfAndSts"
    if not status and not statuses:
        return MessageError(
            "CH21", f"{_ROOT}/TxInfAndSts", "The report says neither GrpSts nor anything of a transaction"
        )
    return _check_reason(code, f"{field}/StsRsnInf") if status == _REJECTED else None


def _check(status: TransactionStatus, field: str) -> MessageError | None:
    if status.status == _REJECTED and (fault := _check_reason(status.reason_code, f"{field}/StsRsnInf")) is not None:
        return fault
    return check_money(status.amount, f"{field}/OrgnlTxRef/IntrBkSttlmAmt")


def _check_reason(code: str, field: str) -> MessageError | None:
    """A rejection needs a reason; any code passes: to refuse the report would leave its payment in doubt."""
    return check_reason(code, frozenset({code}), field, "ExternalStatusReason1Code")


KINDS = MappingProxyType(
    {
        name: Kind(
            name,
            _read,
            ("pacs.002.body", "original", "types"),
            frozenset({"TxInfAndSts", "AddtlInf", "ChrgsInf"}),
            MappingProxyType({"IntrBkSttlmAmt": "Ccy", "Amt": "Ccy"}),
            heads=2,
        )
        for name in PACS_002S
    }
)
