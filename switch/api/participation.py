"""Who takes part at this moment: states of participants, and when a rail is closed besides its hours. For operators."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from rails.hours import Closure, closure
from switch.api import examples
from switch.api.access import Gate
from switch.api.control_models import CLOCK_MAX
from switch.api.operations import Operation, Says, json_answer, parameter
from switch.api.problems import refused, wrong_field
from switch.api.requests import SINGLE_BYTES_MAX, parse, read_body
from switch.api.shapes import Answer, Asked
from switch.participants.states import WHOLE
from switch.payment.instruction import Text140
from switch.sandbox import Sandbox

CLOSURES_MAX = 64  # of one rail: every one is looked at when an opening is computed


Instant = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=CLOCK_MAX)]


class ParticipantStateSetting(Asked):
    """What a participant is to be, on one rail or wherever it takes part."""

    state: Literal["active", "suspended", "offline"]
    rail: str | None = Field(default=None, max_length=64, description="None: wherever it takes part")


class ParticipantStateDocument(Answer):
    """What a participant is now."""

    bic: str
    state: str
    rails: dict[str, str] = Field(description="Rail -> state, of the rails it has joined")


class RailClosure(Asked):
    """A time in which a rail takes nothing; without `until` it is suspended until further notice."""

    model_config = ConfigDict(populate_by_name=True)

    since: Instant = Field(alias="from", description="Taken down to the whole minute")
    until: Instant | None = Field(default=None, description="Taken up to the whole minute; none: until further notice")
    why: Text140 = "maintenance"


class RailClosureSetting(Asked):
    """All closures of a rail, in place of those before; an empty list opens it in its hours again."""

    closures: list[RailClosure] = Field(max_length=CLOSURES_MAX)


class RailClosureDocument(Answer):
    """A rail's closures, and whether it is open now."""

    rail: str
    closures: list[dict[str, str | None]]
    open: dict[str, bool] = Field(description="Currency -> whether it takes payments now")


class Participation:
    """Handlers of states of participants and closures of rails."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    async def state(self, request: Request) -> Response:
        """Say what a participant is now."""
        await self._gate.enter(request)
        return self._state_answer(self._bic(request))

    async def set_state(self, request: Request) -> Response:
        """Have a participant be active, suspended or offline, in every worker."""
        await self._gate.enter_operator(request)
        bic = self._bic(request)
        wanted = parse(ParticipantStateSetting, await read_body(request, SINGLE_BYTES_MAX))
        joined = self._sandbox.world.registry.participants[bic].rails
        if wanted.rail is not None and wanted.rail not in joined:
            raise wrong_field("rail", f"is none that {bic} has joined; there are {', '.join(sorted(joined))}")
        await self._sandbox.set_participant_state(bic, wanted.rail or WHOLE, wanted.state)
        return self._state_answer(bic)

    async def closures(self, request: Request) -> Response:
        """Say when a rail is closed besides its hours."""
        await self._gate.enter(request)
        return self._closures_answer(self._rail(request))

    async def set_closures(self, request: Request) -> Response:
        """Announce when a rail is closed besides its hours, in every worker."""
        await self._gate.enter_operator(request)
        rail = self._rail(request)
        wanted = parse(RailClosureSetting, await read_body(request, SINGLE_BYTES_MAX))
        found: list[Closure] = []
        for n, each in enumerate(wanted.closures):
            try:
                found.append(closure(each.since, each.until, each.why))
            except ValueError as error:
                raise wrong_field(f"closures.{n}.until", f"{error}; give a later instant, or none") from None
        await self._sandbox.close_rail(rail, found)
        return self._closures_answer(rail)

    # --- answers ---

    def _bic(self, request: Request) -> str:
        given: str = request.path_params["bic"]
        found = self._sandbox.world.registry.find(given)
        if found is None or len(given) not in (8, 11):
            raise refused("not-found", "There is no such participant. GET /v1/participants lists them.")
        return found.bic

    def _rail(self, request: Request) -> str:
        name: str = request.path_params["rail"]
        if name not in self._sandbox.world.rails:
            raise refused(
                "not-found", f"There is no such rail; there are {', '.join(sorted(self._sandbox.world.rails))}."
            )
        return name

    def _state_answer(self, bic: str) -> Response:
        world = self._sandbox.world
        participant, day = world.registry.participants[bic], world.view(world.clock.now()).rules.day

        def state(rail: str) -> str:
            return world.standing.of(bic, participant.states, rail, day)

        return json_answer(
            {"bic": bic, "state": state(WHOLE), "rails": {rail: state(rail) for rail in participant.rails}}
        )

    def _closures_answer(self, name: str) -> Response:
        rail, now = self._sandbox.world.rails[name], self._sandbox.world.clock.now()
        shown = [
            {"from": _shown(each.start), "until": _shown(each.end) if each.end else None, "why": each.why}
            for each in rail.closures
        ]
        currencies = sorted(rail.capabilities.currencies)
        open_now = {currency: rail.is_open(now, currency) for currency in currencies}
        return json_answer({"rail": name, "closures": shown, "open": open_now})

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        bic = parameter("bic", "path", "The participant's BIC", True)
        rail = parameter("rail", "path", "The rail's name", True)
        errors = ("malformed", 404, 413, 415, "unavailable")
        return [
            Operation(
                "GET", "/v1/sandbox/participants/{bic}/state", self.state, "Read a participant's state", "Wholly, and on each rail.",
                "sandbox", {200: Says("The state", ParticipantStateDocument)}, (404,), None, (bic,),
            ),
            Operation(
                "POST", "/v1/sandbox/participants/{bic}/state", self.set_state, "Suspend a participant, take it offline, or have it back",
                "Payments from or to it are refused from the next batch on, in every worker: AB08 or AG11 for the creditor's agent, AB07 or "
                "AG10 for the debtor's. What was sent goes on; what waits is judged at its opening. For operators.", "sandbox",
                {200: Says("The state", ParticipantStateDocument)}, errors, ParticipantStateSetting, (bic,), example=examples.PARTICIPANT_STATE,
            ),
            Operation(
                "GET", "/v1/sandbox/rails/{rail}/maintenance", self.closures, "Read when a rail is closed besides its hours",
                "Announced maintenance, suspensions.", "sandbox", {200: Says("The closures", RailClosureDocument)}, (404,), None, (rail,),
            ),
            Operation(
                "POST", "/v1/sandbox/rails/{rail}/maintenance", self.set_closures, "Announce when a rail is closed besides its hours",
                "In place of what was announced before; payments take the lane's next rail, wait, or are refused, as out of hours. For operators.",
                "sandbox", {200: Says("The closures", RailClosureDocument)}, errors, RailClosureSetting, (rail,), example=examples.MAINTENANCE,
            ),
        ]  # fmt: skip


def _shown(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
