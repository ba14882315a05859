"""The house itself: is it alive, does it take payments, what has it done; who takes part, which accounts are magic."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from rails.magic import MAGIC, MARK
from switch.api import models
from switch.api.access import Gate
from switch.api.operations import Operation, Says, json_answer
from switch.flow.loops import WAITING_MAX
from switch.flow.ports import StoreUnavailable
from switch.flow.worker import Worker
from switch.sandbox import Sandbox

READY_SECONDS_MAX = 2.0  # a store slower than this takes no payments
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class House:
    """Handlers of health, metrics and what is known to all."""

    def __init__(self, sandbox: Sandbox, gate: Gate, answered: Counter[tuple[str, int]]) -> None:
        self._sandbox = sandbox
        self._gate = gate
        self._metrics = CollectorRegistry()
        self._metrics.register(WorkerCollector(sandbox.worker, answered))

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
        if len(self._sandbox.worker.waiting) >= WAITING_MAX:
            return json_answer({"status": "the queue is full"}, 503)
        return json_answer({"status": "ready"})

    async def metrics(self, request: Request) -> Response:
        """Give the metrics in Prometheus' text form."""
        return Response(generate_latest(self._metrics), media_type=_METRICS_TYPE)

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
            Operation(
                "GET", "/metrics", self.metrics, "Read the metrics", "Prometheus' text form.", "house",
                {200: Says("Metrics", None, "text/plain")}, keyed=False,
            ),
        ]  # fmt: skip


class WorkerCollector(Collector):
    """Reads what a worker counts, when asked: nothing is counted twice and the hot path counts in plain integers."""

    def __init__(self, worker: Worker, answered: Counter[tuple[str, int]]) -> None:
        self._worker = worker
        self._answered = answered

    def collect(self) -> Iterable[Metric]:
        """Give one family for each counter and gauge."""
        worker, counts = self._worker, self._worker.metrics
        answers = CounterMetricFamily(
            "bayswitch_http_answers", "Answers by operation and HTTP status", labels=["operation", "status"]
        )
        for (operation, status), value in self._answered.items():
            answers.add_metric([operation, str(status)], value)
        yield answers
        yield _counter("bayswitch_admissions", "Submissions by outcome", "outcome", counts.outcomes)
        yield _counter("bayswitch_payments", "Payments by status reached after acceptance", "status", counts.finished)
        yield _counter("bayswitch_returns", "Returns by state in which they were booked", "state", counts.returns)
        yield _counter("bayswitch_exceptions", "Exception records by kind", "kind", counts.exceptions)
        yield CounterMetricFamily(
            "bayswitch_stray_reports", "Reports for a UETR the store does not know", counts.strays
        )
        yield CounterMetricFamily(
            "bayswitch_reports_set_aside", "Reports that could not be carried out when they came", counts.set_aside
        )
        yield GaugeMetricFamily("bayswitch_waiting", "Submissions waiting to be accepted", len(worker.waiting))
        yield GaugeMetricFamily("bayswitch_flights", "Payments with a rail, not final", len(worker.flights))
        yield GaugeMetricFamily("bayswitch_closed_counters", "Counters on the closed board", len(worker.board.entries))
        yield GaugeMetricFamily(
            "bayswitch_board_linked", "1 while the worker hears other workers' news", int(worker.board.linked)
        )


def _counter(name: str, text: str, label: str, values: Counter[str]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
