"""What messages of HK FPS hold, as far as it is public: namespaces, codes, and the leaves of each (facts messages 2.1, M).

What facts and participants' code do not name is of ISO's schema of the same version, of which only what a leg needs is
taken here.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from rails.messages.dialects.leaves import (
    COUNTRY,
    CURRENCY,
    DECIMAL,
    UTC_INSTANT,
    Form,
    Leaf,
    Message,
    digits,
    one_of,
    text,
    with_currency,
)
from rails.messages.dialects.terms import KEY
from rails.messages.dialects.transfers import ACCOUNT, AGENT
from rails.port import BLOCKED, CREDITED, PENDING, REJECTED, SETTLED, UNKNOWN

ENVELOPE = "urn:hkicl:fps:xsd:fps.envelope.01"
ISO = "urn:iso:std:iso:20022:tech:xsd:"
HEAD, PACS_008, PACS_002, PACS_028 = "head.001.001.01", "pacs.008.001.06", "pacs.002.001.08", "pacs.028.001.01"
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
TX, ST = "CdtTrfTxInf/", "TxInfAndSts/"
RAIL_ID = "FPS"  # the rail's own member id in Fr and To
INSTANT, NEAR_REAL_TIME, BATCH = "PAYC01", "PAYC02", "PAYC03"
ENQUIRY = "PAYENQ"
VERIFY, SKIP = "PERFORM_PYE_VRF", "SKIP_PYE_VRF"
CREDITS = (INSTANT, NEAR_REAL_TIME, BATCH)

# Category purposes of credits, to ISO's and back; several of ISO's go into one of the rail's (assumed), of which the
# first comes back. Those of direct debits, returns and sweeps are known and refused.
CATEGORY_OF: Mapping[str, str] = MappingProxyType(
    {
        "SALA": "CXSALA", "SUPP": "CXBSNS", "TRAD": "CXBSNS", "INTC": "CXBSNS", "EPAY": "CXMRCH", "GOVT": "CXGOVT",
        "TAXS": "CXGOVT",
    }
)  # fmt: skip
ISO_OF: Mapping[str, str | None] = MappingProxyType(
    {
        "CXSALA": "SALA", "CXBSNS": "SUPP", "CXMRCH": "EPAY", "CXTOPU": None, "CXOTHS": None, "CXGOVT": "GOVT",
        "CXECNY": None, "CXPSNL": None,
    }
)  # fmt: skip
NO_CREDIT = frozenset({"DDBILL", "DDTOPU", "DDECOM", "DDOTHR", "RPRTRN", "RPRFND", "SWAUTO", "SWMANU", "SWOPCL", "SWRVSL"})  # fmt: skip
OTHERS = "CXOTHS"

# What the rail says: TxSts and, where the public ones cannot tell it, a word in AddtlInf (assumed).
SAID: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        PENDING: ("RCVD", ""),
        SETTLED: ("ACSC", ""),
        CREDITED: ("ACSC", "/STATUS/CREDITED"),
        BLOCKED: ("RCVD", "/STATUS/BLOCKED"),
        REJECTED: ("RJCT", ""),
        UNKNOWN: ("RJCT", ""),
    }
)
# ACCP: the payee's bank accepts, settlement comes after it. CNCL: cancelled, for which the rail gives no reason (MS03).
HEARD: Mapping[tuple[str, str], str] = MappingProxyType(
    {said: status for status, said in SAID.items() if status != UNKNOWN}
    | {("ACCP", ""): PENDING, ("CNCL", ""): REJECTED}
)
NO_REASON = "MS03"

_MEMBER = digits(3, 3)
_REASON = Form(re.compile("[A-Z0-9]{1,8}"), "1 to 8 capitals and digits")
_ACCOUNT = Form(re.compile("[A-Za-z0-9-]{1,34}"), "1 to 34 letters, digits and hyphens", "AC01")
_SCHEME = one_of(("BBAN", "AIIN"))


def _identification(path: str) -> tuple[Leaf, ...]:
    return tuple(
        Leaf(f"{path}/{side}/Othr/{name}", form, optional=True)
        for side in ("OrgId", "PrvtId")
        for name, form in (("Id", text(35)), ("SchmeNm/Cd", text(4)), ("SchmeNm/Prtry", text(35)), ("Issr", COUNTRY))
    )


def _party(side: str) -> tuple[Leaf, ...]:
    return (
        Leaf(f"{TX}{side}/Nm", text(140)),
        *_identification(f"{TX}{side}/Id"),
        Leaf(f"{TX}{side}/CtryOfRes", COUNTRY, optional=True),
    )


def _account(side: str) -> tuple[Leaf, ...]:
    return (
        Leaf(f"{TX}{side}Acct/{ACCOUNT}", _ACCOUNT),
        Leaf(f"{TX}{side}Acct/Id/Othr/SchmeNm/Prtry", _SCHEME),
    )


FRAME = Message(
    ENVELOPE,
    ("FpsMsg",),
    (
        Leaf("BtchInf/BtchId", text(35), optional=True),
        Leaf("BtchInf/FlSeqNo", one_of(("1",)), optional=True),
        Leaf("BtchInf/NbOfFls", one_of(("1",)), optional=True),
        Leaf("NbOfMsgs", one_of(("1",))),
    ),
)
HEADER = Message(
    ISO + HEAD,
    ("AppHdr",),
    (
        Leaf(f"Fr/FIId/{AGENT}", text(35)),
        Leaf(f"To/FIId/{AGENT}", text(35)),
        Leaf("BizMsgIdr", text(35)),
        Leaf("MsgDefIdr", one_of((PACS_008, PACS_002, PACS_028))),
        Leaf("BizSvc", one_of((*CREDITS, ENQUIRY))),
        Leaf("CreDt", UTC_INSTANT),
    ),
)
CREDIT = Message(
    ISO + PACS_008,
    ("Document", "FIToFICstmrCdtTrf"),
    (
        Leaf("GrpHdr/MsgId", text(35)),
        Leaf("GrpHdr/CreDtTm", UTC_INSTANT),
        Leaf("GrpHdr/NbOfTxs", one_of(("1",), "AM18")),
        Leaf("GrpHdr/SttlmInf/SttlmMtd", one_of(("CLRG",))),
        Leaf("GrpHdr/SttlmInf/ClrSys/Prtry", one_of((RAIL_ID,))),
        Leaf(f"{TX}PmtId/InstrId", text(35), optional=True),
        Leaf(f"{TX}PmtId/EndToEndId", text(35)),
        Leaf(f"{TX}PmtId/TxId", KEY),
        Leaf(f"{TX}PmtTpInf/LclInstrm/Prtry", one_of((VERIFY, SKIP), "FF05")),
        Leaf(f"{TX}PmtTpInf/CtgyPurp/Prtry", one_of((*ISO_OF, *sorted(NO_CREDIT)), "FF06")),
        with_currency(f"{TX}IntrBkSttlmAmt"),
        Leaf(f"{TX}AccptncDtTm", text(35), optional=True),
        Leaf(f"{TX}InstdAmt", DECIMAL, optional=True, attribute=("Ccy", CURRENCY)),
        Leaf(f"{TX}ChrgBr", one_of(("SLEV",))),
        *_party("Dbtr"),
        *_account("Dbtr"),
        Leaf(f"{TX}DbtrAgt/{AGENT}", _MEMBER),
        Leaf(f"{TX}CdtrAgt/{AGENT}", _MEMBER),
        *_party("Cdtr"),
        *_account("Cdtr"),
        Leaf(f"{TX}Purp/Cd", text(4), optional=True),
        Leaf(f"{TX}RmtInf/Ustrd", text(140), optional=True),
    ),
)
REPORT = Message(
    ISO + PACS_002,
    ("Document", "FIToFIPmtStsRpt"),
    (
        Leaf("GrpHdr/MsgId", text(35)),
        Leaf("GrpHdr/CreDtTm", UTC_INSTANT),
        Leaf("OrgnlGrpInfAndSts/OrgnlMsgId", text(35)),
        Leaf("OrgnlGrpInfAndSts/OrgnlMsgNmId", one_of((PACS_008,))),
        Leaf("OrgnlGrpInfAndSts/GrpSts", one_of(("ACSC", "RJCT", "PART")), optional=True),
        Leaf(f"{ST}OrgnlTxId", KEY),
        Leaf(f"{ST}TxSts", one_of(sorted({said for said, _ in HEARD}))),
        Leaf(f"{ST}StsRsnInf/Rsn/Prtry", _REASON, optional=True),
        Leaf(f"{ST}StsRsnInf/AddtlInf", text(105), optional=True),
        with_currency(f"{ST}OrgnlTxRef/IntrBkSttlmAmt", optional=True),
    ),
)
INQUIRY = Message(
    ISO + PACS_028,
    ("Document", "FIToFIPmtStsReq"),
    (
        Leaf("GrpHdr/MsgId", text(35)),
        Leaf("GrpHdr/CreDtTm", UTC_INSTANT),
        Leaf("OrgnlGrpInf/OrgnlMsgId", text(35)),
        Leaf("OrgnlGrpInf/OrgnlMsgNmId", one_of((PACS_008,))),
        Leaf("TxInf/OrgnlTxId", KEY),
    ),
)
