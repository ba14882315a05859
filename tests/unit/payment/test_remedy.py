"""The smallest changes: applying one gives ACSP; one minor unit or one millisecond short of it, the rule it names refuses.

A seeded sweep over corridors, instants and uses, with the real decide in a sandbox in memory. Every counter of the law has
a use of its own, drawn from its key: so that the next window's counter is another one, as in the store. A failure prints
its seed.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from builders import LOTUS, a_firm, a_person, a_world, domestic, northbound, southbound, trade

from fx.money import format_amount, to_minor
from limits.claims import Claim, Sums
from switch import dryrun
from switch.main import make_worker
from switch.payment import greatest, remedy
from switch.payment.greatest import Greatest
from switch.payment.instruction import Instruction
from switch.payment.postings import is_account
from switch.payment.remedy import Remedy, patched
from switch.sandbox import Sandbox
from switch.store.memory import MemoryStore

SEEDS = range(48)
MILLISECOND = timedelta(milliseconds=1)
Document = Mapping[str, Any]


class Question:
    """One instruction at one instant, with uses drawn from a seed; asked again with changes."""

    def __init__(self, seed: int, instruction: Instruction, at: datetime, full: float, accounts: bool = False) -> None:
        self.seed, self.instruction, self.at = seed, instruction, at
        self._full, self._accounts = full, accounts
        world, store = a_world(at), MemoryStore()
        self.sandbox = Sandbox(world, store, make_worker(world, store, incarnation=1))
        self.sandbox.dry_run.read_sums = self._told

    async def _told(self, claims: Sequence[Claim], at: datetime) -> dict[str, Sums]:
        return {c.counter: self._sums(c) for c in claims if self._accounts or not is_account(c)}

    def _sums(self, claim: Claim) -> Sums:
        drawn = int.from_bytes(hashlib.blake2b(f"{self.seed}|{claim.counter}".encode(), digest_size=8).digest(), "big")
        share = drawn % 10_000
        if is_account(claim):
            return Sums(down_posted=10**7 + share * 10**6)
        ceiling = claim.ceiling or 10**6
        return Sums(
            up_posted=0 if share % 3 == 0 else min(ceiling, int(ceiling * self._full) + ceiling * share // 20_000)
        )

    async def asked(self, instruction: Instruction | None = None, at: datetime | None = None) -> Document:
        self.sandbox.world.clock.begin(at or self.at, 0.0)
        given = instruction or self.instruction
        return await self.sandbox.explain(given, given.debtor_agent[:8])

    def changed(self, patch: Mapping[str, Any]) -> Instruction:
        """The instruction as a client would change it: the merge patch applied to its JSON."""
        return Instruction.model_validate(patched(self.instruction.model_dump(mode="json", exclude_none=True), patch))

    def with_amount(self, amount_minor: int) -> Instruction:
        currency = self.instruction.instructed_amount.currency
        return self.changed({"instructed_amount": {"amount": format_amount(amount_minor, currency)}})


def a_question(seed: int) -> Question:
    """Draw a corridor, an amount near its caps, an instant (nights, weekends, the last days of a year) and uses."""
    chance = random.Random(seed)
    amount = f"{chance.choice([50, 5_000, 9_999, 40_000, 79_000, 120_000, 500_000])}.{chance.randrange(100):02}"
    own = {"creditor__identification": a_person(1), "creditor__name": "CHAN Tai Man", "creditor__residency": "HK"}
    school = {
        "creditor": {
            "name": "Harbour College", "identification": a_firm(3), "residency": "HK", "sector": "education",
            "account": {"number": "900777000009"},
        }, "purpose_code": "EDUC",
    }  # fmt: skip
    corridors: list[Callable[[], Instruction]] = [
        lambda: northbound(amount),
        lambda: northbound(amount, "CNY"),
        lambda: northbound(amount, "CNY", debtor__account__currency="HKD"),
        lambda: northbound(amount, allow_lanes=True, **own),
        lambda: northbound(amount, "CNY", **own),
        lambda: northbound("41000.00", "CNY", **own),
        lambda: northbound(amount, "CNY", lane="same-name.hong-kong", **own),
        lambda: southbound(amount),
        lambda: southbound(amount, instructed_amount={"currency": "HKD", "amount": amount}),
        lambda: southbound(amount, settlement_currency="CNY"),
        lambda: southbound(amount, **school),
        lambda: southbound("430000.00", **school),
        lambda: trade(amount),
        lambda: domestic(amount),
        lambda: domestic(amount, creditor__residency="MO", creditor_agent=LOTUS, creditor__account__number="9047770001"),
    ]  # fmt: skip
    day = chance.choice([datetime(2026, 3, 5), datetime(2026, 3, 7), datetime(2026, 12, 31), datetime(2026, 2, 17)])
    from_hour, hours = chance.choice([(0, 24), (1, 7)])  # at any time, or while most is open
    at = day.replace(tzinfo=UTC) + timedelta(hours=from_hour, milliseconds=chance.randrange(hours * 3_600_000))
    return Question(seed, chance.choice(corridors)(), at, chance.choice([0.3, 0.6, 0.9]), chance.random() < 0.3)


def blames(document: Document, binding: str) -> bool:
    """Whether a refusal is by what a remedy names: a rule, a rail, or the reason itself."""
    reason = document["reason"]
    return (reason is not None and binding in (reason.get("rule"), reason["name"])) or binding in reason["text"]


async def check(question: Question, found: Document) -> list[str]:
    """Say what is wrong with a refusal's remedies: by asking again with each, and just short of it."""
    wrong = []
    currency = question.instruction.instructed_amount.currency
    for each in found["remedies"]:
        at = datetime.fromisoformat(each["at"]) if each["at"] else question.at
        changed = question.changed(each["patch"])
        done = await question.asked(changed, at)
        if done["status"] != "ACSP":
            wrong.append(f"{each['kind']} {each['patch']} {each['at']} does not pass: {done['reason']}")
        if each["kind"] == "instant":
            short = await question.asked(changed, at - MILLISECOND)
            if short["status"] != "RJCT" or not blames(short, each["binding"]):
                wrong.append(f"a millisecond before {each['at']}: {short['reason']}, not {each['binding']}")
        if each["kind"] == "amount":
            minor = to_minor(Decimal(changed.instructed_amount.amount), currency)
            asked = to_minor(Decimal(question.instruction.instructed_amount.amount), currency)
            short = await question.asked(question.with_amount(minor + (1 if minor < asked else -1)))
            if short["status"] != "RJCT" or not blames(short, each["binding"]):
                wrong.append(f"one unit off {each['patch']}: {short['reason']}, not {each['binding']}")
    return wrong + await missed(question, found)


async def missed(question: Question, found: Document) -> list[str]:
    """Look, by chance, for what the search should have found: a smaller amount, a sooner instant."""
    wrong, chance = [], random.Random(question.seed)
    kinds = {each["kind"]: each for each in found["remedies"]}
    asked = to_minor(
        Decimal(question.instruction.instructed_amount.amount), question.instruction.instructed_amount.currency
    )
    least = 0
    if "amount" in kinds:
        money = kinds["amount"]["patch"]["instructed_amount"]
        least = to_minor(Decimal(money["amount"]), money["currency"])
    for _ in range(2):
        amount = chance.randrange(least + 1, asked + 1)
        said = await question.asked(question.with_amount(amount))
        if said["status"] == "ACSP":
            wrong.append(f"{amount} minor units pass, and the greatest found was {least}")
    if "instant" in kinds:
        span = datetime.fromisoformat(kinds["instant"]["at"]) - question.at
        for _ in range(2):
            sooner = question.at + span * chance.random()
            if (await question.asked(None, sooner))["status"] == "ACSP":
                wrong.append(f"{sooner} passes, before {kinds['instant']['at']}")
    return wrong


async def swept(seeds: Sequence[int]) -> tuple[dict[str, int], list[str]]:
    """Check each seed; how often each kind of remedy came up, and what was wrong."""
    met: dict[str, int] = {}
    wrong: list[str] = []
    for seed in seeds:
        question = a_question(seed)
        found = await question.asked()
        for kind in ["refused" if found["reason"] else "accepted", *(each["kind"] for each in found["remedies"])]:
            met[kind] = met.get(kind, 0) + 1
        if found["reason"] is None:
            assert found["remedies"] == []
        else:
            wrong += [f"seed {seed}: {what}" for what in await check(question, found)]
    return met, wrong


def test_applying_a_remedy_passes_and_just_short_of_it_the_same_rule_refuses() -> None:
    met, wrong = asyncio.run(swept(SEEDS))
    assert not wrong, "\n".join(wrong[:5])
    assert all(met.get(kind, 0) >= 2 for kind in ("accepted", "refused", "amount", "instant", "document")), met


def one_unit_less(patch: pytest.MonkeyPatch) -> None:
    right = greatest._between

    def wrong(*given: Any) -> Any:
        found = yield from right(*given)
        return found and Greatest(found.amount_minor - 1, found.beyond)

    patch.setattr(greatest, "_between", wrong)


def one_unit_more(patch: pytest.MonkeyPatch) -> None:
    right = greatest._between

    def wrong(*given: Any) -> Any:
        found = yield from right(*given)
        return found and Greatest(found.amount_minor + 1, found.beyond)

    patch.setattr(greatest, "_between", wrong)
    unchecked(patch)


def a_millisecond_late(patch: pytest.MonkeyPatch) -> None:
    right = remedy._later

    def wrong(*given: Any) -> Any:
        found: Remedy | None = yield from right(*given)
        return found and found.at and found._replace(at=found.at + MILLISECOND)

    patch.setattr(remedy, "_later", wrong)


def a_wait_an_hour_too_long(patch: pytest.MonkeyPatch) -> None:
    right = remedy._next_chance

    def wrong(*given: Any) -> datetime | None:
        found = right(*given)
        return found and found + timedelta(hours=1)

    patch.setattr(remedy, "_next_chance", wrong)
    patch.setattr(remedy, "MILLISECOND", timedelta(hours=2))


def unchecked(patch: pytest.MonkeyPatch) -> None:
    """The last trial, as the live switch would decide, left out: it would hide a wrong search."""

    async def wrong(self: Any, case: Any, remedy: Any) -> bool:
        return True

    patch.setattr(dryrun.DryRun, "_passes", wrong)


@pytest.mark.parametrize("plant", [one_unit_less, one_unit_more, a_millisecond_late, a_wait_an_hour_too_long])
def test_the_sweep_sees_a_planted_fault(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)
    _, wrong = asyncio.run(swept(SEEDS[:24]))
    assert wrong
