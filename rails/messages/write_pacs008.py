"""Build pacs.008 messages from plain values, by templates. Pure.

Every value is escaped; what our profile would refuse is not judged here: that is the reader's.
"""

from collections.abc import Sequence

from rails.messages.identification import PERSON_TYPES, is_plain_lei, scheme_of
from rails.messages.model import (
    HEADER,
    NOT_PROVIDED,
    PACS_008,
    Account,
    BusinessHeader,
    CreditTransfer,
    Document,
    Identification,
    Party,
)
from rails.messages.profile import NAMESPACE, SUPPLEMENT_NAMESPACE, WRAPPER_NAMESPACE
from rails.messages.text import xml

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_HEADER = (
    f'<AppHdr xmlns="{NAMESPACE}{HEADER}">'
    "<Fr><FIId>{}</FIId></Fr><To><FIId>{}</FIId></To>"
    "<BizMsgIdr>{}</BizMsgIdr><MsgDefIdr>{}</MsgDefIdr><CreDt>{}</CreDt></AppHdr>"
)
_DOCUMENT = (
    '<Document xmlns="{}"><FIToFICstmrCdtTrf><GrpHdr><MsgId>{}</MsgId><CreDtTm>{}</CreDtTm><NbOfTxs>{}</NbOfTxs>'
    "<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>{}</FIToFICstmrCdtTrf></Document>"
)
_TRANSACTION = (
    "<CdtTrfTxInf><PmtId><InstrId>{}</InstrId><EndToEndId>{}</EndToEndId>{}</PmtId>{}"
    '<IntrBkSttlmAmt Ccy="{}">{}</IntrBkSttlmAmt>{}<InstdAmt Ccy="{}">{}</InstdAmt><ChrgBr>{}</ChrgBr>'
    "<Dbtr>{}</Dbtr><DbtrAcct>{}</DbtrAcct><DbtrAgt><FinInstnId><BICFI>{}</BICFI></FinInstnId></DbtrAgt>"
    "<CdtrAgt><FinInstnId><BICFI>{}</BICFI></FinInstnId></CdtrAgt><Cdtr>{}</Cdtr><CdtrAcct>{}</CdtrAcct>{}{}{}{}</CdtTrfTxInf>"
)


def wrap(header: str, document: str) -> bytes:
    """Put a header and a document into the transport wrapper, as UTF-8."""
    return f'{_DECLARATION}<Message xmlns="{WRAPPER_NAMESPACE}">{header}{document}</Message>'.encode()


def header_text(header: BusinessHeader) -> str:
    """Write the business application header; `to_bic` "" is a receiver who is not known."""
    sides = institution(header.from_bic), institution(header.to_bic)
    return _HEADER.format(
        *sides, xml(header.business_message_id), xml(header.message_definition), xml(header.created_at)
    )


def institution(bic: str) -> str:
    """Write an institution by its BIC, ISO's NOTPROVIDED where that is not known."""
    known = f"<BICFI>{xml(bic)}</BICFI>" if bic else f"<Othr><Id>{NOT_PROVIDED}</Id></Othr>"
    return f"<FinInstnId>{known}</FinInstnId>"


def build_pacs008(
    transfers: Sequence[CreditTransfer],
    *,
    message_id: str,
    created_at: str,
    header: BusinessHeader | None = None,
    definition: str = PACS_008,
) -> bytes:
    """Build one pacs.008 of the transfers, wrapped with its header where one is given, else a bare Document.

    `created_at` is ISO 8601 text; `definition` pacs.008.001.08 or .13. Raises MessageError (RR10) for a text that
    XML cannot carry.
    """
    transactions = "".join([_transaction(transfer, definition) for transfer in transfers])
    document = _DOCUMENT.format(NAMESPACE + definition, xml(message_id), xml(created_at), len(transfers), transactions)
    if header is None:
        return f"{_DECLARATION}{document}".encode()
    return wrap(header_text(header), document)


def _transaction(transfer: CreditTransfer, definition: str) -> str:
    debtor, creditor = transfer.debtor, transfer.creditor
    return _TRANSACTION.format(
        xml(transfer.instruction_id), xml(transfer.end_to_end_id), _element("UETR", transfer.uetr),
        _coded("PmtTpInf><CtgyPurp", transfer.category_purpose, "CtgyPurp></PmtTpInf"),
        xml(transfer.interbank_currency), xml(transfer.interbank_amount),
        _acceptance(transfer.acceptance_date_time, definition),
        xml(transfer.instructed_currency), xml(transfer.instructed_amount), xml(transfer.charge_bearer),
        _party(debtor), _account(debtor.account, debtor.account.currency),
        xml(transfer.debtor_agent), xml(transfer.creditor_agent), _party(creditor),
        _account(creditor.account, transfer.settlement_currency), _coded("Purp", transfer.purpose_code, "Purp"),
        "".join([_document(document) for document in transfer.documents]),
        _remittance(transfer.remittance_information), _supplement(transfer),
    )  # fmt: skip


def _element(name: str, value: str | None) -> str:
    return f"<{name}>{xml(value)}</{name}>" if value else ""


def _acceptance(instant: str | None, definition: str) -> str:
    """Write when the debtor agent took it; later versions keep the date-times of a transaction in a box of their own."""
    element = _element("AccptncDtTm", instant)
    return f"<AddtlDtTm>{element}</AddtlDtTm>" if element and definition != PACS_008 else element


def _coded(opening: str, code: str | None, closing: str) -> str:
    return f"<{opening}><Cd>{xml(code)}</Cd></{closing}>" if code else ""


def _remittance(text: str | None) -> str:
    return f"<RmtInf><Ustrd>{xml(text)}</Ustrd></RmtInf>" if text else ""


def _party(party: Party) -> str:
    given = party.identification
    identified = _identification(given, party.residency) if given is not None else ""
    return f"<Nm>{xml(party.name)}</Nm>{identified}<CtryOfRes>{xml(party.residency)}</CtryOfRes>"


def _identification(given: Identification, residency: str) -> str:
    if is_plain_lei(given, residency):
        return f"<Id><OrgId><LEI>{xml(given.number)}</LEI></OrgId></Id>"
    side = "PrvtId" if given.type in PERSON_TYPES else "OrgId"
    choice, scheme = scheme_of(given.type, given.country)
    return (
        f"<Id><{side}><Othr><Id>{xml(given.number)}</Id><SchmeNm><{choice}>{xml(scheme)}</{choice}></SchmeNm>"
        f"<Issr>{xml(given.country)}</Issr></Othr></{side}></Id>"
    )


def _account(account: Account, currency: str | None) -> str:
    kind = f"<Tp><Prtry>{xml(account.type)}</Prtry></Tp>" if account.type is not None else ""
    proxy = ""
    if account.proxy_type is not None and account.proxy_value is not None:
        proxy = f"<Prxy><Tp><Cd>{xml(account.proxy_type)}</Cd></Tp><Id>{xml(account.proxy_value)}</Id></Prxy>"
    number = f"<Id><Othr><Id>{xml(account.number or NOT_PROVIDED)}</Id></Othr></Id>"
    return f"{number}{kind}{_element('Ccy', currency)}{proxy}"


def _document(document: Document) -> str:
    issuer = f"<Authrty>{_element('Nm', document.issuer)}</Authrty>" if document.issuer else ""
    details = f"<Dtls><Tp>{xml(document.type)}</Tp><Inf>{xml(document.reference)}</Inf></Dtls>"
    return f"<RgltryRptg>{issuer}{details}</RgltryRptg>"


def _hash(n: int, digits: str) -> str:
    """Write the hash of the n-th document, which RgltryRptg has no place for."""
    return f'<DocumentHash Of="{n}">{xml(digits)}</DocumentHash>'


def _supplement(transfer: CreditTransfer) -> str:
    """Write what ISO 20022 has no element for; nothing where every such field has its default."""
    debtor, creditor = transfer.debtor, transfer.creditor
    content = (
        _element("Lane", transfer.lane)
        + ("<AllowLanes>true</AllowLanes>" if transfer.allow_lanes else "")
        + _element("Venue", transfer.venue)
        + (_element("DebtorSector", debtor.sector) if debtor.sector != "household" else "")
        + (_element("CreditorSector", creditor.sector) if creditor.sector != "household" else "")
        + _element("CreditorAccountCurrency", creditor.account.currency)
        + _element("QuoteId", transfer.quote_id)
        + "".join([_hash(n, document.hash) for n, document in enumerate(transfer.documents, 1) if document.hash])
    )
    if not content:
        return ""
    return (
        f'<SplmtryData><Envlp><Supplement xmlns="{SUPPLEMENT_NAMESPACE}">{content}</Supplement></Envlp></SplmtryData>'
    )
