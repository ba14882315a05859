"""Whether what a message says of a payment is true of it: a message that names one and describes another means neither. Pure.

Only what is given is compared, in the debtor's leg: that is the payment its sender knows. OrgnlTxId and OrgnlGrpInf are not.
"""

from datetime import date, timedelta

from fx.money import Money, parse_amount
from limits.calendars import law_day
from rails.messages.model import NOT_PROVIDED
from rails.messages.original import OriginalPayment
from switch.api.desks.originals import DAYS_BACK
from switch.flow.ports import Stored
from switch.payment.instruction import Instruction


def disagreement(original: OriginalPayment, stored: Stored, instruction: Instruction) -> tuple[str, str] | None:
    """Return the first element that differs, and a sentence with what the payment has; None where all that is given agrees."""
    named = (
        ("OrgnlInstrId", original.instruction_id, stored.instruction_id),
        ("OrgnlEndToEndId", original.end_to_end_id, instruction.end_to_end_id),
        ("OrgnlTxRef/DbtrAgt", _institution(original.debtor_agent), _institution(stored.debtor_agent)),
        ("OrgnlTxRef/CdtrAgt", _institution(original.creditor_agent), _institution(stored.creditor_agent)),
    )
    for element, given, known in named:
        if given not in (None, NOT_PROVIDED, known):
            return element, f"The payment meant has {known}."
    return _other_amount(original, stored, instruction) or _other_day(original, stored)


def _institution(bic: str | None) -> str | None:
    return bic[:8] if bic else None


def _other_amount(original: OriginalPayment, stored: Stored, instruction: Instruction) -> tuple[str, str] | None:
    """Compare the interbank amount with what was debited, or instructed.

    Where the creditor's side was instructed, the sender's own amount in the debited currency was an indication that
    nobody keeps (docs/messages.md): there its currency alone is compared.
    """
    given = original.interbank_amount
    if given is None:
        return None
    asked, debited = instruction.instructed_amount, Money(stored.debit_minor, stored.debit_currency)
    instructed = Money(parse_amount(asked.amount, asked.currency), asked.currency)
    indicated = given.currency == instruction.debtor.account.currency != instructed.currency
    if indicated or Money(parse_amount(given.amount, given.currency), given.currency) in (instructed, debited):
        return None
    return "OrgnlIntrBkSttlmAmt", f"The payment meant has {debited if debited.amount_minor else instructed}."


def _other_day(original: OriginalPayment, stored: Stored) -> tuple[str, str] | None:
    """Compare the interbank day with the law days from a day before receipt to some days after it, or to settlement."""
    given = original.interbank_settled_on
    if given is None:
        return None
    first, last = stored.received_on - timedelta(days=1), stored.received_on + timedelta(days=DAYS_BACK)
    try:
        day = date.fromisoformat(given[:10])
    except ValueError:  # a day of no calendar
        day = date.min
    settled = law_day(stored.settled_at) if stored.settled_at is not None else last
    if first <= day <= max(last, settled):
        return None
    return "OrgnlIntrBkSttlmDt", f"The payment meant was received on {stored.received_on}."
