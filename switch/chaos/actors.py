"""What may happen to a switch under load, as one table: who is hit, how long, and what the switch is allowed meanwhile.

Data only: switch.chaos.plan draws from it, switch.chaos.conductor carries out what is drawn. How long and how hard is this
project's own choice (assumed): long enough to be felt, short enough that a run of a minute holds all of them.
"""

from collections.abc import Mapping
from typing import NamedTuple

DATABASE, VALKEY = "database", "valkey"  # the lines the proxy stands in
RAILS = ("ibps", "hk-fps")  # those that the traffic uses
WORKERS = (0, 1)

LATE = "answers later"
SHED = "answers later, or 503 with Retry-After; nothing that was answered changes"
NOTHING = "nothing: no call may fail"
BOARD = "nothing; a stale closed board may refuse for a second"


class Kind(NamedTuple):
    """One thing that goes wrong: what it holds for itself meanwhile, how long (machine milliseconds), what is drawn for it."""

    name: str
    does: str
    holds: str  # two that hold the same are never at once; "" = nothing
    least_ms: int
    most_ms: int
    may: str  # what is allowed while it lasts
    draws: Mapping[str, tuple[int, int]] = {}


KINDS = (
    Kind("rail-slow", "a rail answers several times slower", "rail", 5_000, 15_000, NOTHING, {"rail": (0, 1), "percent": (300, 1_500)}),
    Kind("rail-drops", "a rail loses instructions and reports", "rail", 5_000, 15_000, NOTHING, {"rail": (0, 1), "share": (500, 3_000)}),
    Kind("rail-repeats", "a rail gets instructions and tells reports twice", "rail", 5_000, 15_000, NOTHING, {"rail": (0, 1), "share": (2_000, 9_000)}),
    Kind("rail-late", "a rail's parties answer past the deadline", "rail", 5_000, 15_000, NOTHING, {"rail": (0, 1), "share": (1_000, 5_000)}),
    Kind("rail-away", "a rail takes and tells nothing", "rail", 2_000, 6_000, NOTHING, {"rail": (0, 1)}),
    Kind("valkey-killed", "Valkey is killed, and started again empty", "valkey", 500, 4_000, LATE),
    Kind("valkey-flushed", "Valkey loses all it holds, again and again", "valkey", 500, 2_000, NOTHING),
    Kind("valkey-restored", "Valkey is killed, and started again from a copy that is old by then", "valkey", 2_000, 6_000, BOARD),
    Kind("valkey-cut", "connections to Valkey are reset", "", 0, 0, LATE),
    Kind("valkey-silent", "Valkey takes what is sent and says nothing", "valkey", 1_000, 3_000, LATE),
    Kind("database-restarted", "PostgreSQL is stopped (fast), and started again", "database", 300, 2_000, SHED),
    Kind("database-crashed", "PostgreSQL is stopped at once (SIGQUIT), and started again", "database", 300, 2_000, SHED),
    Kind("database-killed", "PostgreSQL is killed with -9, and started again", "database", 300, 2_000, SHED),
    Kind("database-reset", "connections to PostgreSQL are reset (RST)", "", 0, 0, SHED, {"share": (3_000, 10_000)}),
    Kind("database-closed", "connections to PostgreSQL are closed (FIN)", "", 0, 0, SHED, {"share": (3_000, 10_000)}),
    Kind("database-slow", "every packet to and from PostgreSQL is late", "database", 2_000, 5_000, LATE, {"delay_ms": (5, 30)}),
    Kind("database-throttled", "the lines to PostgreSQL are narrow", "database", 2_000, 5_000, LATE, {"kilobytes_a_second": (200, 1_000)}),
    Kind("database-silent", "PostgreSQL takes what is sent and says nothing; then its lines are reset", "database", 1_000, 3_000, SHED),
    Kind("commit-lost", "a COMMIT never reaches PostgreSQL", "", 500, 3_000, SHED, {"times": (2, 12)}),
    Kind("commit-unanswered", "PostgreSQL commits, and the answer is lost", "", 500, 3_000, SHED, {"times": (2, 12)}),
    Kind("commit-unknown", "the line ends while a COMMIT is on its way", "", 500, 3_000, SHED, {"times": (2, 12)}),
    Kind("worker-killed", "a worker is killed with -9, and another takes its place", "worker", 500, 3_000, SHED, {"worker": (0, 1)}),
    Kind("clock-jumps", "the business clock jumps past deadlines", "clock", 0, 0, NOTHING, {"seconds": (20, 120)}),
    Kind("day-turns", "the business clock jumps to the next morning: windows turn", "clock", 0, 0, NOTHING),
    Kind("cap-lowered", "a rulebook with a lower cap is taken, then the law again", "law", 3_000, 8_000, NOTHING, {"cap": (3_000, 8_000)}),
    Kind("cap-raised", "a rulebook with a higher cap is taken, then the law again", "law", 3_000, 8_000, NOTHING, {"cap": (12_000, 20_000)}),
)  # fmt: skip
