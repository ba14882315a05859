"""The law to be read: on a day, one rule's whole history, what changed between two days. Everybody behind a key may."""

import asyncio
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from limits.calendars import law_day
from limits.examine.catalogue import history
from limits.examine.diff import diff, document_of
from switch.api import law_models as models
from switch.api.access import Gate
from switch.api.operations import Operation, Says, json_answer, parameter
from switch.api.problems import refused, wrong_query
from switch.sandbox import Sandbox

_A_DAY = "a law day (UTC+8); write 2026-03-05"


class Law:
    """Handlers of /v1/rulebook: of the rulebook this sandbox goes by, scenarios included."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    async def on_day(self, request: Request) -> Response:
        """Show the law of a day, of the business clock's where none is named."""
        await self._gate.enter(request)
        world = self._sandbox.world
        day = _day(request, "on") if "on" in request.query_params else law_day(world.clock.now())
        rulebook = world.rulebook
        return json_answer({"on": day.isoformat(), "rulebook_id": rulebook.id, "rules": rulebook.show(day)})

    async def of_rule(self, request: Request) -> Response:
        """Tell the whole history of a rule or a lane."""
        await self._gate.enter(request)
        rulebook, name = self._sandbox.world.rulebook, str(request.path_params["rule"])
        try:
            past = history(rulebook, name)
        except KeyError:
            raise refused("not-found", "There is no such rule or lane. GET /v1/rulebook lists the rules.") from None
        rows = [each._asdict() for each in past]
        return json_answer({"rule": name, "rulebook_id": rulebook.id, "history": rows})

    async def between(self, request: Request) -> Response:
        """Tell what changed between two days."""
        await self._gate.enter(request)
        first, last = _day(request, "from"), _day(request, "to")
        if last < first:
            raise wrong_query("to", "not before `from`: the earlier day comes first")
        rulebook = self._sandbox.world.rulebook
        # Beside the loop: all rules, lanes and rows of two days would hold up payments.
        changes = await asyncio.to_thread(lambda: [document_of(each) for each in diff(rulebook, first, rulebook, last)])
        return json_answer(
            {
                "from_day": first.isoformat(),
                "to_day": last.isoformat(),
                "rulebook_id": rulebook.id,
                "changes": changes,
            }
        )

    def operations(self) -> list[Operation]:
        """Return what is served here; the diff before the rule whose id it might be."""
        return [
            Operation(
                "GET", "/v1/rulebook", self.on_day, "Read the law of a day",
                "Every rule in force with value, window, effect, source and state; past days give the past law.", "rulebook",
                {200: Says("The law", models.RulebookDocument)}, ("malformed",), None,
                (parameter("on", "query", "The law day (UTC+8); the business clock's where it is left out", format="date"),),
            ),
            Operation(
                "GET", "/v1/rulebook/diff", self.between, "Read what changed between two days",
                "Rules, lanes, classification rows and tags that read otherwise, each step with its day and source.", "rulebook",
                {200: Says("What changed", models.DifferenceDocument)}, ("malformed",), None,
                (
                    parameter("from", "query", "The day before", True, format="date"),
                    parameter("to", "query", "The day after", True, format="date"),
                ),
            ),
            Operation(
                "GET", "/v1/rulebook/{rule}", self.of_rule, "Read the history of a rule or lane",
                "Every dated value with its source, its confidence and the clause in our words.", "rulebook",
                {200: Says("The history", models.HistoryDocument)}, ("not-found",), None,
                (parameter("rule", "path", "Id of a rule or lane: payment-connect.northbound.day", True),),
            ),
        ]  # fmt: skip


def _day(request: Request, name: str) -> date:
    try:
        return date.fromisoformat(request.query_params.get(name, ""))
    except ValueError:
        raise wrong_query(name, _A_DAY) from None
