"""One operation of the API: a plain handler, and beside it what the OpenAPI document says of it.

FastAPI writes the document and the pages; its per-call machinery (dependencies, body models, exit stacks) is left out,
since a payment's own handler costs less than it (docs/api.md has the figures).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import structlog
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from switch.api.described import by_status, description, examples
from switch.api.examples import PARTICIPANT
from switch.api.faults import field_path
from switch.api.problems import PROBLEM_JSON, ProblemRaised, door_problem, refused
from switch.flow.metrics import Histogram
from switch.flow.ports import StoreUnavailable
from switch.flow.world import OtherLaw
from switch.sandbox import NotFound

log = structlog.get_logger()

Handler = Callable[[Request], Awaitable[Response]]
Answered = MutableMapping[tuple[str, int], Histogram]  # seconds until the answer, by operation and HTTP status
_REF = "#/components/schemas/{model}"
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}


class Says(NamedTuple):
    """One answer an operation may give: its meaning, its JSON model or other media type, its headers."""

    description: str
    model: type[BaseModel] | None = None
    media_type: str = "application/json"
    headers: dict[str, Any] = {}  # noqa: RUF012 - a NamedTuple's default, never changed


class Operation(NamedTuple):
    """What one method on one path does."""

    method: str
    path: str
    handler: Handler
    summary: str
    description: str
    tag: str
    answers: dict[int, Says]
    problems: tuple[int | str, ...] = ()  # status or name; besides 401, 403, 429, which any behind a key may give
    body: type[BaseModel] | str | None = None  # a model, or a media type of text
    parameters: tuple[dict[str, Any], ...] = ()
    keyed: bool = True  # behind a key
    reasons: frozenset[str] = frozenset()  # of payment.reasons: why it refuses
    example: Any = None  # a body that is taken
    for_one: bool = False  # is a participant's alone: an operator must name it


class Route(APIRoute):
    """An operation as FastAPI keeps it; served without FastAPI's machinery."""

    def __init__(self, operation: Operation, problem: type[BaseModel], answered: Answered) -> None:
        handler, name = operation.handler, f"{operation.method} {operation.path}"

        async def described() -> None:
            """Stand for the handler in FastAPI's own tables; never called."""

        super().__init__(
            operation.path,
            described,
            methods=[operation.method],
            name=name,
            summary=operation.summary,
            description=operation.description,
            tags=[operation.tag],
            status_code=next(iter(operation.answers)),
            response_class=Response,
            responses=_responses(operation, problem),
            openapi_extra=_extra(operation),
            operation_id=_operation_id(operation),
        )

        known = [each["name"] for each in operation.parameters if each["in"] == "query"]

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            begun = perf_counter()
            try:
                if (
                    scope["query_string"] and operation.keyed
                ):  # what no key guards is asked by monitors with their own marks
                    only_known(scope["query_string"], known)
                response = await handler(Request(scope, receive, send))
            except Exception as error:
                response = _failed(error, name)
            answered[name, response.status_code].add(perf_counter() - begun)
            await response(scope, receive, send)

        self.app = serve


def _failed(error: Exception, operation: str) -> Response:
    """Answer what ended a handler; only a fault of ours is a 500, and it is logged."""
    if isinstance(error, ProblemRaised):
        return error.response
    if isinstance(error, NotFound):
        return door_problem("not-found", "There is no such payment, or it is not yours.")
    if isinstance(error, OtherLaw):
        return door_problem("unavailable", f"This worker cannot judge: {error}.", {"Retry-After": "1"})
    if isinstance(error, StoreUnavailable):
        return door_problem("unavailable", "The store does not answer.", {"Retry-After": "1"})
    log.error("a fault of ours", operation=operation, exc_info=error)
    return door_problem("internal-error", "The switch could not answer.")


def only_known(query: bytes, known: Sequence[str]) -> None:
    """Raise 400 where a query has a parameter that is not known: it would be passed over unseen."""
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "this path takes none"
            what = f"is no query parameter here; {there}"
            raise refused(
                "malformed",
                f"{field_path((name,))} {what}.",
                errors=[{"field": field_path((name,)), "what": what, "kind": "query"}],
            )


class Whole(Response):
    """A JSON answer that is there as a whole; made without what Starlette does for cookies, charsets and background tasks."""

    def __init__(self, body: bytes, status: int, headers: dict[str, str] | None) -> None:
        self.status_code, self.body, self.background = status, body, None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
        if headers:
            self.raw_headers += [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
            ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def json_answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with a JSON document."""
    return Whole(to_json(document), status, headers)


def parameter(name: str, place: str, description: str, required: bool = False, **schema: Any) -> dict[str, Any]:
    """Describe a parameter; `place` is path, query or header."""
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": description,
        "schema": {"type": "string"} | schema,
    }


def add_operations(app: FastAPI, operations: Iterable[Operation], problem: type[BaseModel], answered: Answered) -> None:
    """Serve operations, in this order, and describe them in the app's OpenAPI document."""
    known = tuple(operations)
    known_routes = [Route(operation, problem, answered) for operation in known]
    app.router.routes[:0] = known_routes
    app.state.straight = {
        (method, route.path): route.app
        for route in known_routes
        if "{" not in route.path
        for method in route.methods or ()
    }
    models: dict[type[BaseModel], None] = {problem: None}
    for operation in known:
        found = [operation.body, *(says.model for says in operation.answers.values())]
        models |= {model: None for model in found if isinstance(model, type)}

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
            components = document.setdefault("components", {})
            components["schemas"] = schemas["$defs"]
            components["examples"] = examples()
            components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation extends it


def front(app: FastAPI) -> ASGIApp:
    """Return what a server calls in place of the app: operations without path parameters at once, all else through FastAPI.

    A route answers its own exceptions, and no middleware is ours, so FastAPI's layers would add nothing but their time.
    """
    straight: Mapping[tuple[str, str], ASGIApp] = app.state.straight

    def lead(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        found = straight.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        return (found or app)(scope, receive, send)

    return lead


def _operation_id(operation: Operation) -> str:
    words = operation.path.removeprefix("/v1/").replace("{", "").replace("}", "").replace("/", "_").strip("_")
    return f"{operation.method.lower()}_{words}"


def _responses(operation: Operation, problem: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    found: dict[int | str, dict[str, Any]] = {}
    for status, says in operation.answers.items():
        schema = {"$ref": _REF.format(model=says.model.__name__)} if says.model else {"type": "string"}
        found[status] = {"description": says.description, "content": {says.media_type: {"schema": schema}}}
        if says.headers:
            found[status]["headers"] = says.headers
    problems = (*operation.problems, *((401, 403, 429) if operation.keyed else ()))
    for status, names in by_status(problems, operation.reasons).items():
        schema = {"$ref": _REF.format(model=problem.__name__)}
        shown = {name: {"$ref": f"#/components/examples/{name}"} for name in names}
        answer: dict[str, Any] = {
            "description": description(names),
            "content": {PROBLEM_JSON: {"schema": schema, "examples": shown}},
        }
        if status in (409, 429, 503):
            answer["headers"] = _RETRY_AFTER
        if status in found:
            found[status]["content"] |= answer["content"]
            found[status]["description"] += f". {answer['description']}"
        else:
            found[status] = answer
    return found


def _extra(operation: Operation) -> dict[str, Any]:
    extra: dict[str, Any] = {"parameters": list(operation.parameters)}
    if operation.keyed:
        extra["security"] = [{"key": []}]
        dev = "With the development key: act as this participant (BIC)"
        named = parameter("Bayswitch-Participant", "header", dev)
        extra["parameters"].append(named | ({"example": PARTICIPANT} if operation.for_one else {}))
    if operation.body is None:
        return extra
    if isinstance(operation.body, str):
        media_type, content = operation.body, {"schema": {"type": "string"}}
    else:
        media_type, content = "application/json", {"schema": {"$ref": _REF.format(model=operation.body.__name__)}}
    if operation.example is not None:
        content["example"] = operation.example
    extra["requestBody"] = {"required": True, "content": {media_type: content}}
    return extra
