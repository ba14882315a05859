"""HK FPS, a five-step rail: its timer runs, it settles only after acceptance, then the credit is confirmed.

So it always knows the final state: where a creditor agent is silent or late, the rail itself rejects (facts messages
1.4 and 2.1). Its real time-outs are not public: the deadline is the instruction's own.
"""

from datetime import timedelta

from rails.book import ONCE, Entry
from rails.port import CREDITED, REJECTED, RailInstruction
from rails.steps import Answer, final

TIMED_OUT = "AB05"  # time-out at the creditor agent


def unfold(sent: RailInstruction, answer: Answer, confirmed_after: timedelta) -> Entry:
    """Settle at the acceptance and credit after it, or reject: as the agent says, or by the rail at the deadline."""
    if not answer.heard or answer.at > sent.expires_at:
        return final(sent, REJECTED, TIMED_OUT, max(sent.expires_at, sent.sent_at), ONCE)
    if answer.reason_code:
        return final(sent, REJECTED, answer.reason_code, answer.at, answer.reporting)
    credited_at = answer.at + confirmed_after
    return Entry(
        sent.uetr, sent.leg, CREDITED, answer.reporting, "", sent.amount_minor, sent.currency, sent.sent_at, answer.at,
        credited_at,
    )  # fmt: skip
