"""acmt.023: who is behind this proxy or account, and is this its name? Answered with an acmt.024. Pure."""

import re
from types import MappingProxyType
from typing import NamedTuple

from rails.messages.acmt_parts import Subject, VerificationAssignment, assignment, assignment_of, subject, subject_of
from rails.messages.codec import Kind, Received, check_identifier
from rails.messages.elements import leaf
from rails.messages.envelope import enveloped
from rails.messages.errors import MessageError
from rails.messages.model import BusinessHeader
from rails.messages.original import raise_first

ACMT_023 = "acmt.023.001.04"
ACMT_023S = ("acmt.023.001.02", ACMT_023)
_ROOT = "IdVrfctnReq"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Verification(NamedTuple):
    """One question; its id is repeated by the report that answers it."""

    verification_id: str
    subject: Subject


class VerificationRequest(NamedTuple):
    """A message of questions."""

    assignment: VerificationAssignment
    verifications: tuple[Verification, ...]
    header: BusinessHeader | None = None
    definition: str = ACMT_023


def build_acmt023(request: VerificationRequest) -> bytes:
    """Build a verification request, wrapped with its header where it has one. Raises MessageError (RR10, AC01)."""
    content = "".join(
        [
            f"<Vrfctn>{leaf('Id', each.verification_id)}{subject('PtyAndAcctId', each.subject, request.definition)}</Vrfctn>"
            for each in request.verifications
        ]
    )
    return enveloped(
        request.header, request.definition, f"<{_ROOT}>{assignment(request.assignment)}{content}</{_ROOT}>"
    )


def _read(received: Received) -> VerificationRequest:
    header, definition, found = received
    given = assignment_of(found)
    verifications = tuple(
        [Verification(each["Id"], subject_of(each["PtyAndAcctId"] or {})) for each in found["Vrfctn"]]
    )
    faults = [check_identifier(given.message_id, f"{_ROOT}/Assgnmt/MsgId"), _twice(verifications)]
    for n, each in enumerate(verifications, 1):
        faults += [check_identifier(each.verification_id, f"{_ROOT}/Vrfctn[{n}]/Id"), _unseen(each.subject, n)]
    raise_first(faults, given.message_id)
    return VerificationRequest(given, verifications, header, definition)


def _twice(verifications: tuple[Verification, ...]) -> MessageError | None:
    ids = [each.verification_id for each in verifications]
    again = next((n for n, one in enumerate(ids) if one in ids[:n]), None)
    if again is None:
        return None
    return MessageError("DUPL", f"{_ROOT}/Vrfctn[{again + 1}]/Id", "An earlier question of the message has this id")


def _unseen(given: Subject, n: int) -> MessageError | None:
    value = given.proxy[1] if given.proxy is not None else ""
    if _CONTROL.search(given.name + value + given.display_name) is None:
        return None
    field = f"{_ROOT}/Vrfctn[{n}]/PtyAndAcctId"
    return MessageError("RR10", field, "Control characters, tabs and line breaks are not taken")


KINDS = MappingProxyType(
    {
        name: Kind(
            name, _read, ("acmt.023.body", "acmt.parts", f"acmt.account.{name[-2:]}", "types"), frozenset({"Vrfctn"}),
            message_id="Assgnmt/MsgId",
        )
        for name in ACMT_023S
    }
)  # fmt: skip
