"""The rail port: what the switch asks of a domestic rail, in batches (design 2).

`send` is idempotent on UETR and leg: the first stands. `inquire` answers truly, also after a crash. `reports` yields
what has become due, at least once: whoever reads it tolerates a repetition. No rail waits on the switch: a silent rail
is never a refusal.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from rails.faults import Faults
from rails.hops import Hops
from rails.hours import Closure
from rails.messages.model import CreditTransfer

# Statuses of reports and of recalls, as a rail says them. UNKNOWN answers an inquiry for a UETR never received, and promises that the rail
# will not process it later (facts messages 4.2, AG09).
PENDING = "pending"
SETTLED = "settled"
CREDITED = "credited"
REJECTED = "rejected"
BLOCKED = "blocked"  # the money is frozen, and nobody has it
ACCEPTED = "accepted"  # of a recall: the money comes back
UNKNOWN = "unknown"


class RailUnavailable(Exception):
    """The rail cannot be reached: send the same again, or inquire.

    Whether it has the batch is not known, unless whoever raises this is sure that nothing of it was taken (`taken_none`): an
    outage at the rail's door, a connection that was refused. A time-out, or a connection lost after the first byte, is not.
    """

    def __init__(self, *of: object, taken_none: bool = False) -> None:
        super().__init__(*of)
        self.taken_none = taken_none


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
        datetime  # business time, the rail's own hop: a five-step rail's timer ends before it, a four-step has none
    )
    transfer: CreditTransfer | None = None  # names, purpose, remittance: only where the rail `carries_messages`


class RailReport(NamedTuple):
    """What a rail says of one leg."""

    rail: str
    uetr: str
    leg: int
    status: str  # pending, settled, credited, rejected, blocked or unknown
    reason_code: str  # ExternalStatusReason1Code where rejected, else ""
    at: datetime  # business time, by the rail's own clock
    amount_minor: int | None = None  # what the rail says it was about; None where it repeats what it was handed
    currency: str = ""  # of that amount, "" where it is the leg's


class RecallRequest(NamedTuple):
    """The switch asks the creditor agent, over the rail, to give a settled leg's money back (camt.056)."""

    recall_id: str  # UUID text: the case; the request is idempotent on it
    uetr: str
    leg: int
    reason_code: str  # ExternalCancellationReason1Code: DUPL, TECH, FRAD, CUST, AM09, ...
    amount_minor: int  # what is asked back, at most what was paid
    currency: str
    asked_at: datetime  # business time
    text: str = ""  # what the asking agent adds


class RailReturn(NamedTuple):
    """Money a creditor agent gives back of a settled leg (pacs.004), asked for or not; idempotent on `return_id`."""

    rail: str
    return_id: str  # UUID text
    uetr: str
    leg: int
    amount_minor: int  # what is given back; the creditor agent's own charge is taken off already
    currency: str  # the leg's
    charge_minor: int  # what the creditor agent kept
    reason_code: str  # ExternalReturnReason1Code: FOCR after a recall, AC04, AC06, CUST, ...
    recall_id: str  # "" where nobody asked
    at: datetime  # business time


class RecallAnswer(NamedTuple):
    """What became of a recall (camt.029)."""

    rail: str
    recall_id: str
    status: str  # pending | accepted (the return comes with it) | rejected
    reason_code: str  # ExternalPaymentCancellationRejection1Code where rejected (LEGL, CUST, NOAS, NOOR, ARDT, AC04, AM04), else ""
    at: datetime  # business time
    returned: RailReturn | None = None  # where accepted


class Capabilities(NamedTuple):
    """What a rail can do; hours are its own, caps are rules."""

    rail: str  # hk-fps, ibps, mo-easy-transfer, hk-chats, mo-rtgs, hvps
    name: str
    country: str
    currencies: frozenset[str]
    steps: int  # 4: creditor agent credits, then the rail settles; 5: the rail times out, settles, then confirms
    reports_credit: bool  # False: its settled report is the last word
    clearing_system: tuple[str, str]  # ("Cd", "HKS") or ("Prtry", "IBPS"): SttlmInf/ClrSys in our pacs.002
    hops: Hops  # from the start of the clock, business time: how long each hop waits
    assumed: tuple[str, ...]  # names of the figures above that no source gives
    carries_messages: bool = False  # a rail outside this process: it needs the whole transfer, names and all

    @property
    def deadline(self) -> timedelta:
        """How long a leg may stay unanswered before the switch has it in doubt."""
        return self.hops.switch

    @property
    def takes_veto(self) -> bool:
        """Whether it can be told not to settle: a five-step rail waits for the last word, a four-step one has none (facts messages 1.4)."""
        return self.steps == 5


class Rail(Protocol):
    """A domestic rail as the switch sees it."""

    capabilities: Capabilities
    faults: Faults  # may be set at any time: what is sent from then on meets them
    takes_faults: bool  # False of a rail in another process that keeps its faults to itself
    closures: tuple[Closure, ...]  # announced maintenance, a suspension; may be set at any time

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

    async def abort(self, uetrs: Sequence[tuple[str, int]], at: datetime) -> list[RailReport]:
        """Tell that the switch has ended these, and say what is true of each by business time `at`, in order: as `inquire`.

        A five-step rail then never settles what it has not settled yet (facts messages 1.4): it says REJECTED, or UNKNOWN. A
        four-step rail has no such veto and only answers. Idempotent. Raises RailUnavailable.
        """

    async def reports(self, now: datetime, limit: int) -> list[RailReport]:
        """Return what is due by business time `now`, oldest first, at most `limit`; empty when nothing is."""

    async def recall(self, requests: Sequence[RecallRequest], at: datetime) -> list[RecallAnswer]:
        """Hand over recalls that are new and say what has become of each by business time `at`, in order: ask again until answered.

        Idempotent on `recall_id`. Raises RailUnavailable.
        """

    async def returns(self, now: datetime, limit: int) -> list[RailReturn]:
        """Return the money given back unasked that is due by business time `now`, oldest first, at least once each."""

    def next_due(self) -> datetime | None:
        """Return the business time at which the next report or return falls due, None when none is waiting."""

    def is_open(self, at: datetime, currency: str) -> bool:
        """Whether the rail takes instructions in `currency` at business time `at`."""

    def next_opening(self, at: datetime, currency: str) -> datetime:
        """Return the first instant from `at` on (UTC) at which the rail takes instructions in `currency`."""
