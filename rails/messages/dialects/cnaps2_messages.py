"""What messages of CNAPS2 hold, as far as it is public: names, process codes, and the leaves of each (facts messages 2.4, M).

ibps.101 and hvps.111 have the body of pacs.008.001.02, ibps.102 that of pacs.002.001.03, saps.601 that of a camt.054;
the element names of beps.121 and ccms.900, 911 and 990 are read from participants' public code. Of the status inquiry
nothing but its number is public: its body here is assumed.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from rails.messages.dialects.leaves import (
    AMOUNT,
    COUNTRY,
    CURRENCY,
    DECIMAL,
    LOCAL_INSTANT,
    Form,
    Leaf,
    Message,
    digits,
    one_of,
    text,
)
from rails.messages.dialects.terms import KEY
from rails.messages.dialects.transfers import ACCOUNT, AGENT
from rails.port import CREDITED, PENDING, REJECTED, SETTLED

ISO = "urn:iso:std:iso:20022:tech:xsd:"
CNAPS = "urn:cnaps:std:{}:2010:tech:xsd:{}"
IBPS, BEPS, HVPS = "IBPS", "BEPS", "HVPS"
CREDITS: Mapping[str, str] = MappingProxyType(
    {IBPS: "ibps.101.001.02", BEPS: "beps.121.001.01", HVPS: "hvps.111.001.01"}
)
RECEIPT_TYPE = "ibps.102.001.01"
NETTED_TYPE = "saps.601.001.01"
CONFIRMED_TYPE, DISCARDED_TYPE, ACKNOWLEDGED_TYPE = "ccms.900.001.02", "ccms.911.001.02", "ccms.990.001.02"
# IBPS asks by ibps.305, the others by ccms.316; versions are assumed.
INQUIRIES: Mapping[str, str] = MappingProxyType(
    {IBPS: "ibps.305.001.01", BEPS: "ccms.316.001.01", HVPS: "ccms.316.001.01"}
)

# Process codes, in the words of rails.port, by the facts' map to ISO (messages 2.4). Netted (PR03, ACSP) is not settled yet.
# The port has no word for withdrawn (PR08, CANC): like a rejection it lets the money go (assumed). What the facts do not map
# (PR21 stopped, PR97 sent), or map to doubt (PR99), stays pending, so that nothing is released or frozen on a guess. PR22
# (reversed) says that settled money went back, which no report can: it is refused.
STATUS_OF: Mapping[str, str] = MappingProxyType(
    {
        "PR03": PENDING, "PR04": SETTLED, "PR05": CREDITED, "PR08": REJECTED, "PR09": REJECTED, "PR11": PENDING,
        "PR12": PENDING, "PR21": PENDING, "PR32": REJECTED, "PR97": PENDING, "PR99": PENDING,
    }
)  # fmt: skip
REVERSED, OVERDUE, DONE, NETTED, CLEARED, SENT, QUEUED, STOPPED, REFUSED = (
    "PR22", "PR32", "PR05", "PR03", "PR04", "PR97", "PR11", "PR21", "PR09",
)  # fmt: skip
EXPIRED = "TM01"  # the reason of what is overdue
NO_REASON = "MS03"

# 业务类型 and 业务种类 of an ordinary remittance and of one across the border; of the many others none is needed here.
ORDINARY_REMITTANCE, CROSS_BORDER = "A100", "A113"
BUSINESS_TYPES = (ORDINARY_REMITTANCE, "A200", CROSS_BORDER, "A108", "A112")
BUSINESS_KIND = "02101"

TX, ST = "CdtTrfTxInf/", "TxInfAndSts/"
MEMBER = digits(12, 12)
_ACCOUNT = Form(re.compile("[A-Za-z0-9-]{1,32}"), "1 to 32 letters, digits and hyphens", "AC01")
_NAME = text(60)
_PROCESS = one_of((*STATUS_OF, REVERSED))
_REASON = Form(re.compile("[A-Z0-9]{1,8}"), "1 to 8 capitals and digits")
_SYSTEMS = one_of(("SAPS", HVPS, BEPS, "CCMS", "PMIS", IBPS, "NCIS", "ECDS", "FXPS", "NETS", "PBCS"))


def _cny(path: str, optional: bool = False) -> Leaf:
    return Leaf(path, AMOUNT, optional, attribute=("Ccy", one_of(("CNY",), "AM03")))


def identification(path: str) -> tuple[Leaf, ...]:
    """Return the leaves of a party's document, as in pacs.008.001.02."""
    return tuple(
        Leaf(f"{path}/{side}/Othr/{name}", form, optional=True)
        for side in ("OrgId", "PrvtId")
        for name, form in (("Id", text(35)), ("SchmeNm/Cd", text(4)), ("SchmeNm/Prtry", text(35)), ("Issr", COUNTRY))
    )


def _party(side: str) -> tuple[Leaf, ...]:
    at = f"{TX}{side}"
    return (Leaf(f"{at}/Nm", _NAME), *identification(f"{at}/Id"), Leaf(f"{at}/CtryOfRes", COUNTRY, optional=True))


def _account(side: str) -> tuple[Leaf, ...]:
    return (Leaf(f"{TX}{side}Acct/{ACCOUNT}", _ACCOUNT), Leaf(f"{TX}{side}Acct/Id/Othr/Issr", MEMBER))


def _agent(side: str) -> tuple[Leaf, ...]:
    return (Leaf(f"{TX}{side}Agt/{AGENT}", MEMBER), Leaf(f"{TX}{side}Agt/BrnchId/Id", MEMBER))


# ibps.101 and hvps.111
CREDIT = Message(
    ISO + "pacs.008.001.02",
    ("Document", "FIToFICstmrCdtTrf"),
    (
        Leaf("GrpHdr/MsgId", KEY),
        Leaf("GrpHdr/CreDtTm", LOCAL_INSTANT),
        Leaf("GrpHdr/NbOfTxs", one_of(("1",), "AM18")),
        Leaf("GrpHdr/SttlmInf/SttlmMtd", one_of(("CLRG",))),
        Leaf(f"{TX}PmtId/InstrId", text(35), optional=True),
        Leaf(f"{TX}PmtId/EndToEndId", text(35)),
        Leaf(f"{TX}PmtId/TxId", KEY),
        Leaf(f"{TX}PmtTpInf/CtgyPurp/Prtry", one_of(BUSINESS_TYPES, "FF06")),
        _cny(f"{TX}IntrBkSttlmAmt"),
        Leaf(f"{TX}SttlmPrty", one_of(("NORM", "HIGH", "URGT")), optional=True),
        Leaf(f"{TX}AccptncDtTm", text(35), optional=True),
        Leaf(f"{TX}InstdAmt", DECIMAL, optional=True, attribute=("Ccy", CURRENCY)),
        Leaf(f"{TX}ChrgBr", one_of(("DEBT",))),
        *_party("Dbtr"),
        *_account("Dbtr"),
        *_agent("Dbtr"),
        *_agent("Cdtr"),
        *_party("Cdtr"),
        *_account("Cdtr"),
        Leaf(f"{TX}Purp/Prtry", digits(5, 5)),
        Leaf(f"{TX}RmtInf/Ustrd", text(140), optional=True),
    ),
)

# beps.121: a package of credits, here of one.
PKG, INF = "PKGGrpHdr/", "CstmrCdtTrfInf/"
PACKAGE = Message(
    CNAPS.format("beps", CREDITS[BEPS]),
    ("Document", "CstmrCdtTrf"),
    (
        Leaf(f"{PKG}MsgId", KEY),
        Leaf(f"{PKG}CreDtTm", LOCAL_INSTANT),
        Leaf(f"{PKG}InstgPty/InstgDrctPty", MEMBER),
        Leaf(f"{PKG}InstgPty/InstgPty", MEMBER),
        Leaf(f"{PKG}InstdPty/InstdDrctPty", MEMBER),
        Leaf(f"{PKG}InstdPty/InstdPty", MEMBER),
        Leaf(f"{PKG}NbOfTxs", one_of(("1",), "AM18")),
        _cny(f"{PKG}CtrlSum"),
        Leaf(f"{PKG}SysCd", one_of((BEPS,))),
        Leaf(f"{PKG}Rmk", text(256), optional=True),
        Leaf(f"{INF}TxId", digits(16)),
        Leaf(f"{INF}Dbtr/Nm", _NAME),
        Leaf(f"{INF}DbtrAcct/{ACCOUNT}", _ACCOUNT),
        Leaf(f"{INF}DbtrAgt/{AGENT}", MEMBER),
        Leaf(f"{INF}CdtrAgt/{AGENT}", MEMBER),
        Leaf(f"{INF}Cdtr/Nm", _NAME),
        Leaf(f"{INF}CdtrAcct/{ACCOUNT}", _ACCOUNT),
        _cny(f"{INF}Amt"),
        Leaf(f"{INF}PmtTpInf/CtgyPurp/Prtry", one_of(BUSINESS_TYPES, "FF06")),
        Leaf(f"{INF}Purp/Prtry", digits(5, 5)),
        Leaf(f"{INF}AddtlInf", text(256), optional=True),
    ),
)

# ibps.102: the receiving bank takes or refuses a credit; saps.601 follows where it takes it.
RECEIPT = Message(
    ISO + "pacs.002.001.03",
    ("Document", "FIToFIPmtStsRpt"),
    (
        Leaf("GrpHdr/MsgId", text(35)),
        Leaf("GrpHdr/CreDtTm", LOCAL_INSTANT),
        Leaf("OrgnlGrpInfAndSts/OrgnlMsgId", KEY),
        Leaf("OrgnlGrpInfAndSts/OrgnlMsgNmId", text(35)),
        Leaf(f"{ST}OrgnlTxId", KEY),
        Leaf(f"{ST}TxSts", one_of(("ACCP", "RJCT"))),
        Leaf(f"{ST}StsRsnInf/Rsn/Prtry", _REASON, optional=True),
    ),
)

# saps.601: the netting notice to both banks.
NF = "Ntfctn/"
NETTING = Message(
    ISO + "camt.054.001.02",
    ("Document", "BkToCstmrDbtCdtNtfctn"),
    (
        Leaf("GrpHdr/MsgId", text(35)),
        Leaf("GrpHdr/CreDtTm", LOCAL_INSTANT),
        Leaf(f"{NF}Id", KEY),
        Leaf(f"{NF}CreDtTm", LOCAL_INSTANT),
        Leaf(f"{NF}Acct/{ACCOUNT}", MEMBER),
        _cny(f"{NF}Ntry/Amt", optional=True),
        Leaf(f"{NF}Ntry/CdtDbtInd", one_of(("CRDT", "DBIT")), optional=True),
        Leaf(f"{NF}Ntry/Sts", one_of(("BOOK",)), optional=True),
        Leaf(f"{NF}Ntry/BkTxCd/Prtry/Cd", text(35), optional=True),
        Leaf(f"{NF}AddtlNtfctnInf", one_of((NETTED, CLEARED))),
    ),
)

_GROUP = (
    Leaf("GrpHdr/MsgId", text(35)),
    Leaf("GrpHdr/CreDtTm", LOCAL_INSTANT),
    Leaf("GrpHdr/InstgPty/InstgDrctPty", digits(14)),
    Leaf("GrpHdr/InstgPty/InstgPty", digits(14)),
    Leaf("GrpHdr/InstdPty/InstdDrctPty", digits(14)),
    Leaf("GrpHdr/InstdPty/InstdPty", digits(14)),
    Leaf("GrpHdr/SysCd", _SYSTEMS),
    Leaf("GrpHdr/Rmk", text(256), optional=True),
    Leaf("OrgnlGrpHdr/OrgnlMsgId", KEY),
    Leaf("OrgnlGrpHdr/OrgnlInstgPty", digits(14)),
    Leaf("OrgnlGrpHdr/OrgnlMT", text(35)),
)
CF = "CmonConfInf/"
# ccms.900: what became of a message.
CONFIRMATION = Message(
    CNAPS.format("ccms", CONFIRMED_TYPE),
    ("Document", "CmonConf"),
    (
        *_GROUP,
        Leaf(f"{CF}PrcSts", _PROCESS),
        Leaf(f"{CF}PrcCd", _REASON, optional=True),
        Leaf(f"{CF}PtyId", digits(14), optional=True),
        Leaf(f"{CF}PtyPrcCd", _REASON, optional=True),
        Leaf(f"{CF}RjctInf", text(105), optional=True),
        Leaf(f"{CF}PrcDt", text(35), optional=True),
        Leaf(f"{CF}NetgRnd", text(35), optional=True),
    ),
)
# ibps.305, ccms.316: the status inquiry; the body is ours.
INQUIRY: Mapping[str, Message] = MappingProxyType(
    {name: Message(CNAPS.format(name[:4], name), ("Document", "StsQry"), _GROUP) for name in INQUIRIES.values()}
)


def _comms(root: str, box: str, last: str, name: str) -> Message:
    leaves = (
        Leaf(f"{box}/OrigSndr", text(14)),
        Leaf(f"{box}/OrigSndDt", digits(8, 8)),
        Leaf(f"{box}/MT", text(35)),
        Leaf(f"{box}/MsgId", text(35)),
        Leaf(f"{box}/MsgRefId", text(35)),
        Leaf(f"{box}/{last}", text(8)),
    )
    rejected = (Leaf(f"{box}/RjctInf", text(105), optional=True),) if last == "PrcCd" else ()
    return Message(CNAPS.format("ccms", name), ("Document", root), leaves + rejected)


# ccms.990: received at the level of communication; ccms.911: thrown away there, and never processed.
ACKNOWLEDGEMENT = _comms("ComConf", "ConfInf", "MsgPrcCd", ACKNOWLEDGED_TYPE)
DISCARD = _comms("DscrdMsgNtfctn", "DscrdInf", "PrcCd", DISCARDED_TYPE)
