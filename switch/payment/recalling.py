"""Whether a settled payment may be asked back, how much of it, and until when. Pure; the limits are data (returns.yaml)."""

from calendar import monthrange
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from fx.money import Money
from limits.calendars import is_business_day, law_day
from limits.calendars.days import SATURDAY, calendars
from switch.payment.status import ACCEPTED, BLOCKED, CANCELLED, CREDITED, IN_DOUBT, QUEUED, REJECTED, SETTLED, SUBMITTED

# States of a recall.
REQUESTED, PENDING, RECALL_ACCEPTED, RECALL_REJECTED, RETURNED = (
    "requested",
    "pending",
    "accepted",
    "rejected",
    "returned",
)
OPEN = (REQUESTED, PENDING)  # its rail is asked until it answers
UNDER_WAY = (*OPEN, RECALL_ACCEPTED)  # the money may still come back under it

# What camt.029 says of each (facts messages 3.3): CNCL done, PECR partly, PDCR pending, RJCR rejected, IPAY return initiated.
DONE, PARTLY, UNDECIDED, REFUSED, COMING = "CNCL", "PECR", "PDCR", "RJCR", "IPAY"
CONFIRMATION = {
    REQUESTED: UNDECIDED,
    PENDING: UNDECIDED,
    RECALL_ACCEPTED: COMING,
    RECALL_REJECTED: REFUSED,
    RETURNED: DONE,
}

# ExternalPaymentCancellationRejection1Code of what is refused here (facts messages 3.3; which stands for which is assumed).
# NOOR is for what is not known at all; LEGL is a legal decision, which the switch takes none of.
NARRATIVE, NO_ORIGINAL, ALREADY_RETURNED = "NARR", "NOOR", "ARDT"

LATE_REASON = "TECH"  # under which a payment is asked back that was paid after its end (facts messages 4.2, 7)


class Limit(NamedTuple):
    """Until when a payment may be recalled for one reason."""

    business_days: int
    months: int
    source: str
    assumed: bool


class Terms(NamedTuple):
    """What returns.yaml says."""

    recall: Mapping[str, Limit]
    reversal: frozenset[str]
    bears: Mapping[str, str]


class RecallRefused(NamedTuple):
    """Why a payment is not asked back: a name of the API's problems, a sentence with what to do, the code of camt.029."""

    name: str  # not-recallable | recall-open | recall-too-late | recall-too-much
    text: str
    code: str = NARRATIVE


class Standing(NamedTuple):
    """How a payment stands when it is to be recalled."""

    status: str
    settled_at: datetime | None
    settlement: Money
    returned_minor: int  # of the settlement amount, what has come back
    under_way: str  # the recall that is still under way, "" = none
    late_at: datetime | None = None  # when it was paid after its end, while that is not resolved


# (standing) -> the amount to ask back, or why not
Judge = Callable[[Standing], "Money | RecallRefused"]

_NOT_SETTLED = {
    QUEUED: "The payment is queued and surely not sent: cancel it.",
    ACCEPTED: "The payment is on its way. Recall it once it is settled.",
    SUBMITTED: "The payment is on its way. Recall it once it is settled.",
    IN_DOUBT: "The payment is in doubt: whether it was paid is being inquired after. Recall it once it is settled.",
    REJECTED: "The payment was rejected: there is nothing to ask back.",
    CANCELLED: "The payment was cancelled: there is nothing to ask back.",
    BLOCKED: "The payment is blocked: its money has reached nobody.",
}


@cache
def terms() -> Terms:
    """Read returns.yaml, once: it is a value."""
    data: dict[str, Any] = yaml.load(files(__package__).joinpath("returns.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return Terms(
        {code: _limit(row) for code, row in data["recall"].items()},
        frozenset(data["reversal"]),
        data["bears"]["by_reason"],
    )


def _limit(row: Mapping[str, Any]) -> Limit:
    assumed = bool(row.get("assumed"))
    return Limit(row.get("business_days", 0), row.get("months", 0), row["reason" if assumed else "reference"], assumed)


def judged(
    standing: Standing, reason_code: str, asked: Money | None, place: str, now: datetime
) -> Money | RecallRefused:
    """Say how much is asked back of a payment, or why nothing; `place` is the creditor agent's country, `asked` None = all that is left."""
    paid_at = _paid_at(standing, reason_code)
    if isinstance(paid_at, RecallRefused):
        return paid_at
    if standing.under_way:
        return RecallRefused("recall-open", f"Recall {standing.under_way} is under way. Wait for its answer.")
    left = Money(standing.settlement.amount_minor - standing.returned_minor, standing.settlement.currency)
    if left.amount_minor <= 0:
        text = "The payment has come back in full: nothing is left to ask for."
        return RecallRefused("recall-too-much", text, ALREADY_RETURNED)
    until = last_day(terms().recall[reason_code], law_day(paid_at), place)
    if law_day(now) > until:
        text = (
            f"A recall for {reason_code} was possible until {until}. "
            "Ask the creditor, or recall for a reason that has more time, if it is the true one."
        )
        return RecallRefused("recall-too-late", text)
    if asked is None:
        return left
    if asked.currency != left.currency or not 0 < asked.amount_minor <= left.amount_minor:
        text = f"{left} can be asked back of this payment, in the currency in which it was settled."
        return RecallRefused("recall-too-much", text)
    return asked


def _paid_at(standing: Standing, reason_code: str) -> datetime | RecallRefused:
    """Return when the creditor was paid: by the payment's own settlement, or after its end."""
    if standing.status in (SETTLED, CREDITED) and standing.settled_at is not None:
        return standing.settled_at
    if standing.late_at is None:
        return RecallRefused("not-recallable", _NOT_SETTLED.get(standing.status, "The payment is not settled."))
    if reason_code != LATE_REASON:
        text = f"The payment was {standing.status} and paid all the same: recall it for {LATE_REASON}."
        return RecallRefused("not-recallable", text)
    return standing.late_at


def confirmation(state: str, asked_minor: int, back_minor: int) -> str:
    """Return the word for one recall, of which `back_minor` has come: less than was asked is done in part."""
    return PARTLY if state == RETURNED and back_minor < asked_minor else CONFIRMATION[state]


def confirmation_of_all(words: Collection[str]) -> str:
    """Return the word for all recalls of a message: their own where they agree, pending while one is, else what they share."""
    found = set(words)
    if len(found) == 1:
        return found.pop()
    if UNDECIDED in found:
        return UNDECIDED
    return COMING if found == {COMING, DONE} else PARTLY


def last_day(limit: Limit, settled_on: date, place: str) -> date:
    """Return the last law day on which a recall may be asked for, counted by the calendar of `place` (ISO 3166)."""
    if limit.months:
        years, month = divmod(settled_on.month - 1 + limit.months, 12)
        year, month = settled_on.year + years, month + 1
        return date(year, month, min(settled_on.day, monthrange(year, month)[1]))
    day, left = settled_on, limit.business_days
    while left:
        day += timedelta(days=1)
        left -= _works(place, day)
    return day


def _works(place: str, day: date) -> bool:
    """Whether banks of a place work; of a place whose calendar the house does not have, on weekdays."""
    return is_business_day(place, day) if place in calendars() else day.weekday() < SATURDAY
