"""The messages of a payment at its rail's edge: what the store keeps of leg, events and inquiries, put into the rail's words.

For the participant whose payment it is; the writing is switch.translate.edges.
"""

import json
from collections.abc import Sequence

from rails.port import BLOCKED, CREDITED, REJECTED, SETTLED, RailInstruction, RailReport
from switch.flow.doubt_books import NO_ANSWER, Inquiry
from switch.flow.ports import PAYMENT, Stored, StoredEvent, StoredLeg
from switch.payment import status as statuses
from switch.payment.instruction import Instruction
from switch.payment.refusals import refusal_from
from switch.sandbox import Sandbox
from switch.translate.edges import Asked, EdgeMessage, edge_messages, has_dialect, masked_account, rail_members
from switch.translate.messages import transfer_of

# What the rail says where the payment has become so.
_SAID = {statuses.SETTLED: SETTLED, statuses.CREDITED: CREDITED, statuses.BLOCKED: BLOCKED, statuses.REJECTED: REJECTED}
_HANDED_OVER = frozenset({statuses.SUBMITTED, statuses.IN_DOUBT})


async def at_the_edge(sandbox: Sandbox, stored: Stored) -> list[dict[str, str | None]]:
    """Show what passed between a payment's rail and the agent whose position pays there, where that rail has a dialect."""
    legs = [leg for leg in await sandbox.store.legs(stored.payment_id) if has_dialect(leg.rail)]
    if not legs:
        return []
    events = [each for each in await sandbox.store.events(stored.payment_id) if each.record == PAYMENT]
    inquiries = await sandbox.store.inquiries(stored.payment_id)
    instruction, account = await sandbox.handed_in(stored.payment_id)
    shown: list[dict[str, str | None]] = []
    for leg in legs:
        sent = _sent(sandbox, stored, leg, instruction, account, events)
        asked = [_asked(each, stored) for each in inquiries if each.leg == leg.n]
        told = {each.answer.status for each in asked if each.answer is not None}
        said = [each for each in _reports(stored, leg, events) if each.status not in told]
        if not (said or asked or any(event.status in _HANDED_OVER for event in events)):
            continue  # it never left us
        known = rail_members(leg.rail, sandbox.world.registry.member_ids)
        shown += [_shown(leg.rail, each) for each in edge_messages(leg.rail, sent, asked, said, known)]
    return shown


def _sent(
    sandbox: Sandbox, stored: Stored, leg: StoredLeg, instruction: Instruction, account: str, events: Sequence[StoredEvent]
) -> RailInstruction:  # fmt: skip
    """Put the leg together as it was handed over: a queued one when it was released."""
    sent_at = [event.at for event in events if event.status == statuses.ACCEPTED]
    agent = sandbox.world.registry.participants[stored.debtor_agent[:8]].settles_through
    shown = masked_account(account) if instruction.creditor.account.proxy is not None else account
    transfer = transfer_of(instruction.model_copy(update={"uetr": stored.uetr}))
    return RailInstruction(
        stored.uetr, leg.n, agent, stored.creditor_agent[:8], shown, stored.settlement_minor, stored.settlement_currency,
        sent_at[-1] if sent_at else stored.received_at, leg.deadline_at, transfer,
    )  # fmt: skip


def _asked(inquiry: Inquiry, stored: Stored) -> Asked:
    answer = None
    if inquiry.answer != NO_ANSWER:
        at = inquiry.asked_at  # when the rail dated its answer is not kept
        answer = RailReport(inquiry.rail, stored.uetr, inquiry.leg, inquiry.answer, inquiry.code, at)
    return Asked(inquiry.asked_at, answer)


def _reports(stored: Stored, leg: StoredLeg, events: Sequence[StoredEvent]) -> list[RailReport]:
    """Return what the rail has said by itself: no end that operators or the switch decided."""
    return [
        RailReport(
            leg.rail, stored.uetr, leg.n, _SAID[event.status], event.code, event.at,
            None if event.status == statuses.REJECTED else stored.settlement_minor,
        )
        for event in events
        if event.status in _SAID and _by_rail(event)
    ]  # fmt: skip


def _by_rail(event: StoredEvent) -> bool:
    if event.status == statuses.REJECTED:
        refusal = refusal_from(event.detail) if event.code else None
        return refusal is not None and refusal.reason == "rail-rejected"
    return "decided_by" not in json.loads(event.detail or "{}")


def _shown(rail: str, message: EdgeMessage) -> dict[str, str | None]:
    return {
        "direction": "out" if message.out else "in",
        "definition": message.definition,
        "at": message.at.isoformat(),
        "xml": message.body,
        "edge": "rail",
        "dialect": rail,
        "not_written": message.fault or None,
    }
