"""What passes at a rail's edge, in that rail's own words: the credit, what is asked after it, what the rail says of it. Pure.

Rebuilt from the leg for whoever reads a payment (docs/dialects.md); a rail in another process is sent our canonical
messages (docs/rails.md). What a dialect cannot carry is told in place of the message.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from rails.messages.dialects.of_rail import NAMED_BY, credit_writer, definition, dialect_of
from rails.messages.dialects.terms import Inquiry, Members, members
from rails.messages.errors import MessageError
from rails.port import RailInstruction, RailReport

MASK, SHOWN = "X", 4  # letters pass where a dialect takes an account: magic ones have them, too


class EdgeMessage(NamedTuple):
    """One message at a rail's edge; `fault` says why it could not be written, else "". `out`: towards the rail."""

    out: bool
    definition: str  # "" where it could not be written
    at: datetime
    body: str  # XML; of CNAPS2 behind its header block
    fault: str = ""


class Asked(NamedTuple):
    """A question to the rail about the leg, and its answer, None where none came."""

    at: datetime
    answer: RailReport | None


def rail_members(rail: str, ids_of: Callable[[str], Mapping[str, str]]) -> Members:
    """Return how a rail of a dialect names its members; `ids_of` gives the ids of a naming scheme by BIC8."""
    return members(ids_of(NAMED_BY[rail]))


def has_dialect(rail: str) -> bool:
    """Whether the words of a rail are public."""
    return credit_writer(rail) is not None


def edge_messages(
    rail: str, sent: RailInstruction, asked: Sequence[Asked], said: Sequence[RailReport], known: Members
) -> list[EdgeMessage]:
    """Write what passes between a leg's debtor agent and a rail that has a dialect, oldest first."""
    write_credit, dialect = credit_writer(rail), dialect_of(rail)
    assert write_credit is not None, "a rail without a dialect"
    found = [_written(rail, True, sent.sent_at, partial(write_credit, sent, known))]
    if dialect is None:
        return found  # of its reports and inquiries nothing is public
    answers = [each.answer for each in asked if each.answer is not None]
    inquiries = [Inquiry(sent.uetr, sent.leg, sent.debtor_agent, question.at) for question in asked]
    found += [_written(rail, True, each.at, partial(dialect.write_inquiry, each, known)) for each in inquiries]
    found += [
        _written(rail, False, each.at, partial(dialect.write_report, each, sent.debtor_agent, known))
        for each in [*answers, *said]
    ]
    return sorted(found, key=lambda each: each.at)


def masked_account(number: str) -> str:
    """Hide an account number but for its last characters: whoever paid to a proxy is not told where it leads."""
    return MASK * max(len(number) - SHOWN, 0) + number[-SHOWN:]


def _written(rail: str, out: bool, at: datetime, write: Callable[[], bytes]) -> EdgeMessage:
    try:
        body = write()
    except MessageError as error:
        return EdgeMessage(out, "", at, "", f"{error.field}: {error.text}")
    return EdgeMessage(out, definition(rail, body), at, body.decode())
