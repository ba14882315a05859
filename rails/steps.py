"""From the creditor agent's answer to the rail's book: the shape each rail fills in, and the four-step way.

Four steps: the creditor agent credits, then the rail settles and passes the word on; no clock of the rail runs, so
silence is silence and a late credit is a credit (facts messages 1.4). What a rail does otherwise is in its own file.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from rails.book import SILENT, Entry
from rails.port import CREDITED, REJECTED, RailInstruction


class Answer(NamedTuple):
    """What the creditor agent does with an instruction, and whether the rail gets to hear of it."""

    at: datetime  # business time
    reason_code: str  # "" where it accepts
    heard: bool
    reporting: str  # what the rail's own reports do


# (instruction, answer, time from settlement to the confirmed credit) -> the rail's row
Unfold = Callable[[RailInstruction, Answer, timedelta], Entry]


def final(sent: RailInstruction, outcome: str, reason_code: str, at: datetime, reporting: str) -> Entry:
    """Make a row with one outcome and no settlement before it."""
    return Entry(
        sent.uetr, sent.leg, outcome, reporting, reason_code, sent.amount_minor, sent.currency, sent.sent_at, None, at
    )


def four_step(sent: RailInstruction, answer: Answer, confirmed_after: timedelta) -> Entry:
    """Credit or reject when the creditor agent says so; an answer that is not heard is not reported either."""
    outcome = REJECTED if answer.reason_code else CREDITED
    return final(sent, outcome, answer.reason_code, answer.at, answer.reporting if answer.heard else SILENT)
