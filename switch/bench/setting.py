"""What every row is given: for how long, with whom, where the stores are; and what a row gives back for one round."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from switch.bench.doors import Doors

ROUNDS_MAX = 999  # seeds tell fewer than 1,000 rounds apart: see Bench.seed


class Settings(NamedTuple):
    """How long, how often and with whom."""

    seconds: float  # measured, of each round of each row
    warm_up_seconds: float  # before each of them
    rounds: int
    persons: int
    seed: int
    pgbench_seconds: int  # for each number of clients, shared out over the rounds
    pgbench_scale: int


FULL = Settings(6.0, 2.0, 5, 10_000, 1, 30, 100)
QUICK = Settings(3.0, 1.5, 1, 2_000, 1, 2, 10)  # a look, no figure to keep


class Turn(NamedTuple):
    """When a row is played: in which round, and at which attempt of it. A yardstick meets its row by the round alone."""

    round: int
    attempt: int = 1


class Round(NamedTuple):
    """One round of one row: its rate, what speaks against it, and what else was seen."""

    per_second: float
    faults: list[str]
    seen: dict[str, Any]


@dataclass
class Bench:
    """One run: where it happens, and what it has left for the audit."""

    folder: Path
    settings: Settings
    database_url: str
    postgres_pid: int
    doors: Doors
    say: Callable[[str], None]
    sandboxes: list[str] = field(default_factory=list)  # to be audited
    kept: dict[tuple[str, int], Turn] = field(default_factory=dict)  # by row and round: the turn whose figures stand
    samples: dict[int, Any] = field(default_factory=dict)  # by round: the rows that the yardsticks of the store write
    ceilings: dict[str, float] = field(default_factory=dict)  # calls a second the generator can make, by row

    def seed(self, row: str, turn: Turn) -> int:
        """Return a seed of its own for a turn of a row: no two turns of a run, of ROUNDS_MAX rounds at most, make the same payment."""
        first = self.settings.seed * 1_000_000 + sum(row.encode()) * 1_000 + turn.round
        return first + (turn.attempt - 1) * 10_000_000  # beyond all rows' first attempts

    def sandbox(self, row: str, turn: Turn) -> str:
        """Name the sandbox that a turn of a row has for itself."""
        return f"bench_{row}_{turn.round}_{turn.attempt}"
