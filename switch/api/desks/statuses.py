"""pacs.028: what has become of these payments? Answered with a pacs.002 of their present statuses; asks nobody else.

A payment never seen, or another participant's, is RJCT AG09 (facts messages 3.2): whoever asks may send it anew.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from rails.messages.codec import Kind
from rails.messages.model import NOT_PROVIDED, Answer, TransactionStatus
from rails.messages.original import OriginalPayment
from rails.messages.pacs028 import KINDS, PACS_028, StatusRequest
from rails.messages.write_pacs002 import build_pacs002
from switch.api.access import Caller
from switch.api.desks.desk import SWITCH_BIC, message_id_of, message_reject, xml_answer
from switch.api.desks.transfers import status_of
from switch.flow.submission import uetr_identity
from switch.payment.refusals import refusal_from
from switch.payment.status import ISO_STATUS
from switch.sandbox import NotFound, Sandbox
from switch.translate.messages import MessageError, TransactionOutcome, iso_time

_NEVER_SEEN = "AG09"
_CURRENT, _OLDER = "pacs.002.001.15", "pacs.002.001.10"


class StatusDesk:
    """Takes pacs.028."""

    kinds: Mapping[str, Kind] = KINDS

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def answer(self, caller: Caller, message: Any, request: Request) -> Response:
        """Say how each payment asked about stands."""
        asked: StatusRequest = message
        said = [await self._status(caller, inquiry.original) for inquiry in asked.inquiries]
        first = asked.inquiries[0].original.message
        at = self._sandbox.world.clock.now()
        to = caller.participant or asked.instructing_agent or (asked.header.from_bic if asked.header else "")
        answer = Answer(
            message_id_of(to, asked.message_id, at.isoformat()), iso_time(at), SWITCH_BIC, to,
            first.message_id if first else NOT_PROVIDED, first.definition if first else "pacs.008.001.08",
            _OLDER if asked.definition == PACS_028 else _CURRENT,
        )  # fmt: skip
        return xml_answer(build_pacs002(answer, said))

    async def _status(self, caller: Caller, original: OriginalPayment) -> TransactionStatus:
        named = (original.instruction_id or NOT_PROVIDED, original.end_to_end_id or NOT_PROVIDED, original.uetr)
        found = await self._sandbox.store.by_identity(uetr_identity(original.uetr)) if original.uetr else None
        try:
            if found is None:
                raise NotFound
            stored = await self._sandbox.payment(found[0], caller.participant)
        except NotFound:
            what = "It was never received here" if original.uetr else "Payments are found by their UETR: give OrgnlUETR"
            return TransactionStatus(*named, "RJCT", _NEVER_SEEN, f"{what}.")
        refusal = refusal_from(stored.detail) if stored.code else None
        instruction = await self._sandbox.instruction(stored.payment_id)
        return _reported(status_of(self._sandbox, stored, instruction, stored.status, stored.code, refusal))

    def rejection(self, error: MessageError, definition: str, to: str, at: datetime) -> bytes:
        """Write the admi.002 that refuses an inquiry."""
        return message_reject(error, to, at)


def _reported(outcome: TransactionOutcome) -> TransactionStatus:
    return TransactionStatus(
        outcome.instruction_id, outcome.end_to_end_id, outcome.uetr, ISO_STATUS[outcome.status], outcome.reason_code,
        outcome.text, outcome.clearing_system,
    )  # fmt: skip
