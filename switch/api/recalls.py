"""Recalls and returns over HTTP: asking a settled payment back, reading what came of it, releasing what is held.

What stands in these documents is the participant's own; texts of recalls stay sealed and are not shown again.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from fx.money import AmountError, Money, format_amount, parse_amount
from switch.api import examples, models
from switch.api.access import Caller, Gate
from switch.api.operations import Operation, Says, json_answer, parameter
from switch.api.problems import refused, wrong_field, wrong_query
from switch.api.requests import (
    PAGE_MAX,
    SINGLE_BYTES_MAX,
    idempotency_key,
    page_cursor,
    page_limit,
    parse,
    payment_id_of,
    read_body,
    uuid_or_none,
    write_cursor,
)
from switch.flow.recalls import RecallAsk
from switch.flow.return_books import StoredRecall, StoredReturn, came_back
from switch.payment.recalling import confirmation, terms
from switch.payment.returning import HAS_IT, SUSPENDED, UNMATCHED
from switch.sandbox import Sandbox

TEXT_MAX = 105  # camt.056 AdditionalInformation: Max105Text


class RecallRequestBody(BaseModel):
    """What is asked back, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason_code: Literal["AC03", "AGNT", "AM09", "CURR", "CUST", "CUTA", "DS24", "DUPL", "FRAD", "TECH", "UPAY"] = (
        Field(description="ExternalCancellationReason1Code")
    )
    amount: models.Amount | None = Field(
        None, description="In the currency in which the creditor was paid; without it all that is left"
    )
    text: Annotated[str, Field(max_length=TEXT_MAX)] = Field("", description="For the creditor agent; kept sealed")
    reversal: bool = Field(False, description="DUPL or TECH by the switch's own fault, which bears it; for operators")


class ReleaseBody(BaseModel):
    """To whom a held return goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: Literal["debtor_agent", "creditor_agent"] = "debtor_agent"


class RecallDocument(BaseModel):
    """A recall; `confirmation` is what camt.029 says of it (CNCL, PECR, PDCR, RJCR, IPAY)."""

    recall_id: str
    payment_id: str
    state: Literal["requested", "pending", "accepted", "rejected", "returned"]
    confirmation: str
    reason_code: str
    rejection_code: str | None
    amount: models.ShownAmount
    reversal: bool
    rail: str
    requested_at: str
    answered_at: str | None


class RecallList(BaseModel):
    """A payment's recalls, oldest first."""

    payment_id: str
    recalls: list[RecallDocument]


class ReturnDocument(BaseModel):
    """Money that came back; `why` says why it is held."""

    return_id: str
    payment_id: str | None
    recall_id: str | None
    state: Literal["returned", "suspended", "squared", "unmatched", "released", "sent_back"]
    why: str | None
    reason_code: str
    amount: models.ShownAmount
    charge: models.ShownAmount | None
    credited_amount: models.ShownAmount | None
    exchange_rate: str | None
    provider: str | None
    borne_by: str | None
    mode: Literal["return", "reversal"]
    quota_share: str
    rail: str
    at: str
    booked_at: str
    released_at: str | None


class ReturnList(BaseModel):
    """A payment's returns in their order, and what of its settlement amount has come back to the debtor agent."""

    payment_id: str
    returned_amount: models.ShownAmount | None
    returns: list[ReturnDocument]


class ReturnPage(BaseModel):
    """Returns in one state, newest first; `cursor` null on the last page."""

    returns: list[ReturnDocument]
    cursor: str | None


def recall_document(recall: StoredRecall, returns: list[StoredReturn]) -> dict[str, Any]:
    """Write a recall beside what has come back under it."""
    back = came_back(recall, returns)
    return {
        "recall_id": recall.recall_id,
        "payment_id": recall.payment_id,
        "state": recall.state,
        "confirmation": confirmation(recall.state, recall.amount_minor, back),
        "reason_code": recall.reason_code,
        "rejection_code": recall.code or None,
        "amount": _amount(recall.amount_minor, recall.currency),
        "reversal": recall.reversal,
        "rail": recall.rail,
        "requested_at": recall.requested_at.isoformat(),
        "answered_at": recall.answered_at.isoformat() if recall.answered_at else None,
    }


def return_document(stored: StoredReturn) -> dict[str, Any]:
    """Write a return."""
    credited = stored.state in HAS_IT
    share, of = stored.share
    return {
        "return_id": stored.return_id,
        "payment_id": stored.payment_id or None,
        "recall_id": stored.recall_id or None,
        "state": stored.state,
        "why": stored.why or None,
        "reason_code": stored.reason_code,
        "amount": _amount(stored.amount_minor, stored.currency),
        "charge": _amount(stored.charge_minor, stored.currency) if stored.charge_minor else None,
        "credited_amount": _amount(stored.credited_minor, stored.credited_currency) if credited else None,
        "exchange_rate": stored.rate or None,
        "provider": stored.provider or None,
        "borne_by": stored.bears or None,
        "mode": stored.mode,
        "quota_share": f"{share}/{of}",
        "rail": stored.rail,
        "at": stored.at.isoformat(),
        "booked_at": stored.booked_at.isoformat(),
        "released_at": stored.released_at.isoformat() if stored.released_at else None,
    }


def returned_amount(returns: list[StoredReturn]) -> dict[str, str] | None:
    """Write what of a payment's settlement amount the debtor agent has again, None where nothing came back."""
    back = [each for each in returns if each.state in HAS_IT]
    return _amount(sum(each.amount_minor for each in back), back[0].currency) if back else None


class Recalls:
    """Handlers of /v1/payments/{id}/recall, recalls, returns and /v1/returns."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    async def recall(self, request: Request) -> Response:
        """Ask a settled payment back."""
        caller = await self._gate.enter(request)
        key = idempotency_key(request)
        payment_id = payment_id_of(request)
        body = parse(RecallRequestBody, await read_body(request, SINGLE_BYTES_MAX))
        if body.reversal and (not caller.operator or body.reason_code not in terms().reversal):
            raise wrong_field("reversal", f"only an operator reverses, for {' or '.join(sorted(terms().reversal))}")
        ask = RecallAsk(body.reason_code, _asked(body.amount), body.text, body.reversal)
        opened = await self._sandbox.recall(payment_id, caller.participant, key, ask)
        if opened.refused is not None:
            raise refused(opened.refused.name, opened.refused.text)
        if not opened.same_content:
            raise refused("recall-key", "This idempotency key was used for another recall.")
        assert opened.recall is not None
        replayed = {"Idempotency-Replayed": "true"} if opened.replayed else {}
        returns = await self._sandbox.store.returns(opened.recall.payment_id) if opened.replayed else []
        return json_answer(recall_document(opened.recall, returns), 202, replayed)

    async def recalls(self, request: Request) -> Response:
        """Show a payment's recalls."""
        payment_id = await self._own(request, await self._gate.enter(request))
        returns = await self._sandbox.store.returns(payment_id)
        found = [recall_document(each, returns) for each in await self._sandbox.store.recalls(payment_id)]
        return json_answer({"payment_id": payment_id, "recalls": found})

    async def returns(self, request: Request) -> Response:
        """Show a payment's returns."""
        payment_id = await self._own(request, await self._gate.enter(request))
        returns = await self._sandbox.store.returns(payment_id)
        shown = [return_document(each) for each in returns]
        return json_answer({"payment_id": payment_id, "returned_amount": returned_amount(returns), "returns": shown})

    async def page(self, request: Request) -> Response:
        """Show returns that are held, or of no payment."""
        await self._gate.enter_operator(request)
        limit, before = page_limit(request), page_cursor(request)
        state = request.query_params.get("state", SUSPENDED)
        if state not in (SUSPENDED, UNMATCHED):
            raise wrong_query("state", f"{SUSPENDED} or {UNMATCHED}")
        rows = await self._sandbox.store.returns_in(state, before, limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        cursor = write_cursor(last.booked_at, last.return_id) if last else None
        return json_answer({"returns": [return_document(each) for each in rows[:limit]], "cursor": cursor})

    async def release(self, request: Request) -> Response:
        """Let a held return go."""
        await self._gate.enter_operator(request)
        return_id = uuid_or_none(request.path_params["return_id"])
        body = parse(ReleaseBody, await read_body(request, SINGLE_BYTES_MAX) or b"{}")
        stored = await self._sandbox.store.return_of(return_id) if return_id else None
        if stored is None:
            raise refused("not-found", "There is no such return.")
        if stored.state != SUSPENDED:
            raise refused("not-held", f"The return is {stored.state.replace('_', ' ')}.")
        done = await self._sandbox.release_return(stored, body.to == "creditor_agent")
        if done is None:
            what = "It goes beyond what is left of its payment, or no provider exchanges it with the inventories there are."
            raise refused(
                "not-held", f"The return stays held. {what} Let it go to the creditor agent, or try again later."
            )
        return json_answer(return_document(done))

    async def _own(self, request: Request, caller: Caller) -> str:
        return (await self._sandbox.payment(payment_id_of(request), caller.participant)).payment_id

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        key = parameter(
            "Idempotency-Key", "header", "A new one for each recall; the same one to ask again", True, maxLength=255,
            pattern="^[ -~]+$", example="my-first-recall",
        )  # fmt: skip
        payment_id = parameter("payment_id", "path", "The payment's id", True, format="uuid")
        return_id = parameter("return_id", "path", "The return's id", True, format="uuid")
        page = (
            parameter("state", "query", "Held, or of no payment", enum=[SUSPENDED, UNMATCHED]),
            parameter("limit", "query", "Rows a page", type="integer", minimum=1, maximum=PAGE_MAX),
            parameter("cursor", "query", "As the page before gave it"),
        )
        return [
            Operation(
                "POST", "/v1/payments/{payment_id}/recall", self.recall, "Ask a settled payment back",
                "Sent to the creditor agent over the rail (camt.056) and asked about until it is answered; one at a time. "
                "The payment's own status stays (docs/returns.md).", "payments",
                {202: Says("The recall", RecallDocument)},
                ("malformed", "key-missing", 404, "not-recallable", "recall-open", "recall-too-late", "recall-too-much",
                 "recall-key", 413, 415, "unavailable"),
                RecallRequestBody, (payment_id, key), example=examples.RECALL,
            ),
            Operation(
                "GET", "/v1/payments/{payment_id}/recalls", self.recalls, "Read a payment's recalls", "Oldest first.", "payments",
                {200: Says("The recalls", RecallList)}, (404, "unavailable"), None, (payment_id,),
            ),
            Operation(
                "GET", "/v1/payments/{payment_id}/returns", self.returns, "Read a payment's returns",
                "What came back of it, asked for or not, and what became of that.", "payments",
                {200: Says("The returns", ReturnList)}, (404, "unavailable"), None, (payment_id,),
            ),
            Operation(
                "GET", "/v1/returns", self.page, "List returns that are held", "Newest first. For operators.", "payments",
                {200: Says("A page", ReturnPage)}, ("malformed", "cursor-wrong", "unavailable"), None, page,
            ),
            Operation(
                "POST", "/v1/returns/{return_id}/release", self.release, "Release a held return",
                "To the debtor agent at the day's rate, or back to the creditor agent. For operators.", "payments",
                {200: Says("The return", ReturnDocument)}, ("malformed", 404, "not-held", 413, 415, "unavailable"), ReleaseBody,
                (return_id,), example=examples.RELEASE, 
            ),
        ]  # fmt: skip


def _asked(amount: models.Amount | None) -> Money | None:
    if amount is None:
        return None
    try:
        return Money(parse_amount(amount.amount, amount.currency), amount.currency)
    except AmountError as error:
        raise wrong_field("amount", str(error)) from None


def _amount(amount_minor: int, currency: str) -> dict[str, str]:
    return {"currency": currency, "amount": format_amount(amount_minor, currency)}
