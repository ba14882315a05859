"""From a checked pacs.008, as the codec walked it, to plain values, field by field.

Only for trees that our schema has found valid: what it makes mandatory is taken for granted here.
"""

from decimal import Decimal
from typing import Any

from rails.messages.elements import agent_of, charges_of
from rails.messages.errors import MessageError
from rails.messages.identification import type_of
from rails.messages.model import (
    NOT_PROVIDED,
    Account,
    AgentAccount,
    AgreedRate,
    CreditTransfer,
    Document,
    Identification,
    InterbankDetails,
    Party,
)

_NOTHING: dict[str, Any] = {}
# Elements between agents: most transactions that come to the switch have none of them.
_INTERBANK = frozenset(
    {
        "IntrBkSttlmDt",
        "XchgRate",
        "AgrdRate",
        "ChrgsInf",
        "PrvsInstgAgt1",
        "InstgAgt",
        "InstdAgt",
        "IntrmyAgt1",
    }
)


def total_of(total: tuple[str, str], transactions: list[dict[str, Any]]) -> bool:
    """Whether a total (currency, text) is the sum of the transactions' interbank amounts, all in its currency."""
    currency, text = total
    amounts = [transaction["IntrBkSttlmAmt"] for transaction in transactions]
    return all(each == currency for each, _ in amounts) and sum(Decimal(amount) for _, amount in amounts) == Decimal(
        text
    )


def transfer_of(found: dict[str, Any]) -> CreditTransfer | MessageError:
    """Read one transaction; an identification scheme that means no type we know is the error."""
    ids, supplement = found["PmtId"], found["SplmtryData"]["Envlp"] if "SplmtryData" in found else _NOTHING
    interbank_currency, interbank_amount = found["IntrBkSttlmAmt"]
    payment_type = found.get("PmtTpInf", _NOTHING)
    instructed_currency, instructed_amount = found.get("InstdAmt", found["IntrBkSttlmAmt"])
    debtor_account, creditor_account = found["DbtrAcct"], found["CdtrAcct"]
    settlement_currency = creditor_account.get("Ccy")
    if settlement_currency is None:
        return MessageError("CH21", "CdtrAcct/Ccy", "Ccy is missing: it is the currency the creditor receives")
    debtor = _party(
        found["Dbtr"], "Dbtr", _account(debtor_account, debtor_account.get("Ccy")), supplement.get("DebtorSector")
    )
    if isinstance(debtor, MessageError):
        return debtor
    account = _account(creditor_account, supplement.get("CreditorAccountCurrency"))
    creditor = _party(found["Cdtr"], "Cdtr", account, supplement.get("CreditorSector"))
    if isinstance(creditor, MessageError):
        return creditor
    documents = _documents(found["RgltryRptg"]) if "RgltryRptg" in found else ()
    if "DocumentHash" in supplement:
        hashes = {int(of): digits for of, digits in supplement["DocumentHash"]}
        if max(hashes) > len(documents):
            place = "SplmtryData/Envlp/Supplement/DocumentHash/@Of"
            return MessageError("FF01", place, f"There is no RgltryRptg number {max(hashes)}")
        documents = tuple([each._replace(hash=hashes.get(n)) for n, each in enumerate(documents, 1)])
    return CreditTransfer(
        ids["InstrId"], ids["EndToEndId"], ids.get("UETR"), instructed_amount, instructed_currency, interbank_amount,
        interbank_currency, debtor, creditor,
        found["DbtrAgt"]["FinInstnId"]["BICFI"], found["CdtrAgt"]["FinInstnId"]["BICFI"],
        settlement_currency,
        found["Purp"]["Cd"] if "Purp" in found else None,
        payment_type["CtgyPurp"]["Cd"] if "CtgyPurp" in payment_type else None, found["ChrgBr"],
        found["RmtInf"]["Ustrd"] if "RmtInf" in found else None,
        documents,
        supplement.get("Lane"), supplement.get("AllowLanes") == "true", supplement.get("Venue"),
        supplement.get("QuoteId"), _acceptance(found), supplement.get("IfClosed", "refuse"),
        None if _INTERBANK.isdisjoint(found) and "InstrPrty" not in payment_type else interbank_of(found),
    )  # fmt: skip


def interbank_of(found: dict[str, Any]) -> InterbankDetails:
    """Read what agents between say of a transaction."""
    agreed = found.get("AgrdRate")
    return InterbankDetails(
        found.get("PmtTpInf", _NOTHING).get("InstrPrty"), found.get("IntrBkSttlmDt", "").strip() or None,
        found.get("XchgRate"),
        AgreedRate(agreed["PreAgrdXchgRate"], agreed.get("UnitCcy"), agreed.get("QtdCcy"), agreed.get("QtId"))
        if agreed is not None
        else None,
        charges_of(found), _agent_account(found, "PrvsInstgAgt1"), agent_of(found, "InstgAgt"),
        agent_of(found, "InstdAgt"),
        tuple([each for n in (1, 2) if (each := _agent_account(found, f"IntrmyAgt{n}")) is not None]),
    )  # fmt: skip


def _agent_account(found: dict[str, Any], name: str) -> AgentAccount | None:
    if name not in found:
        return None
    account = found.get(f"{name}Acct")
    return AgentAccount(found[name]["FinInstnId"]["BICFI"], account["Id"]["Othr"]["Id"] if account else None)


def _acceptance(found: dict[str, Any]) -> str | None:
    instant = found.get("AddtlDtTm", found).get("AccptncDtTm")
    return instant.strip() if instant is not None else None  # xs:dateTime lets spaces stand around it


def _party(found: dict[str, Any], side: str, account: Account, sector: str | None) -> Party | MessageError:
    residency = found["CtryOfRes"]
    identification = _identification(found["Id"], side, residency) if "Id" in found else None
    if isinstance(identification, MessageError):
        return identification
    return Party(found["Nm"], identification, residency, sector or "household", account)


def _identification(found: dict[str, Any], side: str, residency: str) -> Identification | MessageError:
    is_person = "PrvtId" in found
    given = found["PrvtId"] if is_person else found["OrgId"]
    if "LEI" in given:
        return Identification("LEI", given["LEI"], residency)
    other = given["Othr"]
    scheme, country = other["SchmeNm"], other["Issr"]
    kind = type_of(is_person, scheme.get("Cd"), scheme.get("Prtry"), country)
    if kind is None:
        place = "PrvtId" if is_person else "OrgId"
        text = f"{scheme.get('Cd') or scheme.get('Prtry')} issued by {country} is no identification this profile knows"
        return MessageError("RR12", f"{side}/Id/{place}/Othr/SchmeNm", text)
    return Identification(kind, other["Id"], country)


def _account(found: dict[str, Any], currency: str | None) -> Account:
    number = found["Id"]["Othr"]["Id"]
    proxy = found.get("Prxy")
    return Account(
        None if number == NOT_PROVIDED else number,
        proxy["Tp"]["Cd"] if proxy else None,
        proxy["Id"] if proxy else None,
        currency,
        found["Tp"]["Prtry"] if "Tp" in found else None,
    )


def _documents(reported: list[dict[str, Any]]) -> tuple[Document, ...]:
    return tuple(
        [
            Document(each["Dtls"]["Tp"], each["Dtls"]["Inf"], each["Authrty"]["Nm"] if "Authrty" in each else None)
            for each in reported
        ]
    )
