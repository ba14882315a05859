"""Drills over HTTP: lists them, and plays one on this very sandbox, whose clock it moves. For operators."""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bayswitch import Problem
from bayswitch.player import NotSettled
from switch.api.access import Gate
from switch.api.drill_models import DrillDocument, DrillsDocument
from switch.api.operations import Operation, Says, json_answer, parameter
from switch.api.problems import refused
from switch.drills import drill


class Drills:
    """Handlers of /v1/sandbox/drills. `app` gives the application that the drill's calls go to: this one."""

    def __init__(self, gate: Gate, app: Callable[[], Any]) -> None:
        self._gate, self._app = gate, app
        self._one_at_a_time = asyncio.Lock()

    async def drills(self, request: Request) -> Response:
        """List the drills."""
        await self._gate.enter(request)
        found = [drill.read_drill(name) for name in drill.names()]
        return json_answer({"drills": [{"drill": each.name, "title": each.title, "tell": each.tell} for each in found]})

    async def run(self, request: Request) -> Response:
        """Play a drill and say what came of it."""
        await self._gate.enter_operator(request)
        name = request.path_params["name"]
        if name not in drill.names():
            raise refused("not-found", f"There is no such drill; there are {', '.join(drill.names())}.")
        if self._one_at_a_time.locked():
            raise refused("drill-running", "Another drill is being played.")
        key = request.headers["authorization"].partition(" ")[2].strip()
        async with self._one_at_a_time:
            player = drill.make_player("http://sandbox", key, self._app())
            try:
                outcome = await drill.run(drill.read_drill(name), player)
            except drill.NoSuchDay as error:
                raise refused("clock", f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
            except NotSettled as error:
                raise refused("unavailable", f"The sandbox was busy with other work: {error}.") from None
            except Problem as problem:  # of a call that a drill needs, as a rate limit
                raise refused("unavailable", f"A call of the drill was refused: {problem.title}.") from None
            finally:
                await player.close()
        return json_answer(outcome.document())

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        name = parameter("name", "path", "The drill's name", True)
        return [
            Operation(
                "GET", "/v1/sandbox/drills", self.drills, "List the drills", "Short stories of what goes wrong, each with what is to come of it.",
                "sandbox", {200: Says("The drills", DrillsDocument)},
            ),
            Operation(
                "POST", "/v1/sandbox/drills/{name}", self.run, "Play a drill",
                "On this sandbox: it moves the business clock to a later day and on, sends payments, sets faults and takes them back. Answers "
                "once all is done, with each step and whether what was expected came. For operators.", "sandbox",
                {200: Says("What came of it", DrillDocument)}, ("malformed", 404, "drill-running", "clock", "unavailable"), None, (name,),
            ),
        ]  # fmt: skip
