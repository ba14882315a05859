"""/metrics: the numbers of all workers of this machine and of the sandbox's books, in Prometheus' text form.

It never fails and never waits long: what a store does not say within a quarter of a second is absent, not zero.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import accumulate
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from starlette.requests import Request
from starlette.responses import Response

from switch.api.metrics_books import BookReadings
from switch.api.metrics_series import COUNTER, HISTOGRAM, SERIES, Series
from switch.api.metrics_siblings import Siblings
from switch.api.metrics_worker import Samples, outbox_samples, worker_samples
from switch.api.operations import Answered, Operation, Says
from switch.api.stream import Stream
from switch.flow.metrics import ITEMS, SECONDS
from switch.flow.pauses import Pauses
from switch.sandbox import Sandbox

PUBLISH_SECONDS = 1.0  # between two snapshots for the other workers
_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsDesk:
    """Handler of /metrics."""

    def __init__(self, sandbox: Sandbox, answered: Answered, stream: Stream) -> None:
        self._sandbox, self._answered, self._stream = sandbox, answered, stream
        self._books = BookReadings(sandbox, stream)
        self._pauses = Pauses()
        self._label = str(sandbox.worker.incarnation)
        self._siblings: Siblings | None = None

    @asynccontextmanager
    async def watching(self, folder: Path | None = None) -> AsyncIterator[None]:
        """Watch the process's pauses meanwhile, and share samples with the other workers through `folder`, where there are any."""
        self._siblings = Siblings(folder, self._label) if folder is not None else None
        task = asyncio.create_task(self._publishing())
        try:
            with self._pauses.watched():
                yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if self._siblings is not None:
                self._siblings.withdraw()

    async def _publishing(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if self._siblings is not None:
                self._siblings.publish(await self._own())
            due = loop.time() + PUBLISH_SECONDS
            await asyncio.sleep(PUBLISH_SECONDS)
            self._pauses.late.add(max(0.0, loop.time() - due))

    async def _own(self) -> Samples:
        now = asyncio.get_running_loop().time()
        return {
            **worker_samples(self._sandbox, self._answered, self._pauses),
            **outbox_samples(self._stream, now, await self._books.unread(now)),
            "bayswitch_store_readings_failed": [((name,), count) for name, count in self._books.failed.items()],
        }

    async def serve(self, request: Request) -> Response:
        """Give the metrics."""
        books = await self._books.samples()
        workers = {self._label: (0.0, await self._own())}
        if self._siblings is not None:
            workers |= self._siblings.others()
        parts: list[bytes] = []
        for family in families(workers, books):
            parts.append(generate_latest(_Given([family])))
            await asyncio.sleep(0)  # 6 us a sample: payments go on between two series
        return Response(b"".join(parts), media_type=_TYPE)

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        return [
            Operation(
                "GET", "/metrics", self.serve, "Read the metrics", "Prometheus' text form; docs/metrics.md lists the series.", "house",
                {200: Says("Metrics", None, "text/plain")}, keyed=False,
            )
        ]  # fmt: skip


class _Given:
    """What the library's encoder takes for a registry."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families

    def restricted_registry(self, names: Iterable[str]) -> "_Given":
        return _Given([family for family in self._families if family.name in set(names)])


def families(workers: Mapping[str, tuple[float, Samples]], books: Samples) -> list[Metric]:
    """Put together the samples of workers, by label with their age, and of the books; in the order of the table."""
    found: dict[str, Metric] = {}

    def add(name: str, lead: tuple[str, ...], rows: Iterable[tuple[Sequence[str], object]]) -> None:
        series = SERIES[name]
        for labels, value in rows:
            if len(labels) != len(series.labels):
                continue  # a sibling of another version
            family = found.get(name) or found.setdefault(name, _family(series))
            _add(family, [*lead, *labels], value, ITEMS if name == "bayswitch_stage_payments" else SECONDS)

    for label, (age, samples) in workers.items():
        for name, rows in samples.items():
            if name in SERIES:  # a sibling may be of another version
                add(name, (label,), rows)
        add("bayswitch_snapshot_age_seconds", (label,), [((), age)])
    for name, rows in books.items():
        add(name, (), rows)
    return [found[name] for name in SERIES if name in found]


def _family(series: Series) -> Metric:
    if series.kind == HISTOGRAM:
        return HistogramMetricFamily(series.name, series.help, labels=series.all_labels)
    if series.kind == COUNTER:
        return CounterMetricFamily(series.name, series.help, labels=series.all_labels)
    return GaugeMetricFamily(series.name, series.help, labels=series.all_labels)


def _add(family: Metric, labels: list[str], value: object, bounds: Iterable[float]) -> None:
    if isinstance(family, HistogramMetricFamily):
        assert isinstance(value, list)
        counts, total = value
        named = [*(str(float(bound)) for bound in bounds), "+Inf"]
        family.add_metric(labels, list(zip(named, accumulate(counts), strict=True)), total)
    else:
        assert isinstance(family, CounterMetricFamily | GaugeMetricFamily)
        assert isinstance(value, int | float)
        family.add_metric(labels, value)
