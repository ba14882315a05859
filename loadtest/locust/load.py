"""What the users of one Locust process share: what was asked for, the calls of the file's share, the judge, and the counts.

It imports no Locust, so that it can be tested without: importing Locust patches sockets.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from loadtest.answers import Answers, Verdict
from loadtest.traffic import Call, Mix, Ready, Traffic

GIVEN = "BAYSWITCH_LOAD"  # the variable of the environment in which the wrapper hands the locustfile what was asked for
CANNOT = 2  # exit status of a process that could not be asked, its reason said
STOP_SECONDS = 10  # for answers under way when the run is over: the switch takes 8 at most (docs/api.md)
TAG_LENGTH = 2  # of a kind of user, in the ids of its payments
_AGAIN_AFTER = 32  # calls before one is repeated: no kind of user has so many under way in one worker as a rule
_WRONG_MAX = 50  # different faults told; more of them tell nothing new


class Given(NamedTuple):
    """What was asked for. `workers`: how many share the file (1: no workers); `run` goes into all ids."""

    traffic: str
    key: str
    curve: str
    users: int
    seconds: float
    workers: int
    seed: int
    run: str
    only: tuple[str, ...]
    think_seconds: float
    out: str  # where the document is written

    def written(self) -> str:
        """Return it as text for the environment."""
        return json.dumps(self._asdict())

    @classmethod
    def read(cls, text: str) -> "Given":
        """Read it back."""
        fields = json.loads(text)
        return cls(**{**fields, "only": tuple(fields["only"])})


class Tally:
    """Counts of what payments were answered; those of workers are added up."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()

    def count(self, kind: str, verdict: Verdict) -> None:
        """Count one verdict on a payment, a repetition of one, or bad input."""
        self.outcomes[f"{kind} {verdict.outcome}"] += 1
        if verdict.reason:
            self.reasons[verdict.reason] += 1
        if verdict.wrong and (verdict.wrong in self.wrong or len(self.wrong) < _WRONG_MAX):
            self.wrong[verdict.wrong] += 1

    def taken(self) -> dict[str, dict[str, int]]:
        """Return what was counted since the last time, as a worker reports it."""
        document = self.document()
        self.__init__()  # type: ignore[misc]
        return document

    def add(self, counted: Mapping[str, Mapping[str, int]]) -> None:
        """Add what a worker reported."""
        self.outcomes.update(counted["outcomes"])
        self.reasons.update(counted["reasons"])
        self.wrong.update(counted["wrong"])

    def document(self) -> dict[str, dict[str, int]]:
        """Return the counts, the most frequent first."""
        return {name: dict(getattr(self, name).most_common()) for name in ("outcomes", "reasons", "wrong")}


class Load:
    """One process' part of a run."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.tally = Tally()
        self.chance = Random(given.seed)  # of thinking times
        self._answers = Answers()
        self._sources: dict[str, Iterator[Call]] = {}

    def calls(
        self, tag: str, worker: int, wanted: Callable[[Ready], bool], mix: Mix, batch: int = 0, form: str = "as-written"
    ) -> Iterator[Call]:
        """Return the calls of one kind of user: of this worker's lines alone, and under ids no other kind or worker gives.

        Raises ValueError where there are more workers than the run was told of: two of them would send the same.
        """
        found = self._sources.get(tag)
        if found is None:
            given = self.given
            if not 0 <= worker < given.workers:
                raise ValueError(f"worker {worker} came, but the file is shared by {given.workers}: say --workers")
            traffic = Traffic(
                Path(given.traffic),
                given.seed,
                share=(worker, given.workers),
                run=given.run + tag,
                mix=mix,
                form=form,
                wanted=wanted,
                again_after=_AGAIN_AFTER,
            )
            found = self._sources[tag] = traffic.batches(batch) if batch else traffic.calls()
        return found

    def judge(self, call: Call, status: int, body: bytes) -> tuple[Verdict, ...]:
        """Judge an answer and count it."""
        verdicts = self._answers.judge(call, status, body)
        for marks, verdict in zip(call.marks.items or (call.marks,), verdicts, strict=True):
            self.tally.count(marks.kind, verdict)
        return verdicts


def has_lines(path: Path, workers: int, wanted: Callable[[Ready], bool], form: str = "as-written") -> bool:
    """Whether each worker's share of a file has a line for a kind of user."""
    traffics = [Traffic(path, 0, share=(worker, workers), wanted=wanted, form=form) for worker in range(workers)]
    try:
        return all(traffic.has_lines() for traffic in traffics)
    finally:
        for traffic in traffics:
            traffic.close()


def request_rows(entries: Mapping[Any, Any], seconds: float) -> dict[str, Any]:
    """Write what Locust measured, by user: requests, failures, rate, and percentiles in milliseconds."""
    return {
        entry.name: {
            "requests": entry.num_requests,
            "failures": entry.num_failures,
            "per_second": round(entry.num_requests / seconds, 1) if seconds else 0.0,
            **{f"p{percent}_ms": entry.get_response_time_percentile(percent / 100) for percent in (50, 95, 99)},
        }
        for entry in sorted(entries.values(), key=lambda entry: str(entry.name))
    }
