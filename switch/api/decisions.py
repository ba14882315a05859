"""Operators' decisions over HTTP, with four eyes: payments in doubt, and what becomes of exception records."""

import re
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from switch.api import decision_models, examples, models
from switch.api.access import Gate
from switch.api.documents import exception_document, payment_document, proposal_document
from switch.api.operations import Operation, Says, json_answer, parameter
from switch.api.problems import ProblemRaised, refused, wrong_field, wrong_query
from switch.api.requests import (
    PAGE_MAX,
    SINGLE_BYTES_MAX,
    page_cursor,
    page_limit,
    parse,
    payment_id_of,
    read_body,
    write_cursor,
)
from switch.flow.decisions import NotRecalled, OtherwiseProposed, state_of
from switch.flow.doubt_books import ABOUT_PAYMENT, CONFIRMED, Proposal
from switch.flow.ports import ExceptionRecord
from switch.payment.status import IN_DOUBT
from switch.sandbox import Sandbox

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")
_NOBODY = "operator"  # who sends no name: the key's own
_STATES = ("open", "resolved")


class Decisions:
    """Handlers of decisions and exception records."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox, self._gate = sandbox, gate

    async def decide(self, request: Request) -> Response:
        """Propose to end or honour a payment in doubt, or confirm what another operator proposed."""
        operator = await self._operator(request)
        payment_id = payment_id_of(request)
        decision = parse(decision_models.Decision, await read_body(request, SINGLE_BYTES_MAX))
        stored = await self._sandbox.payment(payment_id, None)
        if stored.status != IN_DOUBT:
            raise refused("not-in-doubt", f"The payment is {stored.status}.")
        try:
            found = await self._sandbox.decisions.on_payment(stored, decision.event, operator, decision.reason)
        except OtherwiseProposed as error:
            raise _otherwise(error.proposal) from None
        stored = await self._sandbox.payment(payment_id, None)
        if found.outcome == CONFIRMED:
            return json_answer(payment_document(stored))
        return json_answer(proposal_document(found, state_of(found, stored, self._sandbox.world.clock.now())), 202)

    async def proposals(self, request: Request) -> Response:
        """Show what operators proposed and decided on one payment and its exceptions."""
        await self._operator(request)
        stored = await self._sandbox.payment(payment_id_of(request), None)
        now = self._sandbox.world.clock.now()
        found = await self._sandbox.store.proposals(stored.payment_id)
        return json_answer({"proposals": [proposal_document(each, state_of(each, stored, now)) for each in found]})

    async def exceptions(self, request: Request) -> Response:
        """Show exception records, newest first; they are few."""
        await self._gate.enter_operator(request)
        limit, before, state = page_limit(request), page_cursor(request), request.query_params.get("state")
        if state is not None and state not in _STATES:
            raise wrong_query("state", f"one of {', '.join(_STATES)}")
        resolved = {
            (each.payment_id, each.subject): each
            for each in await self._sandbox.store.proposals(None)
            if each.outcome == CONFIRMED and each.subject != ABOUT_PAYMENT
        }
        found = [
            each
            for each in sorted(await self._sandbox.store.exceptions(None), key=_place, reverse=True)
            if (before is None or _place(each) < before)
            and (state is None or (state == "resolved") == ((each.payment_id, each.kind) in resolved))
        ]
        rows = found[:limit]
        cursor = write_cursor(*_place(rows[-1])) if len(found) > limit else None
        shown = [exception_document(each, resolved.get((each.payment_id, each.kind))) for each in rows]
        return json_answer({"exceptions": shown, "cursor": cursor})

    async def resolve(self, request: Request) -> Response:
        """Propose how an exception is resolved, or confirm what another operator proposed."""
        operator = await self._operator(request)
        payment_id, kind = payment_id_of(request), request.path_params["kind"]
        wanted = parse(decision_models.Resolution, await read_body(request, SINGLE_BYTES_MAX))
        stored = await self._sandbox.payment(payment_id, None)
        records = {each.kind: each for each in await self._sandbox.store.exceptions(payment_id)}
        if kind not in records:
            raise refused(
                "not-found", f"The payment has no exception of this kind; it has {', '.join(records) or 'none'}."
            )
        try:
            found = await self._sandbox.decisions.on_exception(
                payment_id, kind, wanted.resolution, operator, wanted.reason
            )
        except OtherwiseProposed as error:
            raise _otherwise(error.proposal) from None
        except NotRecalled:
            what = f"no recall of the payment stands: POST /v1/payments/{payment_id}/recall, or resolve it otherwise"
            raise wrong_field("resolution", what) from None
        if found.outcome == CONFIRMED:
            return json_answer(exception_document(records[kind], found))
        return json_answer(proposal_document(found, state_of(found, stored, self._sandbox.world.clock.now())), 202)

    async def _operator(self, request: Request) -> str:
        """Return the name under which an operator acts; raises ProblemRaised."""
        await self._gate.enter_operator(request)
        name = request.headers.get("bayswitch-operator", _NOBODY).strip()
        if _NAME.fullmatch(name) is None:
            raise wrong_field("Bayswitch-Operator", "1 to 64 letters, digits, spaces or ._@- of ASCII")
        return name

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        payment_id = parameter("payment_id", "path", "The payment's id", True, format="uuid")
        kind = parameter("kind", "path", "The exception's kind", True)
        operator = parameter(
            "Bayswitch-Operator",
            "header",
            f"The operator's name; without it `{_NOBODY}`. Two decide: the names must differ",
        )
        page = (
            parameter("limit", "query", "Rows a page", type="integer", minimum=1, maximum=PAGE_MAX),
            parameter("cursor", "query", "As the page before gave it"),
            parameter("state", "query", "Only those open, or resolved", enum=list(_STATES)),
        )
        refusals = ("malformed", 404, "otherwise-proposed", 413, 415, "unavailable")
        return [
            Operation(
                "POST", "/v1/sandbox/payments/{payment_id}/decision", self.decide, "Decide a payment in doubt",
                "`reject` ends it and frees what was held, `settle` honours it: proposed by one operator with a reason, carried out once "
                "another one asks for the same. A proposal lapses after 30 minutes of business time. For operators.", "sandbox",
                {
                    200: Says("Two agree: the payment as it then stands", models.PaymentDocument),
                    202: Says("Proposed; another operator is to confirm", decision_models.ProposalDocument),
                },
                ("not-in-doubt", *refusals), decision_models.Decision, (payment_id, operator), example=examples.DECISION,
            ),
            Operation(
                "GET", "/v1/sandbox/payments/{payment_id}/decision", self.proposals, "Read what operators decided",
                "Proposals on the payment and its exceptions, oldest first, with both names. For operators.", "sandbox",
                {200: Says("The proposals", decision_models.ProposalList)}, ("malformed", 404, "unavailable"), None, (payment_id, operator),
            ),
            Operation(
                "GET", "/v1/exceptions", self.exceptions, "List exception records",
                "What rails said that does not go with their payments, and what it did to money and quota. For operators.", "payments",
                {200: Says("A page", decision_models.ExceptionPage)}, ("malformed", "cursor-wrong", "unavailable"), None, page,
            ),
            Operation(
                "POST", "/v1/exceptions/{payment_id}/{kind}/resolution", self.resolve, "Resolve an exception",
                "Proposed by one operator, resolved once another one asks for the same; it records how, and moves no money. For operators.",
                "payments",
                {
                    200: Says("Two agree: the exception as it then stands", decision_models.ExceptionDocument),
                    202: Says("Proposed; another operator is to confirm", decision_models.ProposalDocument),
                },
                refusals, decision_models.Resolution, (payment_id, kind, operator), example=examples.RESOLUTION,
            ),
        ]  # fmt: skip


def _otherwise(proposal: Proposal) -> ProblemRaised:
    open_until = f"open until {proposal.lapses_at.isoformat()}" if proposal.outcome != CONFIRMED else "decided"
    return refused(
        "otherwise-proposed",
        f"{proposal.proposed_by} proposed to {proposal.action} ({proposal.reason}); it is {open_until}.",
    )


def _place(record: ExceptionRecord) -> tuple[datetime, str]:
    return record.at, record.payment_id
