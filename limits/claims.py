"""The one primitive: a claim on a counter (design 3). Shapes only; evaluation is in limits.counters.

A counter is four sums of minor units: pending and posted, up and down. A claim moves one counter by `delta`.
"""

from typing import NamedTuple

WHOLE = "whole"  # must fit
WHILE_OPEN = "while_open"  # taken while headroom > 0, may overshoot

REFUSE = "refuse"
REQUIRE_DOCUMENTS = "require_documents"
REPORT = "report"  # a threshold: counted, never blocks
SUSPEND = "suspend_until"  # refuses, and a window that was exceeded closes the ones after it too

# How long no headroom closes a counter to what widens it (a latch): to the end of its window, or of the session so named.
WINDOW = "window"


class Claim(NamedTuple):
    """One claim of one payment on one counter. Stored by position (store.postgres.rows): new fields go to the end."""

    rule: str  # rule id; "liquidity" for an agent's position, "inventory" for a provider's
    counter: str  # counter key: rule|scope|window for rules, position:… or inventory:… for ledger accounts; no personal data in clear
    delta: (
        int  # minor units; > 0 claims towards the ceiling, < 0 towards the floor; 0 asks only that the ceiling is kept
    )
    ceiling: int | None  # minor units; None = unbounded above
    floor: int | None  # minor units; None = unbounded below
    admission: str = WHOLE
    effect: str = REFUSE
    gross: bool = False  # pending and posted are one sum: claimed straight into posted, no write at post
    gives_back: bool = False  # a return after settlement frees headroom
    latches: str = ""  # for how long no headroom closes its counter in the session it came in: "" not, WINDOW, or that session's name
    forced: bool = False  # taken whatever the bound says (late acceptance); listed apart by the audit
    unit: str = ""  # currency of its minor units; "" for an account, whose transfers say it
    latches_on_carry: bool = (
        False  # no headroom brought into a latching session closes the counter too (assumed parameter)
    )


class Sums(NamedTuple):
    """The state of one counter, minor units; `version` grows by one at each write, `latched` says for how long it is closed."""

    up_pending: int = 0
    up_posted: int = 0
    down_pending: int = 0
    down_posted: int = 0
    latched: str = ""  # "" open, WINDOW, or the name of the session whose end opens it again
    version: int = 0


class Refused(NamedTuple):
    """Which claim binds first, and the headroom that was left (minor units of the rule)."""

    claim: Claim
    headroom: int


class ClaimSet(NamedTuple):
    """All claims of one payment (or one step of it): admitted together or not at all."""

    payment_id: str
    claims: tuple[Claim, ...]
