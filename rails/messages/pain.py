"""pain.001 and pain.002: what a customer or a wallet sends to its own institution, and what it is answered.

A transaction of a pain.001 is read to the same CreditTransfer as one of a pacs.008: whoever is debited stands once, before
them all. One payment information block a message; what it means to the switch is switch.translate's.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from rails.messages.codec import AMOUNTS, Kind, Received, check_identifier, codec
from rails.messages.elements import Amount, agent, agent_of, amount, leaf, reason, reason_of
from rails.messages.envelope import enveloped
from rails.messages.errors import MessageError
from rails.messages.model import NOT_PROVIDED, BusinessHeader, CreditTransfer, RefusedTransfer, TransactionStatus
from rails.messages.reader import sort_transactions
from rails.messages.text import printable
from rails.messages.write_pacs008 import account_text, party_text, transaction_tail

PAIN_001 = "pain.001.001.09"
PAIN_001S = (PAIN_001, "pain.001.001.12")
PAIN_002 = "pain.002.001.10"
PAIN_002S = (PAIN_002, "pain.002.001.14")
# The version of the answer to each version of the initiation.
ANSWER_TO = MappingProxyType(dict(zip(PAIN_001S, PAIN_002S, strict=True)))
_ROOT = "CstmrCdtTrfInitn"
_DEFAULT_BEARER = "SLEV"


class Pain001(NamedTuple):
    """A pain.001: its transactions that stand, and apart from them those refused."""

    definition: str
    message_id: str
    created_at: str
    initiating_party: str  # "" where not named
    payment_information_id: str
    execution_day: str  # YYYY-MM-DD, the law's day
    transfers: tuple[CreditTransfer, ...]
    refused: tuple[RefusedTransfer, ...] = ()
    header: BusinessHeader | None = None


class Pain002(NamedTuple):
    """A pain.002: a status for each transaction, or why the whole message was refused (`group_code`)."""

    definition: str
    message_id: str
    created_at: str
    debtor_agent: str  # BIC, "" where not named
    original_message_id: str
    original_definition: str
    payment_information_id: str  # "" where the whole message was refused
    statuses: tuple[TransactionStatus, ...]
    group_code: str = ""
    group_text: str = ""
    header: BusinessHeader | None = None


# --- pain.001 ---


def _read_001(received: Received) -> Pain001:
    found = received.found
    group, block = found["GrpHdr"], found["PmtInf"]
    message_id: str = group["MsgId"]
    for place, text in (("GrpHdr/MsgId", message_id), ("PmtInf/PmtInfId", block["PmtInfId"])):
        fault = check_identifier(text, f"{_ROOT}/{place}")
        if fault is not None:
            raise fault
    transactions = block["CdtTrfTxInf"]
    for place, holder in (("GrpHdr", group), ("PmtInf", block)):
        _check_totals(holder, transactions, f"{_ROOT}/{place}", message_id)
    shared = {name: block[name] for name in ("Dbtr", "DbtrAcct", "DbtrAgt")}
    whole = [_as_interbank(transaction, block, shared) for transaction in transactions]
    stand, refused = sort_transactions(whole, message_id, f"{_ROOT}/PmtInf/CdtTrfTxInf")
    return Pain001(
        received.definition, message_id, group["CreDtTm"], (group["InitgPty"] or {}).get("Nm", ""), block["PmtInfId"],
        block["ReqdExctnDt"]["Dt"], stand, refused, received.header,
    )  # fmt: skip


def _check_totals(
    holder: Mapping[str, Any], transactions: Sequence[Mapping[str, Any]], place: str, message_id: str
) -> None:
    count = holder.get("NbOfTxs")
    if count is not None and int(count) != len(transactions):
        text = f"NbOfTxs says {count}, the message has {len(transactions)} transactions"
        raise MessageError("AM18", f"{place}/NbOfTxs", text, message_id)
    total = holder.get("CtrlSum")
    if total is not None and sum(Decimal(each["Amt"]["InstdAmt"][1]) for each in transactions) != Decimal(total):
        raise MessageError("AM10", f"{place}/CtrlSum", "It is not the sum of the transactions' InstdAmt", message_id)


def _as_interbank(transaction: dict[str, Any], block: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return a transaction in the shape of one of a pacs.008: what stands once in the block stands in each."""
    found = {**transaction, **shared, "IntrBkSttlmAmt": transaction["Amt"]["InstdAmt"]}
    found["ChrgBr"] = transaction.get("ChrgBr") or block.get("ChrgBr") or _DEFAULT_BEARER
    kind = transaction.get("PmtTpInf") or block.get("PmtTpInf")
    return found | {"PmtTpInf": kind} if kind else found


def build_pain001(message: Pain001) -> bytes:
    """Build a pain.001 of transfers that share debtor, account and agent; raises ValueError where they do not."""
    first, *others = message.transfers
    if any((each.debtor, each.debtor_agent) != (first.debtor, first.debtor_agent) for each in others):
        raise ValueError("the transfers of one pain.001 have one debtor")
    group = (
        leaf("MsgId", message.message_id)
        + leaf("CreDtTm", message.created_at)
        + leaf("NbOfTxs", str(len(message.transfers)))
        + f"<InitgPty>{leaf('Nm', message.initiating_party or None)}</InitgPty>"
    )
    debtor = (
        f"<Dbtr>{party_text(first.debtor)}</Dbtr>"
        f"<DbtrAcct>{account_text(first.debtor.account, first.debtor.account.currency)}</DbtrAcct>"
        f"{agent('DbtrAgt', first.debtor_agent)}"
    )
    block = (
        f"{leaf('PmtInfId', message.payment_information_id)}<PmtMtd>TRF</PmtMtd>"
        f"<ReqdExctnDt>{leaf('Dt', message.execution_day)}</ReqdExctnDt>{debtor}"
        f"{''.join([_transaction(transfer) for transfer in message.transfers])}"
    )
    content = f"<{_ROOT}><GrpHdr>{group}</GrpHdr><PmtInf>{block}</PmtInf></{_ROOT}>"
    return enveloped(message.header, message.definition, content)


def _transaction(transfer: CreditTransfer) -> str:
    ids = (
        leaf("InstrId", transfer.instruction_id)
        + leaf("EndToEndId", transfer.end_to_end_id)
        + leaf("UETR", transfer.uetr)
    )
    category = transfer.category_purpose
    kind = f"<PmtTpInf><CtgyPurp>{leaf('Cd', category)}</CtgyPurp></PmtTpInf>" if category else ""
    instructed = Amount(transfer.instructed_currency, transfer.instructed_amount)
    return (
        f"<CdtTrfTxInf><PmtId>{ids}</PmtId>{kind}<Amt>{amount('InstdAmt', instructed)}</Amt>"
        f"{leaf('ChrgBr', transfer.charge_bearer)}{agent('CdtrAgt', transfer.creditor_agent)}"
        f"<Cdtr>{party_text(transfer.creditor)}</Cdtr>"
        f"<CdtrAcct>{account_text(transfer.creditor.account, transfer.settlement_currency)}</CdtrAcct>"
        f"{transaction_tail(transfer)}</CdtTrfTxInf>"
    )


# --- pain.002 ---


def _read_002(received: Received) -> Pain002:
    found = received.found
    group, original, block = found["GrpHdr"], found["OrgnlGrpInfAndSts"], found.get("OrgnlPmtInfAndSts")
    statuses = tuple([_status_of(each) for each in block["TxInfAndSts"]]) if block else ()
    return Pain002(
        received.definition, group["MsgId"], group["CreDtTm"], agent_of(group, "DbtrAgt") or "", original["OrgnlMsgId"],
        original["OrgnlMsgNmId"], block["OrgnlPmtInfId"] if block else "", statuses, *reason_of(original, "StsRsnInf"),
        received.header,
    )  # fmt: skip


def _status_of(found: Mapping[str, Any]) -> TransactionStatus:
    return TransactionStatus(
        found["OrgnlInstrId"], found["OrgnlEndToEndId"], found.get("OrgnlUETR"), found["TxSts"],
        *reason_of(dict(found), "StsRsnInf"),
    )  # fmt: skip


def build_pain002(message: Pain002) -> bytes:
    """Build a pain.002; the ids of what could not be read are NOTPROVIDED."""
    header = (
        leaf("MsgId", message.message_id)
        + leaf("CreDtTm", message.created_at)
        + agent("DbtrAgt", message.debtor_agent or None)
    )
    refused = "<GrpSts>RJCT</GrpSts>" + reason("StsRsnInf", message.group_code, message.group_text)
    original = (
        leaf("OrgnlMsgId", _known(message.original_message_id))
        + leaf("OrgnlMsgNmId", message.original_definition)
        + (refused if message.group_code else "")
    )
    statuses = "".join([_status(each) for each in message.statuses])
    block = f"{leaf('OrgnlPmtInfId', message.payment_information_id)}{statuses}"
    content = (
        f"<CstmrPmtStsRpt><GrpHdr>{header}</GrpHdr><OrgnlGrpInfAndSts>{original}</OrgnlGrpInfAndSts>"
        + (f"<OrgnlPmtInfAndSts>{block}</OrgnlPmtInfAndSts>" if statuses else "")
        + "</CstmrPmtStsRpt>"
    )
    return enveloped(message.header, message.definition, content)


def _status(status: TransactionStatus) -> str:
    content = (
        leaf("OrgnlInstrId", _known(status.instruction_id))
        + leaf("OrgnlEndToEndId", _known(status.end_to_end_id))
        + leaf("OrgnlUETR", status.uetr)
        + leaf("TxSts", status.status)
        + reason("StsRsnInf", status.reason_code, status.text)
    )
    return f"<TxInfAndSts>{content}</TxInfAndSts>"


def _known(original: str) -> str:
    return printable(original) or NOT_PROVIDED


_ATTRIBUTES = MappingProxyType({**AMOUNTS, "DocumentHash": "Of"})
KINDS_001 = MappingProxyType(
    {
        name: Kind(
            name,
            _read_001,
            ("pain.001.body", "transfer.parts", "types"),
            frozenset({"CdtTrfTxInf", "RgltryRptg", "DocumentHash"}),
            _ATTRIBUTES,
        )
        for name in PAIN_001S
    }
)
KINDS_002 = MappingProxyType(
    {
        name: Kind(name, _read_002, ("pain.002.body", "types"), frozenset({"TxInfAndSts", "AddtlInf"}))
        for name in PAIN_002S
    }
)
KINDS = MappingProxyType({**KINDS_001, **KINDS_002})


def read_pain001(body: bytes) -> Pain001:
    """Read a pain.001; raises MessageError."""
    read: Pain001 = codec().read(body, KINDS_001)
    return read


def read_pain002(body: bytes) -> Pain002:
    """Read a pain.002; raises MessageError."""
    read: Pain002 = codec().read(body, KINDS_002)
    return read
