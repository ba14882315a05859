"""Refusals outside decide: of who may not send at all; and how a refusal is kept: JSON of its reason, field and detail, and back."""

import json
from json.encoder import encode_basestring as quoted  # as json.dumps without ensure_ascii

from switch.payment.instruction import Instruction
from switch.payment.plan import Refusal


def not_their_agent(instruction: Instruction, participant: str) -> Refusal | None:
    """Refuse a participant (BIC8) that sends for another's debtor agent; None where it is its own."""
    if participant == instruction.debtor_agent[:8]:
        return None
    return Refusal("not-your-agent", {"participant": participant, "agent": instruction.debtor_agent}, "debtor_agent")


def refusal_json(refusal: Refusal) -> str:
    """Write a refusal for the payment's `detail`: as json.dumps would, which takes thrice as long to set out for it."""
    detail = ", ".join([f"{quoted(name)}: {quoted(value)}" for name, value in refusal.detail.items()])
    return f'{{"reason": {quoted(refusal.reason)}, "field": {quoted(refusal.field)}, "detail": {{{detail}}}}}'


def refusal_from(text: str) -> Refusal | None:
    """Read a refusal back; None where the detail holds none."""
    data = json.loads(text)
    return Refusal(data["reason"], data["detail"], data["field"]) if "reason" in data else None
