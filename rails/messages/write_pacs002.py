"""Build pacs.002 status reports: the answer to transactions, or to a message refused as a whole. Pure."""

from collections.abc import Sequence

from rails.messages.elements import agent, amount, charges, leaf, reason
from rails.messages.envelope import enveloped
from rails.messages.errors import MessageError
from rails.messages.model import NOT_PROVIDED, Answer, BusinessHeader, StatusReport, TransactionStatus
from rails.messages.text import printable, xml

_REPORT = (
    "<FIToFIPmtStsRpt><GrpHdr><MsgId>{}</MsgId><CreDtTm>{}</CreDtTm>{}{}</GrpHdr>"
    "<OrgnlGrpInfAndSts><OrgnlMsgId>{}</OrgnlMsgId><OrgnlMsgNmId>{}</OrgnlMsgNmId>{}{}</OrgnlGrpInfAndSts>{}"
    "</FIToFIPmtStsRpt>"
)
_TRANSACTION = "<TxInfAndSts>{}<OrgnlEndToEndId>{}</OrgnlEndToEndId>{}<TxSts>{}</TxSts>{}{}{}{}{}{}</TxInfAndSts>"


def build_pacs002(answer: Answer, statuses: Sequence[TransactionStatus]) -> bytes:
    """Build the status report of transactions (ACSP, ACSC, ACCC, PDNG, RJCT, CANC, BLCK), wrapped with its header."""
    return build_report(_report(answer)._replace(statuses=tuple(statuses)))


def build_rejection(answer: Answer, error: MessageError) -> bytes:
    """Build the status report that rejects a whole message: GrpSts RJCT, the error's code, its element and sentence."""
    text = f"{error.field}: {error.text}" if error.field else error.text
    report = _report(answer)._replace(group_status="RJCT", reason_code=error.code, text=text)
    return build_report(report._replace(original_message_id=error.message_id or answer.original_message_id))


def _report(answer: Answer) -> StatusReport:
    header = BusinessHeader(answer.from_bic, answer.to_bic, answer.message_id, answer.definition, answer.created_at)
    return StatusReport(
        answer.message_id, answer.created_at, answer.from_bic, answer.to_bic or None, answer.original_message_id,
        answer.original_definition, header=header, definition=answer.definition,
    )  # fmt: skip


def build_report(report: StatusReport) -> bytes:
    """Build a status report, wrapped with its header where it has one. Ids and texts that XML cannot carry are mended."""
    content = _REPORT.format(
        xml(report.message_id), xml(report.created_at), agent("InstgAgt", report.instructing_agent or None),
        agent("InstdAgt", report.instructed_agent or None),
        xml(printable(report.original_message_id) or NOT_PROVIDED), xml(report.original_definition),
        leaf("GrpSts", report.group_status or None), reason("StsRsnInf", report.reason_code, report.text),
        "".join([_status(status) for status in report.statuses]),
    )  # fmt: skip
    return enveloped(report.header, report.definition, content)


def _status(status: TransactionStatus) -> str:
    settled = f"<FctvIntrBkSttlmDt>{leaf('DtTm', status.settled_at)}</FctvIntrBkSttlmDt>" if status.settled_at else ""
    return _TRANSACTION.format(
        leaf("OrgnlInstrId", printable(status.instruction_id) or NOT_PROVIDED),
        xml(printable(status.end_to_end_id) or NOT_PROVIDED),
        leaf("OrgnlUETR", status.uetr or None),
        xml(status.status),
        reason("StsRsnInf", status.reason_code, status.text),
        charges(status.charges),
        leaf("AccptncDtTm", status.accepted_at),
        settled,
        leaf("ClrSysRef", status.clearing_system_reference),
        _reference(status),
    )


def _reference(status: TransactionStatus) -> str:
    """Write what is said of the payment meant: its amount, the clearing system that carries it, its agents."""
    content = amount("IntrBkSttlmAmt", status.amount)
    if status.clearing_system is not None:
        content += f"<SttlmInf><SttlmMtd>CLRG</SttlmMtd><ClrSys>{leaf(*status.clearing_system)}</ClrSys></SttlmInf>"
    content += agent("DbtrAgt", status.debtor_agent) + agent("CdtrAgt", status.creditor_agent)
    return f"<OrgnlTxRef>{content}</OrgnlTxRef>" if content else ""
