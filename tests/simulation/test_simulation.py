"""Promises 1 to 4 of design 9 over whole lives of a switch, and that the auditor would notice if they were broken.

A failure names its seed: `simulate(seed, steps)` lives it again.
"""

import re

import pytest
from planted import MENDED_BY_A_RESTART, PLANTS, Plant
from simulation import Failure, simulate

SEEDS, STEPS = range(1, 31), 300
SEEDS_WITHOUT_CRASHES = range(31, 41)
LONG_SEEDS, LONG_STEPS = range(1_000, 1_320), 800


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
    """A simulation in which nothing happens proves nothing."""
    statuses, exceptions, codes = set(), set(), set()
    for seed in range(1, 13):
        world = await simulate(seed, STEPS)
        events = await world.memory.stream("", None, 100_000)
        statuses |= {event.status for event in events}
        codes |= {event.code for event in events}
        exceptions |= {record.kind for record in await world.memory.exceptions(None)}
    assert statuses >= {"accepted", "submitted", "in_doubt", "settled", "credited", "rejected"}
    assert exceptions == {"late-acceptance", "contradiction"}
    # quotas, liquidity, inventory, duplicates, closed lanes and rails, the rails' own, an operator's, never received
    assert codes >= {"RR04", "AM23", "AM04", "DU03", "DU05", "ED06", "TM01", "AC03", "AB05", "AB03", "AG09"}


@pytest.mark.parametrize("seed", SEEDS_WITHOUT_CRASHES)
async def test_without_a_restart_to_mend_it_no_promise_is_broken(seed: int) -> None:
    await simulate(seed, STEPS, crashes=False)


@pytest.mark.parametrize("plant", PLANTS, ids=_name)
async def test_the_auditor_notices(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert re.search(PLANTS[plant], await _noticed(80, 200))


@pytest.mark.parametrize("plant", MENDED_BY_A_RESTART, ids=_name)
async def test_the_auditor_notices_what_a_restart_would_mend(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert re.search(MENDED_BY_A_RESTART[plant], await _noticed(120, 300, crashes=False))


async def _noticed(seeds_max: int, steps: int, crashes: bool = True) -> str:
    """What the auditor says of the first seed in which it notices something."""
    for seed in range(seeds_max):
        try:
            await simulate(seed, steps, crashes)
        except Failure as failure:
            return str(failure).partition("\n")[0]
    return ""
