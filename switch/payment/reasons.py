"""Every way the switch says no, in one exhaustive table: ISO code, HTTP status, sentence with what to do.

ISO codes are of ExternalStatusReason1Code (facts messages 3.2). A refusal names a row and fills its sentence; rails'
own codes keep their code and pass through `rail-rejected`.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from fx.money import EXPONENTS
from switch.payment.plan import Refusal
from switch.payment.rail_codes import meaning

_SHOWN = ("rule", "source", "since", "ceiling", "headroom", "asked", "opens_at", "what_to_do")
_AMOUNT = re.compile(rf"\b({'|'.join(EXPONENTS)}) (\d{{4,}})")


class Reason(NamedTuple):
    """One row: ISO code, HTTP status, and a sentence; `{name}` is filled from the refusal's detail."""

    code: str
    http_status: int
    sentence: str


REASONS: dict[str, Reason] = {
    # what was asked is not well formed
    "amount-decimals": Reason("CH20", 422, "{what}. Send the amount with the currency's own number of decimals."),
    "amount-zero": Reason("AM01", 422, "The amount is zero. Send a positive amount."),
    "amount-too-small": Reason("AM06", 422, "{amount} is too small to be converted: it does not buy the smallest unit of {currency}. Send more."),
    "charge-takes-all": Reason("AM06", 422, "The charge of {charge} is to be deducted from {amount} (CRED): nothing would be left for the creditor. Send more, or let the debtor bear the charge (DEBT)."),
    "amount-invalid": Reason("AM12", 422, "{what}."),
    "currency-not-carried": Reason("AM03", 422, "{what}."),
    "currency-inconsistent": Reason("CURR", 422, "The amount is in {instructed}, neither the debited {debit} nor the settlement currency {settlement}. Ask for the amount in one of the two."),
    "field-missing": Reason("CH21", 422, "{field} is missing. {why}"),
    "account-malformed": Reason("AC01", 422, "{what}. Give the account by number or by proxy, one of the two."),
    "identification-missing": Reason("RR12", 422, "The debtor's identification is missing. Give its type, number and country."),
    "identification-wrong": Reason("RR12", 422, "{what}. Check the number on the document."),
    "purpose-missing": Reason("FF07", 422, "The purpose code is missing; payments are classified before they are routed. Give a purpose_code."),
    "purpose-unknown": Reason("FF07", 422, "Purpose {purpose} is not in the code set. See the purpose codes in docs/messages.md."),
    "category-purpose-unknown": Reason("FF06", 422, "Category purpose {category_purpose} is not in the code set."),
    "country-unknown": Reason("RR12", 422, "{country} is not an ISO 3166 country. Give the country that issued the document."),
    "residency-unknown": Reason("RR05", 422, "Residency {residency} is not an ISO 3166 country. Give the country of the party's centre of economic interest."),
    "acceptance-in-future": Reason("DT04", 422, "The debtor agent is said to have taken this instruction at {accepted_at}, after the switch received it. Give the instant at which it was taken, with its offset, or none."),
    "acceptance-too-old": Reason("DT05", 422, "The debtor agent is said to have taken this instruction at {accepted_at}, more than 24 hours before the switch received it. Have it instructed anew."),
    # who takes part
    "debtor-agent-unknown": Reason("RC03", 422, "Debtor agent {agent} is not a participant of this sandbox."),
    "creditor-agent-unknown": Reason("RC04", 422, "Creditor agent {agent} is not a participant of this sandbox."),
    "creditor-agent-differs": Reason("AGNT", 422, "The proxy belongs to an account at {registered}, not at {agent}. Send it to that agent."),
    "not-your-agent": Reason("AG01", 403, "Participant {participant} may not send for debtor agent {agent}. Use the debtor agent's own key."),
    # the payee
    "proxy-unknown": Reason("BE23", 422, "No account is registered under this {proxy_type} proxy. Ask the creditor, or use the account number."),
    "name-mismatch": Reason("BE01", 422, "The creditor's name does not match the account: {what}. Send the name as the creditor's bank has it."),
    "remarks-not-latin": Reason("RR10", 422, "Creditor agent {agent} takes remarks from abroad in Latin letters only. Write them so, or leave them out."),
    # the law
    "unclassified": Reason("AG03", 422, "No classification row fits purpose {purpose} from {debtor_residency} to {creditor_residency}; the switch never guesses. See the purpose codes in docs/messages.md."),
    "no-lane": Reason("AG03", 422, "No lane is open to this payment: {why}."),
    "lane-not-eligible": Reason("AG03", 422, "Lane {lane} is not open to this payment: {why}."),
    "lane-closed": Reason("TM01", 422, "{lane} takes payments {hours}; it opens next at {opens_at}. Send it again then."),
    "person-quota": Reason("RR04", 422, "{rule} allows {ceiling}{window_text}; {headroom} is left. {what_to_do}"),
    "documents-required": Reason("RR04", 422, "{rule} allows {ceiling}{window_text} without documents; {headroom} is left. {what_to_do}"),
    "creditor-quota": Reason("RR04", 422, "The creditor's allowance under {rule} ({ceiling}{window_text}) does not take {asked} more; what of it is used is the creditor's alone to see. Ask the creditor. {what_to_do}"),
    "watch-list": Reason("RR04", 422, "{rule} leaves {ceiling}{window_text} without documents to a person on the watch list. {what_to_do}"),
    "suspended": Reason("RR04", 422, "{rule} was exceeded in {exceeded}: nothing more is allowed until {until}. {what_to_do}"),
    "own-limit": Reason("AM14", 422, "{agent} itself allows {ceiling}{window_text} under {rule}, less than the scheme does; {headroom} is left. Send less, or use another institution."),
    "payment-cap": Reason("AM02", 422, "{rule} allows {ceiling} a payment; {asked} was asked. {what_to_do}"),
    "document-used": Reason("DUPL", 422, "A document given with this payment has been used for another ({rule}). Give the document that belongs to this payment, or none."),
    "rail-cap": Reason("AM13", 422, "{rule} allows {ceiling} a payment. Send less, or use another rail."),
    "rail-cap-closed": Reason("AM13", 422, "{rule} allows {ceiling} a payment; {rail}, which carries more, is closed. This payment can be carried next at {opens_at}. Send less, or send it again then."),
    # rails
    "no-rail": Reason("AGNT", 422, "No rail of lane {lane} reaches from {debtor_agent} to {creditor_agent} in {currency}: {why}."),
    "rail-closed": Reason("ED06", 422, "{rail} is closed; this payment can be carried next at {opens_at}. Send it again then."),
    "rail-suspended": Reason("ED06", 422, "{rail} takes no payments until further notice. Use another lane, or send it again when the rail is open."),
    # Of an agent: the creditor's has codes of its own; the debtor's is the agent of the message (facts messages 3.2, second choice).
    "creditor-agent-offline": Reason("AB08", 422, "Creditor agent {agent} is offline on {rail}. Send it again when it is back, or to another agent."),
    "creditor-agent-suspended": Reason("AG11", 422, "Creditor agent {agent} is suspended on {rail}. Send it to another agent."),
    "debtor-agent-offline": Reason("AB07", 422, "Debtor agent {agent} is offline on {rail}. Send it again when it is back."),
    "debtor-agent-suspended": Reason("AG10", 422, "Debtor agent {agent} is suspended on {rail}. Send from another agent."),
    # money
    "debtor-funds": Reason("AM04", 422, "The debtor's account does not cover the amount. Send less, or have the debtor fund the account."),
    "liquidity": Reason("AM23", 422, "Agent {agent} has {headroom} of prefunded position left on {rail}. Fund the position."),
    "sponsor-liquidity": Reason("AM23", 422, "The prefunded position of {agent} on {rail}, through which {debtor_agent} settles, does not suffice. Send less, or ask {agent} to fund it."),
    "not-converted": Reason("AM03", 422, "No provider converts {sold} into {bought}. Have the creditor receive a currency that one does."),
    "no-rate": Reason("AM04", 422, "No provider has enough {currency} left for this payment. Send less, or try again when a provider has funded its inventory."),
    "quote-unknown": Reason("AB04", 422, "Quote {quote_id} is not known to this participant. Ask for a new quote."),
    "quote-mismatch": Reason("AB04", 422, "Quote {quote_id} is for {quoted}, not for {asked}. Ask for a new quote."),
    "quote-expired": Reason("TM01", 422, "Quote {quote_id} expired at {expires_at}. Ask for a new quote."),
    "quote-used": Reason("AB04", 422, "Quote {quote_id} has been used. Ask for a new quote."),
    # identity
    "same-key-other-content": Reason("DU03", 422, "This idempotency key was used for other content: {field} differs. Use a new key for a new payment."),
    "same-message-other-content": Reason("DU03", 422, "A transaction with this MsgId and UETR (InstrId where it had none) came before with other content: {field} differs. Give a new payment a new UETR, in a message with a new MsgId."),
    "duplicate-uetr": Reason("DU03", 422, "A payment with this UETR is known. Give a new payment a new UETR."),
    "duplicate-instruction": Reason("DU05", 422, "Instruction id {instruction_id} was used by {agent} today. Give a new instruction a new id."),
    # the house and the rails beyond it
    "internal": Reason("AB04", 422, "The switch could not judge this payment and refused it, so that nothing is guessed. Nothing was reserved."),
    "rail-rejected": Reason("NARR", 422, "{rail} rejected the payment."),
    "switch-time-out": Reason("AB03", 422, "{rail} could not be reached before the payment's time was up: it was never handed over. Nothing was sent and nothing is held. Send it again, as a new payment."),
    "no-time-left": Reason("TM01", 422, "The debtor agent took this urgent payment at {accepted_at}: less than {least} s of the {deadline} s that {rail} and the creditor agent have are left. Nothing was reserved. Send it again as a new payment."),
    "operator-rejected": Reason("AB03", 422, "An operator ended this payment after the rail stayed silent. Nothing was sent again."),
}  # fmt: skip


class Problem(NamedTuple):
    """A refusal ready to be shown: code, HTTP status, sentence, and the detail it was made from."""

    name: str
    code: str
    http_status: int
    text: str
    detail: dict[str, str]
    field: str


def code_of(refusal: Refusal) -> str:
    """Return a refusal's ISO code; a rail's or operator's own in `detail["code"]` stands before the row's."""
    return refusal.detail.get("code", REASONS[refusal.reason].code)


def problem(refusal: Refusal) -> Problem:
    """Turn a refusal into its code and sentence."""
    row, code = REASONS[refusal.reason], code_of(refusal)
    text = _AMOUNT.sub(_grouped, row.sentence.format_map(_Filled(refusal.detail)))
    if refusal.reason == "rail-rejected":
        text = f"{text} {meaning(code)}"
    return Problem(
        refusal.reason,
        code,
        row.http_status,
        text,
        refusal.detail,
        refusal.field,
    )


def shown(detail: Mapping[str, str]) -> dict[str, Any]:
    """Return what of a refusal's detail is shown beside its sentence."""
    found: dict[str, Any] = {name: detail[name] for name in _SHOWN if name in detail}
    return found | {"assumed": True} if detail.get("assumed") else found


def _grouped(amount: re.Match[str]) -> str:
    """Write an amount as people read it (HKD 10,000.00); the detail keeps it as programs do."""
    return f"{amount[1]} {int(amount[2]):,}"


class _Filled(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "—"


def table() -> str:
    """Write every reason as a row of Markdown; docs/reasons.md shows this text."""
    lines = ["| name | code | HTTP | sentence |", "|---|---|---|---|"]
    lines += [f"| `{name}` | {row.code} | {row.http_status} | {row.sentence} |" for name, row in REASONS.items()]
    return "\n".join(lines)
