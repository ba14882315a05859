"""From a stored inquiry to the pacs.028 that asked it. Pure; no more is said of the payment than its ids."""

from rails.messages.original import OriginalPayment
from rails.messages.pacs028 import PACS_028 as PACS_028
from rails.messages.pacs028 import Inquiry as Question
from rails.messages.pacs028 import StatusRequest, build_pacs028
from switch.flow.doubt_books import Inquiry
from switch.flow.ports import Stored
from switch.translate.messages import iso_time


def inquiry_message(stored: Stored, inquiry: Inquiry, end_to_end_id: str) -> bytes:
    """Write an inquiry as a pacs.028 of one payment."""
    message_id = f"{stored.payment_id.replace('-', '')}Q{inquiry.n}"  # Max35Text: two digits of n fit
    question = Question(OriginalPayment(stored.uetr, end_to_end_id, stored.instruction_id), message_id)
    return build_pacs028(StatusRequest(message_id, iso_time(inquiry.asked_at), (question,)))
