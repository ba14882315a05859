"""CIPS's table: what a credit carries in elements, and what goes to RmtInf/Ustrd as `/path:value` (facts messages 2.4)."""

from rails.messages.dialects.terms import ASSUMED, CARRIED, LEFT_OUT, Row
from rails.messages.dialects.transfers import ACCOUNT, AGENT

TX = "CdtTrfTxInf/"
USTRD = f"{TX}RmtInf/Ustrd"
_FACT = "2.4"
_SHAPE = "of pacs.008.001.02, whose shape the body is taken to have"
# Paths of our canonical messages (docs/messages.md), from the transaction down.
FREE = (
    ("transfer.debtor.residency", "Dbtr/CtryOfRes"),
    ("transfer.debtor.sector", "SplmtryData/DebtorSector"),
    ("transfer.debtor.account.proxy_type", "DbtrAcct/Prxy/Tp/Cd"),
    ("transfer.debtor.account.proxy_value", "DbtrAcct/Prxy/Id"),
    ("transfer.debtor.account.currency", "DbtrAcct/Ccy"),
    ("transfer.debtor.account.type", "DbtrAcct/Tp/Prtry"),
    ("transfer.creditor.residency", "Cdtr/CtryOfRes"),
    ("transfer.creditor.sector", "SplmtryData/CreditorSector"),
    ("transfer.creditor.account.proxy_type", "CdtrAcct/Prxy/Tp/Cd"),
    ("transfer.creditor.account.proxy_value", "CdtrAcct/Prxy/Id"),
    ("transfer.creditor.account.currency", "SplmtryData/CreditorAccountCurrency"),
    ("transfer.creditor.account.type", "CdtrAcct/Tp/Prtry"),
    ("transfer.interbank_amount", "IntrBkSttlmAmt"),
    ("transfer.interbank_currency", "IntrBkSttlmAmt/@Ccy"),
    ("transfer.debtor_agent", "DbtrAgt/BICFI"),
    ("transfer.creditor_agent", "CdtrAgt/BICFI"),
    ("transfer.settlement_currency", "CdtrAcct/Ccy"),
    ("transfer.purpose_code", "Purp/Cd"),
    ("transfer.category_purpose", "PmtTpInf/CtgyPurp/Cd"),
    ("transfer.lane", "SplmtryData/Lane"),
    ("transfer.venue", "SplmtryData/Venue"),
    ("transfer.quote_id", "SplmtryData/QuoteId"),
    ("transfer.acceptance_date_time", "AccptncDtTm"),
    ("transfer.if_closed", "SplmtryData/IfClosed"),
)  # fmt: skip
SIDES = (("debtor", "Dbtr"), ("creditor", "Cdtr"))

ROWS: tuple[Row, ...] = (
    Row("uetr", f"{TX}PmtId/TxId", ASSUMED, _FACT, "with the leg, as `1-` and 32 hexadecimal digits"),
    Row("leg", f"{TX}PmtId/TxId", ASSUMED, _FACT),
    Row("transfer.uetr", f"{TX}PmtId/TxId", ASSUMED, _FACT, "the leg's"),
    Row("debtor_agent", f"{TX}DbtrAgt/{AGENT}", CARRIED, "1.3", "CNCIP; the form of the ids is not public"),
    Row("creditor_agent", f"{TX}CdtrAgt/{AGENT}", CARRIED, "1.3", "as above"),
    Row("creditor_account", f"{TX}CdtrAcct/{ACCOUNT}", ASSUMED, _FACT, _SHAPE, as_is=True),
    Row("amount_minor", f"{TX}IntrBkSttlmAmt", ASSUMED, _FACT, _SHAPE),
    Row("currency", f"{TX}IntrBkSttlmAmt/@Ccy", ASSUMED, _FACT, "CNY"),
    Row("sent_at", "GrpHdr/CreDtTm", ASSUMED, _FACT, _SHAPE),
    Row("expires_at", "", LEFT_OUT, _FACT, "the rail counts its own time-out, which is not public"),
    Row("transfer.instruction_id", f"{TX}PmtId/InstrId", ASSUMED, _FACT, _SHAPE, as_is=True),
    Row("transfer.end_to_end_id", f"{TX}PmtId/EndToEndId", ASSUMED, _FACT, _SHAPE, as_is=True),
    Row("transfer.instructed_amount", f"{TX}InstdAmt", ASSUMED, _FACT, _SHAPE, as_is=True),
    Row("transfer.instructed_currency", f"{TX}InstdAmt/@Ccy", ASSUMED, _FACT, _SHAPE, as_is=True),
    Row("transfer.charge_bearer", f"{TX}ChrgBr", ASSUMED, _FACT, _SHAPE, as_is=True),
    Row("transfer.debtor.name", f"{TX}Dbtr/Nm", ASSUMED, _FACT, _SHAPE, as_is=True),
    Row("transfer.debtor.account.number", f"{TX}DbtrAcct/{ACCOUNT}", ASSUMED, _FACT, _SHAPE, as_is=True),
    Row("transfer.creditor.name", f"{TX}Cdtr/Nm", ASSUMED, _FACT, _SHAPE, as_is=True),
    Row("transfer.creditor.account.number", "", LEFT_OUT, _FACT, "the leg's account is carried"),
    Row("transfer.remittance_information", USTRD, CARRIED, _FACT, "as it is, or as `/RmtInf/Ustrd:` where it begins with /"),
    Row("transfer.debtor.identification", USTRD, ASSUMED, _FACT, "`/Dbtr/Id:type,country,number`"),
    Row("transfer.creditor.identification", USTRD, ASSUMED, _FACT, "`/Cdtr/Id:type,country,number`"),
    Row("transfer.documents", USTRD, ASSUMED, _FACT, "`/RgltryRptg[1]/Dtls/Tp:`, `…/Dtls/Inf:`, `…/Authrty/Nm:`, `…/Hash:`"),
    Row("transfer.interbank", "", LEFT_OUT, _FACT, "what agents between say across the border; the switch has none to send"),
    Row("transfer.allow_lanes", USTRD, ASSUMED, _FACT, "`/SplmtryData/AllowLanes:true`"),
    *(Row(field, USTRD, ASSUMED, _FACT, f"`/{path}:`") for field, path in FREE),
    Row("", f"{USTRD} `/path:value`", CARRIED, _FACT, "the form is sourced; which 17 fields need it is not, the paths are ours"),
    Row("", f"{TX}DbtrAgt/FinInstnId/ClrSysMmbId/ClrSysId/Cd", CARRIED, "1.3", "CNCIP"),
    Row("", "cips.112, cips.307", LEFT_OUT, _FACT, "between institutions; generic signed"),
    Row("", "reports, inquiries", LEFT_OUT, _FACT, "not public: our canonical pacs.002 and pacs.028"),
)  # fmt: skip
