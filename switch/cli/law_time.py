"""What a decision costs in process, and whether more law or more persons make it dearer. Measured, never tested.

Facts are those of a drawn day among all corridors; decide is the switch's own. The law is made ten times as large by
copies of every rule and lane, half of them in the same corridors for another venue, half in corridors where nobody pays.
For persons the claims are admitted by the counters kept in memory, warmed by one payment of each person beforehand.
Time is the processor's, and variants take turns in every run, so that what the machine does besides counts little; told
are medians, and the median of the runs' own ratios.
"""

import asyncio
import gc
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import date, datetime
from itertools import count
from random import Random
from statistics import median
from time import process_time_ns
from typing import Any, NamedTuple

from limits.calendars import LAW_ZONE
from limits.claims import ClaimSet
from limits.counters import MemoryCounters
from limits.documents import Document
from limits.facts import Profile
from limits.rulebook import read_documents
from limits.rules import DOCUMENT, Rulebook
from switch.bench.load import templates
from switch.cli.traffic import drawn_day
from switch.clock import BusinessClock
from switch.main import memory_sandbox
from switch.payment.decide import Ask, View, decide
from switch.payment.instruction import Instruction
from switch.payment.plan import Plan, Refusal
from switch.translate.facts import Known, translate

RULES_TIMES, PERSONS_TIMES = 10, 100
RATIO_ASKED = 1.2  # a decision under the larger of each pair may cost so much more
_AGAINST = {
    "decide_10x_rules": "decide",
    "judge_new_facts_10x_rules": "judge_new_facts",
    "decide_100x_persons": "decide_few_persons",
    "decide_and_admit_100x_persons": "decide_and_admit_few_persons",
}
_DAY = date(2026, 3, 5)
_AT = datetime(2026, 3, 5, 10, tzinfo=LAW_ZONE)
_PAYMENTS_OF_A_PERSON = 2  # of a drawn day, about
_BATCH = 100  # payments a call of the counters, as a worker's batch


class Settings(NamedTuple):
    """How much is measured."""

    payments: int
    runs: int
    persons: int
    seed: int


class _Judged(NamedTuple):
    """One law to decide under: the view of its day, and what translation may look up."""

    view: View
    known: Known


def measure(settings: Settings) -> dict[str, Any]:
    """Measure everything; microseconds by what was done, and the ratios."""
    documents = read_documents()
    law, more = Rulebook(documents), Rulebook(enlarged(documents, RULES_TIMES))
    small, large = _judged(law), _judged(more)
    instructions = _instructions(settings)
    asks = _asks(instructions, small.known)
    few = _Paying(settings.persons, settings, small)
    many = _Paying(settings.persons * PERSONS_TIMES, settings, small)
    found = _timed(
        {
            "decide": (len(asks), lambda: _decide(asks, small.view)),
            "decide_10x_rules": (len(asks), lambda: _decide(asks, large.view)),
            "translate_and_decide": (len(instructions), lambda: _whole(instructions, small)),
            "decide_few_persons": (settings.payments, lambda: _decide(few.measured, small.view)),
            "decide_100x_persons": (settings.payments, lambda: _decide(many.measured, small.view)),
            "decide_and_admit_few_persons": (settings.payments, few.pay),
            "decide_and_admit_100x_persons": (settings.payments, many.pay),
        },
        settings.runs,
    )
    # Last: what is judged here crowds out what the tasks before remembered.
    novel = _novel([ask.facts.profile for ask in asks], settings.runs + 1)
    found |= _timed(
        {
            "judge_new_facts": (len(asks), lambda: _judge(small, next(novel))),
            "judge_new_facts_10x_rules": (len(asks), lambda: _judge(large, next(novel))),
        },
        settings.runs,
    )
    return {
        "microseconds": {name: round(median(times), 2) for name, times in found.items()},
        "ratios": {
            name: round(median(a / b for a, b in zip(found[name], found[base], strict=True)), 3)
            for name, base in _AGAINST.items()
        },
        "ratio_asked": RATIO_ASKED,
        "manifest": {
            **settings._asdict(), "facts_of_the_day": len(asks), "profiles": len({ask.facts.profile for ask in asks}),
            "accepted": sum(isinstance(decide(ask, small.view), Plan) for ask in asks),
            "rules": len(law.book.rules), "rules_10x": len(more.book.rules),
            "lanes": len(law.book.lanes), "lanes_10x": len(more.book.lanes),
            "persons_100x": settings.persons * PERSONS_TIMES, "rulebook_id": law.id,
            "python": platform.python_version(), "processors": os.cpu_count(),
        },
    }  # fmt: skip


def enlarged(documents: Mapping[str, Document], times: int) -> dict[str, Document]:
    """Return the law with each rule and lane so many times; copies change no verdict on payments that name no copy's venue.

    Rules on documents hold in every lane, so that copies of them would bind: they stay single.
    """
    made = dict(documents)
    rules = {
        file.removesuffix(".yaml")
        for file, each in documents.items()
        if "kind" in each and each.get("scope") != DOCUMENT
    }
    for n in range(1, times):
        for file, document in documents.items():
            if file.startswith("lanes/"):
                made[f"lanes/{document['id']}.copy-{n}.yaml"] = _lane_copy(document, rules, n)
            elif file.removesuffix(".yaml") in rules:
                made[f"{document['id']}.copy-{n}.yaml"] = _rule_copy(document, n)
    return made


def _rule_copy(document: Document, n: int) -> Document:
    copied: dict[str, Any] = deepcopy(dict(document))
    copied["id"] = f"{document['id']}.copy-{n}"
    if copied.get("rail"):
        copied["rail"] = f"{copied['rail']}-copy-{n}"
    if "measure" in copied and copied["measure"].get("rate"):
        copied["measure"]["rate"] += f".copy-{n}"
    return copied


def _lane_copy(document: Document, rules: set[str], n: int) -> Document:
    copied: dict[str, Any] = deepcopy(dict(document))
    copied["id"] = f"{document['id']}.copy-{n}"
    copied["order"] += n * 1_000
    for uses in (copied.get("rules", []), *(way.get("rules", []) for way in copied["corridors"])):
        for use in uses:
            use["rule"] += f".copy-{n}"
    for key in ("hours", "charge"):
        if copied.get(key) in rules:
            copied[key] += f".copy-{n}"
    copied["thresholds"] = [f"{name}.copy-{n}" for name in copied.get("thresholds", [])]
    if n % 2:
        copied["when"] = {**copied["when"], "venue": f"copy-{n}"}
    else:
        for way in copied["corridors"]:
            way["from"] = "JP"
    return copied


def _judged(rulebook: Rulebook) -> _Judged:
    clock = BusinessClock()
    clock.begin(_AT, 0.0)
    world = memory_sandbox(clock, rulebook=rulebook).world
    return _Judged(world.view(_AT), world.known)


def _instructions(settings: Settings) -> list[Instruction]:
    lines = drawn_day(settings.seed, settings.payments // _PAYMENTS_OF_A_PERSON + 1, _DAY)
    return [Instruction.model_validate(line["instruction"]) for line in lines][: settings.payments]


def _asks(instructions: Sequence[Instruction], known: Known) -> list[Ask]:
    return [ask for instruction in instructions if (ask := _ask(instruction, known)) is not None]


def _ask(instruction: Instruction, known: Known) -> Ask | None:
    found = translate(instruction, known, _AT, _DAY)
    if isinstance(found, Refusal):
        return None
    bearer = instruction.charge_bearer
    return Ask(found.facts, instruction.lane, False, bearer, found.creditor_account, None, None)


class _Paying:
    """So many persons who pay small amounts, and their counters: each person has one before anything is measured."""

    def __init__(self, persons: int, settings: Settings, judged: _Judged) -> None:
        every = [template.instruction for template in templates(persons)]
        drawn = Random(settings.seed).choices(every, k=settings.payments)
        self.measured = _asks(drawn, judged.known)  # each payment has facts of its own, as it has in the switch
        self._view = judged.view
        self._counters = MemoryCounters()
        self._numbers = count()
        asyncio.run(self._admit(_asks(every, judged.known)))

    def pay(self) -> None:
        """Decide and admit the payments once more, under ids of their own."""
        asyncio.run(self._admit(self.measured))

    async def _admit(self, asks: Sequence[Ask]) -> None:
        for begin in range(0, len(asks), _BATCH):
            plans = [decide(ask, self._view) for ask in asks[begin : begin + _BATCH]]
            sets = [ClaimSet(str(next(self._numbers)), plan.claims) for plan in plans if isinstance(plan, Plan)]
            assert len(sets) == len(plans), "a payment of the bench was refused"
            assert not any(await self._counters.reserve(sets)), "a claim of the bench was refused"


def _decide(asks: Sequence[Ask], view: View) -> None:
    for ask in asks:
        decide(ask, view)


def _whole(instructions: Sequence[Instruction], judged: _Judged) -> None:
    for instruction in instructions:
        ask = _ask(instruction, judged.known)
        if ask is not None:
            decide(ask, judged.view)


def _novel(profiles: Sequence[Profile], runs: int) -> Iterator[list[Profile]]:
    """Yield facts never judged before, for each run: the day's, with a creditor's document of a kind of its own."""
    for run in range(2 * runs):  # both laws, each run
        yield [profile._replace(creditor_id=f"NEW:{run}-{n}") for n, profile in enumerate(profiles)]


def _judge(judged: _Judged, profiles: Sequence[Profile]) -> None:
    judge = judged.view.rules.judge
    for profile in profiles:
        judge(profile)


def _timed(tasks: Mapping[str, tuple[int, Callable[[], None]]], runs: int) -> dict[str, list[float]]:
    """Run all tasks in turns, one warming run first; microseconds for one payment, by task and run."""
    found: dict[str, list[float]] = {name: [] for name in tasks}
    names = list(tasks)
    for n in range(runs + 1):
        for name in names if n % 2 else reversed(names):
            payments, run = tasks[name]
            gc.collect()
            gc.disable()
            begun = process_time_ns()
            run()
            nanoseconds = process_time_ns() - begun
            gc.enable()
            if n:
                found[name].append(nanoseconds / payments / 1_000)
    return found
