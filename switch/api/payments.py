"""Payments over HTTP: asking for one or many, explaining one, reading what became of them."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any, NamedTuple

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from switch.api import examples, models
from switch.api.access import Caller, Gate
from switch.api.described import PAYMENT_REASONS
from switch.api.documents import (
    asked_document,
    event_document,
    exception_document,
    inquiry_document,
    payment_document,
    resolutions,
)
from switch.api.faults import errors_of, sentence
from switch.api.intake import ACCEPTED_STATUS, Intake, Outcome, hung_up
from switch.api.lookups import TOO_MANY, count_proxy, weigh_proxy
from switch.api.operations import Operation, Says, json_answer, parameter
from switch.api.problems import door_document, problem_response, refused, wrong_query
from switch.api.recalls import returned_amount
from switch.api.requests import (
    BATCH_BYTES_MAX,
    PAGE_MAX,
    SINGLE_BYTES_MAX,
    WAIT_SECONDS_MAX,
    idempotency_key,
    is_key,
    page_cursor,
    page_limit,
    parse,
    payment_id_of,
    read_body,
    uuid_or_none,
    wait_seconds,
    write_cursor,
)
from switch.flow.lookups import TooManyMisses
from switch.flow.ports import Stored
from switch.flow.submission import Submission, uetr_identity
from switch.payment.instruction import Instruction
from switch.payment.status import PAYMENT_TABLE
from switch.sandbox import NotFound, Sandbox

SLICE = 256  # items of a batch queued at once: half of what a transaction takes where single calls wait, too
SLICES_UNDER_WAY = 2  # of one batch: while one is stored the next is judged
CHUNK = 64  # items of a batch read without a pause: about half a millisecond
AT_ONCE_BYTES_MAX = 64 * 1024  # a batch up to this size is read in one go
_CREATED = 201


class Payments:
    """Handlers of /v1/payments."""

    def __init__(self, sandbox: Sandbox, gate: Gate, intake: Intake) -> None:
        self._sandbox = sandbox
        self._gate = gate
        self._intake = intake

    async def pay(self, request: Request) -> Response:
        """Take in one instruction."""
        caller = await self._gate.enter(request)
        self._intake.let_in()
        key = idempotency_key(request)
        instruction = parse(Instruction, await read_body(request, SINGLE_BYTES_MAX))
        count_proxy(self._sandbox, caller, instruction)
        seconds = wait_seconds(request)
        submission = self._intake.submit(
            instruction,
            caller.acting(instruction.debtor_agent),
            key,
            gone=hung_up(request),
            seconds=seconds or inf,
        )
        outcome = await self._intake.outcome(submission) if isinstance(submission, Submission) else submission
        if outcome.http_status >= 400:
            return problem_response(outcome.document, outcome.headers)
        if seconds:
            return await self._waited(outcome, seconds, instruction)
        return json_answer(outcome.document, ACCEPTED_STATUS, outcome.headers)

    async def _waited(self, outcome: Outcome, seconds: int, instruction: Instruction) -> Response:
        """Answer 201 once the payment is final or in doubt; 202 where it is neither when the time is up."""
        await self._sandbox.wait_final(outcome.payment_id, seconds)
        stored = await self._sandbox.payment(outcome.payment_id, None)
        document = payment_document(stored) | asked_document(instruction)
        headers = outcome.headers | {
            "Preference-Applied": f"wait={seconds}",
            "Location": f"/v1/payments/{outcome.payment_id}",
        }
        return json_answer(document, _CREATED if stored.at_rest else ACCEPTED_STATUS, headers)

    async def batch(self, request: Request) -> Response:
        """Take in many instructions; each has its own outcome, and one that does not parse fails alone."""
        caller = await self._gate.enter(request)
        self._intake.let_in(bulk=True)
        items = await _items(await read_body(request, BATCH_BYTES_MAX))
        submit = partial(self._submitted, caller, hung_up(request))
        outcomes: list[Outcome] = []
        under_way: deque[tuple[list[_Item], list[Submission | Outcome]]] = deque()
        for start in range(0, len(items), SLICE):
            part = items[start : start + SLICE]
            under_way.append((part, await self._intake.hand_in(part, submit)))
            if len(under_way) == SLICES_UNDER_WAY:
                outcomes += await self._intake.answered(*under_way.popleft(), submit)
        for part, submitted in under_way:
            outcomes += await self._intake.answered(part, submitted, submit)
        shown = [_item_document(item.key, outcome) for item, outcome in zip(items, outcomes, strict=True)]
        accepted = sum(outcome.http_status < 400 for outcome in outcomes)
        replayed = sum(outcome.replayed for outcome in outcomes)
        counts = {"accepted": accepted, "refused": len(outcomes) - accepted, "replayed": replayed}
        return json_answer({"items": shown} | counts)

    def _submitted(self, caller: Caller, gone: Callable[[], bool] | None, item: "_Item") -> Submission | Outcome:
        read = item.read
        if isinstance(read, Outcome):
            return read
        if item.key is None:
            return _faulty([{"field": "idempotency_key", "what": "1 to 255 printable ASCII characters", "kind": "key"}])
        try:
            weigh_proxy(self._sandbox, caller, read)
        except TooManyMisses:
            document = door_document("too-many-requests", TOO_MANY)
            return Outcome(document["status"], document)
        return self._intake.submit(read, caller.acting(read.debtor_agent), item.key, bulk=True, gone=gone)

    async def explain(self, request: Request) -> Response:
        """Say what would become of an instruction now."""
        caller = await self._gate.enter(request)
        instruction = parse(Instruction, await read_body(request, SINGLE_BYTES_MAX))
        count_proxy(self._sandbox, caller, instruction)
        return json_answer(await self._sandbox.explain(instruction, caller.acting(instruction.debtor_agent)))

    async def read(self, request: Request) -> Response:
        """Show one payment; what was asked, to its participant alone: an operator reads no instruction."""
        caller = await self._gate.enter(request)
        stored = await self._own(request, caller)
        instruction = await self._sandbox.instruction(stored.payment_id)
        document = payment_document(stored)
        if caller.participant is not None:
            document |= asked_document(instruction)
        document["lanes"] = self._sandbox.dry_run.lanes(stored, instruction)
        document["returned_amount"] = returned_amount(await self._sandbox.store.returns(stored.payment_id))
        store = self._sandbox.store
        records = await store.exceptions(stored.payment_id)
        resolved = resolutions(await store.proposals(stored.payment_id)) if records else {}
        document["exceptions"] = [exception_document(each, resolved.get(each.kind)) for each in records]
        document["inquiries"] = [inquiry_document(each) for each in await store.inquiries(stored.payment_id)]
        return json_answer(document)

    async def page(self, request: Request) -> Response:
        """Show payments, newest first."""
        caller = await self._gate.enter(request)
        limit, before, query = page_limit(request), page_cursor(request), request.query_params
        status = query.get("status")
        if status is not None and status not in PAYMENT_TABLE:
            raise wrong_query("status", f"one of {', '.join(PAYMENT_TABLE)}")
        if (uetr := query.get("uetr")) is not None:
            rows, more = await self._by_uetr(uetr, caller), False
        else:
            rows = await self._sandbox.store.payments(caller.participant, before, limit + 1)
            rows, more = rows[:limit], len(rows) > limit
        shown = [payment_document(stored) for stored in rows if status in (None, stored.status)]
        return json_answer({"payments": shown, "cursor": _cursor_after(rows[-1]) if more else None})

    async def _by_uetr(self, text: str, caller: Caller) -> list[Stored]:
        uetr = uuid_or_none(text)
        if uetr is None:
            raise wrong_query("uetr", "a UUID")
        found = await self._sandbox.store.by_identity(uetr_identity(uetr))
        try:
            return [await self._sandbox.payment(found[0], caller.participant)] if found else []
        except NotFound:
            return []

    async def events(self, request: Request) -> Response:
        """Show what happened to one payment, oldest first."""
        caller = await self._gate.enter(request)
        stored = await self._own(request, caller)
        events = await self._sandbox.store.events(stored.payment_id)
        return json_answer(
            {"payment_id": stored.payment_id, "events": [event_document(event, stored) for event in events]}
        )

    async def cancel(self, request: Request) -> Response:
        """Give up a payment that waits for an opening."""
        caller = await self._gate.enter(request)
        cancelled = await self._sandbox.cancel(payment_id_of(request), caller.participant)
        if cancelled is None:
            stored = await self._own(request, caller)
            raise refused("not-waiting", f"The payment is {stored.status}.")
        return json_answer(payment_document(cancelled))

    async def _own(self, request: Request, caller: Caller) -> Stored:
        return await self._sandbox.payment(payment_id_of(request), caller.participant)

    def operations(self) -> list[Operation]:
        """Return what is served here; the hot path first."""
        key = parameter(
            "Idempotency-Key",
            "header",
            "A new one for each payment; the same one to ask again",
            True,
            maxLength=255,
            pattern="^[ -~]+$",
            example="my-first",
        )
        wait = parameter(
            "Prefer",
            "header",
            f"wait=N: hold the answer up to N seconds (at most {WAIT_SECONDS_MAX}) for a final status",
        )
        payment_id = parameter("payment_id", "path", "The payment's id", True, format="uuid")
        replayed = {
            "Idempotency-Replayed": {"description": "true where the key was known", "schema": {"type": "string"}}
        }
        location = replayed | {"Location": {"description": "The payment", "schema": {"type": "string"}}}
        page = (
            parameter("limit", "query", "Rows a page; with `status` a page may be shorter", type="integer", minimum=1, maximum=PAGE_MAX),
            parameter("cursor", "query", "As the page before gave it"),
            parameter("status", "query", "Only payments in this status", enum=list(PAYMENT_TABLE)),
            parameter("uetr", "query", "Only the payment of this UETR", format="uuid"),
        )  # fmt: skip
        return [
            Operation(
                "POST", "/v1/payments", self.pay, "Ask for a payment",
                "Stored under its key before the answer: accepted (ACSP: regard it as sent) or refused with the rule, its source, "
                "the headroom and what to do. The same key and content give the same answer again.",
                "payments",
                {
                    202: Says("Accepted; not final yet", models.AcceptedDocument, headers=location),
                    201: Says("With `Prefer: wait`: final, or in doubt", models.PaymentDocument, headers=location),
                },
                ("malformed", "key-missing", "in-flight", 413, 415, 503), Instruction, (key, wait), reasons=PAYMENT_REASONS,
                example=examples.PAYMENT,
            ),
            Operation(
                "POST", "/v1/payments/batch", self.batch, "Ask for up to 1,000 payments",
                "Each item has its own key and its own outcome, as a call of its own would have.", "payments",
                {200: Says("Outcomes in the items' order", models.BatchOutcome)}, ("malformed", 413, 415, "busy"), models.Batch, example=examples.BATCH,
            ),
            Operation(
                "POST", "/v1/payments/explain", self.explain, "Say what would become of an instruction",
                "Class, every lane's verdict, claims with what is used and left, route and amounts. Nothing is stored or reserved.",
                "payments", {200: Says("The verdict and why", models.ExplainDocument)}, ("malformed", 413, 415, "unavailable"), Instruction,
                example=examples.PAYMENT,
            ),
            Operation(
                "GET", "/v1/payments", self.page, "List payments", "The caller's own, newest first; an operator's: all.", "payments",
                {200: Says("A page", models.PaymentPage)}, ("malformed", "cursor-wrong", "unavailable"), None, page,
            ),
            Operation(
                "GET", "/v1/payments/{payment_id}", self.read, "Read a payment", "What was asked (to its participant), amounts, class, every lane's verdict, route, claims, reason.",
                "payments", {200: Says("The payment", models.PaymentDocument)}, (404, "unavailable"), None, (payment_id,),
            ),
            Operation(
                "POST", "/v1/payments/{payment_id}/cancel", self.cancel, "Cancel a payment that waits",
                "One accepted with `if_closed: queue` that waits for its opening (PDNG): it becomes CANC, and all it holds is free. Not one "
                "that was sent.", "payments",
                {200: Says("The payment, cancelled", models.PaymentDocument)}, (404, "not-waiting", "unavailable"), None, (payment_id,),
            ),
            Operation(
                "GET", "/v1/payments/{payment_id}/events", self.events, "Read a payment's events", "Oldest first.", "payments",
                {200: Says("Its events", models.EventList)}, (404, "unavailable"), None, (payment_id,),
            ),
        ]  # fmt: skip


def _cursor_after(stored: Stored) -> str:
    return write_cursor(stored.received_at, stored.payment_id)


class _Item(NamedTuple):
    """One item of a batch: its key if that much could be read, and its instruction or why there is none."""

    key: str | None
    read: Instruction | Outcome


async def _items(body: bytes) -> list[_Item]:
    """Read a batch; a long one item by item, so that others have their turn between a few of them.

    So is one that is not right as a whole: only its faulty items fail.
    """
    if len(body) <= AT_ONCE_BYTES_MAX:
        with suppress(ValidationError):
            return [_item(item) for item in models.Batch.model_validate_json(body).items]
    given = parse(models.LooseBatch, body).items
    items: list[_Item] = []
    for start in range(0, len(given), CHUNK):
        items += map(_loose_item, given[start : start + CHUNK])
        await asyncio.sleep(0)
    return items


def _item(item: models.BatchItem) -> _Item:
    return _Item(item.idempotency_key if is_key(item.idempotency_key) else None, item.instruction)


def _loose_item(given: Any) -> _Item:
    try:
        return _item(models.BatchItem.model_validate(given))
    except ValidationError as error:
        key = given.get("idempotency_key") if isinstance(given, dict) else None
        return _Item(key if isinstance(key, str) and is_key(key) else None, _faulty(errors_of(error, models.BatchItem)))


def _faulty(errors: list[dict[str, str]]) -> Outcome:
    document = door_document("malformed", sentence(errors), errors=errors)
    return Outcome(document["status"], document)


def _item_document(key: str | None, outcome: Outcome) -> dict[str, Any]:
    document: dict[str, Any] = {
        "idempotency_key": key,
        "http_status": outcome.http_status,
        "replayed": outcome.replayed,
        "retry_after": outcome.retry_after,
    }
    return document | {"problem" if outcome.http_status >= 400 else "payment": outcome.document}
