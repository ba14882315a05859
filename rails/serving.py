"""A simulated rail behind HTTP: the wire of docs/rails.md as one small application. Who starts it stands in switch.rail_process.

The book is the truth and survives; what is kept here (reports fetched from the rail, in order) may be lost: a cursor of an
earlier run begins anew with the last hour. A message is answered with 200 only when it is durably in the book.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rails.book import Book
from rails.contents import Content, Contents, content_of
from rails.faults import FaultsError, read_faults, write_faults
from rails.messages import MessageError
from rails.port import CREDITED, SETTLED, RailInstruction, RailReport, RailReturn, RailUnavailable, RecallAnswer
from rails.simulated import SimulatedRail
from rails.wire import (
    BODY_BYTES_MAX,
    BUSINESS_TIME,
    CAMT_056,
    CAPABILITIES,
    CURSOR,
    EXPIRES_AT,
    FAULTS,
    NEXT_DUE,
    PACS_002,
    PACS_008,
    PACS_028,
    REPORTS,
    REPORTS_MAX,
    RETURNS,
    TAKEN,
    XML,
    WireError,
    bodies,
    instant,
    written,
)
from rails.wire.bodies import Envelope
from rails.wire.values import DULY_TAKEN, LegStatus, bic_of, document_of, status_of

log = structlog.get_logger()

KEPT_MAX = 100_000  # reports kept to be asked for again: about 40 MB; older ones are learned by inquiry
_RETRY_AFTER = {"Retry-After": "1"}
T = TypeVar("T")

Handler = Callable[[Request], Awaitable[Response]]


class Answered(Exception):
    """Ends a request with the answer it carries."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Kept(Generic[T]):
    """What has been said, in order, under cursors of this run: `RUN-N` is the N-th."""

    def __init__(self, run: str) -> None:
        self._run, self._first, self._items = run, 0, list[T]()

    def add(self, items: Sequence[T]) -> None:
        """Keep more; what is oldest goes where there is too much."""
        self._items += items
        if len(self._items) > KEPT_MAX:
            gone = len(self._items) - KEPT_MAX // 2
            del self._items[:gone]
            self._first += gone

    def after(self, cursor: str, limit: int) -> tuple[list[T], str]:
        """Return what comes after a cursor, and the cursor behind it; one of another run, or none, begins anew."""
        run, _, number = cursor.rpartition("-")
        known = run == self._run and number.isascii() and number.isdigit() and len(number) < 16
        start = max(int(number) - self._first, 0) if known else 0
        page = self._items[start : start + limit]
        return page, f"{self._run}-{self._first + min(start, len(self._items)) + len(page)}"


class RailService:
    """Answers requests about one rail, whose book is `book`; `run` is a text that no other run of it has: cursors and message ids begin with it."""

    def __init__(self, rail: SimulatedRail, book: Book, contents: Contents, key: str, run: str) -> None:
        self._rail, self._book, self._contents = rail, book, contents
        self._key = f"Bearer {key}".encode()
        self._bic, self._run, self._messages = bic_of(rail.capabilities), run, 0
        self._reports: Kept[RailReport] = Kept(run)
        self._returns: Kept[RailReturn] = Kept(run)
        self._told: set[str] = set()  # the ids of those returns
        self._started = False
        self._starting = asyncio.Lock()

    def application(self) -> Starlette:
        """Return the application; it opens the book at the first request, when it learns the business time."""
        routes = [
            self._route("POST", PACS_008, self.pacs008),
            self._route("POST", PACS_028, self.pacs028),
            self._route("POST", PACS_002, self.pacs002),
            self._route("POST", CAMT_056, self.camt056),
            self._route("GET", REPORTS, self.reports),
            self._route("GET", RETURNS, self.returns),
            self._route("GET", CAPABILITIES, self.capabilities),
            self._route("PUT", FAULTS, self.faults),
        ]
        return Starlette(routes=routes)

    async def stop(self) -> None:
        """Let go of the book; everything that was taken is in it."""
        if self._started:
            await self._rail.stop()
            self._started = False

    def _route(self, method: str, path: str, handler: Handler) -> Route:
        async def guarded(request: Request) -> Response:
            if not self._is_known(request):
                return self._says_no(401, MessageError("NARR", "Authorization", "Send `Authorization: Bearer KEY`"))
            try:
                return await handler(request)
            except Answered as answered:
                return answered.response
            except MessageError as error:
                return self._says_no(400, error)
            except WireError as error:
                return self._says_no(400, MessageError("FF01", "", str(error)))
            except RailUnavailable as error:
                log.warning("the rail takes nothing now", error=str(error))
                return Response(status_code=503, headers=_RETRY_AFTER | ({TAKEN: "none"} if error.taken_none else {}))

        return Route(path, guarded, methods=[method])

    def _is_known(self, request: Request) -> bool:
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), self._key)

    # --- instructions ---

    async def pacs008(self, request: Request) -> Response:
        """Take a message of instructions: each that stands is durably in the book before the answer."""
        sent_at = await self._time(request)
        expires_at = self._expiry(request, sent_at)
        read = bodies.read_instructions(await _body(request), sent_at, expires_at)
        statuses = [*read.refused, *await self._taken(read.instructions)]
        envelope = self._envelope(sent_at, read.asked.sender)
        return self._answer(bodies.write_statuses(statuses, envelope, read.asked.message_id))

    def _expiry(self, request: Request, sent_at: datetime) -> datetime:
        text = request.headers.get(EXPIRES_AT)
        return instant(text, EXPIRES_AT) if text else sent_at + self._rail.capabilities.hops.destination_rail

    async def _taken(self, instructions: Sequence[RailInstruction]) -> list[LegStatus]:
        if not instructions:
            return []
        contents: list[Content] = [content_of(sent) for sent in instructions]
        same = await self._contents.keep(contents)
        await self._rail.send([sent for sent, is_same in zip(instructions, same, strict=True) if is_same])
        return [
            LegStatus(sent.uetr, sent.leg, DULY_TAKEN)
            if is_same
            else LegStatus(sent.uetr, sent.leg, "RJCT", "DU03", "This UETR is another instruction's, which stands")
            for sent, is_same in zip(instructions, same, strict=True)
        ]

    async def pacs028(self, request: Request) -> Response:
        """Say the truth of what is asked about; what was never received is kept out for good."""
        at = await self._time(request)
        inquiries = bodies.read_inquiry(await _body(request))
        reports = await self._rail.inquire(inquiries.keys, at)
        statuses = await self._statuses(reports)
        envelope = self._envelope(at, inquiries.asked.sender)
        body = bodies.write_statuses(statuses, envelope, inquiries.asked.message_id, inquiries.definition)
        return self._answer(body)

    async def pacs002(self, request: Request) -> Response:
        """Take that the switch has ended payments, and say what is true of them."""
        at = await self._time(request)
        said = bodies.read_statuses(await _body(request))
        if any(each.status != "RJCT" for each in said):
            raise WireError("the switch tells a rail only what it has ended: RJCT")
        reports = await self._rail.abort([(each.uetr, each.leg) for each in said], at)
        return self._answer(bodies.write_statuses(await self._statuses(reports), self._envelope(at)))

    async def _statuses(self, reports: Sequence[RailReport]) -> list[LegStatus]:
        """Say reports in ISO's words; the currency of an amount that one names is in the book."""
        naming = [(report.uetr, report.leg) for report in reports if report.amount_minor is not None]
        entries = await self._book.find(naming) if naming else []
        currencies = {(entry.uetr, entry.leg): entry.currency for entry in entries if entry is not None}
        return [status_of(report, currencies.get((report.uetr, report.leg), "")) for report in reports]

    # --- reports and returns ---

    async def reports(self, request: Request) -> Response:
        """Say what has fallen due after the cursor."""
        at = await self._time(request)
        self._reports.add(await self._rail.reports(at, KEPT_MAX // 2))
        after = request.query_params.get("after", "")
        page, cursor = self._reports.after(after, self._limit(request))
        if not page:
            return self._page(b"", cursor)
        count, said_at = _of_one_message(page)
        page, cursor = self._reports.after(after, count)
        statuses = await self._statuses(page)
        return self._page(bodies.write_statuses(statuses, self._envelope(said_at)), cursor)

    async def returns(self, request: Request) -> Response:
        """Say what money has been given back after the cursor."""
        at = await self._time(request)
        self._tell(await self._rail.returns(at, KEPT_MAX // 2))
        page, cursor = self._returns.after(request.query_params.get("after", ""), self._limit(request))
        return self._page(bodies.write_returns(page, self._envelope(at)) if page else b"", cursor)

    def _page(self, body: bytes, cursor: str) -> Response:
        return self._answer(body, {CURSOR: cursor}) if body else self._answer(b"", {CURSOR: cursor}, 204)

    async def camt056(self, request: Request) -> Response:
        """Take recalls and say what has become of them; the money of those granted is said among the returns."""
        at = await self._time(request)
        recalls = bodies.read_recalls(await _body(request), at)
        answers: list[RecallAnswer] = await self._rail.recall(recalls.requests, at)
        self._tell([answer.returned for answer in answers if answer.returned is not None])
        envelope = self._envelope(at, recalls.asked.sender)
        return self._answer(bodies.write_resolution(recalls.requests, answers, envelope))

    def _tell(self, returned: Sequence[RailReturn]) -> None:
        """Put returns among those told; the rail names the same again, and one stands once in a message."""
        if len(self._told) > KEPT_MAX:
            self._told.clear()
        self._returns.add([each for each in returned if each.return_id not in self._told])
        self._told.update([each.return_id for each in returned])

    # --- what it can do, and faults ---

    async def capabilities(self, request: Request) -> Response:
        """Say what the rail can do, and where it is closed now."""
        at = await self._time(request)
        rail = self._rail
        closed = {}
        for currency in rail.capabilities.currencies:
            if not rail.is_open(at, currency):
                try:
                    closed[currency] = rail.next_opening(at, currency)
                except LookupError:  # no opening is known
                    continue
        document = document_of(rail.capabilities, write_faults(rail.faults), closed)
        return JSONResponse(document.json(), headers=self._due())

    async def faults(self, request: Request) -> Response:
        """Take faults, as rails.faults writes them."""
        try:
            self._rail.faults = read_faults((await _body(request)).decode())
        except FaultsError as error:
            raise MessageError("FF01", error.field, error.text) from None
        except UnicodeDecodeError:
            raise WireError("this is no text in UTF-8") from None
        return self._answer(b"", status=204)

    # --- the wire ---

    async def _time(self, request: Request) -> datetime:
        """Return the business time of a request; the first one opens the book, as of then."""
        text = request.headers.get(BUSINESS_TIME)
        if text is None:
            raise WireError(f"the header {BUSINESS_TIME} is missing: a simulated rail has no clock of its own")
        at = instant(text, BUSINESS_TIME)
        if not self._started:
            async with self._starting:
                if not self._started:
                    await self._open(at)
        return at

    async def _open(self, at: datetime) -> None:
        try:
            await self._rail.start(at)
        except BaseException:
            await self._rail.stop()
            raise
        self._started = True

    def _limit(self, request: Request) -> int:
        text = request.query_params.get("limit", str(REPORTS_MAX))
        if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) > 0):
            raise WireError("limit is a whole number above zero")
        return min(int(text), REPORTS_MAX)

    def _envelope(self, at: datetime, to_bic: str = "") -> Envelope:
        self._messages += 1
        return Envelope(f"{self._run}-{self._messages}", at, self._bic, to_bic)

    def _due(self) -> dict[str, str]:
        due = self._rail.next_due()
        return {NEXT_DUE: written(due)} if due is not None else {}

    def _answer(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> Response:
        return Response(body, status, {**(headers or {}), **self._due()}, XML if body else None)

    def _says_no(self, status: int, error: MessageError) -> Response:
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        return Response(bodies.write_refusal(error), status, headers, XML)


def _of_one_message(page: Sequence[RailReport]) -> tuple[int, datetime]:
    """Say how many of the first reports one pacs.002 can tell, and as of when: what did not settle is dated by the message."""
    said_at: datetime | None = None
    for count, report in enumerate(page):
        if report.status in (SETTLED, CREDITED) or report.at == said_at:
            continue
        if said_at is not None:
            return count, said_at
        said_at = report.at
    return len(page), said_at or page[-1].at


async def _body(request: Request) -> bytes:
    """Read a body of at most BODY_BYTES_MAX."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            raise Answered(Response(status_code=413, headers={TAKEN: "none"}))
    return bytes(body)
