"""BEPS, the mainland's small-value batch system: instructions are taken at any hour, netted, and settled in rounds.

An instruction that the creditor agent has taken waits for the next round; with it the net positions are settled, then the
credit is confirmed (PR03 netted, PR04 settled, PR05 done: facts messages 2.4). That it nets and never closes is sourced;
when its rounds are is data of the catalogue, and assumed.
"""

from datetime import datetime, timedelta

from rails.book import SILENT, Entry
from rails.hours import LAW_ZONE
from rails.port import CREDITED, REJECTED, RailInstruction
from rails.steps import Answer, Unfold, final


def unfold_with(every: timedelta) -> Unfold:
    """Make the rail's way, with a round `every` so long from midnight UTC+8 on; it divides a day."""

    def unfold(sent: RailInstruction, answer: Answer, confirmed_after: timedelta) -> Entry:
        if not answer.heard or answer.reason_code:
            outcome = REJECTED if answer.reason_code else CREDITED
            return final(sent, outcome, answer.reason_code, answer.at, answer.reporting if answer.heard else SILENT)
        netted_at = next_round(answer.at, every)
        return Entry(
            sent.uetr, sent.leg, CREDITED, answer.reporting, "", sent.amount_minor, sent.currency, sent.sent_at, netted_at,
            netted_at + confirmed_after,
        )  # fmt: skip

    return unfold


def next_round(at: datetime, every: timedelta) -> datetime:
    """Return the first round at or after `at`."""
    midnight = at.astimezone(LAW_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    rounds = -(-(at - midnight) // every)
    return (midnight + rounds * every).astimezone(at.tzinfo)
