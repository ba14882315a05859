"""Build pacs.002 status reports: the answer to transactions, or to a message refused as a whole. Pure."""

from collections.abc import Sequence

from rails.messages.errors import MessageError
from rails.messages.model import NOT_PROVIDED, PACS_002, Answer, BusinessHeader, TransactionStatus
from rails.messages.profile import NAMESPACE
from rails.messages.text import pieces, printable, xml
from rails.messages.write_pacs008 import header_text, institution, wrap

_DOCUMENT = (
    f'<Document xmlns="{NAMESPACE}{PACS_002}"><FIToFIPmtStsRpt><GrpHdr><MsgId>{{}}</MsgId><CreDtTm>{{}}</CreDtTm>'
    "<InstgAgt>{}</InstgAgt>{}</GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>{}</OrgnlMsgId><OrgnlMsgNmId>{}</OrgnlMsgNmId>{}</OrgnlGrpInfAndSts>{}"
    "</FIToFIPmtStsRpt></Document>"
)
_TRANSACTION = (
    "<TxInfAndSts><OrgnlInstrId>{}</OrgnlInstrId><OrgnlEndToEndId>{}</OrgnlEndToEndId>{}"
    "<TxSts>{}</TxSts>{}{}</TxInfAndSts>"
)


def build_pacs002(answer: Answer, statuses: Sequence[TransactionStatus]) -> bytes:
    """Build the status report of transactions (ACSP, ACSC, ACCC, PDNG, RJCT, CANC, BLCK), wrapped with its header."""
    return _build(answer, "", "".join([_status(status) for status in statuses]))


def build_rejection(answer: Answer, error: MessageError) -> bytes:
    """Build the status report that rejects a whole message: GrpSts RJCT, the error's code, its element and sentence."""
    text = f"{error.field}: {error.text}" if error.field else error.text
    reason = f"<GrpSts>RJCT</GrpSts>{_reason(error.code, text)}"
    original = error.message_id or answer.original_message_id
    return _build(answer._replace(original_message_id=original), reason, "")


def _build(answer: Answer, group: str, transactions: str) -> bytes:
    header = BusinessHeader(answer.from_bic, answer.to_bic, answer.message_id, PACS_002, answer.created_at)
    instructed = f"<InstdAgt>{institution(answer.to_bic)}</InstdAgt>" if answer.to_bic else ""
    document = _DOCUMENT.format(
        xml(answer.message_id), xml(answer.created_at), institution(answer.from_bic), instructed,
        xml(printable(answer.original_message_id) or NOT_PROVIDED), xml(answer.original_definition),
        group, transactions,
    )  # fmt: skip
    return wrap(header_text(header), document)


def _status(status: TransactionStatus) -> str:
    uetr = f"<OrgnlUETR>{xml(status.uetr)}</OrgnlUETR>" if status.uetr else ""
    reason = _reason(status.reason_code, status.text)
    return _TRANSACTION.format(
        xml(printable(status.instruction_id) or NOT_PROVIDED),
        xml(printable(status.end_to_end_id) or NOT_PROVIDED),
        uetr,
        xml(status.status),
        reason,
        _carried_by(status.clearing_system),
    )


def _carried_by(clearing_system: tuple[str, str] | None) -> str:
    if clearing_system is None:
        return ""
    kind, code = clearing_system
    settlement = f"<SttlmMtd>CLRG</SttlmMtd><ClrSys><{kind}>{xml(code)}</{kind}></ClrSys>"
    return f"<OrgnlTxRef><SttlmInf>{settlement}</SttlmInf></OrgnlTxRef>"


def _reason(code: str, text: str) -> str:
    if not code and not text:
        return ""
    coded = f"<Rsn><Cd>{xml(code)}</Cd></Rsn>" if code else ""
    return f"<StsRsnInf>{coded}{''.join([f'<AddtlInf>{xml(piece)}</AddtlInf>' for piece in pieces(text)])}</StsRsnInf>"
