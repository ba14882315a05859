"""CNAPS2's tables: each field of a leg and each element the facts name, and how it stands in IBPS and HVPS, and in BEPS.

The element names of BEPS are read in participants' public code, beyond the facts: they count as assumed.
"""

from rails.messages.dialects.cnaps2_messages import CF, INF, NF, PKG, ST, TX
from rails.messages.dialects.terms import ASSUMED, CARRIED, LEFT_OUT, OURS, Row
from rails.messages.dialects.transfers import ACCOUNT, AGENT

_FACT, _ISO_ONLY = "2.4", "2.4"
_MANDATORY = "1.1"  # what ISO's schemas force
_AS_DEBTOR = "as the debtor's, which the facts name"
_KEY_NOTE = "with the leg, as `1-` and 32 hexadecimal digits; members' own ids are bank code, day and number"
_MEMBER_NOTE = "CNAPS code; those of fictional members are assumed"
_SHAPE = "of pacs.008.001.02, whose shape the body has; whether the rail wants it is not public"


def _never(side: str) -> tuple[Row, ...]:
    at = f"transfer.{side}"
    return (
        Row(f"{at}.sector", "", LEFT_OUT, _FACT, OURS),
        Row(f"{at}.account.proxy_type", "", LEFT_OUT, _FACT, "resolved before a payment"),
        Row(f"{at}.account.proxy_value", "", LEFT_OUT, _FACT, "as above"),
        Row(f"{at}.account.currency", "", LEFT_OUT, _FACT, "CNY, always"),
        Row(f"{at}.account.type", "", LEFT_OUT, _FACT, OURS),
    )


_COMMON: tuple[Row, ...] = (
    Row("expires_at", "", LEFT_OUT, _FACT, "the rail counts its own time-out, which is not public"),
    Row("transfer.interbank_amount", "", LEFT_OUT, _FACT, "the leg's own amount stands there"),
    Row("transfer.interbank_currency", "", LEFT_OUT, _FACT, "as above"),
    *_never("debtor"),
    *_never("creditor"),
    Row("transfer.creditor.account.number", "", LEFT_OUT, _FACT, "the leg's account is carried"),
    Row("transfer.debtor_agent", "", LEFT_OUT, _FACT, "the agent that settles the leg is carried"),
    Row("transfer.creditor_agent", "", LEFT_OUT, _FACT, "as above"),
    Row("transfer.settlement_currency", "", LEFT_OUT, _FACT, "CNY, always"),
    Row("transfer.purpose_code", "", LEFT_OUT, _FACT, "业务种类 stands there; which of ISO's purposes goes into which is not public"),
    Row("transfer.category_purpose", "", LEFT_OUT, _FACT, "业务类型 stands there"),
    Row("transfer.charge_bearer", "", LEFT_OUT, _FACT, "DEBT, always"),
    Row("transfer.documents", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.lane", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.allow_lanes", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.venue", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.quote_id", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.if_closed", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.interbank", "", LEFT_OUT, _FACT, "what agents between say across the border; the switch has none to send"),
)  # fmt: skip

CREDIT_ROWS: tuple[Row, ...] = (
    Row("uetr", f"{TX}PmtId/TxId", ASSUMED, _FACT, _KEY_NOTE),
    Row("leg", f"{TX}PmtId/TxId", ASSUMED, _FACT),
    Row("debtor_agent", f"{TX}DbtrAgt/{AGENT}", CARRIED, _FACT, _MEMBER_NOTE),
    Row("creditor_agent", f"{TX}CdtrAgt/{AGENT}", ASSUMED, _FACT, _AS_DEBTOR),
    Row("creditor_account", f"{TX}CdtrAcct/{ACCOUNT}", ASSUMED, _FACT, _AS_DEBTOR, as_is=True),
    Row("amount_minor", f"{TX}IntrBkSttlmAmt", CARRIED, _MANDATORY),
    Row("currency", f"{TX}IntrBkSttlmAmt/@Ccy", CARRIED, _MANDATORY, "CNY"),
    Row("sent_at", "GrpHdr/CreDtTm", CARRIED, _MANDATORY, "Beijing time without offset"),
    Row("transfer.uetr", f"{TX}PmtId/TxId", ASSUMED, _FACT, "the leg's"),
    Row("transfer.instruction_id", f"{TX}PmtId/InstrId", ASSUMED, _ISO_ONLY, _SHAPE, as_is=True),
    Row("transfer.end_to_end_id", f"{TX}PmtId/EndToEndId", CARRIED, _MANDATORY, as_is=True),
    Row("transfer.instructed_amount", f"{TX}InstdAmt", ASSUMED, _ISO_ONLY, _SHAPE, as_is=True),
    Row("transfer.instructed_currency", f"{TX}InstdAmt/@Ccy", ASSUMED, _ISO_ONLY, _SHAPE, as_is=True),
    Row("transfer.debtor.name", f"{TX}Dbtr/Nm", CARRIED, _FACT, "at most 60 characters", as_is=True),
    Row("transfer.debtor.identification", f"{TX}Dbtr/Id", ASSUMED, _ISO_ONLY, _SHAPE),
    Row("transfer.debtor.residency", f"{TX}Dbtr/CtryOfRes", ASSUMED, _ISO_ONLY, _SHAPE, as_is=True),
    Row("transfer.debtor.account.number", f"{TX}DbtrAcct/{ACCOUNT}", CARRIED, _FACT, "at most 32 characters", as_is=True),
    Row("transfer.creditor.name", f"{TX}Cdtr/Nm", ASSUMED, _FACT, _AS_DEBTOR, as_is=True),
    Row("transfer.creditor.identification", f"{TX}Cdtr/Id", ASSUMED, _ISO_ONLY, _SHAPE),
    Row("transfer.creditor.residency", f"{TX}Cdtr/CtryOfRes", ASSUMED, _ISO_ONLY, _SHAPE, as_is=True),
    Row("transfer.remittance_information", f"{TX}RmtInf/Ustrd", ASSUMED, _ISO_ONLY, _SHAPE, as_is=True),
    Row("transfer.acceptance_date_time", f"{TX}AccptncDtTm", ASSUMED, _ISO_ONLY, _SHAPE, as_is=True),
    *_COMMON,
    Row("", f"{TX}DbtrAcct/Id/Othr/Issr", CARRIED, _FACT, "opening bank: here the agent's own code"),
    Row("", f"{TX}DbtrAgt/BrnchId/Id", CARRIED, _FACT, "branch: the agent's own code, since fictional members have one"),
    Row("", f"{TX}PmtTpInf/CtgyPurp/Prtry", CARRIED, _FACT, "业务类型: A113 where the debtor agent is not of the mainland, else A100"),
    Row("", f"{TX}Purp/Prtry", CARRIED, _FACT, "业务种类: 02101, the one example; the list is not public"),
    Row("", f"{TX}SttlmPrty", CARRIED, _FACT, "HVPS: NORM; HIGH and URGT are read"),
    Row("", f"{TX}ChrgBr", CARRIED, _FACT, "DEBT"),
)  # fmt: skip

PACKAGE_ROWS: tuple[Row, ...] = (
    Row("uetr", f"{PKG}MsgId", ASSUMED, _FACT, _KEY_NOTE),
    Row("leg", f"{PKG}MsgId", ASSUMED, _FACT),
    Row("debtor_agent", f"{INF}DbtrAgt/{AGENT}", ASSUMED, _FACT, _MEMBER_NOTE),
    Row("creditor_agent", f"{INF}CdtrAgt/{AGENT}", ASSUMED, _FACT, "as above"),
    Row("creditor_account", f"{INF}CdtrAcct/{ACCOUNT}", ASSUMED, _FACT, "at most 32 characters", as_is=True),
    Row("amount_minor", f"{INF}Amt", ASSUMED, _FACT, "again as CtrlSum"),
    Row("currency", f"{INF}Amt/@Ccy", ASSUMED, _FACT, "CNY"),
    Row("sent_at", f"{PKG}CreDtTm", ASSUMED, _FACT, "Beijing time without offset"),
    Row("transfer.uetr", f"{PKG}MsgId", ASSUMED, _FACT, "the leg's"),
    Row("transfer.debtor.name", f"{INF}Dbtr/Nm", ASSUMED, _FACT, "at most 60 characters", as_is=True),
    Row("transfer.debtor.account.number", f"{INF}DbtrAcct/{ACCOUNT}", ASSUMED, _FACT, "at most 32 characters", as_is=True),
    Row("transfer.creditor.name", f"{INF}Cdtr/Nm", ASSUMED, _FACT, "at most 60 characters", as_is=True),
    Row("transfer.remittance_information", f"{INF}AddtlInf", ASSUMED, _FACT, "the one free text of a credit", as_is=True),
    Row("transfer.instruction_id", "", LEFT_OUT, _FACT, "a credit of BEPS has a TxId of 16 digits alone"),
    Row("transfer.end_to_end_id", "", LEFT_OUT, _FACT, "as above"),
    Row("transfer.instructed_amount", "", LEFT_OUT, _FACT, "no element"),
    Row("transfer.instructed_currency", "", LEFT_OUT, _FACT, "no element"),
    Row("transfer.debtor.identification", "", LEFT_OUT, _FACT, "no element"),
    Row("transfer.debtor.residency", "", LEFT_OUT, _FACT, "no element"),
    Row("transfer.creditor.identification", "", LEFT_OUT, _FACT, "no element"),
    Row("transfer.creditor.residency", "", LEFT_OUT, _FACT, "no element"),
    Row("transfer.acceptance_date_time", "", LEFT_OUT, _FACT, "no element"),
    *_COMMON,
    Row("", f"{INF}TxId", ASSUMED, _FACT, "16 digits made of the UETR"),
    Row("", f"{INF}PmtTpInf/CtgyPurp/Prtry", ASSUMED, _FACT, "业务类型, as in IBPS"),
    Row("", f"{INF}Purp/Prtry", ASSUMED, _FACT, "业务种类: 02101"),
)  # fmt: skip

# What all of CNAPS2 shares: the transport, reports and the level of communication.
SHARED_ROWS: tuple[Row, ...] = (
    Row("", "{H:} version, sender, receiver and their systems", CARRIED, _FACT, "12 characters a code in version 01, 14 else; 02 is written"),
    Row("", "{H:} date, time, XML, mesgType", CARRIED, _FACT),
    Row("", "{H:} mesgID, mesgRefID", CARRIED, _FACT, "day and twelve digits of the UETR"),
    Row("", "{H:} priority, direction, reserve", CARRIED, _FACT, "3 普通; U to the centre, D from it"),
    Row("", "{S:}", ASSUMED, _FACT, "carried as it is, never verified"),
    Row("", f"ibps.102 {ST}TxSts", ASSUMED, _FACT, "ACCP or RJCT, after pacs.002.001.03"),
    Row("", f"saps.601 {NF}Id, {NF}AddtlNtfctnInf", ASSUMED, _FACT, "the credit's message id and PR04, or PR03 while it is netted and not settled; the shape is camt.054's"),
    Row("", f"ccms.900 {CF}PrcSts", CARRIED, _FACT, "the process codes below; the element's name is read in public code"),
    Row("", f"ccms.900 {CF}PrcCd, {CF}RjctInf", ASSUMED, _FACT, "ISO's codes stand in for the rail's list, which is not public"),
    Row("", "ccms.911, ccms.990", CARRIED, _FACT, "discarded, received: at the level of communication"),
    Row("", "ibps.305, ccms.316", ASSUMED, _FACT, "status inquiry; its body is ours, what comes back is saps.601 or ccms.900"),
    Row("", "ibps.306, ccms.317", LEFT_OUT, _FACT, "answers with a body that is not public"),
    Row("", "ibps.307/308, ccms.307/308, 318/319", LEFT_OUT, _FACT, "cancellation and return go in our canonical messages"),
    Row("", "debits (ibps.103 to 106, beps.127 to 134), hvps.112, 141, 143", LEFT_OUT, _FACT, "no customer's credit"),
    Row("", "saps.603, 605, ibps.701 to 706", LEFT_OUT, _FACT, "settlement notices and reconciliation"),
    Row("", "ccms.303, 310 to 315, 801 to 809, 903, 907, 909, 991, 992", LEFT_OUT, _FACT, "free text, queries, log-in, keys, parameters"),
)  # fmt: skip
