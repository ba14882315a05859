"""Which payment is meant: what inquiries, returns, recalls and their answers say of the original. Pure.

Its ids and message, its interbank amount and day, the agents at its ends and the clearing system that carried it.
"""

from typing import Any, NamedTuple

from rails.messages.checks import check_amount
from rails.messages.codec import check_identifier
from rails.messages.elements import (
    Amount,
    ClearingSystem,
    agent,
    agent_of,
    amount,
    amount_of,
    clearing_system_of,
    instant_of,
    leaf,
    settlement,
)
from rails.messages.errors import MessageError


class OriginalMessage(NamedTuple):
    """The message a payment came in: MsgId, definition as pacs.008.001.08, and when it was made (ISO 8601 text)."""

    message_id: str
    definition: str
    created_at: str | None = None


class OriginalPayment(NamedTuple):
    """A payment by what is known of it: UETR or end-to-end id at least; the rest may be None."""

    uetr: str | None
    end_to_end_id: str | None
    instruction_id: str | None = None
    transaction_id: str | None = None
    message: OriginalMessage | None = None
    interbank_amount: Amount | None = None
    interbank_settled_on: str | None = None  # ISO 8601 day
    debtor_agent: str | None = None
    creditor_agent: str | None = None
    clearing_system: ClearingSystem | None = None


class Case(NamedTuple):
    """A case of investigation, and the BIC of the agent that opened it."""

    case_id: str
    creator: str


class Assignment(NamedTuple):
    """Who hands a case to whom; `assignment_id` is the message's own id, `created_at` ISO 8601 text."""

    assignment_id: str
    assigner: str
    assignee: str
    created_at: str


def ids(original: OriginalPayment) -> str:
    """Write OrgnlGrpInf and the ids."""
    message = f"<OrgnlGrpInf>{_message(original.message)}</OrgnlGrpInf>" if original.message is not None else ""
    return (
        message
        + leaf("OrgnlInstrId", original.instruction_id)
        + leaf("OrgnlEndToEndId", original.end_to_end_id)
        + leaf("OrgnlTxId", original.transaction_id)
        + leaf("OrgnlUETR", original.uetr)
    )


def _message(message: OriginalMessage) -> str:
    return (
        leaf("OrgnlMsgId", message.message_id)
        + leaf("OrgnlMsgNmId", message.definition)
        + leaf("OrgnlCreDtTm", message.created_at)
    )


def amounts(original: OriginalPayment) -> str:
    """Write interbank amount and day as elements of their own."""
    return amount("OrgnlIntrBkSttlmAmt", original.interbank_amount) + leaf(
        "OrgnlIntrBkSttlmDt", original.interbank_settled_on
    )


def reference(original: OriginalPayment, *, with_amounts: bool = False) -> str:
    """Write OrgnlTxRef: clearing system and agents, and the amounts where the message has no other place for them."""
    content = (
        amount("IntrBkSttlmAmt", original.interbank_amount) + leaf("IntrBkSttlmDt", original.interbank_settled_on)
        if with_amounts
        else ""
    )
    content += settlement(original.clearing_system) if original.clearing_system is not None else ""
    content += agent("DbtrAgt", original.debtor_agent) + agent("CdtrAgt", original.creditor_agent)
    return f"<OrgnlTxRef>{content}</OrgnlTxRef>" if content else ""


def original_of(found: dict[str, Any]) -> OriginalPayment:
    """Read the original from a transaction of any of these messages."""
    said = found.get("OrgnlTxRef") or {}
    return OriginalPayment(
        found.get("OrgnlUETR"), found.get("OrgnlEndToEndId"), found.get("OrgnlInstrId"), found.get("OrgnlTxId"),
        message_of(found["OrgnlGrpInf"]) if "OrgnlGrpInf" in found else None,
        amount_of(found, "OrgnlIntrBkSttlmAmt") or amount_of(said, "IntrBkSttlmAmt"),
        instant_of(found, "OrgnlIntrBkSttlmDt") or instant_of(said, "IntrBkSttlmDt"),
        agent_of(said, "DbtrAgt"), agent_of(said, "CdtrAgt"), clearing_system_of(said),
    )  # fmt: skip


def message_of(found: dict[str, Any]) -> OriginalMessage:
    """Read the message a payment came in."""
    return OriginalMessage(found["OrgnlMsgId"], found["OrgnlMsgNmId"], instant_of(found, "OrgnlCreDtTm"))


def check_original(original: OriginalPayment, field: str) -> MessageError | None:
    """Say what is wrong with it: nothing that names the payment (CH21), an id's characters (RR10), its amount (CH20, ...)."""
    if original.uetr is None and original.end_to_end_id is None:
        return MessageError(
            "CH21", f"{field}/OrgnlUETR", "OrgnlUETR or OrgnlEndToEndId must say which payment is meant"
        )
    named = [
        ("OrgnlInstrId", original.instruction_id),
        ("OrgnlEndToEndId", original.end_to_end_id),
        ("OrgnlTxId", original.transaction_id),
    ]
    if original.message is not None:
        named.append(("OrgnlGrpInf/OrgnlMsgId", original.message.message_id))
    for name, value in named:
        fault = check_identifier(value, f"{field}/{name}") if value is not None else None
        if fault is not None:
            return fault
    return check_money(original.interbank_amount, f"{field}/OrgnlIntrBkSttlmAmt")


def check_money(given: Amount | None, field: str) -> MessageError | None:
    """Say what is wrong with an amount: currency not carried (AM03), decimals (CH20), zero (AM01); None passes."""
    if given is None:
        return None
    checked = check_amount(given.amount, given.currency, field)
    return checked if isinstance(checked, MessageError) else None


def assignment(given: Assignment) -> str:
    """Write who assigns the case to whom."""
    return (
        f"<Assgnmt>{leaf('Id', given.assignment_id)}<Assgnr>{agent('Agt', given.assigner)}</Assgnr>"
        f"<Assgne>{agent('Agt', given.assignee)}</Assgne>{leaf('CreDtTm', given.created_at)}</Assgnmt>"
    )


def assignment_of(found: dict[str, Any]) -> Assignment:
    """Read who assigns the case to whom."""
    given = found["Assgnmt"]
    assigner, assignee = [given[side]["Agt"]["FinInstnId"]["BICFI"] for side in ("Assgnr", "Assgne")]
    return Assignment(given["Id"], assigner, assignee, given["CreDtTm"].strip())


def case(name: str, given: Case | None) -> str:
    """Write a case."""
    return (
        f"<{name}>{leaf('Id', given.case_id)}<Cretr>{agent('Agt', given.creator)}</Cretr></{name}>"
        if given is not None
        else ""
    )


def case_of(found: dict[str, Any], name: str) -> Case | None:
    """Read a case, None where it is absent."""
    given = found.get(name)
    return Case(given["Id"], given["Cretr"]["Agt"]["FinInstnId"]["BICFI"]) if given is not None else None


def raise_first(faults: list[MessageError | None], message_id: str) -> None:
    """Refuse a message for the first thing that is wrong with it."""
    fault = next((each for each in faults if each is not None), None)
    if fault is not None:
        raise MessageError(fault.code, fault.field, fault.text, message_id)
