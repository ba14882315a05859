"""The messages of one payment, to the participant whose it is and to nobody else: what asked for it, what was said of it."""

from starlette.requests import Request
from starlette.responses import Response

from fx.money import Money
from rails.messages.model import NOT_PROVIDED
from rails.messages.pacs004 import PACS_004
from switch.api import models
from switch.api.access import Gate
from switch.api.desks.desk import SWITCH_BIC
from switch.api.desks.edges import at_the_edge
from switch.api.desks.inquiries import PACS_028, inquiry_message
from switch.api.desks.recalls import reached_at, return_message
from switch.api.desks.transfers import status_of
from switch.api.documents import refusal_in
from switch.api.operations import Operation, Says, json_answer, parameter
from switch.api.problems import refused
from switch.api.requests import payment_id_of
from switch.flow.ports import PAYMENT, Stored
from switch.payment.instruction import Instruction
from switch.payment.returning import HAS_IT
from switch.sandbox import Sandbox
from switch.translate.messages import instruction_to_pacs008, pacs002_for

_PACS_008, _PACS_002 = "pacs.008.001.08", "pacs.002.001.10"


class MessageHistory:
    """Handler of /v1/payments/{id}/messages."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox, self._gate = sandbox, gate

    async def of_payment(self, request: Request) -> Response:
        """Show the messages of one payment."""
        caller = await self._gate.enter(request)
        if caller.participant is None:
            raise refused(
                "forbidden", "Only its participant reads a payment's messages. Name it in Bayswitch-Participant."
            )
        stored = await self._sandbox.payment(payment_id_of(request), caller.participant)
        instruction = await self._sandbox.instruction(stored.payment_id)
        shown = [*_incoming(stored, instruction), *await self._outgoing(stored, instruction)]
        shown += await self._inquiries(stored, instruction) + await self._returned(stored, instruction)
        edge = await at_the_edge(self._sandbox, stored)
        return json_answer({"payment_id": stored.payment_id, "messages": [*shown, *edge]})

    async def _outgoing(self, stored: Stored, instruction: Instruction) -> list[dict[str, str]]:
        shown = []
        for event in await self._sandbox.store.events(stored.payment_id):
            if event.record != PAYMENT:
                continue  # no status of the payment: a record's messages are its own
            refusal = refusal_in(event, stored)
            outcome = status_of(self._sandbox, stored, instruction, event.status, event.code, refusal)
            message_id = f"{stored.payment_id.replace('-', '')}-{event.n}"
            xml = pacs002_for(
                [outcome], message_id=message_id, created_at=event.at, from_bic=SWITCH_BIC, to_bic=stored.participant
            )
            shown.append({"direction": "out", "definition": _PACS_002, "at": event.at.isoformat(), "xml": xml.decode()})
        return shown

    async def _returned(self, stored: Stored, instruction: Instruction) -> list[dict[str, str]]:
        """Show what the debtor agent has again, a pacs.004 each; what is held or squared is no return to it."""
        named = instruction.end_to_end_id or NOT_PROVIDED
        return [
            {
                "direction": "out",
                "definition": PACS_004,
                "at": reached_at(back).isoformat(),
                "xml": return_message(stored, back, named, PACS_004).decode(),
            }
            for back in await self._sandbox.store.returns(stored.payment_id)
            if back.state in HAS_IT
        ]

    async def _inquiries(self, stored: Stored, instruction: Instruction) -> list[dict[str, str]]:
        """Show what its rail was asked while it was in doubt, a pacs.028 each; the answers stand in the payment's `inquiries`."""
        named = instruction.end_to_end_id or NOT_PROVIDED
        return [
            {
                "direction": "out",
                "definition": PACS_028,
                "at": each.asked_at.isoformat(),
                "xml": inquiry_message(stored, each, named).decode(),
            }
            for each in await self._sandbox.store.inquiries(stored.payment_id)
        ]

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        payment_id = parameter("payment_id", "path", "The payment's id", True, format="uuid")
        return [
            Operation(
                "GET", "/v1/payments/{payment_id}/messages", self.of_payment, "Read a payment's messages",
                "The pacs.008 that asks for it (rebuilt from the sealed instruction), a pacs.002 for each status, a pacs.028 for each inquiry, a pacs.004 for each return that reached the debtor agent; then, with `edge`, what passed at the rail's edge in its own words where those are public (docs/dialects.md).", "messages",
                {200: Says("Its messages", models.MessageList)}, (404, "unavailable"), None, (payment_id,),
            ),
        ]  # fmt: skip


def _incoming(stored: Stored, instruction: Instruction) -> list[dict[str, str]]:
    debited = Money(stored.debit_minor, stored.debit_currency) if stored.debit_currency else None
    with_uetr = instruction.model_copy(update={"uetr": stored.uetr})
    message_id = f"{stored.payment_id.replace('-', '')}-0"
    xml = instruction_to_pacs008(with_uetr, message_id=message_id, created_at=stored.received_at, debited=debited)
    return [{"direction": "in", "definition": _PACS_008, "at": stored.received_at.isoformat(), "xml": xml.decode()}]
