"""The rail port: what the switch asks of a domestic rail, in batches (design 2).

`send` is idempotent on UETR and leg: the first stands. `inquire` answers truly, also after a crash. `reports` yields
what has become due, at least once: whoever reads it tolerates a repetition. No rail waits on the switch: a silent rail
is never a refusal.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from rails.faults import Faults

# Report statuses, as a rail says them. UNKNOWN answers an inquiry for a UETR never received, and promises that the rail
# will not process it later (facts messages 4.2, AG09).
PENDING = "pending"
SETTLED = "settled"
CREDITED = "credited"
REJECTED = "rejected"
UNKNOWN = "unknown"


class RailUnavailable(Exception):
    """The rail cannot be reached, and whether it has the batch is not known: send the same again, or inquire."""


class RailInstruction(NamedTuple):
    """One credit leg handed to a rail."""

    uetr: str
    leg: int
    debtor_agent: str  # BIC8 of the agent whose position pays on this rail
    creditor_agent: str
    creditor_account: str  # account number on that agent's books; magic values live here
    amount_minor: int
    currency: str
    sent_at: datetime  # business time
    expires_at: (
        datetime  # business time; a five-step rail rejects itself after it, a four-step rail does not look at it
    )


class RailReport(NamedTuple):
    """What a rail says of one leg."""

    rail: str
    uetr: str
    leg: int
    status: str  # one of the five above
    reason_code: str  # ExternalStatusReason1Code where rejected, else ""
    at: datetime  # business time


class Capabilities(NamedTuple):
    """What a rail can do; hours are its own, caps are rules."""

    rail: str  # hk-fps, ibps, mo-easy-transfer, hk-chats, mo-rtgs, hvps
    name: str
    country: str
    currencies: frozenset[str]
    steps: int  # 4: creditor agent credits, then the rail settles; 5: the rail times out, settles, then confirms
    reports_credit: bool  # False: its settled report is the last word
    clearing_system: tuple[str, str]  # ("Cd", "HKS") or ("Prtry", "IBPS"): SttlmInf/ClrSys in our pacs.002
    deadline: timedelta  # from receipt by the switch, business time: how long a leg may stay unanswered
    assumed: tuple[str, ...]  # names of the figures above that no source gives


class Rail(Protocol):
    """A domestic rail as the switch sees it."""

    capabilities: Capabilities
    faults: Faults  # may be set at any time: what is sent from then on meets them

    async def start(self, now: datetime) -> None:
        """Open the rail's book at business time `now`; what fell due shortly before is reported again."""

    async def stop(self) -> None:
        """Let go of the book; nothing that was sent is lost."""

    async def send(self, batch: Sequence[RailInstruction]) -> None:
        """Hand over a batch; on return every instruction is durably in the rail's own book. Raises RailUnavailable."""

    async def inquire(self, uetrs: Sequence[tuple[str, int]], at: datetime) -> list[RailReport]:
        """Say what became of each (uetr, leg) by business time `at`, one report each, in order. Raises RailUnavailable.

        UNKNOWN is a promise kept in the book: should the instruction arrive later, it is ignored.
        """

    async def reports(self, now: datetime, limit: int) -> list[RailReport]:
        """Return what is due by business time `now`, oldest first, at most `limit`; empty when nothing is."""

    def next_due(self) -> datetime | None:
        """Return the business time at which the next report falls due, None when none is waiting."""

    def is_open(self, at: datetime, currency: str) -> bool:
        """Whether the rail takes instructions in `currency` at business time `at`."""

    def next_opening(self, at: datetime, currency: str) -> datetime:
        """Return the first instant from `at` on (UTC) at which the rail takes instructions in `currency`."""
