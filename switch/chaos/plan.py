"""Lays out which faults a run has, from its seed alone: when each begins and ends, and how hard it is. Pure.

Several overlap; two that need the same thing for themselves never do. Runs of neighbouring seeds go on through the table
where the last left off, so that a set of seeds has every kind.
"""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, NamedTuple

from switch.chaos.actors import KINDS, RAILS, Kind

FIRST_MS = 3_000  # before it the switch is seen without faults
LAST_MS = 8_000  # after the last fault: time to be seen to recover
SHORT_MS = 30_000  # of a run so short these margins are half as long
GAP_MS = 200  # between two that hold the same
TRIES_MAX = 50  # to find a place; what finds none is left out of the run
EVERY_MS = 2_000  # one begins so often on average; most last longer, so that two or three are at work at once


class Act(NamedTuple):
    """One fault of a run: milliseconds from its begin, and what was drawn for it."""

    kind: str
    begins_ms: int
    ends_ms: int
    drawn: Mapping[str, int]
    holds: str = ""  # what it has for itself meanwhile


def plan(seed: int, seconds: int) -> tuple[Act, ...]:
    """Draw the acts of a run, by their begin."""
    chance = Random(f"chaos/{seed}")
    whole_ms = seconds * 1_000
    halves = 2 if whole_ms <= SHORT_MS else 1
    first, last = FIRST_MS // halves, whole_ms - LAST_MS // halves
    acts: list[Act] = []
    dealt = _dealt(seed, max(1, (last - first) // EVERY_MS))
    for kind in sorted(dealt, key=lambda kind: -kind.least_ms):  # what needs most room chooses first
        for tries in range(TRIES_MAX):
            most = kind.least_ms if tries > TRIES_MAX // 2 else kind.most_ms
            begin = chance.randrange(first, max(last - kind.least_ms, first) + 1)
            end = min(begin + chance.randint(kind.least_ms, most), last)
            drawn = {name: chance.randint(*bounds) for name, bounds in kind.draws.items()}
            holds = held(kind, drawn)
            rivals = [act for act in acts if holds and act.holds == holds]
            if all(end + GAP_MS <= act.begins_ms or act.ends_ms + GAP_MS <= begin for act in rivals):
                acts.append(Act(kind.name, begin, end, drawn, holds))
                break
    return tuple(sorted(acts, key=lambda act: (act.begins_ms, act.kind)))


def _dealt(seed: int, count: int) -> Iterator[Kind]:
    """Deal the kinds of a run: the table in one shuffled order, gone on with from seed to seed."""
    order = list(KINDS)
    Random("chaos").shuffle(order)
    for n in range(seed * count, (seed + 1) * count):
        yield order[n % len(order)]


def held(kind: Kind, drawn: Mapping[str, int]) -> str:
    """Say what an act holds for itself: of a rail that one alone; "" = nothing."""
    return f"{kind.holds}-{RAILS[drawn['rail']]}" if "rail" in drawn else kind.holds


def told(acts: tuple[Act, ...]) -> list[dict[str, Any]]:
    """Write a plan as a document."""
    return [act._asdict() | {"drawn": dict(act.drawn)} for act in acts]
