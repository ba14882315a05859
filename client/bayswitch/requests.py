"""The HTTP surface as a table of builders: each method of the clients is one function here that gives a Request.

It sends nothing. Bodies and answers are the API's own JSON documents: amounts in them are strings, never numbers.
"""

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote as percent_encode

import httpx

T = TypeVar("T")

Document = dict[str, Any]


def _succeeded(response: httpx.Response) -> bool:
    return response.is_success


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One call: what to send, how to read its answer, and whether a repeat after a lost answer does harm."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    repeatable: bool = True  # False: tried again only if the connection was never made
    retried: bool = True
    wait_seconds: float = 0.0  # the switch may hold its answer back for so long
    answers: Callable[[httpx.Response], bool] = _succeeded  # else it is a problem


def _document(response: httpx.Response) -> Document:
    return _mapping(response.json())


def _mapping(value: Any) -> Document:
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object was expected, not {type(value).__name__}")
    return value


def _path(*parts: str) -> str:
    return "/v1/" + "/".join(percent_encode(part, safe="") for part in parts)


def _query(**values: str | int | None) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


def new_key() -> str:
    """Make an idempotency key; keep it to send the same payment again, never to be paid twice."""
    return str(uuid.uuid4())


def pay(
    instruction: Mapping[str, Any], idempotency_key: str | None = None, wait_seconds: float | None = None
) -> Request[Document]:
    """Ask for a payment; gives the payment as it then stands, raises Problem when it is refused.

    Without `idempotency_key` a random one is made: it protects this call's own retries only. `wait_seconds`: let the
    switch hold its answer until the payment is final, at most so long.
    """
    headers = {"Idempotency-Key": idempotency_key or new_key()}
    if wait_seconds is not None:
        headers["Prefer"] = f"wait={math.ceil(wait_seconds)}"  # RFC 7240: whole seconds
    return Request(
        "POST", "/v1/payments", _document, headers=headers, json=instruction, wait_seconds=wait_seconds or 0.0
    )


def pay_batch(items: Sequence[Mapping[str, Any]]) -> Request[Document]:
    """Ask for many payments, each `{"idempotency_key", "instruction"}`; one bad item fails alone.

    An item without a key gets a random one.
    """
    keyed = [{"idempotency_key": new_key(), **item} for item in items]
    return Request("POST", "/v1/payments/batch", _document, json={"items": keyed})


def explain(instruction: Mapping[str, Any]) -> Request[Document]:
    """Ask what would become of the instruction now, and why; nothing is stored."""
    return Request("POST", "/v1/payments/explain", _document, json=instruction)


def payment(payment_id: str) -> Request[Document]:
    """Read one payment."""
    return Request("GET", _path("payments", payment_id), _document)


def payments(cursor: str | None = None, limit: int | None = None, **filters: str | None) -> Request[Document]:
    """Read a page of payments; the page names the cursor of the next one."""
    return Request("GET", "/v1/payments", _document, query=_query(cursor=cursor, limit=limit, **filters))


def payment_events(payment_id: str) -> Request[Any]:
    """Read what happened to a payment, oldest first."""
    return Request("GET", _path("payments", payment_id, "events"), httpx.Response.json)


def recall(payment_id: str, asked: Mapping[str, Any], idempotency_key: str | None = None) -> Request[Document]:
    """Ask a settled payment back: `{"reason_code", "amount"?, "text"?}`; gives the recall, raises Problem where it cannot be.

    Without `idempotency_key` a random one is made: it protects this call's own retries only.
    """
    headers = {"Idempotency-Key": idempotency_key or new_key()}
    return Request("POST", _path("payments", payment_id, "recall"), _document, headers=headers, json=dict(asked))


def recalls(payment_id: str) -> Request[Document]:
    """Read a payment's recalls, oldest first."""
    return Request("GET", _path("payments", payment_id, "recalls"), _document)


def returns(payment_id: str) -> Request[Document]:
    """Read what came back of a payment."""
    return Request("GET", _path("payments", payment_id, "returns"), _document)


def held_returns(state: str = "suspended", cursor: str | None = None, limit: int | None = None) -> Request[Document]:
    """Read a page of returns that are held (`suspended`) or of no payment (`unmatched`), as the sandbox's operator."""
    return Request("GET", "/v1/returns", _document, query=_query(state=state, cursor=cursor, limit=limit))


def release_return(return_id: str, to: str = "debtor_agent") -> Request[Document]:
    """Let a held return go to the `debtor_agent`, or back to the `creditor_agent`, as the sandbox's operator."""
    return Request("POST", _path("returns", return_id, "release"), _document, json={"to": to}, repeatable=False)


def cancel(payment_id: str) -> Request[Document]:
    """Give up a payment that waits for an opening; all it holds is free."""
    return Request("POST", f"{_path('payments', payment_id)}/cancel", _document)


def payment_messages(payment_id: str) -> Request[Any]:
    """Read the messages that came and went for a payment."""
    return Request("GET", _path("payments", payment_id, "messages"), httpx.Response.json)


def _is_message(response: httpx.Response) -> bool:
    return "xml" in response.headers.get("content-type", "") and response.status_code < 500


def send_message(xml: bytes) -> Request[bytes]:
    """Send an ISO 20022 message; gives the message that answers it, a rejection too. Its MsgId and UETR are the key."""
    headers = {"Content-Type": "application/xml", "Accept": "application/xml, application/problem+json"}
    return Request(
        "POST", "/v1/messages", lambda response: response.content, headers=headers, content=xml, answers=_is_message
    )


def quote(wanted: Mapping[str, Any]) -> Request[Document]:
    """Ask for a firm quote, used at most once and until it expires."""
    return Request("POST", "/v1/quotes", _document, json=wanted)


def headroom(person: Mapping[str, Any]) -> Request[Document]:
    """Ask what a person may still send today and which rule binds first."""
    return Request("POST", "/v1/headroom", _document, json=person)


def quotas() -> Request[Any]:
    """Read the quota board."""
    return Request("GET", "/v1/quotas", httpx.Response.json)


def clock() -> Request[Document]:
    """Read the sandbox's business clock."""
    return Request("GET", "/v1/sandbox/clock", _document)


def move_clock(
    to: str | None = None, *, by_seconds: float | None = None, settle_seconds: float | None = None
) -> Request[Document]:
    """Move the business clock forward, to an instant (ISO 8601 with offset) or by seconds; it never goes back.

    With `settle_seconds` the answer waits so long at most until nothing is due, and says `settled`.
    """
    if (to is None) == (by_seconds is None):
        raise ValueError("give either an instant or a number of seconds")
    body: Document = {"to": to} if to is not None else {"advance_seconds": by_seconds}
    if settle_seconds is not None:
        body["settle"] = settle_seconds
    return Request("POST", "/v1/sandbox/clock", _document, json=body, repeatable=to is not None)


def stop_clock() -> Request[Document]:
    """Stop the business clock: from now on only moves change it."""
    return Request("POST", "/v1/sandbox/clock", _document, json={"rate": 0})


def resume_clock(rate: float = 1.0) -> Request[Document]:
    """Let the business clock run on, `rate` business seconds for each of the machine's."""
    return Request("POST", "/v1/sandbox/clock", _document, json={"rate": rate})


def decide(payment_id: str, event: str, operator: str = "operator", reason: str = "decided") -> Request[Document]:
    """End (`reject`) or honour (`settle`) a payment in doubt: the first operator proposes it, another one confirms it."""
    path, body = f"/v1/sandbox/payments/{payment_id}/decision", {"event": event, "reason": reason}
    return Request("POST", path, _document, json=body, headers={"Bayswitch-Operator": operator})


def proposals(payment_id: str) -> Request[Document]:
    """Read what operators proposed and decided on a payment and its exceptions, oldest first, as the sandbox's operator."""
    return Request("GET", _path("sandbox", "payments", payment_id, "decision"), _document)


def exceptions(cursor: str | None = None, limit: int | None = None, state: str | None = None) -> Request[Document]:
    """Read a page of exception records, newest first, as the sandbox's operator; `state` "open" or "resolved": those alone."""
    return Request("GET", "/v1/exceptions", _document, query=_query(cursor=cursor, limit=limit, state=state))


def resolve(
    payment_id: str, kind: str, resolution: str, operator: str = "operator", reason: str = "decided"
) -> Request[Document]:
    """Say how an exception ended: `honoured`, `recalled` or `written-off`; the first operator proposes it, another confirms it."""
    path, body = _path("exceptions", payment_id, kind, "resolution"), {"resolution": resolution, "reason": reason}
    return Request("POST", path, _document, json=body, headers={"Bayswitch-Operator": operator})


def magic() -> Request[Any]:
    """List the magic creditor accounts, and what the payee's side does with a payment to each."""
    return Request("GET", "/v1/magic", httpx.Response.json)


def participants() -> Request[Any]:
    """List the sandbox's participants."""
    return Request("GET", "/v1/participants", httpx.Response.json)


def participant_state(bic: str) -> Request[Document]:
    """Read whether a participant is active, suspended or offline, wholly and on each rail it has joined."""
    return Request("GET", _path("sandbox", "participants", bic, "state"), _document)


def set_participant_state(bic: str, state: str, rail: str | None = None) -> Request[Document]:
    """Make a participant `active`, `suspended` or `offline`, as the sandbox's operator: on one rail, or wherever it takes part."""
    body: Document = {"state": state} | ({"rail": rail} if rail is not None else {})
    return Request("POST", _path("sandbox", "participants", bic, "state"), _document, json=body)


def maintenance(rail: str) -> Request[Document]:
    """Read when a rail is closed besides its hours, and whether it is open now."""
    return Request("GET", _path("sandbox", "rails", rail, "maintenance"), _document)


def set_maintenance(rail: str, closures: Sequence[Mapping[str, Any]] = ()) -> Request[Document]:
    """Close a rail besides its hours, in place of what was announced before, as the sandbox's operator; none opens it again.

    Each closure is `{"from", "until"?, "why"?}` in instants with offset; without `until` until further notice.
    """
    body = {"closures": [dict(closure) for closure in closures]}
    return Request("POST", _path("sandbox", "rails", rail, "maintenance"), _document, json=body)


def set_payment_state(payment_id: str, status: str, reason_code: str | None = None) -> Request[Document]:
    """Have a payment become a status, or `returned`, through its rail, as the sandbox's operator; gives it as it then stands.

    `reason_code` goes with rejected and returned. Raises Problem `state` with what is `allowed`.
    """
    body: Document = {"status": status} | ({"reason_code": reason_code} if reason_code else {})
    return Request("POST", f"{_path('sandbox', 'payments', payment_id)}/state", _document, json=body, repeatable=False)


def faults(rail: str) -> Request[Document]:
    """Read what is wrong with a rail now."""
    return Request("GET", _path("sandbox", "rails", rail, "faults"), _document)


def set_faults(rail: str, setting: Mapping[str, Any] | None = None) -> Request[Document]:
    """Break a rail as `setting` says, as the sandbox's operator: `rules`, each with `match`, and shares of 10,000; none mends it."""
    return Request("POST", _path("sandbox", "rails", rail, "faults"), _document, json=dict(setting or {}))


def drills() -> Request[Document]:
    """List the drills that can be played."""
    return Request("GET", "/v1/sandbox/drills", _document)


def run_drill(name: str) -> Request[Document]:
    """Play a drill on the sandbox, as its operator: it moves the clock. Gives each step and whether all came as expected (`met`)."""
    return Request("POST", _path("sandbox", "drills", name), _document, repeatable=False, wait_seconds=300.0)


def link_persons(first: Mapping[str, Any], second: Mapping[str, Any]) -> Request[Document]:
    """Make two documents, each `{"type", "number", "country"}`, one person's, as the sandbox's operator: usage adds up.

    `linked` in the answer is false where they were one person's already. Nothing undoes it.
    """
    documents = [dict(first), dict(second)]
    return Request("POST", "/v1/sandbox/persons/links", _document, json={"documents": documents})


def put_person_state(
    document: Mapping[str, Any], state: str, until: str | None = None, *, lift: bool = False
) -> Request[Document]:
    """Put a person, known by a document `{"type", "number", "country"}`, under a state ("watch-list") as operator, or lift it.

    `until` is its last law day; without it the end of the second year after the present one.
    """
    body: Document = {"document": dict(document), "state": state, "lift": lift}
    return Request("POST", "/v1/persons/states", _document, json=body | ({"until": until} if until else {}))


def register_pair(pair: Mapping[str, Any]) -> Request[Document]:
    """Register two accounts of one person as a pair of Wealth Management Connect; `pair` is the API's body."""
    return Request("POST", "/v1/persons/pairs", _document, json=dict(pair))


def known_person(document: Mapping[str, Any]) -> Request[Document]:
    """Read what the sandbox knows of a person, as operator: documents linked, states in force, pairs."""
    return Request("POST", "/v1/persons/known", _document, json={"document": dict(document)}, repeatable=True)


def look_up(
    proxy: Mapping[str, str] | None = None,
    name: str | None = None,
    *,
    agent: str | None = None,
    account: str | None = None,
    hkqr: str | None = None,
) -> Request[Document]:
    """Ask who is behind a proxy (`{"type", "value"}`), an account of an agent, or the text of an HKQR code, and whether `name` is its name.

    A look-up that finds nothing is an answer: `verified` false, with a reason. Of a code, `asks` says what it asks for.
    """
    said = {"name": name, "agent": agent, "account": account, "hkqr": hkqr}
    asked = {"proxy": dict(proxy) if proxy is not None else None, **said}
    return Request("POST", "/v1/lookups", _document, json=_given(asked))


def make_hkqr(code: Mapping[str, Any]) -> Request[Document]:
    """Make an HKQR code for a proxy registered with you; `code` is the API's body. Gives its `payload`, and `svg` if asked for."""
    return Request("POST", "/v1/hkqr", _document, json=dict(code))


def register_proxy(registration: Mapping[str, Any]) -> Request[Document]:
    """Register a proxy for an account; `registration` is the API's body. Said again it changes nothing."""
    return Request("POST", "/v1/proxies", _document, json=dict(registration))


def change_proxy(change: str, proxy: Mapping[str, str], agent: str, **more: Any) -> Request[Document]:
    """Change a proxy registered with `agent`: amend, move, suspend, release, deregister; as operator alert, lift-alert.

    `more`: what the change takes, such as `account`, `name`, `default`, `to_agent`.
    """
    body = {"change": change, "proxy": dict(proxy), "agent": agent, **_given(more)}
    return Request("POST", "/v1/proxies/change", _document, json=body, repeatable=change != "move")


def known_account(agent: str, account: str) -> Request[Document]:
    """Read what the directory has of an account, as its agent or as operator: name, proxies, alert."""
    return Request("POST", "/v1/accounts/known", _document, json={"agent": agent, "account": account})


def alert_account(agent: str, account: str, alert: bool = True) -> Request[Document]:
    """Put an account under the suspicious-proxy alert or lift it, as operator."""
    body = {"agent": agent, "account": account, "alert": alert}
    return Request("POST", "/v1/accounts/alerts", _document, json=body)


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def rulebook() -> Request[Document]:
    """Read which rulebook is in force: its id, and the names of the overlays on the packaged law."""
    return Request("GET", "/v1/sandbox/rulebook", _document)


def take_rulebook(overlays: Sequence[Mapping[str, Any]]) -> Request[Document]:
    """Go by the packaged law with these overlays from now on, in every worker, as the sandbox's operator; none = the law.

    `before` in the answer is the id it took the place of, null where it was in force already.
    """
    body = {"overlays": [dict(overlay) for overlay in overlays]}
    return Request("POST", "/v1/sandbox/rulebook", _document, json=body, repeatable=True)


def metrics() -> Request[str]:
    """Read the metrics in Prometheus' text form."""
    return Request("GET", "/metrics", lambda response: response.text)


def _is_verdict(response: httpx.Response) -> bool:
    return response.status_code in (200, 503)


def health() -> Request[bool]:
    """Tell whether the switch is alive; one try."""
    return Request("GET", "/healthz", lambda response: response.is_success, retried=False, answers=_is_verdict)


def ready() -> Request[bool]:
    """Tell whether the switch takes payments; one try."""
    return Request("GET", "/readyz", lambda response: response.is_success, retried=False, answers=_is_verdict)


def events(last_event_id: str | None) -> Request[None]:
    """Open the event stream after the event `last_event_id`."""
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    return Request("GET", "/v1/events", lambda response: None, headers=headers)
