"""RTGS, used as HK CHATS, Macau RTGS and HVPS: it settles between banks, and that is its last word.

The credit to the customer's account happens on the creditor agent's own books and is not reported.
"""

from datetime import timedelta

from rails.book import SILENT, Entry
from rails.port import REJECTED, SETTLED, RailInstruction
from rails.steps import Answer, final


def unfold(sent: RailInstruction, answer: Answer, confirmed_after: timedelta) -> Entry:
    """Settle or reject when the queue comes to it; the rail looks at no deadline."""
    outcome = REJECTED if answer.reason_code else SETTLED
    return final(sent, outcome, answer.reason_code, answer.at, answer.reporting if answer.heard else SILENT)
