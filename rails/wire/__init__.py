"""What goes over HTTP between the switch and a rail in a process of its own (docs/rails.md): paths, headers, limits.

Both sides read this package; it does no I/O. Bodies are ISO 20022 messages (rails.wire.bodies), what is no message is a
header or the one JSON document of `capabilities`.
"""

from datetime import UTC, datetime

PACS_008, PACS_028, PACS_002, CAMT_056 = "/pacs008", "/pacs028", "/pacs002", "/camt056"
REPORTS, RETURNS, CAPABILITIES, FAULTS = "/reports", "/returns", "/capabilities", "/faults"

BUSINESS_TIME = "Business-Time"  # of each request: the switch's business time, an instant with offset
EXPIRES_AT = "Expires-At"  # of a pacs.008: the business time after which a five-step rail rejects by itself
CURSOR = "Report-Cursor"  # of an answer with reports or returns: what to ask `after` next time
TAKEN = "Taken"  # `none` beside a 503: nothing of the request was taken, so that it may go another way
NEXT_DUE = "Next-Due"  # of any answer, where the rail knows: when its next report or return falls due

XML = "application/xml"
JSON = "application/json"

BATCH_MAX = 100  # transactions of a message: what the reader takes (rails.messages.reader)
REPORTS_MAX = 100  # reports of an answer: one message
BODY_BYTES_MAX = 832 * 1024  # of any message either way, as the reader takes them
_YEARS = (2000, 2099)  # what the messages' instants can carry


class WireError(ValueError):
    """What came over the wire is not what it should be; says what, without repeating content."""


def instant(text: str, what: str) -> datetime:
    """Read an instant with an offset, UTC; raises WireError."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WireError(f"{what} is no instant; write one such as 2026-03-05T12:00:00+08:00") from None
    if at.tzinfo is None:
        raise WireError(f"{what} has no offset; write an instant such as 2026-03-05T12:00:00+08:00")
    if not _YEARS[0] < at.year < _YEARS[1]:  # at either end a zone or a deadline would lead out of them
        raise WireError(f"{what} lies outside the years {_YEARS[0]} to {_YEARS[1]}")
    return at.astimezone(UTC)


def written(at: datetime) -> str:
    """Write an instant as a header carries it: UTC, to the microsecond where it has any."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
