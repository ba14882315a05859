"""acmt.023: who is behind these proxies and accounts? Answered with an acmt.024 of its version, as /v1/lookups answers.

An acmt.024 cannot refuse a message as a whole (it has at least one report), so an admi.002 does.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from switch.api.access import Caller
from switch.api.desks.desk import SWITCH_BIC, message_id_of, message_reject, xml_answer
from switch.api.lookups import looked_up
from switch.api.problems import refused
from switch.sandbox import Sandbox
from switch.translate.messages import MessageError, iso_time
from switch.translate.verifications import KINDS, VerificationRequest, lookup_message


class VerificationDesk:
    """Takes acmt.023."""

    kinds: Mapping[str, Any] = KINDS

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def answer(self, caller: Caller, message: Any, request: Request) -> Response:
        """Say of each proxy or account asked about what the directory knows."""
        asked: VerificationRequest = message
        assigner = asked.assignment.assigner
        if caller.participant is not None and assigner[:8] != caller.participant:
            raise refused("forbidden", "Assgnr names another participant than the one whose key this is.")
        at = self._sandbox.world.clock.now()
        return xml_answer(
            lookup_message(
                asked,
                lambda question: looked_up(self._sandbox, caller, question),
                message_id=message_id_of(assigner, asked.assignment.message_id, at.isoformat()),
                created_at=iso_time(at),
                from_bic=SWITCH_BIC,
            )
        )

    def rejection(self, error: MessageError, definition: str, to: str, at: datetime) -> bytes:
        """Write the admi.002 that refuses a request."""
        return message_reject(error, to, at)
