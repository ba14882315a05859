"""A pacs.008 of plain values: the codec's checked tree, field by field, then our own checks.

A fault of the message as a whole raises MessageError; a transaction that breaks a rule is refused alone.
"""

from types import MappingProxyType
from typing import Any

from rails.messages.checks import check_identifier, check_transfer, duplicates
from rails.messages.codec import AMOUNTS, BODY_BYTES_MAX, EQUALS_MAX, TAGS_MAX, TRANSACTIONS_MAX, Kind, Received, codec
from rails.messages.codes import load_codes
from rails.messages.elements import agent_of, clearing_system_of
from rails.messages.errors import MessageError
from rails.messages.extract import total_of, transfer_of
from rails.messages.model import PACS_008S, CreditTransfer, Pacs008, RefusedTransfer

__all__ = ["BODY_BYTES_MAX", "EQUALS_MAX", "KINDS", "TAGS_MAX", "TRANSACTIONS_MAX", "read_pacs008"]


def _read(received: Received) -> Pacs008:
    header, definition, found = received
    group, transactions = found["GrpHdr"], found["CdtTrfTxInf"]
    message_id: str = group["MsgId"]
    fault = check_identifier(message_id, "FIToFICstmrCdtTrf/GrpHdr/MsgId")
    if fault is not None:
        raise fault
    if int(group["NbOfTxs"]) != len(transactions):
        text = f"NbOfTxs says {group['NbOfTxs']}, the message has {len(transactions)} transactions"
        raise MessageError("AM18", "FIToFICstmrCdtTrf/GrpHdr/NbOfTxs", text, message_id)
    _check_total(group, transactions, message_id)
    transfers, refused = sort_transactions(transactions, message_id, "FIToFICstmrCdtTrf/CdtTrfTxInf")
    return Pacs008(
        header, definition, message_id, group["CreDtTm"], agent_of(group, "InstgAgt"), transfers, refused,
        agent_of(group, "InstdAgt"), clearing_system_of(group),
    )  # fmt: skip


def sort_transactions(
    transactions: list[dict[str, Any]], message_id: str, place: str
) -> tuple[tuple[CreditTransfer, ...], tuple[RefusedTransfer, ...]]:
    """Part transactions, which stand at `place` of their message, into those that stand and those that are refused."""
    codes = load_codes()
    read = [transfer_of(transaction) for transaction in transactions]
    whole = [transfer for transfer in read if not isinstance(transfer, MessageError)]
    repeated = iter(_repeated(whole))
    stand: list[CreditTransfer] = []
    refused: list[RefusedTransfer] = []
    for position, (transaction, transfer) in enumerate(zip(transactions, read, strict=True), 1):
        if isinstance(transfer, MessageError):
            error: MessageError | None = transfer
        else:
            error = next(repeated) or check_transfer(transfer, codes)
        if error is None:
            assert not isinstance(transfer, MessageError)
            stand.append(transfer)
            continue
        field = f"{place}[{position}]/{error.field}"
        ids = transaction["PmtId"]
        told = MessageError(error.code, field, error.text, message_id)
        refused.append(RefusedTransfer(position, ids["InstrId"], ids["EndToEndId"], ids.get("UETR"), told))
    return tuple(stand), tuple(refused)


def _repeated(transfers: list[CreditTransfer]) -> list[MessageError | None]:
    if len(transfers) == 1:
        return [None]
    found = duplicates(transfers)
    return [found.get(place) for place in range(len(transfers))]


def _check_total(group: dict[str, Any], transactions: list[dict[str, Any]], message_id: str) -> None:
    if "TtlIntrBkSttlmAmt" not in group:
        return
    if not total_of(group["TtlIntrBkSttlmAmt"], transactions):
        text = "It is not the sum of the transactions' IntrBkSttlmAmt, or they are not of one currency"
        raise MessageError("AM10", "FIToFICstmrCdtTrf/GrpHdr/TtlIntrBkSttlmAmt", text, message_id)


KINDS = MappingProxyType(
    {
        definition: Kind(
            definition,
            _read,
            ("pacs.008.body", "transfer.parts", "types"),
            frozenset({"CdtTrfTxInf", "RgltryRptg", "DocumentHash", "ChrgsInf"}),
            MappingProxyType({**AMOUNTS, "Amt": "Ccy", "DocumentHash": "Of"}),
        )
        for definition in PACS_008S
    }
)


def read_pacs008(body: bytes) -> Pacs008:
    """Read a pacs.008 of 1 to TRANSACTIONS_MAX transactions, with or without header; raises MessageError."""
    read: Pacs008 = codec().read(body, KINDS)
    return read
