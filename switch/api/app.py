"""The HTTP surface of one sandbox (design 8), put together from its operations. Opens nothing; knows no payment rule."""

from collections import defaultdict

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from switch.api.access import Access, Gate, Limiter
from switch.api.allowances import Allowances
from switch.api.controls import Controls
from switch.api.decisions import Decisions
from switch.api.desks.history import MessageHistory
from switch.api.desks.messages import Messages
from switch.api.drills import Drills
from switch.api.hkqr import HkqrDesk
from switch.api.house import House
from switch.api.intake import Intake
from switch.api.law import Law
from switch.api.lookups import Lookups
from switch.api.metrics import MetricsDesk
from switch.api.models import ProblemDocument
from switch.api.operations import Route, add_operations
from switch.api.participation import Participation
from switch.api.payments import Payments
from switch.api.persons import PersonsDesk
from switch.api.problems import door_problem
from switch.api.proxies import Proxies
from switch.api.rail_controls import RailControls
from switch.api.recalls import Recalls
from switch.api.reports import Reports
from switch.api.stream import Stream
from switch.flow.metrics import Histogram
from switch.sandbox import Sandbox

_DESCRIPTION = """A simulator: participants and persons are fictional; schemes, rules and their figures carry real names and sources.
Amounts are decimal strings, never numbers. Problems follow RFC 9457 and say what to do."""


def create_app(sandbox: Sandbox, access: Access, limiter: Limiter | None = None) -> FastAPI:
    """Make the application of a sandbox that someone else starts and stops."""
    app: FastAPI = FastAPIOffline(title="bayswitch", version="1", description=_DESCRIPTION, redirect_slashes=False)
    answered: defaultdict[tuple[str, int], Histogram] = defaultdict(Histogram)
    gate = Gate(access, sandbox.world.registry.participants, limiter)
    intake = Intake(sandbox)
    stream = Stream(sandbox, gate)
    metrics = app.state.metrics = MetricsDesk(sandbox, answered, stream)
    operations = [
        *Payments(sandbox, gate, intake).operations(),
        *Recalls(sandbox, gate).operations(),
        *Messages(sandbox, gate).operations(),
        *MessageHistory(sandbox, gate).operations(),
        *Allowances(sandbox, gate).operations(),
        *Law(sandbox, gate).operations(),
        *Reports(sandbox, gate).operations(),
        *stream.operations(),
        *Controls(sandbox, gate).operations(),
        *Decisions(sandbox, gate).operations(),
        *RailControls(sandbox, gate).operations(),
        *Drills(gate, lambda: app).operations(),
        *Participation(sandbox, gate).operations(),
        *PersonsDesk(sandbox, gate).operations(),
        *Proxies(sandbox, gate).operations(),
        *Lookups(sandbox, gate).operations(),
        *HkqrDesk(sandbox, gate).operations(),
        *House(sandbox, gate).operations(),
        *metrics.operations(),
    ]
    add_operations(app, operations, ProblemDocument, answered)
    app.add_exception_handler(HTTPException, _unrouted)
    return app


async def _unrouted(request: Request, error: Exception) -> Response:
    """Answer what no operation takes: an unknown path, another method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        known = [
            route
            for route in request.app.routes
            if isinstance(route, Route) and route.path_regex.match(request.url.path)
        ]
        allowed = ", ".join(sorted(method for route in known for method in route.methods or ()))
        return door_problem("method-not-allowed", "This path does not take this method.", {"Allow": allowed})
    if error.status_code == 404:
        return door_problem("not-found", "There is no such path. GET /openapi.json lists them.")
    return door_problem("malformed", "The request cannot be read.")
