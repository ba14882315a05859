"""pacs.004: money given back after settlement, all of it or a part, asked for or not. Pure."""

from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from rails.messages.checks import check_reason
from rails.messages.codec import Kind, Received, check_identifier
from rails.messages.codes import load_codes
from rails.messages.elements import (
    Amount,
    Charge,
    ClearingSystem,
    agent,
    agent_of,
    amount,
    amount_of,
    charges,
    charges_of,
    clearing_system_of,
    instant_of,
    leaf,
    reason,
    reason_of,
    settlement,
)
from rails.messages.envelope import enveloped
from rails.messages.errors import MessageError
from rails.messages.model import BusinessHeader
from rails.messages.original import (
    OriginalPayment,
    amounts,
    check_money,
    check_original,
    ids,
    original_of,
    raise_first,
    reference,
)

PACS_004 = "pacs.004.001.09"
PACS_004S = (PACS_004, "pacs.004.001.14")
_ROOT = "PmtRtr"


class ReturnChain(NamedTuple):
    """Who gives back to whom: the debtor of a return is the original creditor. Names, and agents by BIC."""

    debtor: str
    debtor_agent: str
    creditor_agent: str
    creditor: str


class Return(NamedTuple):
    """One payment given back. `returned_amount` is what arrives: charges are off already; `charges` says who kept what."""

    return_id: str
    original: OriginalPayment
    returned_amount: Amount
    reason_code: str  # ExternalReturnReason1Code, of those in codes.yaml
    text: str = ""
    settled_on: str | None = None  # ISO 8601 day
    returned_instructed_amount: Amount | None = None  # before charges and conversion
    exchange_rate: str | None = None
    charge_bearer: str | None = None
    charges: tuple[Charge, ...] = ()
    chain: ReturnChain | None = None


class PaymentReturn(NamedTuple):
    """A message of returns. Agents are BICs, instants ISO 8601 texts with offset."""

    message_id: str
    created_at: str
    returns: tuple[Return, ...]
    instructing_agent: str | None = None
    instructed_agent: str | None = None
    clearing_system: ClearingSystem | None = None
    header: BusinessHeader | None = None
    definition: str = PACS_004


def build_pacs004(message: PaymentReturn) -> bytes:
    """Build a payment return, wrapped with its header where it has one. Raises MessageError (RR10)."""
    group = (
        leaf("MsgId", message.message_id)
        + leaf("CreDtTm", message.created_at)
        + leaf("NbOfTxs", str(len(message.returns)))
        + settlement(message.clearing_system)
        + agent("InstgAgt", message.instructing_agent)
        + agent("InstdAgt", message.instructed_agent)
    )
    content = "".join([_return(each) for each in message.returns])
    return enveloped(message.header, message.definition, f"<{_ROOT}><GrpHdr>{group}</GrpHdr>{content}</{_ROOT}>")


def _return(each: Return) -> str:
    return (
        f"<TxInf>{leaf('RtrId', each.return_id)}{ids(each.original)}{amounts(each.original)}"
        f"{amount('RtrdIntrBkSttlmAmt', each.returned_amount)}{leaf('IntrBkSttlmDt', each.settled_on)}"
        f"{amount('RtrdInstdAmt', each.returned_instructed_amount)}{leaf('XchgRate', each.exchange_rate)}"
        f"{leaf('ChrgBr', each.charge_bearer)}{charges(each.charges)}{_chain(each.chain)}"
        f"{reason('RtrRsnInf', each.reason_code, each.text)}{reference(each.original)}</TxInf>"
    )


def _chain(chain: ReturnChain | None) -> str:
    if chain is None:
        return ""
    return (
        f"<RtrChain><Dbtr><Pty>{leaf('Nm', chain.debtor)}</Pty></Dbtr>{agent('DbtrAgt', chain.debtor_agent)}"
        f"{agent('CdtrAgt', chain.creditor_agent)}<Cdtr><Pty>{leaf('Nm', chain.creditor)}</Pty></Cdtr></RtrChain>"
    )


def _read(received: Received) -> PaymentReturn:
    header, definition, found = received
    group = found["GrpHdr"]
    returns = tuple([_return_of(each) for each in found["TxInf"]])
    faults = [check_identifier(group["MsgId"], f"{_ROOT}/GrpHdr/MsgId"), _check_group(group, returns)]
    faults += [_check(each, f"{_ROOT}/TxInf[{n}]") for n, each in enumerate(returns, 1)]
    faults.append(_check_repeated(returns))
    raise_first(faults, group["MsgId"])
    return PaymentReturn(
        group["MsgId"], group["CreDtTm"].strip(), returns, agent_of(group, "InstgAgt"), agent_of(group, "InstdAgt"),
        clearing_system_of(group), header, definition,
    )  # fmt: skip


def _return_of(found: dict[str, Any]) -> Return:
    code, text = reason_of(found, "RtrRsnInf")
    return Return(
        found["RtrId"], original_of(found), Amount(*found["RtrdIntrBkSttlmAmt"]), code, text,
        instant_of(found, "IntrBkSttlmDt"), amount_of(found, "RtrdInstdAmt"), found.get("XchgRate"),
        found.get("ChrgBr"), charges_of(found), _chain_of(found["RtrChain"]) if "RtrChain" in found else None,
    )  # fmt: skip


def _chain_of(found: dict[str, Any]) -> ReturnChain:
    debtor_agent, creditor_agent = [found[side]["FinInstnId"]["BICFI"] for side in ("DbtrAgt", "CdtrAgt")]
    return ReturnChain(found["Dbtr"]["Pty"]["Nm"], debtor_agent, creditor_agent, found["Cdtr"]["Pty"]["Nm"])


def _check_group(group: dict[str, Any], returns: tuple[Return, ...]) -> MessageError | None:
    if int(group["NbOfTxs"]) != len(returns):
        text = f"NbOfTxs says {group['NbOfTxs']}, the message has {len(returns)} transactions"
        return MessageError("AM18", f"{_ROOT}/GrpHdr/NbOfTxs", text)
    if "TtlRtrdIntrBkSttlmAmt" in group:
        currency, total = group["TtlRtrdIntrBkSttlmAmt"]
        given = [each.returned_amount for each in returns]
        if any(each.currency != currency for each in given) or sum(Decimal(each.amount) for each in given) != Decimal(
            total
        ):
            text = "It is not the sum of the transactions' RtrdIntrBkSttlmAmt, or they are not of one currency"
            return MessageError("AM10", f"{_ROOT}/GrpHdr/TtlRtrdIntrBkSttlmAmt", text)
    return None


def _check(each: Return, field: str) -> MessageError | None:
    return (
        check_identifier(each.return_id, f"{field}/RtrId")
        or check_original(each.original, field)
        or check_money(each.returned_amount, f"{field}/RtrdIntrBkSttlmAmt")
        or check_money(each.returned_instructed_amount, f"{field}/RtrdInstdAmt")
        or check_reason(
            each.reason_code, load_codes().return_reasons, f"{field}/RtrRsnInf", "ExternalReturnReason1Code"
        )
        or _check_against_original(each, field)
    )


def _check_against_original(each: Return, field: str) -> MessageError | None:
    """No more comes back than was paid, in one currency and not exchanged: how much was, the switch knows better."""
    original = each.original.interbank_amount
    if original is None or original.currency != each.returned_amount.currency or each.exchange_rate is not None:
        return None
    if Decimal(each.returned_amount.amount) > Decimal(original.amount):
        return MessageError(
            "AM09", f"{field}/RtrdIntrBkSttlmAmt", "More is given back than OrgnlIntrBkSttlmAmt says was paid"
        )
    return None


def _check_repeated(returns: tuple[Return, ...]) -> MessageError | None:
    given = [each.return_id for each in returns]
    for n, return_id in enumerate(given):
        if return_id in given[:n]:
            text = "An earlier transaction of the message has this return id"
            return MessageError("DU05", f"{_ROOT}/TxInf[{n + 1}]/RtrId", text)
    return None


KINDS = MappingProxyType(
    {
        name: Kind(
            name,
            _read,
            ("pacs.004.body", "original", "types"),
            frozenset({"TxInf", "ChrgsInf", "AddtlInf"}),
            MappingProxyType(
                dict.fromkeys(
                    (
                        "OrgnlIntrBkSttlmAmt", "RtrdIntrBkSttlmAmt", "TtlRtrdIntrBkSttlmAmt", "RtrdInstdAmt", "Amt",
                    ),
                    "Ccy",
                )
            ),
        )
        for name in PACS_004S
    }
)  # fmt: skip
