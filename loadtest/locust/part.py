"""One Locust process' part of a run: the users for whom the file has lines, the curve asked for, and the reports of the workers put together.

Importing this imports Locust, which patches sockets: only the locustfile does.
"""

import json
from pathlib import Path
from typing import Any

from locust import LoadTestShape, events
from locust.env import Environment
from locust.runners import WORKER_REPORT_INTERVAL, WorkerRunner

from loadtest.locust import users
from loadtest.locust.curves import load_curves
from loadtest.locust.load import STOP_SECONDS, Given, Load, has_lines, request_rows
from loadtest.traffic import TrafficError

_REPORT = "bayswitch"  # in what a worker reports to its master
_FAILURES_TOLD_MAX = 20


class Part:
    """What is asked for, and what this process counts of it."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._load = Load(given)

    def offered(self) -> dict[str, type]:
        """Return the classes for Locust to find, by name: users, and the shape of their number; raises TrafficError where nobody is left."""
        given, names = self._given, [kind.__name__ for kind in users.KINDS]
        if unknown := [name for name in given.only if name not in names]:
            raise TrafficError(f"--only: no user {', '.join(unknown)}; there are {', '.join(names)}")
        kinds = {kind.__name__: kind for kind in users.KINDS if self._chosen(kind)}
        if not kinds:
            raise TrafficError(f"{given.traffic} has no lines for {', '.join(given.only) or 'any user'}")
        return {**kinds, "Shape": _shape(self._given)}

    def listen(self) -> None:
        """Take part in what Locust says happens."""
        events.init.add_listener(self._begin)
        events.report_to_master.add_listener(self._report)
        events.worker_report.add_listener(self._reported)
        events.quitting.add_listener(self._write)

    def _chosen(self, kind: type[users.Sender]) -> bool:
        given = self._given
        wanted = not given.only or kind.__name__ in given.only
        return wanted and has_lines(Path(given.traffic), given.workers, kind.wanted, kind.form)

    def _begin(self, environment: Environment, **_: Any) -> None:
        environment.bayswitch = self._load  # type: ignore[attr-defined]

    def _report(self, client_id: str, data: dict[str, Any]) -> None:
        data[_REPORT] = self._load.tally.taken()

    def _reported(self, client_id: str, data: dict[str, Any]) -> None:
        self._load.tally.add(data[_REPORT])

    def _write(self, environment: Environment, **_: Any) -> None:
        if isinstance(environment.runner, WorkerRunner):
            return
        given, stats = self._given, environment.stats
        total = stats.total
        seconds = max((total.last_request_timestamp or 0) - (total.start_time or 0), 0)
        failures = sorted(stats.errors.values(), key=lambda error: -error.occurrences)[:_FAILURES_TOLD_MAX]
        document = {
            "run": given.run,
            "curve": given.curve,
            "workers": given.workers,
            "seconds": round(seconds, 1),
            "requests": total.num_requests,
            "failures": total.num_failures,
            "per_second": round(total.num_requests / seconds, 1) if seconds else 0.0,
            "users": request_rows(stats.entries, seconds),
            **self._load.tally.document(),
            "failed": [{"user": each.name, "error": str(each.error), "count": each.occurrences} for each in failures],
        }
        Path(given.out).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def _shape(given: Given) -> type[LoadTestShape]:
    curve = load_curves()[given.curve]
    tell_seconds = WORKER_REPORT_INTERVAL + 1 if given.workers > 1 else 0

    class Shape(LoadTestShape):
        """The curve of users over the run, then nobody until all answers are there and all workers have told theirs."""

        _nobody_since: float | None = None

        def tick(self) -> tuple[int, float] | None:
            """Say how many users there should be now; None ends the run."""
            now = self.get_run_time()
            count = curve.users(now, given.seconds, given.users)
            if count is not None:
                return count, float(given.users)
            if self.get_current_user_count() == 0 and self._nobody_since is None:
                self._nobody_since = now
            # Locust gives workers half a second to tell their last; what is told by then is not lost.
            told = self._nobody_since is not None and now - self._nobody_since > tell_seconds
            return None if told or now > given.seconds + STOP_SECONDS + tell_seconds else (0, float(given.users))

    return Shape
