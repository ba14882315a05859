"""pacs.028: what has become of these payments? Answered with a pacs.002 of their present statuses; asks nobody else.

A payment whose UETR was never seen, or is another participant's, is RJCT AG09 (facts messages 3.2). That is no fence: a
message still on its way may come after it, so that only what has the same UETR, or the same idempotency key, is safe to send
again. Where a payment is named by no UETR and not found (CH21), or described otherwise than it is (NARR), the question is
refused and nothing is said of the payment: RJCT beside its UETR would be read as the end of one that may be paid.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from rails.messages.codec import Kind
from rails.messages.model import NOT_PROVIDED, Answer, TransactionStatus
from rails.messages.pacs028 import KINDS, PACS_028, StatusRequest
from rails.messages.write_pacs002 import build_pacs002
from switch.api.access import Caller
from switch.api.desks.agreement import disagreement
from switch.api.desks.desk import SWITCH_BIC, message_id_of, message_reject, xml_answer
from switch.api.desks.originals import GIVE_UETR, NotNamed, meant
from switch.api.desks.transfers import status_of
from switch.payment.refusals import refusal_from
from switch.payment.status import ISO_STATUS
from switch.sandbox import NotFound, Sandbox
from switch.translate.messages import MessageError, TransactionOutcome, iso_time

_NEVER_SEEN = "AG09"
_SEND_AGAIN = "It was not received here until now. Send it again under this UETR alone."
_CURRENT, _OLDER = "pacs.002.001.15", "pacs.002.001.10"


class StatusDesk:
    """Takes pacs.028."""

    kinds: Mapping[str, Kind] = KINDS

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def answer(self, caller: Caller, message: Any, request: Request) -> Response:
        """Say how each payment asked about stands."""
        asked: StatusRequest = message
        said = [await self._status(caller, asked, n) for n in range(len(asked.inquiries))]
        first = asked.inquiries[0].original.message
        at = self._sandbox.world.clock.now()
        to = caller.participant or asked.instructing_agent or (asked.header.from_bic if asked.header else "")
        answer = Answer(
            message_id_of(to, asked.message_id, at.isoformat()), iso_time(at), SWITCH_BIC, to,
            first.message_id if first else NOT_PROVIDED, first.definition if first else "pacs.008.001.08",
            _OLDER if asked.definition == PACS_028 else _CURRENT,
        )  # fmt: skip
        return xml_answer(build_pacs002(answer, said))

    async def _status(self, caller: Caller, asked: StatusRequest, n: int) -> TransactionStatus:
        original = asked.inquiries[n].original
        named = (original.instruction_id or NOT_PROVIDED, original.end_to_end_id or NOT_PROVIDED, original.uetr)
        try:
            stored = await meant(self._sandbox, caller, original)
        except NotFound:
            return TransactionStatus(*named, "RJCT", _NEVER_SEEN, _SEND_AGAIN)
        except NotNamed:
            field = f"FIToFIPmtStsReq/TxInf[{n + 1}]/OrgnlUETR"
            raise MessageError("CH21", field, GIVE_UETR.rstrip("."), asked.message_id) from None
        refusal = refusal_from(stored.detail) if stored.code else None
        instruction = await self._sandbox.instruction(stored.payment_id)
        differs = disagreement(original, stored, instruction)
        if differs is not None:
            raise MessageError("NARR", f"FIToFIPmtStsReq/TxInf[{n + 1}]/{differs[0]}", differs[1], asked.message_id)
        return _reported(status_of(self._sandbox, stored, instruction, stored.status, stored.code, refusal))

    def rejection(self, error: MessageError, definition: str, to: str, at: datetime) -> bytes:
        """Write the admi.002 that refuses an inquiry."""
        return message_reject(error, to, at)


def _reported(outcome: TransactionOutcome) -> TransactionStatus:
    return TransactionStatus(
        outcome.instruction_id, outcome.end_to_end_id, outcome.uetr, ISO_STATUS[outcome.status], outcome.reason_code,
        outcome.text, outcome.clearing_system,
    )  # fmt: skip
