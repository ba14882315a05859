"""The dialect of CIPS: a customer's credit (cips.111), and what it has no element for as `/path:value` (facts messages 2.4).

Of CIPS little is public: the number of the message, that it differs from CBPR+ in 17 places, and that what it cannot carry
goes to RmtInf/Ustrd. Assumed: the body of pacs.008.001.02 under a name of its own, no header block, no signature. Reports
and inquiries of CIPS are not public at all: those stay in our canonical messages.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from rails.messages.codec import codec
from rails.messages.dialects.cips_table import FREE, ROWS, SIDES, TX, USTRD
from rails.messages.dialects.leaves import (
    AMOUNT,
    CURRENCY,
    DECIMAL,
    JOINT,
    UTC_INSTANT,
    Form,
    Leaf,
    Message,
    Values,
    one_of,
    read,
    text,
    write,
)
from rails.messages.dialects.terms import KEY, Members, instant, key_of, read_key, utc
from rails.messages.dialects.transfers import (
    ACCOUNT,
    AGENT,
    HOUSEHOLD,
    agents_of,
    field_of,
    fill,
    get_amount,
    leg_from,
    put_amount,
    transfer_of,
)
from rails.messages.errors import MessageError
from rails.messages.identification import FIRM_TYPES, PERSON_TYPES
from rails.messages.model import CreditTransfer, Document, Identification
from rails.port import RailInstruction

NAMESPACE = "urn:bayswitch:xsd:cips.111.001.02"  # the real one is not public
_SCHEME = "CNCIP"
_USTRD_MAX = 140
_DOCUMENTS_MAX = 8  # as our canonical messages
_FREE_TEXT = re.compile(r"/([A-Za-z@\[\]0-9/]{1,80}):(.+)", re.DOTALL)
_DOCUMENT = re.compile(r"RgltryRptg\[([1-8])\]/(Dtls/Tp|Dtls/Inf|Authrty/Nm|Hash)")
_UNSAID = ("", HOUSEHOLD, "refuse")  # values that need not be said: what is read where nothing is
_REMITTANCE, _ALLOW_LANES = "RmtInf/Ustrd", "SplmtryData/AllowLanes"
_FIELDS = {path: field for field, path in FREE}
_ACCOUNT = Form(re.compile("[A-Za-z0-9-]{1,34}"), "1 to 34 letters, digits and hyphens", "AC01")


def _agent(side: str) -> tuple[Leaf, ...]:
    return (
        Leaf(f"{TX}{side}/FinInstnId/ClrSysMmbId/ClrSysId/Cd", one_of((_SCHEME,))),
        Leaf(f"{TX}{side}/{AGENT}", text(35)),
    )


CREDIT = Message(
    NAMESPACE,
    ("Document", "FIToFICstmrCdtTrf"),
    (
        Leaf("GrpHdr/MsgId", KEY),
        Leaf("GrpHdr/CreDtTm", UTC_INSTANT),
        Leaf("GrpHdr/NbOfTxs", one_of(("1",), "AM18")),
        Leaf("GrpHdr/SttlmInf/SttlmMtd", one_of(("CLRG",))),
        Leaf(f"{TX}PmtId/InstrId", text(35), optional=True),
        Leaf(f"{TX}PmtId/EndToEndId", text(35)),
        Leaf(f"{TX}PmtId/TxId", KEY),
        Leaf(f"{TX}IntrBkSttlmAmt", AMOUNT, attribute=("Ccy", one_of(("CNY",), "AM03"))),
        Leaf(f"{TX}InstdAmt", DECIMAL, optional=True, attribute=("Ccy", CURRENCY)),
        Leaf(f"{TX}ChrgBr", one_of(("DEBT", "CRED", "SHAR", "SLEV"))),
        Leaf(f"{TX}Dbtr/Nm", text(140)),
        Leaf(f"{TX}DbtrAcct/{ACCOUNT}", _ACCOUNT),
        *_agent("DbtrAgt"),
        *_agent("CdtrAgt"),
        Leaf(f"{TX}Cdtr/Nm", text(140)),
        Leaf(f"{TX}CdtrAcct/{ACCOUNT}", _ACCOUNT),
        Leaf(USTRD, text(_USTRD_MAX), optional=True, repeated=True),
    ),
)


def write_credit(sent: RailInstruction, known: Members) -> bytes:
    """Write one leg as cips.111; raises MessageError."""
    transfer = transfer_of(sent)
    sides = agents_of(sent, known, (f"{TX}DbtrAgt", f"{TX}CdtrAgt"))
    key = key_of(sent.uetr, sent.leg)
    values: Values = {
        "GrpHdr/MsgId": key, "GrpHdr/CreDtTm": utc(sent.sent_at), "GrpHdr/NbOfTxs": "1",
        "GrpHdr/SttlmInf/SttlmMtd": "CLRG", f"{TX}PmtId/TxId": key,
    }  # fmt: skip
    for side, member in zip(("DbtrAgt", "CdtrAgt"), sides, strict=True):
        values[f"{TX}{side}/{AGENT}"] = member
        values[f"{TX}{side}/FinInstnId/ClrSysMmbId/ClrSysId/Cd"] = _SCHEME
    put_amount(values, f"{TX}IntrBkSttlmAmt", sent.amount_minor, sent.currency)
    fill(values, sent, ROWS)
    if free := list(_free(sent, transfer)):
        values[USTRD] = JOINT.join(free)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + write(CREDIT, values)).encode()


def _free(sent: RailInstruction, transfer: CreditTransfer) -> Iterator[str]:
    """Write what has no element, a text each."""
    remittance = transfer.remittance_information
    if remittance:
        yield _said(_REMITTANCE, remittance) if remittance.startswith("/") else remittance
    for field, path in FREE:
        value = field_of(sent, field)
        if value is not None and value not in _UNSAID:
            yield _said(path, value)
    for (_, element), party in zip(SIDES, (transfer.debtor, transfer.creditor), strict=True):
        if party.identification is not None:
            given = party.identification
            yield _said(f"{element}/Id", f"{given.type},{given.country},{given.number}")
    for n, document in enumerate(transfer.documents, 1):
        parts = (("Dtls/Tp", document.type), ("Dtls/Inf", document.reference), ("Authrty/Nm", document.issuer), ("Hash", document.hash))  # fmt: skip
        for path, value in parts:
            if value:
                yield _said(f"RgltryRptg[{n}]/{path}", value)
    if transfer.allow_lanes:
        yield _said(_ALLOW_LANES, "true")


def _said(path: str, value: str) -> str:
    """Write one `/path:value`; a text for RmtInf may hold neither a line break nor more than 140 characters."""
    said = f"/{path}:{value}"
    if JOINT in said:
        raise MessageError("RR10", USTRD, f"{path} holds a line break")
    if len(said) > _USTRD_MAX:
        raise MessageError(
            "FF01", USTRD, f"{path} has {len(value)} characters; {_USTRD_MAX - len(path) - 2} fit behind its path"
        )
    return said


def read_credit(body: bytes, known: Members, deadline: timedelta) -> RailInstruction:
    """Read a cips.111; raises MessageError."""
    values = read(CREDIT, codec().parse(body))
    uetr, leg = read_key(values[f"{TX}PmtId/TxId"], f"{TX}PmtId/TxId")
    further = _read_free(values[USTRD].split(JOINT) if USTRD in values else [])
    paths = (f"{TX}DbtrAgt/{AGENT}", f"{TX}CdtrAgt/{AGENT}")
    return leg_from(
        values, ROWS, uetr=uetr, leg=leg,
        agents=(known.bic_of(values[paths[0]], paths[0]), known.bic_of(values[paths[1]], paths[1])),
        sent_at=instant(values["GrpHdr/CreDtTm"], "GrpHdr/CreDtTm"), deadline=deadline,
        amount=get_amount(values, f"{TX}IntrBkSttlmAmt"), charge_bearer="SHAR", further=further,
    )  # fmt: skip


def _read_free(texts: list[str]) -> dict[str, Any]:
    """Read the texts of RmtInf: each path once, none that is not known, and at most one that has no path."""
    found: dict[str, Any] = {}
    documents: dict[int, dict[str, str]] = {}
    for said in texts:
        path, value = _parted(said)
        document = _DOCUMENT.fullmatch(path)
        if document is not None:
            part = documents.setdefault(int(document.group(1)), {})
            _once(part, document.group(2), value)
        elif path == _ALLOW_LANES:
            _once(found, "transfer.allow_lanes", value == "true")
        elif path == _REMITTANCE:
            _once(found, "transfer.remittance_information", value)
        elif path in _FIELDS:
            _once(found, _FIELDS[path], value)
        else:
            _once(found, *_identified(path, value))
    if documents:
        found["transfer.documents"] = _documents(documents)
    return found


def _parted(said: str) -> tuple[str, str]:
    if not said.startswith("/"):
        return _REMITTANCE, said
    parts = _FREE_TEXT.fullmatch(said)
    if parts is None:
        raise MessageError("FF01", USTRD, "What begins with / is written /path:value")
    return parts.group(1), parts.group(2)


def _once(found: dict[str, Any], name: str, value: object) -> None:
    if name in found:
        raise MessageError("FF01", USTRD, f"{name} is said twice")
    found[name] = value


def _identified(path: str, value: str) -> tuple[str, Identification]:
    side = next((side for side, element in SIDES if path == f"{element}/Id"), None)
    if side is None:
        raise MessageError("FF01", USTRD, f"/{path} is no path this dialect knows")
    parts = value.split(",", 2)
    if len(parts) != 3 or parts[0] not in PERSON_TYPES | FIRM_TYPES:
        raise MessageError("RR12", USTRD, f"/{path} takes type,country,number of a document we know")
    return f"transfer.{side}.identification", Identification(parts[0], parts[2], parts[1])


def _documents(documents: dict[int, dict[str, str]]) -> tuple[Document, ...]:
    if sorted(documents) != list(range(1, len(documents) + 1)):
        raise MessageError("FF01", USTRD, "RgltryRptg is numbered from 1 without a gap")
    for n, parts in documents.items():
        if not {"Dtls/Tp", "Dtls/Inf"} <= parts.keys():
            raise MessageError("CH21", USTRD, f"RgltryRptg[{n}] needs Dtls/Tp and Dtls/Inf")
    return tuple(
        Document(parts["Dtls/Tp"], parts["Dtls/Inf"], parts.get("Authrty/Nm"), parts.get("Hash"))
        for _, parts in sorted(documents.items())
    )
