"""HK FPS's table: each field of a leg and each element the facts name, and how it stands in the dialect."""

from rails.messages.dialects.hk_fps_messages import ST, TX
from rails.messages.dialects.terms import ASSUMED, CARRIED, LEFT_OUT, OURS, Row
from rails.messages.dialects.transfers import ACCOUNT, AGENT

_FACT, _ISO_ONLY = "2.1", "1.2"
_MANDATORY = "1.1"  # what ISO's schemas force
_NO_PLACE = "the version has no element for it"
_VERSION = "of the version's ISO schema; whether FPS wants it is not public"


def _party_rows(side: str, element: str) -> tuple[Row, ...]:
    at = f"transfer.{side}"
    return (
        Row(f"{at}.name", f"{TX}{element}/Nm", ASSUMED, _ISO_ONLY, _VERSION, as_is=True),
        Row(f"{at}.identification", f"{TX}{element}/Id", ASSUMED, _ISO_ONLY, _VERSION),
        Row(f"{at}.residency", f"{TX}{element}/CtryOfRes", ASSUMED, _ISO_ONLY, "as above", as_is=True),
        Row(f"{at}.sector", "", LEFT_OUT, _FACT, OURS),
        Row(f"{at}.account.proxy_type", "", LEFT_OUT, _FACT, "resolved by addressing before a payment"),
        Row(f"{at}.account.proxy_value", "", LEFT_OUT, _FACT, "as above"),
        Row(f"{at}.account.currency", "", LEFT_OUT, _FACT, "the settlement amount's currency is the account's"),
        Row(f"{at}.account.type", "", LEFT_OUT, _FACT, OURS),
    )  # fmt: skip


ROWS: tuple[Row, ...] = (
    Row("uetr", f"{TX}PmtId/TxId", ASSUMED, _FACT, "with the leg, as `1-` and 32 hexadecimal digits: " + _NO_PLACE),
    Row("leg", f"{TX}PmtId/TxId", ASSUMED, _FACT),
    Row("debtor_agent", f"{TX}DbtrAgt/{AGENT}", CARRIED, _FACT, "three-digit clearing code; those of fictional members are assumed"),
    Row("creditor_agent", f"{TX}CdtrAgt/{AGENT}", CARRIED, _FACT, "as above"),
    Row("creditor_account", f"{TX}CdtrAcct/{ACCOUNT}", CARRIED, _FACT, "3 + 3 + 6 to 9 digits; letters are taken for magic accounts", as_is=True),
    Row("amount_minor", f"{TX}IntrBkSttlmAmt", CARRIED, _FACT, "15 digits and two decimals"),
    Row("currency", f"{TX}IntrBkSttlmAmt/@Ccy", CARRIED, _FACT),
    Row("sent_at", "GrpHdr/CreDtTm", CARRIED, _MANDATORY),
    Row("expires_at", "", LEFT_OUT, _FACT, "the rail counts its own time-out, which is not public"),
    Row("transfer.instruction_id", f"{TX}PmtId/InstrId", ASSUMED, _ISO_ONLY, _VERSION, as_is=True),
    Row("transfer.end_to_end_id", f"{TX}PmtId/EndToEndId", CARRIED, _MANDATORY, as_is=True),
    Row("transfer.uetr", f"{TX}PmtId/TxId", ASSUMED, _FACT, "the leg's"),
    Row("transfer.instructed_amount", f"{TX}InstdAmt", ASSUMED, _ISO_ONLY, _VERSION, as_is=True),
    Row("transfer.instructed_currency", f"{TX}InstdAmt/@Ccy", ASSUMED, _ISO_ONLY, _VERSION, as_is=True),
    Row("transfer.interbank_amount", "", LEFT_OUT, _FACT, "the leg's own amount stands there"),
    Row("transfer.interbank_currency", "", LEFT_OUT, _FACT, "as above"),
    *_party_rows("debtor", "Dbtr"),
    Row("transfer.debtor.account.number", f"{TX}DbtrAcct/{ACCOUNT}", CARRIED, _FACT, as_is=True),
    *_party_rows("creditor", "Cdtr"),
    Row("transfer.creditor.account.number", "", LEFT_OUT, _FACT, "the leg's account is carried"),
    Row("transfer.debtor_agent", "", LEFT_OUT, _FACT, "the agent that settles the leg is carried"),
    Row("transfer.creditor_agent", "", LEFT_OUT, _FACT, "as above"),
    Row("transfer.settlement_currency", "", LEFT_OUT, _FACT, "the leg's currency"),
    Row("transfer.purpose_code", f"{TX}Purp/Cd", ASSUMED, _ISO_ONLY, _VERSION, as_is=True),
    Row("transfer.category_purpose", f"{TX}PmtTpInf/CtgyPurp/Prtry", ASSUMED, _FACT, "the rail's codes are public, which of ISO's goes into which is ours: SALA, SUPP, EPAY and GOVT come back, others as CXOTHS"),
    Row("transfer.charge_bearer", "", LEFT_OUT, _FACT, "SLEV, always"),
    Row("transfer.remittance_information", f"{TX}RmtInf/Ustrd", ASSUMED, _ISO_ONLY, _VERSION, as_is=True),
    Row("transfer.documents", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.lane", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.allow_lanes", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.venue", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.quote_id", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.acceptance_date_time", f"{TX}AccptncDtTm", ASSUMED, _ISO_ONLY, _VERSION, as_is=True),
    Row("transfer.if_closed", "", LEFT_OUT, _FACT, OURS),
    Row("transfer.interbank", "", LEFT_OUT, _FACT, "what agents between say across the border; the switch has none to send"),
    Row("", "FpsMsg/BtchInf/BtchId", ASSUMED, _FACT, "with PAYC03 alone: the message id; FlSeqNo and NbOfFls are 1"),
    Row("", "FpsMsg/NbOfMsgs", CARRIED, _FACT, "1: an envelope holds one message here"),
    Row("", "FpsMsg/FpsPylds/BizData", CARRIED, _FACT, "AppHdr of head.001.001.01 and the Document"),
    Row("", "AppHdr/Fr, AppHdr/To", CARRIED, _FACT, "clearing code; the rail is FPS"),
    Row("", "AppHdr/BizMsgIdr", CARRIED, _FACT, "M, clearing code, second and digits of the UETR"),
    Row("", "AppHdr/BizSvc", CARRIED, _FACT, "PAYC01, PAYC02, PAYC03, PAYENQ"),
    Row("", "AppHdr/BizSvc PAYD01, ADDR01, ADMISV", LEFT_OUT, _FACT, "direct debits, addressing (the directory's), administration"),
    Row("", "AppHdr/Sgntr", ASSUMED, _FACT, "handed through as it is, never verified; absent where none is given"),
    Row("", "GrpHdr/SttlmInf", CARRIED, _FACT, "CLRG over FPS"),
    Row("", f"{TX}PmtTpInf/LclInstrm/Prtry", CARRIED, _FACT, "PERFORM_PYE_VRF, SKIP_PYE_VRF"),
    Row("", f"{TX}DbtrAcct/Id/Othr/SchmeNm/Prtry", CARRIED, _FACT, "BBAN is written, AIIN is read; others are not confirmed"),
    Row("", f"{ST}TxSts", CARRIED, _FACT, "ACCP, RJCT, ACSC, RCVD, CNCL"),
    Row("", f"{ST}StsRsnInf/Rsn/Prtry", CARRIED, _FACT, "up to 8 characters; ISO's codes stand in for the list, which is not public"),
    Row("", f"{ST}StsRsnInf/AddtlInf", ASSUMED, _FACT, "/STATUS/CREDITED and /STATUS/BLOCKED, which no public TxSts tells"),
    Row("", "OrgnlGrpInfAndSts/GrpSts", CARRIED, _FACT, "of PAYC03: ACSC, RJCT; PART is read"),
    Row("", "pacs.003, pacs.004, camt.054, camt.060, fps.adrs.*, fps.cel.001", LEFT_OUT, "1.2", "returns go in our canonical messages"),
)  # fmt: skip
