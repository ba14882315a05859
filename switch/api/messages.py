"""ISO 20022 over HTTP: a pacs.008 in, the pacs.002 that answers it out; and the messages of one payment, to their owner.

A transaction's key is MsgId and UETR. What a transaction is refused for stands in a 200's pacs.002, as it would on a
real link; a message refused as a whole is a 400 (pacs.002 with GrpSts where its MsgId could be read, else a problem).
"""

import asyncio
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response

from fx.money import Money
from switch.api import examples, models
from switch.api.access import Caller, Gate
from switch.api.documents import refusal_in, route_of
from switch.api.intake import Intake, Outcome
from switch.api.operations import Operation, Says, json_answer, parameter
from switch.api.problems import problem_response, refused
from switch.api.requests import MESSAGE_BYTES_MAX, payment_id_of, read_body, wait_seconds
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
    instruction_to_pacs008,
    pacs002_for,
    pacs002_for_error,
    parse_instructions,
)

SWITCH_BIC = "BAYSHKH0"  # fictional, as its location code says
XML_TYPES = ("application/xml", "text/xml")
_XML = "application/xml"
# Refused because the UETR is another payment's: naming it beside RJCT would tell the receiver that that one is rejected.
_ANOTHERS_UETR = frozenset({"same-message-other-content", "duplicate-uetr"})
_PACS_008, _PACS_002 = "pacs.008.001.08", "pacs.002.001.10"


class Messages:
    """Handlers of /v1/messages and /v1/payments/{id}/messages."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate
        self._intake = Intake(sandbox, _same_transaction)

    async def take(self, request: Request) -> Response:
        """Take in a pacs.008 and answer with the pacs.002 of its transactions."""
        caller = await self._gate.enter(request)
        body = await read_body(request, MESSAGE_BYTES_MAX, XML_TYPES)
        try:
            parsed = parse_instructions(body)
        except MessageError as error:
            return self._rejected(error, caller)
        outcomes = await self._handed_in(parsed, caller)
        for outcome in outcomes:
            if outcome.http_status in (409, 503):
                # Nothing may be called refused that could still be paid: the whole message is asked again, under its keys.
                return problem_response(outcome.document, outcome.headers)
        if seconds := wait_seconds(request):
            ids = [outcome.payment_id for outcome in outcomes if outcome.http_status < 400]
            await asyncio.gather(*[self._sandbox.wait_final(payment_id, seconds) for payment_id in ids])
        said = [await self._said(*pair) for pair in zip(parsed.instructions, outcomes, strict=True)]
        to = caller.participant or parsed.instructing_agent or parsed.instructions[0].debtor_agent
        at = self._sandbox.world.clock.now()
        answer = pacs002_for(
            said,
            message_id=_message_id(to, parsed.msg_id, at.isoformat()),
            created_at=at,
            from_bic=SWITCH_BIC,
            to_bic=to,
            original=parsed,
        )
        return Response(answer, media_type=_XML)

    def _rejected(self, error: MessageError, caller: Caller) -> Response:
        """Answer a message refused as a whole; nothing of it was stored."""
        if error.message_id:
            to = caller.participant or error.sender  # of an operator the message alone says who sent it, where it does
            at = self._sandbox.world.clock.now()
            message_id = _message_id(to, error.message_id, at.isoformat())
            answer = pacs002_for_error(error, message_id=message_id, created_at=at, from_bic=SWITCH_BIC, to_bic=to)
            return Response(answer, 400, media_type=_XML)
        raise refused(
            "malformed",
            error.text,
            code=error.code,
            errors=[{"field": error.field, "what": error.text, "kind": error.code}],
        )

    async def _handed_in(self, parsed: ParsedMessage, caller: Caller) -> list[Outcome]:
        def submit(each: Instruction) -> Submission | Outcome:
            key = f"{parsed.msg_id}|{each.uetr or each.instruction_id}"
            return self._intake.submit(each, caller.acting(each.debtor_agent), key)

        return await self._intake.handed_in(parsed.instructions, submit)

    async def _said(self, instruction: Instruction, outcome: Outcome) -> TransactionOutcome:
        names = (instruction.instruction_id, instruction.end_to_end_id)
        document = outcome.document
        if outcome.http_status >= 400:
            own = document["name"] not in _ANOTHERS_UETR
            return TransactionOutcome(
                *names, instruction.uetr if own else None, REJECTED, document["code"], document["detail"]
            )
        stored = await self._sandbox.payment(outcome.payment_id, None)
        refusal = refusal_from(stored.detail) if stored.code else None
        return self._status_of(stored, instruction, stored.status, stored.code, refusal)

    def _status_of(
        self, stored: Stored, instruction: Instruction, status: str, code: str, refusal: Refusal | None
    ) -> TransactionOutcome:
        """Say a status of a stored payment: the present one, or one it had."""
        uetr = None if refusal is not None and refusal.reason in _ANOTHERS_UETR else stored.uetr
        text = reason_document(refusal)["text"] if refusal is not None else ""
        names = (stored.instruction_id, instruction.end_to_end_id)
        return TransactionOutcome(*names, uetr, status, code, text, self._carried_by(stored))

    def _carried_by(self, stored: Stored) -> tuple[str, str] | None:
        """Return the clearing system of the rail that carries a payment's credit, None for one that none carries."""
        route = route_of(stored)
        return self._sandbox.world.rails[route[-1]["rail"]].capabilities.clearing_system if route else None

    async def of_payment(self, request: Request) -> Response:
        """Show the messages of one payment to the participant whose it is, and to nobody else."""
        caller = await self._gate.enter(request)
        if caller.participant is None:
            raise refused(
                "forbidden", "Only its participant reads a payment's messages. Name it in Bayswitch-Participant."
            )
        stored = await self._sandbox.payment(payment_id_of(request), caller.participant)
        instruction = await self._sandbox.instruction(stored.payment_id)
        shown = [*_incoming(stored, instruction), *await self._outgoing(stored, instruction)]
        return json_answer({"payment_id": stored.payment_id, "messages": shown})

    async def _outgoing(self, stored: Stored, instruction: Instruction) -> list[dict[str, str]]:
        shown = []
        for event in await self._sandbox.store.events(stored.payment_id):
            outcome = self._status_of(stored, instruction, event.status, event.code, refusal_in(event, stored))
            message_id = f"{stored.payment_id.replace('-', '')}-{event.n}"
            xml = pacs002_for(
                [outcome], message_id=message_id, created_at=event.at, from_bic=SWITCH_BIC, to_bic=stored.participant
            )
            shown.append({"direction": "out", "definition": _PACS_002, "at": event.at.isoformat(), "xml": xml.decode()})
        return shown

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        payment_id = parameter("payment_id", "path", "The payment's id", True, format="uuid")
        wait = parameter("Prefer", "header", "wait=N: hold the answer up to N seconds for final statuses")
        return [
            Operation(
                "POST", "/v1/messages", self.take, "Send a pacs.008",
                "Up to 100 transactions; the answer is a pacs.002 with one TxInfAndSts each, refusals among them.", "messages",
                {200: Says("The pacs.002", None, _XML), 400: Says("Refused as a whole (GrpSts RJCT)", None, _XML)},
                ("malformed", "in-flight", 413, 415, 503), _XML, (wait,), example=examples.pacs008(),
            ),
            Operation(
                "GET", "/v1/payments/{payment_id}/messages", self.of_payment, "Read a payment's messages",
                "The pacs.008 that asks for it (rebuilt from the sealed instruction) and a pacs.002 for each status.", "messages",
                {200: Says("Its messages", models.MessageList)}, (404, "unavailable"), None, (payment_id,),
            ),
        ]  # fmt: skip


def _incoming(stored: Stored, instruction: Instruction) -> list[dict[str, str]]:
    debited = Money(stored.debit_minor, stored.debit_currency) if stored.debit_currency else None
    with_uetr = instruction.model_copy(update={"uetr": stored.uetr})
    message_id = f"{stored.payment_id.replace('-', '')}-0"
    xml = instruction_to_pacs008(with_uetr, message_id=message_id, created_at=stored.received_at, debited=debited)
    return [{"direction": "in", "definition": _PACS_008, "at": stored.received_at.isoformat(), "xml": xml.decode()}]


def _same_transaction(field: str) -> Refusal:
    return Refusal("same-message-other-content", {"field": field}, field)


def _message_id(*of: str) -> str:
    return blake2b("|".join(of).encode(), digest_size=16).hexdigest()
