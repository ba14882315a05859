"""Running a sandbox: its clock, payments in doubt, its rulebook, persons. For operators; thin over Sandbox."""

import asyncio
from datetime import datetime, timedelta

import structlog
from starlette.requests import Request
from starlette.responses import Response

from limits.calendars import law_day
from limits.documents import RulebookError
from limits.trial import blamed
from rails.identifiers import check
from switch.api import control_models, examples, models
from switch.api.access import Gate
from switch.api.operations import Operation, Says, json_answer
from switch.api.problems import refused, wrong_field
from switch.api.requests import SINGLE_BYTES_MAX, parse, read_body
from switch.clock import ClockError
from switch.participants.registry import own_limits
from switch.sandbox import Sandbox
from switch.trial import TrialFailed, try_apart

log = structlog.get_logger()

RULEBOOK_BYTES_MAX = 1 << 20  # the whole packaged law is about a third of it
_LATER = {"Retry-After": "5"}
BEFORE_SECONDS_MAX = 1.0  # for what is due before the clock moves; what cannot be done by then is done after it


class Controls:
    """Handlers of /v1/sandbox."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate
        self._trying = asyncio.Lock()  # of rulebooks: one at a time, each is a process

    async def clock(self, request: Request) -> Response:
        """Say the business time."""
        await self._gate.enter(request)
        return self._clock_answer()

    async def move_clock(self, request: Request) -> Response:
        """Move the business clock forward, stop it or let it run, and wait for what fell due."""
        await self._gate.enter_operator(request)
        move = parse(control_models.ClockMove, await read_body(request, SINGLE_BYTES_MAX))
        if not move.model_fields_set:
            raise wrong_field("to", "nothing is asked; give to or advance_seconds, rate, settle")
        to = self._target(move)
        if to is not None or move.rate is not None:
            if move.settle:  # what is due before the clock moves happens before it
                await self._sandbox.settle_down(min(move.settle, BEFORE_SECONDS_MAX))
            try:
                await self._sandbox.move_clock(to, move.rate)
            except ClockError as error:
                raise refused("clock", f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
        settled = await self._sandbox.settle_down(move.settle) if move.settle else None
        return self._clock_answer(settled)

    def _target(self, move: control_models.ClockMove) -> datetime | None:
        if move.to is not None and move.advance_seconds is not None:
            raise refused("clock", "Both an instant and seconds are given; give one of the two.")
        if move.advance_seconds is not None:
            to = self._sandbox.world.clock.now() + timedelta(seconds=move.advance_seconds)
            if to > control_models.CLOCK_MAX:
                raise refused("clock", "The clock ends in the year 2100.")
            return to
        return move.to

    def _clock_answer(self, settled: bool | None = None) -> Response:
        clock = self._sandbox.world.clock
        return json_answer({"now": clock.now().isoformat(), "rate": clock.rate, "settled": settled})

    async def rulebook(self, request: Request) -> Response:
        """Say which rulebook is in force."""
        await self._gate.enter(request)
        return self._rulebook_answer()

    async def set_rulebook(self, request: Request) -> Response:
        """Go by another rulebook from now on, in every worker; nothing stops and nothing in flight is judged again."""
        await self._gate.enter_operator(request)
        overlays = parse(control_models.RulebookChange, await read_body(request, RULEBOOK_BYTES_MAX)).overlays
        today = law_day(self._sandbox.world.clock.now())
        limits = own_limits(self._sandbox.world.registry)
        try:
            async with self._trying:
                tried = await asyncio.to_thread(try_apart, overlays, (today,), limits)
        except RulebookError as error:
            n = blamed(overlays, error)
            raise wrong_field("overlays" if n is None else f"overlays.{n}", str(error)) from None
        except TrialFailed as error:
            log.warning("a rulebook was not tried", error=str(error))
            raise refused(
                "unavailable", "Whether the rulebook can be gone by was not found out in time.", _LATER
            ) from None
        if faults := tried.own_limit_faults:
            raise wrong_field("overlays", f"participants' own limits do not go with it: {'; '.join(faults)}")
        before = self._sandbox.world.rulebook.id
        await self._sandbox.take_rulebook(tried.rulebook_id, overlays)
        return self._rulebook_answer(before)

    def _rulebook_answer(self, before: str | None = None) -> Response:
        rulebook = self._sandbox.world.rulebook
        names = [str(overlay.get("name", n)) for n, overlay in enumerate(rulebook.overlays, 1)]
        changed = before if before != rulebook.id else None
        return json_answer({"rulebook_id": rulebook.id, "overlays": names, "before": changed})

    async def link_persons(self, request: Request) -> Response:
        """Make two documents one person's; the answer repeats neither."""
        await self._gate.enter_operator(request)
        link = parse(models.PersonLink, await read_body(request, SINGLE_BYTES_MAX))
        for n, document in enumerate(link.documents):
            what = check(document.type, document.number, document.country)
            if what is not None:
                raise wrong_field(f"documents.{n}.number", what)
        first, second = link.documents
        return json_answer({"linked": await self._sandbox.link_persons(first, second)})

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        return [
            Operation(
                "GET", "/v1/sandbox/clock", self.clock, "Read the business clock", "Limits, hours and deadlines follow it.", "sandbox",
                {200: Says("The clock", control_models.ClockDocument)},
            ),
            Operation(
                "POST", "/v1/sandbox/clock", self.move_clock, "Move the business clock",
                "Forward only; `settle` waits until nothing is due at the new instant. For operators.", "sandbox",
                {200: Says("The clock as it then stands", control_models.ClockDocument)}, ("malformed", 413, 415, "clock", "unavailable"), control_models.ClockMove,
                example=examples.CLOCK,
            ),
            Operation(
                "GET", "/v1/sandbox/rulebook", self.rulebook, "Read which rulebook is in force", "Its id stands in each payment it judged.",
                "sandbox", {200: Says("The rulebook", control_models.RulebookStateDocument)},
            ),
            Operation(
                "POST", "/v1/sandbox/rulebook", self.set_rulebook, "Go by another rulebook",
                "The packaged law with the overlays given, from the next batch on in every worker; no batch is judged by two. What a counter "
                "holds it keeps. For operators.", "sandbox",
                {200: Says("The rulebook now in force", control_models.RulebookStateDocument)}, ("malformed", 413, 415, "unavailable"),
                control_models.RulebookChange, example=examples.RULEBOOK,
            ),
            Operation(
                "POST", "/v1/sandbox/persons/links", self.link_persons, "Link two documents of one person",
                "What is used under both counts together from then on, in every window; nothing undoes it. For operators.", "sandbox",
                {200: Says("Whether that was new", models.PersonLinkDocument)}, ("malformed", 413, 415, "unavailable"), models.PersonLink,
                example=examples.PERSON_LINK,
            ),
        ]  # fmt: skip
