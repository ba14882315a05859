"""What every desk for messages has in common: which messages it takes, how it answers one, how it refuses one as a whole.

A desk takes one family of ISO 20022 messages; switch.api.desks.messages opens the body and finds the desk by its definition.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from rails.messages.admi002 import build_admi002, rejection_of
from rails.messages.codec import Kind
from rails.messages.errors import MessageError
from rails.messages.model import BusinessHeader
from switch.api.access import Caller
from switch.translate.messages import SWITCH_BIC as SWITCH_BIC  # part of every desk
from switch.translate.messages import iso_time

XML = "application/xml"


class Desk(Protocol):
    """Takes one family of messages."""

    kinds: Mapping[str, Kind]  # by definition

    async def answer(self, caller: Caller, message: Any, request: Request) -> Response:
        """Do what a message asks for and answer with the message that belongs to it; raises MessageError, ProblemRaised."""

    def rejection(self, error: MessageError, definition: str, to: str, at: datetime) -> bytes:
        """Write the message that refuses one of this family as a whole; its own id could be read."""


def xml_answer(body: bytes, http_status: int = 200) -> Response:
    """Answer with a message."""
    return Response(body, http_status, media_type=XML)


def message_reject(error: MessageError, to: str, at: datetime) -> bytes:
    """Write the admi.002 that says why a message was not read, by its own id where that could be."""
    message_id = message_id_of(to, error.message_id, error.field, at.isoformat())
    header = BusinessHeader(SWITCH_BIC, to, message_id, "admi.002.001.01", iso_time(at))
    return build_admi002(rejection_of(error, iso_time(at), header))


def message_id_of(*of: str) -> str:
    """Derive the id of an answer from what it answers."""
    return blake2b("|".join(of).encode(), digest_size=16).hexdigest()
