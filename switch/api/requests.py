"""What comes in, read within bounds: bodies, idempotency keys, preferences, page cursors, ids."""

import asyncio
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from switch.api.problems import ProblemRaised, malformed, refused, wrong_query

SINGLE_BYTES_MAX = (
    64 * 1024
)  # an instruction with all its fields has about 2 KiB, with the longest texts and documents 8
BATCH_BYTES_MAX = 8 * 1024 * 1024  # 1,000 such instructions at their longest
MESSAGE_BYTES_MAX = 1024 * 1024  # above what the reader of pacs.008 takes, so that its own answer is the one given
DRAIN_BYTES_MAX = 16 * 1024 * 1024  # of a body too large: let pass unread, twice the largest that is taken
DRAIN_SECONDS_MAX = 2.0
WAIT_SECONDS_MAX = 30  # a connection held longer is lost to proxies' own limits (60 s and less)
PAGE_MAX = 200  # payments a page: about 300 KB

_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\b")
_EVENT_CURSOR = re.compile(r"(\d{1,19})-(\d{1,9})")  # fits xid8 and integer

T = TypeVar("T", bound=BaseModel)


def header(request: Request, name: bytes) -> str:
    """Return a header by its name in lower case, "" without it; cheaper than a mapping of all for the few that are asked for."""
    for key, value in request.scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return ""


async def read_body(request: Request, bytes_max: int, content_types: tuple[str, ...] = ("application/json",)) -> bytes:
    """Return the body; raises 413 where it is longer than `bytes_max`, 415 where it is declared as something else."""
    declared = header(request, b"content-type")
    if declared and declared.partition(";")[0].strip().lower() not in content_types:
        raise refused("wrong-content-type", f"This path takes {' or '.join(content_types)}.")
    length = header(request, b"content-length")
    if length.isdecimal() and (len(length) > 15 or int(length) > bytes_max):
        raise await _too_large(request, bytes_max)
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise refused("malformed", "The body ended early.")
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        if size > bytes_max:
            raise await _too_large(request, bytes_max)
        pieces.append(piece)
    return b"".join(pieces)


async def _too_large(request: Request, bytes_max: int) -> ProblemRaised:
    """Let the rest of the body pass by, within bounds, so that the sender reads the answer instead of a broken pipe."""
    passed = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            while passed < DRAIN_BYTES_MAX:
                message = await request.receive()
                passed += len(message.get("body", b""))
                if not message.get("more_body", False):
                    break
    return refused("too-large", f"The body is longer than {bytes_max} bytes.", {"Connection": "close"})


def parse(model: type[T], body: bytes) -> T:
    """Read a JSON body as a model; raises 400 naming every field at fault."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise malformed(error, model) from None


def idempotency_key(request: Request) -> str:
    """Return the header Idempotency-Key; raises 400 where it is missing or has other characters than printable ASCII."""
    key = header(request, b"idempotency-key")
    if not is_key(key):
        raise refused(
            "key-missing", "The header Idempotency-Key is missing, too long, or holds other than printable ASCII."
        )
    return key


def is_key(key: str) -> bool:
    """Whether a text may be an idempotency key."""
    return _KEY.fullmatch(key) is not None


def wait_seconds(request: Request) -> int:
    """Return the seconds of `Prefer: wait=N` (RFC 7240), at most WAIT_SECONDS_MAX; 0 without it."""
    prefer = header(request, b"prefer")
    found = _WAIT.search(prefer) if prefer else None
    return min(int(found[1]), WAIT_SECONDS_MAX) if found else 0


def payment_id_of(request: Request) -> str:
    """Return the payment id of the path; raises 404 where it is none."""
    payment_id: str = request.path_params["payment_id"].lower()
    if _UUID.fullmatch(payment_id) is None:
        raise refused("not-found", "This is no payment id: a payment id is a UUID.")
    return payment_id


def uuid_or_none(text: str) -> str | None:
    """Return a UUID in its canonical form, None where the text is none."""
    return text.lower() if _UUID.fullmatch(text.lower()) else None


def page_limit(request: Request) -> int:
    """Return the query's `limit`, 1 to PAGE_MAX (default 50); raises 400."""
    text = request.query_params.get("limit", "50")
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= PAGE_MAX):
        raise wrong_query("limit", f"a whole number from 1 to {PAGE_MAX}")
    return int(text)


def write_cursor(at: datetime, payment_id: str) -> str:
    """Write the cursor that goes on after what stands at this instant, of this payment."""
    return urlsafe_b64encode(f"{at.isoformat()}|{payment_id}".encode()).decode().rstrip("=")


def page_cursor(request: Request) -> tuple[datetime, str] | None:
    """Return what the query's `cursor` says, None without one; raises 400."""
    text = request.query_params.get("cursor")
    if not text:
        return None
    try:
        instant, _, payment_id = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition("|")
        at = datetime.fromisoformat(instant)
        if at.tzinfo is None or _UUID.fullmatch(payment_id) is None:
            raise ValueError
        return at.astimezone(UTC), payment_id
    except (ValueError, OverflowError):
        raise refused("cursor-wrong", "The cursor is not one of this list.") from None


def event_cursor(request: Request) -> str:
    """Return the header Last-Event-ID, "" without one; raises 400."""
    text = header(request, b"last-event-id")
    if text and _EVENT_CURSOR.fullmatch(text) is None:
        raise refused("cursor-wrong", "Last-Event-ID is not one of this stream.")
    return text
