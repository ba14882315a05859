"""Promises 1 to 4 of design 9 over whole lives of a switch, and that the auditor would notice if they were broken.

A failure names its seed: `simulate(seed, steps)` lives it again.
"""

import json
import re
from collections import Counter

import pytest
from planted import MENDED_BY_A_RESTART, PLANTS, Plant
from planted_later import LATER_PLANTS
from simulation import Failure, simulate

from switch.flow.exceptions import CONTRADICTION, LATE_ACCEPTANCE, WRONG_AMOUNT, WRONG_RAIL
from switch.flow.ports import PAYMENT

SEEDS, STEPS = range(25, 45), 300  # those before are lived where fates are counted
SEEDS_WITHOUT_CRASHES = range(45, 53)
LONG_SEEDS, LONG_STEPS = range(1_000, 3_000), 500  # under a quarter of an hour on two cores

FATES = {
    "accepted", "queued", "submitted", "in_doubt", "settled", "credited", "rejected", "cancelled", "blocked",
    "recall asked", "recall pending", "recall rejected", "recall returned", "recall replayed", "recall recall-open",
    "recall recall-too-much", "recall not-recallable", "return returned", "return suspended", "return sent_back",
    "abort aborted", "proposal open", "proposal confirmed", "proposal lapsed", "operators disagree", "exception resolved",
    "rules in force", "set settled", "set in_doubt", "set blocked", "agent suspended", "agent offline", "agent active",
    "rail closed", "proxy register", "proxy move", "proxy suspend", "proxy deregister", "look-up found", "look-up found nothing",
}  # fmt: skip


def _name(plant: Plant) -> str:
    return plant.__name__


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_happens_no_promise_is_broken(seed: int) -> None:
    await simulate(seed, STEPS)


@pytest.mark.prove
@pytest.mark.parametrize("seed", LONG_SEEDS)
async def test_over_many_long_lives_no_promise_is_broken(seed: int) -> None:
    await simulate(seed, LONG_STEPS, crashes=seed % 4 > 0)


async def test_one_seed_is_one_life() -> None:
    first, second = await simulate(7, STEPS), await simulate(7, STEPS)
    assert list(first.log) == list(second.log)
    assert await first.memory.stream("", None, 100_000) == await second.memory.stream("", None, 100_000)


async def test_these_lives_meet_every_fate() -> None:
    """A simulation in which nothing happens proves nothing. How often each fate was met is printed (`-rP`)."""
    met: Counter[str] = Counter()
    codes, exceptions = set(), set()
    for seed in range(1, 25):
        world = await simulate(seed, STEPS)
        events = await world.memory.stream("", None, 100_000)
        met += world.fates + Counter({f"step {name}": times for name, times in world.steps.items()})
        met += Counter(
            e.status if e.record == PAYMENT else f"{e.record} {json.loads(e.detail)['kind']}" for e in events
        )
        codes |= {event.code for event in events if event.record == PAYMENT}
        exceptions |= {record.kind for record in await world.memory.exceptions(None)}
    print(*(f"{times:>7} {what}" for what, times in sorted(met.items())), sep="\n")
    assert not FATES - met.keys()
    assert {LATE_ACCEPTANCE, CONTRADICTION} <= exceptions <= {LATE_ACCEPTANCE, CONTRADICTION, WRONG_AMOUNT, WRONG_RAIL}
    # quotas, liquidity, inventory, duplicates, closed lanes and rails, the rails' own, ended unsent or by operators, never received
    assert codes >= {"RR04", "AM23", "AM04", "DU03", "DU05", "ED06", "TM01", "AC03", "AB05", "AB03", "AG09"}


@pytest.mark.parametrize("seed", SEEDS_WITHOUT_CRASHES)
async def test_without_a_restart_to_mend_it_no_promise_is_broken(seed: int) -> None:
    await simulate(seed, STEPS, crashes=False)


@pytest.mark.parametrize("plant", PLANTS, ids=_name)
async def test_the_auditor_notices(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    await _notices(PLANTS[plant], 80, 200)


@pytest.mark.parametrize("plant", LATER_PLANTS, ids=_name)
async def test_the_auditor_notices_what_comes_later(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    await _notices(LATER_PLANTS[plant], 80, 300)


@pytest.mark.parametrize("plant", MENDED_BY_A_RESTART, ids=_name)
async def test_the_auditor_notices_what_a_restart_would_mend(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    await _notices(MENDED_BY_A_RESTART[plant], 120, 300, crashes=False)


async def _notices(words: str, seeds_max: int, steps: int, crashes: bool = True) -> None:
    """Live seed after seed until the auditor says these words; a fault may show first as something else it breaks."""
    said: list[str] = []
    for seed in range(seeds_max):
        try:
            await simulate(seed, steps, crashes)
        except Failure as failure:
            said.append(str(failure).partition("\n")[0])
            if re.search(words, said[-1]):
                return
    pytest.fail(f"{words!r} was never said, but {said}")
