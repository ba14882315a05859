"""The samples of one worker: what it has counted, and what it holds at this moment. Reads memory alone, so it never waits.

Samples are plain values that go through JSON, since a worker may answer for another (metrics_siblings).
"""

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from switch.api.metrics_build import build
from switch.api.operations import Answered
from switch.api.stream import Stream
from switch.flow.metrics import Histogram, Stage
from switch.flow.pauses import Pauses
from switch.flow.ports import ACCEPTED, AGAIN, REFUSED, REPLAYED
from switch.sandbox import Sandbox

# By series: label values, and a number, or of a histogram [counts, sum].
Samples = dict[str, list[tuple[tuple[str, ...], Any]]]
# Closed sets of labels count from the start: a rate over a series that is not there yet misses its first event.
_NONE_SHED = dict.fromkeys(("alone", "bulk", "full"), 0)  # the words of switch.flow.intake
_NONE_JUDGED = dict.fromkeys((ACCEPTED, REFUSED, REPLAYED, AGAIN), 0)
_STATM = Path("/proc/self/statm")  # Linux: pages of memory, the resident ones second


def worker_samples(sandbox: Sandbox, answered: Answered, pauses: Pauses) -> Samples:
    """Read all that the worker counts itself."""
    metrics = sandbox.worker.metrics
    return {
        **_door(answered),
        "bayswitch_shed_payments": _counted({**_NONE_SHED, **metrics.shed}),
        "bayswitch_lapsed_payments": [((), sandbox.worker.intake.lapsed)],
        "bayswitch_admissions": _counted({**_NONE_JUDGED, **metrics.outcomes}),
        "bayswitch_refusals": _counted(metrics.refusals),
        "bayswitch_payments": _counted(metrics.finished),
        **_stages(metrics.stages),
        "bayswitch_loop_failures": _counted(metrics.faults),
        "bayswitch_accept_batches": _counted(sandbox.store.usage().batches),
        "bayswitch_rail_reports": _counted(metrics.reports),
        "bayswitch_rail_call_seconds": _histograms(metrics.rail_calls),
        "bayswitch_rail_call_failures": _counted(metrics.rail_failures),
        "bayswitch_rail_turn_seconds": _histograms({(rail,): found for rail, found in metrics.turns.items()}),
        "bayswitch_stray_reports": [((), metrics.strays)],
        "bayswitch_reports_out_of_turn": [((), metrics.out_of_turn)],
        "bayswitch_reports_set_aside": [((), metrics.set_aside)],
        "bayswitch_exceptions": _counted(metrics.exceptions),
        "bayswitch_returns": _counted(metrics.returns),
        **_in_hand(sandbox),
        **_connections(sandbox),
        **_world(sandbox),
        **_process(pauses),
    }


def outbox_samples(stream: Stream, now: float, unread: int | None) -> Samples:
    """Read how the event streams of this worker keep up; `now` is the loop's time."""
    slowest = stream.slowest()
    found: Samples = {"bayswitch_outbox_streams": [((), len(stream.readers))]}
    if slowest is not None:
        found["bayswitch_outbox_lag_seconds"] = [((), max(0.0, now - slowest.caught_up_at))]
        if unread is not None:
            found["bayswitch_outbox_unread_events"] = [((), unread)]
    return found


def _door(answered: Answered) -> Samples:
    answers: list[tuple[tuple[str, ...], Any]] = []
    classes: dict[tuple[str, str], Histogram] = {}
    for (operation, status), found in answered.items():
        answers.append(((operation, str(status)), sum(found.counts)))
        merged = classes.setdefault((operation, f"{status // 100}xx"), Histogram(found.bounds))
        merged.counts = [one + other for one, other in zip(merged.counts, found.counts, strict=True)]
        merged.total += found.total
    return {"bayswitch_http_answers": answers, "bayswitch_http_answer_seconds": _histograms(classes)}


def _stages(stages: Iterable[Stage]) -> Samples:
    passed = [stage for stage in stages if stage.items.total]
    return {
        "bayswitch_stage_seconds": _histograms({(stage.name,): stage.seconds for stage in passed}),
        "bayswitch_stage_payments": _histograms({(stage.name,): stage.items for stage in passed}),
        "bayswitch_stage_failures": [
            ((stage.name, kind), count) for stage in passed for kind, count in stage.failures.items()
        ],
    }


def _in_hand(sandbox: Sandbox) -> Samples:
    worker, intake, flights = sandbox.worker, sandbox.worker.intake, sandbox.worker.flights
    unsent, sending = len(flights.unsent), sum(map(len, flights.sending.values()))
    places = {
        "waiting": len(intake.alone),
        "waiting-bulk": len(intake.bulk),
        "deciding": intake.deciding,
        "unsent": unsent,
        "sending": sending,
        "under-way": max(0, len(flights) - unsent - sending),
    }
    now = sandbox.world.clock.now()
    overdue = [flight.deadline_at for flight in flights.by_key.values() if flight.deadline_at <= now]
    oldest = now - min(overdue, default=now)
    return {
        "bayswitch_in_hand_payments": _counted(places),
        "bayswitch_in_doubt_payments": [((), len(overdue))],
        "bayswitch_in_doubt_oldest_seconds": [((), oldest / timedelta(seconds=1))],
        "bayswitch_closed_counters": [((), len(worker.board.entries))],
        "bayswitch_board_linked": [((), int(worker.board.linked))],
    }


def _connections(sandbox: Sandbox) -> Samples:
    usage = sandbox.store.usage()
    found: Samples = {"bayswitch_pool_connections": _counted(usage.connections)}
    if usage.waiters is not None:
        found["bayswitch_pool_waiters"] = [((), usage.waiters)]
    return found


def _world(sandbox: Sandbox) -> Samples:
    world, renewed_at = sandbox.world, sandbox.worker.metrics.lease_renewed_at
    found: Samples = {
        "bayswitch_world_generation": [((), world.generation)],
        "bayswitch_other_law": [((), int(bool(world.other_law)))],
        "bayswitch_clock_rate": [((), world.clock.rate)],
        "bayswitch_clock_offset_seconds": [((), world.clock.offset_seconds)],
    }
    if renewed_at:
        found["bayswitch_lease_age_seconds"] = [((), time.perf_counter() - renewed_at)]
    return found


def _process(pauses: Pauses) -> Samples:
    generations = {(str(n),): found for n, found in enumerate(pauses.collections)}
    found: Samples = {
        "bayswitch_gc_pause_seconds": _histograms(generations),
        "bayswitch_loop_late_seconds": _histograms({(): pauses.late}),
        "bayswitch_process_cpu_seconds": [((), time.process_time())],
        "bayswitch_build_info": [(build(), 1)],
    }
    with suppress(OSError):
        pages = int(_STATM.read_text("ascii").split()[1])
        found["bayswitch_process_resident_bytes"] = [((), pages * os.sysconf("SC_PAGE_SIZE"))]
    return found


def _counted(counts: Mapping[Any, int]) -> list[tuple[tuple[str, ...], Any]]:
    return [((key,) if isinstance(key, str) else key, value) for key, value in counts.items()]


def _histograms(found: Mapping[Any, Histogram]) -> list[tuple[tuple[str, ...], Any]]:
    return [(labels, [histogram.counts, histogram.total]) for labels, histogram in found.items()]
