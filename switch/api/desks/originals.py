"""Which payment a message means: by its UETR, else by its instruction id, which names one only on its law day.

Who means a payment by no UETR is told that it was not found, never that it was not received: not every day is looked at.
"""

from datetime import date, timedelta

from limits.calendars import law_day
from rails.messages.model import NOT_PROVIDED
from rails.messages.original import OriginalPayment
from switch.api.access import Caller
from switch.flow.ports import Stored
from switch.flow.submission import instruction_identity, uetr_identity
from switch.sandbox import NotFound, Sandbox

# Law days looked at before today or the day the message names, for a weekend between receipt and settlement (assumed).
DAYS_BACK = 4
GIVE_UETR = (
    f"No one payment of yours has these ids on the day named, else on the last {DAYS_BACK + 1} days. Give OrgnlUETR."
)


class NotNamed(Exception):
    """Without a UETR no payment was found, or several: this says nothing of whether it was received."""


async def meant(sandbox: Sandbox, caller: Caller, original: OriginalPayment) -> Stored:
    """Return the payment a caller means; raises NotFound (no such UETR, or another's) or NotNamed (no UETR, and not found)."""
    if original.uetr:
        found = await sandbox.store.by_identity(uetr_identity(original.uetr))
        if found is None:
            raise NotFound
        return await sandbox.payment(found[0], caller.participant)
    agent = (original.debtor_agent or caller.participant or "")[:8]
    if not agent or original.instruction_id in (None, NOT_PROVIDED):
        raise NotNamed
    participant, candidates = caller.participant or agent, []
    for day in _days(original, law_day(sandbox.world.clock.now())):
        found = await sandbox.store.by_identity(
            instruction_identity(participant, agent, original.instruction_id or "", day)
        )
        if found is not None and await _is_it(sandbox, original, found[0]):
            candidates.append(found[0])
    if len(candidates) != 1:
        raise NotNamed
    return await sandbox.payment(candidates[0], caller.participant)


def _days(original: OriginalPayment, today: date) -> list[date]:
    """List the law days on which it may have been received: about the day its message names, else the last ones."""
    named = original.message.created_at if original.message is not None else None
    text = named or original.interbank_settled_on
    try:
        last = date.fromisoformat(text[:10]) + timedelta(days=1) if text else today
        return [last - timedelta(days=n) for n in range(DAYS_BACK + (2 if text else 1))]
    except (ValueError, OverflowError):  # a day of no calendar
        return []


async def _is_it(sandbox: Sandbox, original: OriginalPayment, payment_id: str) -> bool:
    """Whether the end-to-end id agrees too, where one is given."""
    if original.end_to_end_id in (None, NOT_PROVIDED):
        return True
    return (await sandbox.instruction(payment_id)).end_to_end_id == original.end_to_end_id
