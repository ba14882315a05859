"""HK FPS, a five-step rail: its timer runs, it settles only after acceptance, then the credit is confirmed.

So it always knows the final state: where a creditor agent is silent or late, the rail itself rejects (facts messages
1.4 and 2.1). Its real time-outs are not public: the instruction's own deadline is the rail's, the agent's ends before it.
"""

from datetime import timedelta

from rails.book import ONCE, Entry
from rails.port import CREDITED, REJECTED, RailInstruction
from rails.steps import Answer, Unfold, final

TIMED_OUT = "AB05"  # time-out at the creditor agent


def unfold_with(agent_margin: timedelta) -> Unfold:
    """Make the rail's way: its timer for the creditor agent ends `agent_margin` before its own deadline."""

    def unfold(sent: RailInstruction, answer: Answer, confirmed_after: timedelta) -> Entry:
        ends_at = sent.expires_at - agent_margin
        if not answer.heard or answer.at > ends_at:
            return final(sent, REJECTED, TIMED_OUT, max(ends_at, sent.sent_at), ONCE)
        if answer.reason_code:
            return final(sent, REJECTED, answer.reason_code, answer.at, answer.reporting)
        credited_at = answer.at + confirmed_after
        return Entry(
            sent.uetr, sent.leg, CREDITED, answer.reporting, "", sent.amount_minor, sent.currency, sent.sent_at, answer.at,
            credited_at,
        )  # fmt: skip

    return unfold
