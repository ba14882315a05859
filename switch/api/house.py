"""The house itself: is it alive, does it take payments; who takes part, which accounts are magic."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from rails.magic import MAGIC, MARK
from switch.api import models
from switch.api.access import Gate
from switch.api.operations import Operation, Says, json_answer
from switch.flow.ports import StoreUnavailable
from switch.sandbox import Sandbox

READY_SECONDS_MAX = 2.0  # a store slower than this takes no payments


class House:
    """Handlers of health and what is known to all."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    async def alive(self, request: Request) -> Response:
        """Say that the process answers."""
        return json_answer({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        """Say whether payments are taken: the store answers and the queue has room."""
        try:
            async with asyncio.timeout(READY_SECONDS_MAX):
                await self._sandbox.store.generation()
        except (StoreUnavailable, TimeoutError):
            return json_answer({"status": "the store does not answer"}, 503)
        if self._sandbox.world.other_law:
            return json_answer({"status": self._sandbox.world.other_law}, 503)
        if self._sandbox.worker.intake.full:
            return json_answer({"status": "the queue is full"}, 503)
        return json_answer({"status": "ready"})

    async def participants(self, request: Request) -> Response:
        """List who takes part."""
        await self._gate.enter(request)
        found = [
            {
                "bic": each.bic,
                "name": each.name,
                "country": each.country,
                "kind": each.kind,
                "settles_through": each.settles_through,
                "rails": {rail: since.isoformat() for rail, since in each.rails.items()},
                "schemes": {scheme: since.isoformat() for scheme, since in each.schemes},
            }
            for each in self._sandbox.world.registry.participants.values()
        ]
        return json_answer({"participants": found})

    async def magic(self, request: Request) -> Response:
        """List the magic creditor accounts."""
        await self._gate.enter(request)
        return json_answer(
            {"accounts": [{"account": f"{MARK}-{row.name}", "description": row.description} for row in MAGIC]}
        )

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        return [
            Operation(
                "GET", "/v1/participants", self.participants, "List the participants", "All of them fictional.", "sandbox",
                {200: Says("Who takes part", models.ParticipantList)},
            ),
            Operation(
                "GET", "/v1/magic", self.magic, "List the magic creditor accounts",
                "A bank code may stand before, a number after; REJECT- and any reason code rejects with it.", "sandbox",
                {200: Says("The table", models.MagicList)},
            ),
            Operation(
                "GET", "/healthz", self.alive, "Is it alive?", "200 while the process answers.", "house",
                {200: Says("Alive", models.HealthDocument)}, keyed=False,
            ),
            Operation(
                "GET", "/readyz", self.ready, "Does it take payments?", "200 when it does.", "house",
                {200: Says("Ready", models.HealthDocument), 503: Says("Not ready", models.HealthDocument)}, keyed=False,
            ),
        ]  # fmt: skip
