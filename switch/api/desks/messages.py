"""ISO 20022 over HTTP: a message in, the message that answers it out. One path for all; each family has its desk.

A message refused as a whole is a 400: by the answer of its own family (GrpSts RJCT) where its MsgId could be read, else by
an admi.002.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from rails.messages.codec import Opened, codec, own_id
from rails.messages.kinds import KINDS
from switch.api import examples
from switch.api.access import Caller, Gate
from switch.api.desks.addressed import misaddressed
from switch.api.desks.desk import XML, Desk, message_reject, xml_answer
from switch.api.desks.recalls import RecallDesk
from switch.api.desks.statuses import StatusDesk
from switch.api.desks.transfers import TransferDesk
from switch.api.desks.verifications import VerificationDesk
from switch.api.operations import Operation, Says, parameter
from switch.api.requests import MESSAGE_BYTES_MAX, read_body
from switch.sandbox import Sandbox
from switch.translate.messages import MessageError

XML_TYPES = (XML, "text/xml")


class Messages:
    """Handler of /v1/messages."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate
        desks: Sequence[Desk] = (
            TransferDesk(sandbox),
            StatusDesk(sandbox),
            VerificationDesk(sandbox),
            RecallDesk(sandbox),
        )
        self._desks = MappingProxyType({definition: desk for desk in desks for definition in desk.kinds})
        self._kinds = MappingProxyType({name: kind for desk in desks for name, kind in desk.kinds.items()})

    async def take(self, request: Request) -> Response:
        """Take in a message and answer with the one that belongs to it."""
        caller = await self._gate.enter(request)
        body = await read_body(request, MESSAGE_BYTES_MAX, XML_TYPES)
        opened: Opened | None = None
        try:
            opened = codec().open(body)
            message = self._read(opened)
            fault = misaddressed(caller, opened.header, message)
            if fault is not None:
                fault.message_id = own_id(opened, self._kinds)
                raise fault
            return await self._desks[opened.definition].answer(caller, message, request)
        except MessageError as error:
            return self._rejected(error, opened, caller)

    def _read(self, opened: Opened) -> Any:
        if opened.definition in KINDS and opened.definition not in self._desks:
            text = f"{opened.definition} is an answer; it is not taken here. Send one of {', '.join(self._kinds)}"
            raise MessageError("FF01", "Document", text, own_id(opened, KINDS))
        return codec().take(opened, self._kinds)

    def _rejected(self, error: MessageError, opened: Opened | None, caller: Caller) -> Response:
        """Answer a message refused as a whole; nothing of it was stored."""
        header = opened.header if opened is not None else None
        error.sender = error.sender or (header.from_bic if header is not None else "")
        to = caller.participant or error.sender  # of an operator the message alone says who sent it, where it does
        at = self._sandbox.world.clock.now()
        definition = opened.definition if opened is not None else ""
        desk = self._desks.get(definition)
        if desk is not None and error.message_id:
            return xml_answer(desk.rejection(error, definition, to, at), 400)
        if header is not None:
            error.message_id = error.message_id or header.business_message_id
        return xml_answer(message_reject(error, to, at), 400)

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        wait = parameter("Prefer", "header", "wait=N: hold the answer up to N seconds for final statuses")
        taken = ", ".join(self._kinds)
        return [
            Operation(
                "POST", "/v1/messages", self.take, "Send an ISO 20022 message",
                f"Taken: {taken}. A pacs.008 or pain.001 of up to 100 transactions is answered by a pacs.002 or pain.002 with one TxInfAndSts "
                "each, refusals among them; docs/messages.md says what answers the others.", "messages",
                {200: Says("The answer", None, XML), 400: Says("Refused as a whole (GrpSts RJCT, or an admi.002)", None, XML)},
                ("malformed", "in-flight", 413, 415, 503), XML, (wait,), example=examples.pacs008(),
            ),
        ]  # fmt: skip
