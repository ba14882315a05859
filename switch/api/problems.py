"""Answers that say no (RFC 9457): those of the door in one table here, those of a payment from payment.reasons.

A problem never repeats names, numbers or other content of the request; fields are named by their path.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.responses import Response

from switch.api.faults import errors_of, sentence
from switch.payment.plan import Refusal
from switch.payment.reasons import problem, shown

PROBLEM_JSON = "application/problem+json"


class Door(NamedTuple):
    """One way the door says no: HTTP status, and what to do unless the occurrence says more."""

    http_status: int
    what_to_do: str


DOOR: dict[str, Door] = {
    "malformed": Door(400, "Correct the fields named in `errors` and send it again. Nothing was stored."),
    "key-missing": Door(400, "Send the header Idempotency-Key: 1 to 255 printable ASCII characters, a new one for each payment."),
    "cursor-wrong": Door(400, "Use the cursor exactly as the last answer gave it, or none to begin anew."),
    "unauthorized": Door(401, "Send `Authorization: Bearer <key>` with a key of this sandbox."),
    "forbidden": Door(403, "Use a key that may do this."),
    "not-found": Door(404, "Check the path and the id; another participant's payments are not found either."),
    "method-not-allowed": Door(405, "Use one of the methods in the header Allow."),
    "in-flight": Door(409, "The same key is being worked on. Ask again with the same key after Retry-After."),
    "not-waiting": Door(409, "Only a payment that waits for an opening (queued) can be cancelled; of one that was sent, ask the money back. Read the payment."),
    "not-in-doubt": Door(409, "Only a payment in doubt can be decided by an operator. Read the payment."),
    "drill-running": Door(409, "Ask again when it is over: a drill moves the sandbox's clock."),
    "state": Door(409, "Set it to one of `allowed`, or send another payment and set that."),
    "rail-elsewhere": Door(409, "Break a rail that is not ours where it runs: the switch cannot, and will see what comes of it."),
    "otherwise-proposed": Door(409, "Agree with the other operator: confirm what is proposed, or wait until it lapses. Nothing was changed."),
    "conflict": Door(409, "What the switch knows of this person or these accounts stands against it. Nothing was changed."),
    "not-recallable": Door(409, "Read the payment: only what is settled can be asked back."),
    "recall-open": Door(409, "Read the payment's recalls, and ask for the rest once this one is answered."),
    "recall-key": Door(409, "Use a new key for a new recall."),
    "not-held": Door(409, "Only a return that is held can be released. Read it."),
    "too-large": Door(413, "Send a smaller body; a batch may be split, its items keep their keys."),
    "wrong-content-type": Door(415, "Send the content type this path documents."),
    "clock": Door(422, "Move the clock forward only; to go back start another sandbox in a data folder of its own."),
    "recall-too-late": Door(422, "Use a reason that has more time, if it is the true one, or turn to the creditor."),
    "recall-too-much": Door(422, "Ask for no more than is left of the payment, in the currency in which it was settled."),
    "too-many-requests": Door(429, "This key has used up its rate. Ask again after Retry-After."),
    "internal-error": Door(500, "A fault of the switch. Ask again with the same idempotency key: it is never paid twice."),
    "unavailable": Door(503, "The switch cannot tell at this moment. Ask again with the same idempotency key: it is never paid twice."),
    "busy": Door(503, "The queue is full. Ask again with the same idempotency key after Retry-After."),
}  # fmt: skip


class ProblemRaised(Exception):
    """Ends a request with the answer it carries."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def door_document(name: str, detail: str, **members: Any) -> dict[str, Any]:
    """Write a problem of the door."""
    row = DOOR[name]
    return {**_head(name, row.http_status, detail), "name": name, "what_to_do": row.what_to_do, **members}


def door_problem(name: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """Answer with a problem of the door."""
    return problem_response(door_document(name, detail, **members), headers)


def refused(name: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> ProblemRaised:
    """Return the exception that ends a request with a problem of the door."""
    return ProblemRaised(door_problem(name, detail, headers, **members))


def refusal_document(refusal: Refusal, payment_id: str | None = None, uetr: str | None = None) -> dict[str, Any]:
    """Write a refusal of a payment: ISO code, rule, source, headroom, what to do; and under which id it is stored."""
    found = problem(refusal)
    document = _head(found.name, found.http_status, found.text)
    if payment_id is not None:
        document |= {"instance": f"/v1/payments/{payment_id}", "payment_id": payment_id, "uetr": uetr}
    document |= {"code": found.code, "name": found.name, "field": found.field or None, **shown(found.detail)}
    # The table's sentences end with what to do; where the rule itself says it, it stands by itself, too.
    document.setdefault("what_to_do", _last_sentence(found.text))
    return document


def problem_response(document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a problem document; its `status` is the HTTP status."""
    return Response(to_json(document), document["status"], headers, PROBLEM_JSON)


def wrong_query(name: str, expected: str) -> ProblemRaised:
    """Return the answer to a query parameter that is not what it should be."""
    return refused("malformed", f"{name} is {expected}.", errors=[{"field": name, "what": expected, "kind": "query"}])


def malformed(error: ValidationError, model: type[BaseModel]) -> ProblemRaised:
    """Return the answer to a body that does not parse: every fault by its field, none with the content."""
    errors = errors_of(error, model)
    return refused("malformed", sentence(errors), errors=errors)


def wrong_field(field: str, what: str) -> ProblemRaised:
    """Return the answer to a body that parses and says something wrong in one field."""
    return refused("malformed", f"{field}: {what}.", errors=[{"field": field, "what": what, "kind": "wrong"}])


def _head(name: str, http_status: int, detail: str) -> dict[str, Any]:
    title = name.replace("-", " ").capitalize()
    return {"type": f"urn:bayswitch:problem:{name}", "title": title, "status": http_status, "detail": detail}


def _last_sentence(text: str) -> str:
    return text.removesuffix(".").rpartition(". ")[2] + "."
