"""An instruction's way in: queued under its key, and what to answer once it is accepted, refused, or known already."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import inf
from typing import Any, NamedTuple, TypeVar

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from switch.api.documents import accepted_document, known_document
from switch.api.problems import PROBLEM_JSON, ProblemRaised, door_document, refusal_document
from switch.flow.intake import Busy
from switch.flow.ports import Stored
from switch.flow.submission import UNANSWERED, UNDECIDED, Answer, Submission
from switch.payment.instruction import Instruction
from switch.payment.plan import Refusal
from switch.payment.refusals import refusal_from
from switch.sandbox import InFlight, Sandbox

ANSWER_SECONDS_MAX = 8.0  # a client gives up at 10; what is not decided by then is dropped, and its key is free
RETRY_AFTER_SECONDS = 1
AGAIN_SECONDS = 0.02  # between looks at a key that another call is just handing in
AT_ONCE = 64  # of many queued without a pause: about a millisecond
ACCEPTED_STATUS, IN_FLIGHT_STATUS = 202, 409
FIELDS_SHOWN_MAX = 8


T = TypeVar("T")


class Outcome(NamedTuple):
    """How one instruction is answered: HTTP status and document (a problem from 400 on)."""

    http_status: int
    document: dict[str, Any]
    payment_id: str = ""
    replayed: bool = False
    stored: Stored | None = None  # read already, where the key was known
    again_after: int = RETRY_AFTER_SECONDS  # where it is to be asked again
    rail: str = ""  # that carries its credit, where it was accepted just now

    @property
    def retry_after(self) -> int | None:
        """Return the seconds after which to ask again, None where that is of no use."""
        return self.again_after if self.http_status in (IN_FLIGHT_STATUS, 503) else None

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that go with it."""
        headers = {"Idempotency-Replayed": "true"} if self.replayed else {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        elif self.http_status == ACCEPTED_STATUS:
            headers["Location"] = f"/v1/payments/{self.payment_id}"
        return headers


def _same_key(field: str) -> Refusal:
    return Refusal("same-key-other-content", {"field": field}, field)


class Intake:
    """Takes instructions into a sandbox; `repeated` refuses a key that comes again with another `field`."""

    def __init__(self, sandbox: Sandbox, repeated: Callable[[str], Refusal] = _same_key) -> None:
        self._sandbox = sandbox
        self._repeated = repeated

    def let_in(self, bulk: bool = False) -> None:
        """Raise 503 where what comes now would wait too long: asked before the body is read."""
        try:
            self._sandbox.worker.intake.make_room(bulk)
        except Busy as busy:
            raise ProblemRaised(busy_response(busy.retry_after)) from None

    def submit(
        self,
        instruction: Instruction,
        participant: str,
        key: str,
        *,
        bulk: bool = False,
        gone: Callable[[], bool] | None = None,
        seconds: float = inf,
    ) -> Submission | Outcome:
        """Queue an instruction; an Outcome where it could not be. Its caller waits `seconds` at most, unless it is `gone` before."""
        until = asyncio.get_running_loop().time() + min(seconds, ANSWER_SECONDS_MAX)
        try:
            return self._sandbox.submission(instruction, participant, key, until=until, gone=gone, bulk=bulk)
        except InFlight:
            return _door("in-flight", "A call with this key has not been answered yet.")
        except Busy as busy:
            return _door("busy", _TOO_MANY)._replace(again_after=busy.retry_after)

    async def outcome(self, submission: Submission) -> Outcome:
        """Wait for the answer, and say it; one comes in any case by the time until which its caller waits."""
        return await self._said(submission, await submission.answer)

    async def outcomes(self, submissions: Sequence[Submission | Outcome]) -> list[Outcome]:
        """Wait for the answers of many, and say them in their order."""
        return [await self.outcome(each) if isinstance(each, Submission) else each for each in submissions]

    async def handed_in(self, asked: Sequence[T], submit: Callable[[T], Submission | Outcome]) -> list[Outcome]:
        """Queue many and wait for their answers, in their order."""
        return await self.answered(asked, await self.hand_in(asked, submit), submit)

    async def hand_in(
        self, asked: Sequence[T], submit: Callable[[T], Submission | Outcome]
    ) -> list[Submission | Outcome]:
        """Queue many, in their order; between a few of them whoever else is there has its turn."""
        submitted: list[Submission | Outcome] = []
        for start in range(0, len(asked), AT_ONCE):
            if start:
                await asyncio.sleep(0)
            submitted += [submit(each) for each in asked[start : start + AT_ONCE]]
        return submitted

    async def answered(
        self,
        asked: Sequence[T],
        submitted: Sequence[Submission | Outcome],
        submit: Callable[[T], Submission | Outcome],
    ) -> list[Outcome]:
        """Wait for the answers of what was queued, in its order.

        One whose key is just being handed in, by another call or earlier in this one, is looked at again until that has
        its answer.
        """
        outcomes = await self.outcomes(submitted)
        deadline = asyncio.get_running_loop().time() + ANSWER_SECONDS_MAX
        while asyncio.get_running_loop().time() < deadline:
            open_places = [n for n, outcome in enumerate(outcomes) if outcome.http_status == IN_FLIGHT_STATUS]
            if not open_places:
                break
            for n, outcome in zip(
                open_places, await self.outcomes([submit(asked[n]) for n in open_places]), strict=True
            ):
                outcomes[n] = outcome
            await asyncio.sleep(AGAIN_SECONDS)
        return outcomes

    async def _said(self, submission: Submission, answer: Answer) -> Outcome:
        if answer.status in _NOT_SAID:
            return _door("unavailable", _NOT_SAID[answer.status])
        if answer.replayed:
            return await self._known(submission, answer)
        if answer.refusal is not None:
            return refused_outcome(answer.refusal, answer.payment_id, submission.uetr)
        document = accepted_document(
            answer.payment_id, answer.status, submission.uetr, submission.instruction.instruction_id, answer.opens_at
        )
        return Outcome(ACCEPTED_STATUS, document, answer.payment_id, rail=answer.rail)

    async def _known(self, submission: Submission, answer: Answer) -> Outcome:
        """Answer a key that was used before: again what was answered then, or which field differs."""
        if not answer.same_content:
            first = await self._sandbox.instruction(answer.payment_id)
            fields = differing(_flat(first), _flat(submission.instruction))
            name = fields[0] if fields else "the content"
            document = refusal_document(self._repeated(name))
            return Outcome(document["status"], document | {"fields": fields[:FIELDS_SHOWN_MAX]})
        stored = await self._sandbox.payment(answer.payment_id, None)
        refusal = refused_at_the_door(stored)
        if refusal is not None:
            return refused_outcome(refusal, stored.payment_id, stored.uetr)._replace(replayed=True, stored=stored)
        return Outcome(ACCEPTED_STATUS, known_document(stored), stored.payment_id, True, stored)


def refused_at_the_door(stored: Stored) -> Refusal | None:
    """Return why a payment was never accepted; None for one that was, whatever became of it later."""
    return refusal_from(stored.detail) if stored.code and not stored.debit_currency else None


def refused_outcome(refusal: Refusal, payment_id: str, uetr: str) -> Outcome:
    """Answer a refused payment."""
    document = refusal_document(refusal, payment_id, uetr)
    return Outcome(document["status"], document, payment_id)


_TOO_MANY = "More payments are waiting than can be taken in now."
_NOT_SAID = {
    # Of this call only: with several workers another may be storing the same key just now.
    UNDECIDED: "It was not decided within the time a caller waits, and will not be, not by this call; ask again under the same key. "
    "Of this call nothing was stored.",
    UNANSWERED: "It is being stored, and the store has not said yet whether it was.",
}


@cache
def _busy_body() -> bytes:
    return to_json(door_document("busy", _TOO_MANY))


def busy_response(retry_after: int) -> Response:
    """Answer that the queue is full; of all answers the one that must cost least."""
    return Response(_busy_body(), 503, {"Retry-After": str(retry_after)}, PROBLEM_JSON)


def hung_up(request: Request) -> Callable[[], bool] | None:
    """Return what tells whether the caller of a request has hung up, None where its server does not say.

    ASGI says it only to who awaits `receive`, a task for each call; uvicorn's own note of it is looked at instead.
    """
    cycle = getattr(request.receive, "__self__", None)
    return None if not hasattr(cycle, "disconnected") else partial(getattr, cycle, "disconnected")


def _door(name: str, detail: str) -> Outcome:
    document = door_document(name, detail)
    return Outcome(document["status"], document)


def differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Name the fields in which two instructions differ, in the instruction's order."""
    names = {**first, **second}
    return [name for name in names if first.get(name) != second.get(name)]


def _flat(instruction: Instruction) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for name, item in value.items():
                walk(f"{path}.{name}" if path else name, item)
        elif isinstance(value, list):
            for n, item in enumerate(value):
                walk(f"{path}.{n}", item)
        else:
            found[path] = value

    walk("", instruction.model_dump(mode="json", exclude_none=True))
    return found
