"""Macau Easy Transfer, a four-step rail on which only some agents credit at once: the others do so the same day.

At the start 11 of 31 banks were real-time (about 30 seconds), the others same day (facts messages 2.3); which agents
are which, and the hour of the same-day run, are data of the catalogue.
"""

from datetime import datetime, timedelta

from rails.book import Entry
from rails.hours import LAW_ZONE
from rails.port import RailInstruction
from rails.steps import Answer, Unfold, four_step

_DAY = timedelta(days=1)


def unfold_with(same_day_agents: frozenset[str], run_at: timedelta) -> Unfold:
    """Make the rail's way: agents named (BIC8) answer at the next run, `run_at` after midnight UTC+8."""

    def unfold(sent: RailInstruction, answer: Answer, confirmed_after: timedelta) -> Entry:
        if sent.creditor_agent in same_day_agents:
            answer = answer._replace(at=next_run(answer.at, run_at))
        return four_step(sent, answer, confirmed_after)

    return unfold


def next_run(at: datetime, run_at: timedelta) -> datetime:
    """Return the first run at or after `at`."""
    midnight = at.astimezone(LAW_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    run = midnight + run_at
    return (run if run >= at else run + _DAY).astimezone(at.tzinfo)
