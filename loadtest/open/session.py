"""A whole load: steps or a search for the knee, second by second, and the one document that tells of it.

It knows how figures are put together; how calls are sent is the runner's, what they say measured.py's.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from loadtest.open.gate import ACCEPTED_SHARE_MIN, Gate, gate
from loadtest.open.histogram import PRECISION, Histogram
from loadtest.open.knee import FAILS, HOLDS, Knee, Search, faults, verdict
from loadtest.open.measured import NOT_ANSWERED, Measured
from loadtest.open.runner import Outcome, Runner, Settings
from loadtest.open.schedule import Schedule, Step, schedule
from loadtest.traffic import Call
from loadtest.verdicts import REFUSED, SHED, WRONG
from loadtest.wire import Address, Requests

CONFIRM_SECONDS = 15.0  # the knee and its half are measured longer than the steps that led there
CONFIRM_TRIES = 5
_CONFIRM_FACTOR = 0.9  # what did not hold when measured longer is tried so much lower
_WARM_UP_SECONDS = 5.0  # before a search: the first calls of a switch that has just started say nothing about its knee
_UNCONFIRMED = "the rate that was found did not hold when it was measured longer"
_SHOWN_MAX = 50  # reasons of each kind; what is beyond is summed up


class Session:
    """Runs loads against one address and keeps all that is told in the end."""

    def __init__(
        self, address: Address, requests: Requests, calls: Iterator[Call], settings: Settings, arrivals: str, seed: int,
        ceiling_per_second: float, say: Callable[[str], None], accepted_share_min: float = ACCEPTED_SHARE_MIN,
    ) -> None:  # fmt: skip
        self._runner = Runner(address, requests, calls, settings)
        self._arrivals, self._seed, self._ceiling, self._say = arrivals, seed, ceiling_per_second, say
        self._steps: list[dict[str, Any]] = []
        self._accepted_share_min = accepted_share_min
        self._gates: list[Gate] = []
        self._beyond: list[Gate] = []  # of rates that failed in a search
        self._series: list[dict[str, Any]] = []
        self._outcomes: Counter[Outcome] = Counter()
        self._in_all: Counter[str] = Counter()  # as `total`, the calls of warm-ups too
        self._acceptance, self._completion = Histogram(), Histogram()
        self._samples_open = 0
        self._started_at: float | None = None

    async def steps(self, steps: Sequence[Step]) -> list[dict[str, Any]]:
        """Run steps without a gap; their documents."""
        plan = schedule(steps, self._arrivals, self._seed + len(self._steps))
        measured, offset = await self._measured(plan)
        return [self._step(measured, n, plan.judged(n), step, plan.begins[n], offset) for n, step in enumerate(steps)]

    async def _measured(self, plan: Schedule) -> tuple[Measured, int]:
        """Run a plan, keep its seconds; its figures, and the second of the whole load at which it began."""
        kept = await self._runner.run(plan)
        if self._started_at is None:
            self._started_at = kept.started_at
        measured, offset = Measured(plan, kept), round(kept.started_at - self._started_at)
        self._series += measured.by_second(offset)
        self._in_all.update(measured.counts(slice(None))._asdict())
        return measured, offset

    def _step(self, measured: Measured, n: int, window: slice, step: Step, begin: float, offset: int) -> dict[str, Any]:
        counts, outcomes = measured.counts(window), measured.outcomes(window)
        acceptance, completion = measured.acceptance(window), measured.completion(window)
        lateness = measured.lateness(window)
        judged_seconds = step.seconds - step.warm_up_seconds  # of every rate: the calls that were to be sent in them
        unanswered = dict(measured.unanswered(window).most_common(_SHOWN_MAX))
        accepted_share = share(counts.accepted, counts.payments)
        found = gate(
            counts.offered, counts.sent, counts.answered, unanswered,
            measured.cpu_share(begin, begin + step.seconds), step.rate, self._ceiling, 1000 * lateness.percentile(99),
            accepted_share, self._accepted_share_min,
        )  # fmt: skip
        self._gates.append(found)
        self._outcomes += outcomes
        self._acceptance.add(acceptance)
        self._completion.add(completion)
        self._samples_open += (still_open := measured.open_samples(window))
        document = {
            "name": step.name,
            "rate": step.rate,
            "begin_second": offset + begin,
            "seconds": step.seconds,
            "warm_up_seconds": step.warm_up_seconds,
            **counts._asdict(),
            "answered_per_second": round(counts.answered / judged_seconds, 2),
            "payments_per_second": round(counts.payments / judged_seconds, 2),
            "accepted_per_second": round(counts.accepted / judged_seconds, 2),
            "accepted_share": accepted_share,
            "shed_share": share(counts.shed, counts.payments),
            "acceptance_ms": acceptance.milliseconds(),
            "completion_ms": completion.milliseconds() | {"still_open": still_open},
            "generator_lateness_ms": lateness.milliseconds((50, 99)),
            "gate": gate_document(found),
        }
        self._steps.append(document)
        mark = "" if found.valid else "  INVALID: " + "; ".join(found.why)
        self._say(
            f"{step.name or 'step'}: offered {step.rate:,.0f}/s, answered {document['answered_per_second']:,.0f}/s, "
            f"p50 {document['acceptance_ms']['p50']:,.1f} ms, p99 {document['acceptance_ms']['p99']:,.1f} ms "
            f"(n {acceptance.count:,}), "
            f"accepted {accepted_share:.1%}, shed {document['shed_share']:.2%}{mark}"
        )
        return document

    async def knee(self, search: Search) -> dict[str, Any]:
        """Search the knee, measure it once more and longer, then its half; the knee's document."""
        self._accepted_share_min = search.accepted_share_min
        await self._warm_up(search.start)
        looking, curve = Knee(search), []
        while (rate := looking.next_rate()) is not None:
            found = await self._one(rate, search, search.seconds, f"{rate:,.0f}/s")
            curve.append(found)
            looking.tell(rate, found["verdict"])
        rate, half = await self._confirmed(looking.rate, search, curve), None
        held = rate is not None
        if rate is not None:
            half = await self._one(rate / 2, search, CONFIRM_SECONDS, "half of the knee")
        return {
            "found": held,
            "rate": rate,
            "why": looking.why if held or looking.rate is None else _UNCONFIRMED,
            "limits": {
                "p99_ms_max": search.p99_ms_max,
                "shed_share_max": search.shed_share_max,
                "accepted_share_min": search.accepted_share_min,
            },
            "precision": search.precision,
            "curve": sorted(curve, key=lambda point: point["rate"]),
            "half": half,
        }

    async def _confirmed(self, rate: float | None, search: Search, curve: list[dict[str, Any]]) -> float | None:
        """Measure a knee once more and longer, each rate twice at most, and lower where it does not hold; None where none does."""
        for _ in range(CONFIRM_TRIES if rate else 0):
            assert rate is not None
            for _ in range(2):
                curve.append(await self._one(rate, search, CONFIRM_SECONDS, f"knee {rate:,.0f}/s"))
                if curve[-1]["verdict"] == HOLDS:
                    return rate
            rate = round(rate * _CONFIRM_FACTOR)
        return None

    async def _warm_up(self, rate: float) -> None:
        await self._measured(schedule([Step(rate, _WARM_UP_SECONDS, 0.0, "warm-up")], self._arrivals, self._seed))

    async def _one(self, rate: float, search: Search, seconds: float, name: str) -> dict[str, Any]:
        before = len(self._gates)
        step = Step(rate, seconds + search.warm_up_seconds, search.warm_up_seconds, name)
        document = (await self.steps([step]))[0]
        figures = (document["acceptance_ms"]["p99"], document["shed_share"], document["wrong"], self._gates[before])
        said = verdict(*figures, search)
        if said == FAILS:  # beyond the knee calls go unanswered: that is what is looked for, and no fault of the run
            self._beyond.append(self._gates.pop(before))
        return {
            "rate": rate,
            "answered_per_second": document["answered_per_second"],
            "samples": document["acceptance_ms"]["samples"],
            "p50_ms": document["acceptance_ms"]["p50"],
            "p99_ms": document["acceptance_ms"]["p99"],
            "completion_p99_ms": document["completion_ms"]["p99"],
            "accepted_per_second": document["accepted_per_second"],
            "accepted_share": document["accepted_share"],
            "shed_share": document["shed_share"],
            "verdict": said,
            "why": list(faults(*figures, search)),
            "valid": document["gate"]["valid"],
        }

    @property
    def accepted(self) -> bytes:
        """Return what was accepted, warm-up included: 16 bytes each, a payment_id, or the UETR of one that came by message."""
        return bytes(self._runner.accepted)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._runner.close()

    def document(self) -> dict[str, Any]:
        """Write all that was measured; counts are of judged calls, without those of the warm-up."""
        totals: Counter[str] = Counter()
        gates = self._gates or self._beyond[-1:]  # where no rate held: why the last of them did not
        for step in self._steps:
            totals.update({name: step[name] for name in _TOTALLED})
        return {
            "model": {
                "kind": "open",
                "arrivals": self._arrivals,
                "latency": "from the intended instant of sending",
                "precision": PRECISION,
                "completion": f"of sampled calls, which wait for their final status (Prefer: wait): {self._completion.count} samples",
                "seed": self._seed,
            },
            "started_at": self._started_at,
            "total": {**totals, "accepted_share": share(totals["accepted"], totals["payments"])},
            "with_warm_up": dict(self._in_all),
            "acceptance_ms": self._acceptance.milliseconds(),
            "completion_ms": self._completion.milliseconds() | {"still_open": self._samples_open},
            "steps": self._steps,
            "series": self._series,
            "refusals": self._table(REFUSED),
            "shed": self._table(SHED),
            "wrong": self._table(WRONG),
            "errors": self._table(*NOT_ANSWERED),
            "histograms": {"acceptance": self._acceptance.document(), "completion": self._completion.document()},
            "gate": {
                "valid": all(found.valid for found in self._gates) and bool(self._gates),
                "why": sorted({why for found in gates for why in found.why}),
                "ceiling_per_second": round(self._ceiling),
                "cpu_share_max": max((found.cpu_share for found in self._gates), default=0.0),
            },
        }

    def _table(self, *kinds: str) -> list[dict[str, Any]]:
        rows = [(outcome, count) for outcome, count in self._outcomes.most_common() if outcome.kind in kinds]
        in_all: Counter[str] = Counter()
        for outcome, count in rows:
            in_all[reason_of(outcome)[0]] += count
        rows.sort(key=lambda row: -in_all[reason_of(row[0])[0]])  # one reason's rows together
        shown = [
            dict(zip(("reason", "name"), reason_of(outcome), strict=True)) | {"rule": outcome.rule, "count": count}
            for outcome, count in rows[:_SHOWN_MAX]
        ]
        if rest := sum(count for _, count in rows[_SHOWN_MAX:]):
            shown.append({"reason": "others", "name": "", "rule": "", "count": rest})
        return shown


_TOTALLED = ("offered", "sent", "answered", "payments", "accepted", "refused", "shed", "wrong", "errors")


def reason_of(outcome: Outcome) -> tuple[str, str]:
    """Return a refusal's ISO code and its name (of a message: by message), so that one reason adds up over both doors."""
    code, _, name = outcome.reason.partition(" ")
    return (code, name) if outcome.kind == REFUSED and code.isupper() else (outcome.reason, "")


def gate_document(found: Gate) -> dict[str, Any]:
    """Write a gate's verdict with what it is made of."""
    return {"valid": found.valid, **found._asdict()}


def share(part: int, whole: int) -> float:
    """Return which part of a whole something is; 0 of nothing."""
    return part / whole if whole else 0.0
