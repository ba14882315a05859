"""Build pacs.008 messages from plain values, by templates. Pure.

Every value is escaped; what our profile would refuse is not judged here: that is the reader's.
"""

from collections.abc import Sequence

from rails.messages.elements import ClearingSystem, agent, charges, settlement
from rails.messages.envelope import DECLARATION, header_text, wrap
from rails.messages.identification import PERSON_TYPES, is_plain_lei, scheme_of
from rails.messages.model import (
    NOT_PROVIDED,
    PACS_008,
    Account,
    AgentAccount,
    BusinessHeader,
    CreditTransfer,
    Document,
    Identification,
    InterbankDetails,
    Party,
)
from rails.messages.profile import NAMESPACE, SUPPLEMENT_NAMESPACE
from rails.messages.text import xml

_DOCUMENT = (
    '<Document xmlns="{}"><FIToFICstmrCdtTrf><GrpHdr><MsgId>{}</MsgId><CreDtTm>{}</CreDtTm><NbOfTxs>{}</NbOfTxs>'
    "{}{}{}</GrpHdr>{}</FIToFICstmrCdtTrf></Document>"
)
_TRANSACTION = (
    "<CdtTrfTxInf><PmtId><InstrId>{}</InstrId><EndToEndId>{}</EndToEndId>{}</PmtId>{}"
    '<IntrBkSttlmAmt Ccy="{}">{}</IntrBkSttlmAmt>{}{}<InstdAmt Ccy="{}">{}</InstdAmt>{}<ChrgBr>{}</ChrgBr>{}'
    "<Dbtr>{}</Dbtr><DbtrAcct>{}</DbtrAcct><DbtrAgt><FinInstnId><BICFI>{}</BICFI></FinInstnId></DbtrAgt>"
    "<CdtrAgt><FinInstnId><BICFI>{}</BICFI></FinInstnId></CdtrAgt><Cdtr>{}</Cdtr><CdtrAcct>{}</CdtrAcct>{}</CdtTrfTxInf>"
)


def build_pacs008(
    transfers: Sequence[CreditTransfer],
    *,
    message_id: str,
    created_at: str,
    header: BusinessHeader | None = None,
    definition: str = PACS_008,
    instructing_agent: str | None = None,
    instructed_agent: str | None = None,
    clearing_system: ClearingSystem | None = None,
) -> bytes:
    """Build one pacs.008 of the transfers, wrapped with its header where one is given, else a bare Document.

    `created_at` is ISO 8601 text; `definition` pacs.008.001.08 or .13. Raises MessageError (RR10) for a text that
    XML cannot carry.
    """
    transactions = "".join([_transaction(transfer, definition) for transfer in transfers])
    document = _DOCUMENT.format(
        NAMESPACE + definition, xml(message_id), xml(created_at), len(transfers), settlement(clearing_system),
        agent("InstgAgt", instructing_agent), agent("InstdAgt", instructed_agent), transactions,
    )  # fmt: skip
    if header is None:
        return f"{DECLARATION}{document}".encode()
    return wrap(header_text(header), document)


def _transaction(transfer: CreditTransfer, definition: str) -> str:
    debtor, creditor = transfer.debtor, transfer.creditor
    details = transfer.interbank
    priority, settled, rates, chain = _details(details, definition) if details is not None else _NO_DETAILS
    return _TRANSACTION.format(
        xml(transfer.instruction_id), xml(transfer.end_to_end_id), _element("UETR", transfer.uetr),
        _payment_type(priority, transfer.category_purpose),
        xml(transfer.interbank_currency), xml(transfer.interbank_amount), settled,
        _acceptance(transfer.acceptance_date_time, definition),
        xml(transfer.instructed_currency), xml(transfer.instructed_amount), rates, xml(transfer.charge_bearer), chain,
        party_text(debtor), account_text(debtor.account, debtor.account.currency),
        xml(transfer.debtor_agent), xml(transfer.creditor_agent), party_text(creditor),
        account_text(creditor.account, transfer.settlement_currency), transaction_tail(transfer),
    )  # fmt: skip


_NO_DETAILS = ("", "", "", "")


def _payment_type(priority: str, category: str | None) -> str:
    content = priority + _coded("CtgyPurp", category, "CtgyPurp")
    return f"<PmtTpInf>{content}</PmtTpInf>" if content else ""


def _details(details: InterbankDetails, definition: str) -> tuple[str, str, str, str]:
    """Write priority, day, rates, and charges with the agents between; AgrdRate is left out of version 08, which has none."""
    agreed = details.agreed_rate if definition != PACS_008 else None
    rates = _element("XchgRate", details.exchange_rate)
    if agreed is not None:
        currencies = _element("UnitCcy", agreed.unit_currency) + _element("QtdCcy", agreed.quoted_currency)
        rate = _element("PreAgrdXchgRate", agreed.rate) + _element("QtId", agreed.quote_id)
        rates += f"<AgrdRate>{currencies}{rate}</AgrdRate>"
    chain = (
        charges(details.charges)
        + _agent_account("PrvsInstgAgt1", details.previous_agent)
        + agent("InstgAgt", details.instructing_agent)
        + agent("InstdAgt", details.instructed_agent)
        + "".join([_agent_account(f"IntrmyAgt{n}", each) for n, each in enumerate(details.intermediary_agents, 1)])
    )
    return _element("InstrPrty", details.priority), _element("IntrBkSttlmDt", details.settled_on), rates, chain


def _agent_account(name: str, given: AgentAccount | None) -> str:
    if given is None:
        return ""
    account = f"<{name}Acct><Id><Othr><Id>{xml(given.account)}</Id></Othr></Id></{name}Acct>" if given.account else ""
    return agent(name, given.agent) + account


def transaction_tail(transfer: CreditTransfer) -> str:
    """Write what follows the creditor's account, in pacs.008 and pain.001 alike: purpose, documents, remittance, supplement."""
    return (
        _coded("Purp", transfer.purpose_code, "Purp")
        + "".join([_document(document) for document in transfer.documents])
        + _remittance(transfer.remittance_information)
        + _supplement(transfer)
    )


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


def party_text(party: Party) -> str:
    """Write what stands in Dbtr or Cdtr."""
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


def account_text(account: Account, currency: str | None) -> str:
    """Write what stands in DbtrAcct or CdtrAcct; `currency` is its Ccy, which for the creditor is the settlement currency."""
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
        + (_element("IfClosed", transfer.if_closed) if transfer.if_closed != "refuse" else "")
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
