"""Whether a message is from whom it says and for us: its header and its own names held against the key it came with. Pure.

An operator who acts as nobody may bring anybody's message; whom a message is for is asked of all.
"""

from typing import Any

from rails.messages.camt056 import CancellationRequest
from rails.messages.errors import MessageError
from rails.messages.model import BusinessHeader, Pacs008
from rails.messages.pacs028 import StatusRequest
from rails.messages.pain import Pain001
from switch.api.access import Caller
from switch.api.desks.desk import SWITCH_BIC

# ExternalStatusReason1Code (facts messages 3.2): an agent wrong in the chain, a message routed to the wrong environment.
WRONG_AGENT, WRONG_ADDRESS = "AGNT", "DS28"


def misaddressed(caller: Caller, header: BusinessHeader | None, message: Any) -> MessageError | None:
    """Say which name is wrong; None where all that is given is right. The error has no message id yet."""
    customers = isinstance(message, Pain001)  # it comes from a customer to its own institution, whose key brings it
    if header is not None and header.to_bic:
        ours = {SWITCH_BIC, caller.participant} if customers else {SWITCH_BIC}
        if header.to_bic[:8] not in ours and not (customers and caller.participant is None):
            text = f"This is {SWITCH_BIC}, and the message is for {header.to_bic}. Send it there, or name {SWITCH_BIC}"
            return MessageError(WRONG_ADDRESS, "AppHdr/To", text)
    if caller.participant is None:
        return None
    for field, bic in _senders(None if customers else header, message):
        if bic and bic[:8] != caller.participant:
            text = f"It names {bic}; the caller is {caller.participant}. Send under {bic}'s key, or name yourself"
            return MessageError(WRONG_AGENT, field, text)
    return None


def _senders(header: BusinessHeader | None, message: Any) -> list[tuple[str, str | None]]:
    """List where a message says who sends it."""
    found: list[tuple[str, str | None]] = [("AppHdr/Fr", header.from_bic if header is not None else None)]
    if isinstance(message, Pacs008):
        found.append(("FIToFICstmrCdtTrf/GrpHdr/InstgAgt", message.instructing_agent))
    elif isinstance(message, StatusRequest):
        found.append(("FIToFIPmtStsReq/GrpHdr/InstgAgt", message.instructing_agent))
    elif isinstance(message, CancellationRequest):
        found.append(("FIToFIPmtCxlReq/Assgnmt/Assgnr", message.assignment.assigner))
    return found
