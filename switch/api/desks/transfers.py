"""Credit transfers as messages: a pacs.008 of an institution, a pain.001 of its customer; each is answered by its status report.

A transaction's key is MsgId and UETR. What a transaction is refused for stands in the report, as it would on a real link.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from limits.calendars import law_day
from rails.messages import reader
from rails.messages.codec import Kind
from rails.messages.model import Pacs008
from rails.messages.pain import KINDS_001, Pain001
from switch.api.access import Caller
from switch.api.desks.desk import SWITCH_BIC, message_id_of, xml_answer
from switch.api.documents import route_of
from switch.api.intake import Intake, Outcome
from switch.api.lookups import count_proxy
from switch.api.problems import problem_response
from switch.api.requests import wait_seconds
from switch.flow.ports import Stored
from switch.flow.submission import Submission
from switch.payment.explain import reason_document
from switch.payment.instruction import Instruction
from switch.payment.plan import Refusal
from switch.payment.refusals import refusal_from
from switch.payment.status import REJECTED
from switch.sandbox import Sandbox
from switch.translate.messages import (
    MessageError,
    ParsedMessage,
    TransactionOutcome,
    initiation_in,
    instructions_in,
    pacs002_for,
    pacs002_for_error,
    pain002_for,
    pain002_for_error,
)

# Refused because the UETR is another payment's: naming it beside RJCT would tell the receiver that that one is rejected.
_ANOTHERS_UETR = frozenset({"same-message-other-content", "duplicate-uetr"})


class TransferDesk:
    """Takes pacs.008 and pain.001."""

    kinds: Mapping[str, Kind] = MappingProxyType({**reader.KINDS, **KINDS_001})

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._intake = Intake(sandbox, _same_transaction)

    async def answer(self, caller: Caller, message: Any, request: Request) -> Response:
        """Hand in a message's transactions and answer with their statuses."""
        parsed = self._parsed(message)
        self._intake.let_in(bulk=len(parsed.instructions) > 1)
        outcomes = await self._handed_in(parsed, caller)
        for outcome in outcomes:
            if outcome.http_status in (409, 503):
                # Nothing may be called refused that could still be paid: the whole message is asked again, under its keys.
                return problem_response(outcome.document, outcome.headers)
        seconds = wait_seconds(request)
        if seconds:
            ids = [outcome.payment_id for outcome in outcomes if outcome.http_status < 400]
            await asyncio.gather(*[self._sandbox.wait_final(payment_id, seconds) for payment_id in ids])
        said = [
            await self._said(instruction, outcome, present=seconds > 0 or outcome.replayed)
            for instruction, outcome in zip(parsed.instructions, outcomes, strict=True)
        ]
        return xml_answer(self._report(said, parsed, caller, isinstance(message, Pain001)))

    def _parsed(self, message: Pacs008 | Pain001) -> ParsedMessage:
        if isinstance(message, Pain001):
            return initiation_in(message, law_day(self._sandbox.world.clock.now()))
        return instructions_in(message)

    def _report(
        self, said: Sequence[TransactionOutcome], parsed: ParsedMessage, caller: Caller, to_customer: bool
    ) -> bytes:
        to = caller.participant or parsed.instructing_agent or parsed.instructions[0].debtor_agent
        at = self._sandbox.world.clock.now()
        message_id = message_id_of(to, parsed.msg_id, at.isoformat())
        if to_customer:
            return pain002_for(said, message_id=message_id, created_at=at, original=parsed)
        return pacs002_for(said, message_id=message_id, created_at=at, from_bic=SWITCH_BIC, to_bic=to, original=parsed)

    def rejection(self, error: MessageError, definition: str, to: str, at: datetime) -> bytes:
        """Write the report that refuses a message as a whole (GrpSts RJCT); nothing of it was stored."""
        message_id = message_id_of(to, error.message_id, at.isoformat())
        if definition in KINDS_001:
            return pain002_for_error(error, definition, message_id=message_id, created_at=at)
        return pacs002_for_error(
            error, message_id=message_id, created_at=at, from_bic=SWITCH_BIC, to_bic=to, definition=definition
        )

    async def _handed_in(self, parsed: ParsedMessage, caller: Caller) -> list[Outcome]:
        for each in parsed.instructions:  # all before the first is handed in: a message stopped has changed nothing
            count_proxy(self._sandbox, caller, each)

        def submit(each: Instruction) -> Submission | Outcome:
            key = f"{parsed.msg_id}|{each.uetr or each.instruction_id}"
            return self._intake.submit(each, caller.acting(each.debtor_agent), key, bulk=len(parsed.instructions) > 1)

        return await self._intake.handed_in(parsed.instructions, submit)

    async def _said(self, instruction: Instruction, outcome: Outcome, *, present: bool) -> TransactionOutcome:
        """Say what became of a transaction: how it stands at `present`, else as it was answered just now."""
        names = (instruction.instruction_id, instruction.end_to_end_id)
        document = outcome.document
        if outcome.http_status >= 400:
            own = document["name"] not in _ANOTHERS_UETR
            return TransactionOutcome(
                *names, instruction.uetr if own else None, REJECTED, document["code"], document["detail"]
            )
        if (
            outcome.rail and not present
        ):  # all there is to say is known: a read for each of a hundred would cost most of the call
            carried_by = self._sandbox.world.rails[outcome.rail].capabilities.clearing_system
            return TransactionOutcome(*names, document["uetr"], document["status"], "", "", carried_by)
        stored = outcome.stored or await self._sandbox.payment(outcome.payment_id, None)
        if not present:
            return status_of(self._sandbox, stored, instruction, document["status"], "", None)
        refusal = refusal_from(stored.detail) if stored.code else None
        return status_of(self._sandbox, stored, instruction, stored.status, stored.code, refusal)


def status_of(
    sandbox: Sandbox, stored: Stored, instruction: Instruction, status: str, code: str, refusal: Refusal | None
) -> TransactionOutcome:
    """Say a status of a stored payment: the present one, or one it had."""
    uetr = None if refusal is not None and refusal.reason in _ANOTHERS_UETR else stored.uetr
    text = reason_document(refusal)["text"] if refusal is not None else ""
    names = (stored.instruction_id, instruction.end_to_end_id)
    return TransactionOutcome(*names, uetr, status, code, text, _carried_by(sandbox, stored))


def _carried_by(sandbox: Sandbox, stored: Stored) -> tuple[str, str] | None:
    """Return the clearing system of the rail that carries a payment's credit, None for one that none carries."""
    route = route_of(stored)
    return sandbox.world.rails[route[-1]["rail"]].capabilities.clearing_system if route else None


def _same_transaction(field: str) -> Refusal:
    return Refusal("same-message-other-content", {"field": field}, field)
