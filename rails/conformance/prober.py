"""Asks a rail as a case wants it, and keeps every request with its answer; the only part of the suite that does I/O."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from time import perf_counter
from typing import NamedTuple

import httpx

from rails.messages import CreditTransfer, MessageError
from rails.messages.model import Account, Party
from rails.port import RailInstruction
from rails.wire import (
    BODY_BYTES_MAX,
    BUSINESS_TIME,
    CURSOR,
    EXPIRES_AT,
    PACS_008,
    PACS_028,
    REPORTS,
    REPORTS_MAX,
    XML,
    WireError,
    bodies,
    written,
)
from rails.wire.bodies import Envelope
from rails.wire.values import BUSINESS, LegStatus, RailDocument

ASKER = "BAYSHKH0"  # the switch's BIC, fictional
ANSWER_SECONDS_MAX = 10.0  # longer than the switch waits: a slow answer is told from none
FINAL = frozenset({"ACSC", "ACCC", "RJCT", "BLCK"})
_POLL_SECONDS = 0.25
_PAGES_MAX = 1_000
Key = tuple[str, int]


class Target(NamedTuple):
    """What is asked, and with which account: of an agent and with a number that the rail takes."""

    url: str
    key: str
    debtor_agent: str = "HBAYHKH0"
    creditor_agent: str = "PEARCNG0"
    account: str = "6222000000000001"
    patience: timedelta = timedelta(seconds=30)  # machine time that a rail with a clock of its own is waited for


class Exchange(NamedTuple):
    """One request and what came of it; `status` 0 = no answer, `problem` says why."""

    what: str
    method: str
    path: str
    sent_headers: Mapping[str, str]
    sent: bytes
    status: int
    headers: Mapping[str, str]
    came: bytes
    milliseconds: int
    problem: str = ""


class Failed(Exception):
    """What was expected did not come; `what_to_do` where that is another thing than the case's own advice."""

    def __init__(self, expected: str, came: str, what_to_do: str = "") -> None:
        super().__init__(f"expected {expected}; came {came}")
        self.expected, self.came, self.what_to_do = expected, came, what_to_do


class Skipped(Exception):
    """The case does not apply to this rail; says why."""


class Prober:
    """One conversation with a rail. `exchanges` are those of the case at hand."""

    def __init__(self, target: Target, client: httpx.AsyncClient, now: datetime, new_uetr: Callable[[], str]) -> None:
        self.target, self.time, self.new_uetr = target, now, new_uetr
        self.document: RailDocument | None = None
        self.currency = ""
        self.exchanges: list[Exchange] = []
        self._client, self._messages, self._run = client, 0, new_uetr().partition("-")[0]

    # --- requests ---

    async def ask(
        self, what: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str | None] | None = None
    ) -> Exchange:
        """Send one request under key and business time, unless `headers` say otherwise (None: left out); never raises."""
        wanted: dict[str, str | None] = {
            "Authorization": f"Bearer {self.target.key}", BUSINESS_TIME: written(self.time), **(headers or {}),
        }  # fmt: skip
        if body:
            wanted.setdefault("Content-Type", XML)
        sent = {name: value for name, value in wanted.items() if value is not None}
        began = perf_counter()
        status, came_headers, came, problem = 0, {}, b"", ""
        try:
            response = await self._client.request(method, path, content=body, headers=sent)
            status, came_headers, came = response.status_code, dict(response.headers), response.content[:BODY_BYTES_MAX]
        except httpx.HTTPError as error:
            problem = f"{type(error).__name__} {error}".strip()
        except UnicodeEncodeError:
            problem = "the request cannot be written"
        taken = int((perf_counter() - began) * 1_000)
        shown = {name: value if name != "Authorization" else "Bearer …" for name, value in sent.items()}
        exchange = Exchange(what, method, path, shown, body, status, came_headers, came, taken, problem)
        self.exchanges.append(exchange)
        return exchange

    def envelope(self) -> Envelope:
        """Begin a message of ours, with an id that no other has."""
        self._messages += 1
        return Envelope(f"{self._run}-{self._messages}", self.time, ASKER, "")

    async def send(self, batch: Sequence[RailInstruction], what: str) -> dict[Key, LegStatus]:
        """Hand over instructions as one message; raises Failed unless a pacs.002 names every one."""
        said = self.statuses(await self.post(batch, what))
        for sent in batch:
            if (sent.uetr, sent.leg) not in said:
                raise Failed("a pacs.002 that names every transaction", f"one that says nothing of {sent.uetr}")
        return said

    async def post(self, batch: Sequence[RailInstruction], what: str) -> Exchange:
        """Hand over instructions as one message, whatever comes."""
        body = bodies.write_instructions(batch, self.envelope())
        return await self.ask(what, "POST", PACS_008, body, {EXPIRES_AT: written(batch[0].expires_at)})

    async def inquire(self, keys: Sequence[Key], what: str) -> dict[Key, LegStatus]:
        """Ask about legs; raises Failed unless a pacs.002 names every one."""
        body = bodies.write_inquiry(keys, self.envelope())
        said = self.statuses(await self.ask(what, "POST", PACS_028, body))
        if missing := [key for key in keys if key not in said]:
            raise Failed("a pacs.002 that names every leg asked about", f"one that says nothing of {missing[0][0]}")
        return said

    def statuses(self, exchange: Exchange) -> dict[Key, LegStatus]:
        """Read the pacs.002 of an answer, the last word of each leg; raises Failed."""
        return {(each.uetr, each.leg): each for each in self.all_statuses(exchange)}

    def all_statuses(self, exchange: Exchange) -> list[LegStatus]:
        """Read the pacs.002 of an answer, every word of it; raises Failed."""
        expect_status(exchange, 200)
        try:
            return bodies.read_statuses(exchange.came)
        except (MessageError, WireError) as error:
            raise Failed("a pacs.002 of the profile", f"what cannot be read: {error}") from None

    # --- reports ---

    async def page(self, after: str, what: str, path: str = REPORTS) -> tuple[Exchange, str]:
        """Ask for what comes after a cursor; gives the answer and the next cursor. Raises Failed."""
        query = f"{path}?limit={REPORTS_MAX}" + (f"&after={after}" if after else "")
        exchange = await self.ask(what, "GET", query)
        if exchange.status not in (200, 204):
            raise Failed("200 with a message, or 204", said(exchange))
        cursor = exchange.headers.get(CURSOR.lower(), "")
        if not cursor:
            raise Failed(f"the header {CURSOR}", "an answer without it")
        return exchange, cursor

    async def reports(self, after: str, what: str) -> tuple[list[LegStatus], str]:
        """Read all there is after a cursor; raises Failed."""
        found: list[LegStatus] = []
        for _ in range(_PAGES_MAX):
            exchange, after = await self.page(after, what)
            if exchange.status == 204 or not exchange.came:
                return found, after
            found += self.all_statuses(exchange)
            if len(found) > REPORTS_MAX:  # what is kept are the first pages and the last
                del self.exchanges[-1]
        raise Failed("an end of the reports", f"more than {_PAGES_MAX} pages")

    async def final_reports(self, keys: Sequence[Key], what: str) -> dict[Key, LegStatus]:
        """Let time pass until every leg has been reported final; raises Failed where one is not."""
        waited, cursor, final = timedelta(0), "", dict[Key, LegStatus]()
        while True:
            found, cursor = await self.reports(cursor, what)
            final |= {(each.uetr, each.leg): each for each in found if each.status in FINAL}
            if all(key in final for key in keys):
                return {key: final[key] for key in keys}
            if waited >= self.patience:
                missing = sum(key not in final for key in keys)
                raise Failed("a final report of each leg by its deadline", f"none of {missing} of {len(keys)}")
            waited += await self.let_pass()

    @property
    def follows_us(self) -> bool:
        """Whether the rail goes by the business time we send."""
        return self.document is None or self.document.clock == BUSINESS

    @property
    def patience(self) -> timedelta:
        """How long an ordinary instruction may take: an hour of business time, or the machine time that was given."""
        return timedelta(hours=1) if self.follows_us else self.target.patience

    async def let_pass(self) -> timedelta:
        """Let some time pass: business time at once, a rail's own in steps."""
        if self.follows_us:
            self.time += timedelta(minutes=10)
            return timedelta(minutes=10)
        await asyncio.sleep(_POLL_SECONDS)
        self.time += timedelta(seconds=_POLL_SECONDS)
        return timedelta(seconds=_POLL_SECONDS)

    # --- instructions ---

    def instruction(self, amount_minor: int = 10_001) -> RailInstruction:
        """Make an ordinary instruction under a new UETR."""
        target = self.target
        debtor = Party("CHAN Tai Man", None, "HK", "household", Account("012001000001", None, None, None))
        creditor = Party("LI Xiaoming", None, "CN", "household", Account(target.account, None, None, None))
        transfer = CreditTransfer(
            "I-1", "E-1", None, "1.00", self.currency, "1.00", self.currency, debtor, creditor, target.debtor_agent,
            target.creditor_agent, self.currency, "GIFT", None, "SHAR", None, (), None, False, None, None,
        )  # fmt: skip
        return RailInstruction(
            self.new_uetr(), 1, target.debtor_agent, target.creditor_agent, target.account, amount_minor, self.currency,
            self.time, self.time + self.patience, transfer,
        )  # fmt: skip


def said(exchange: Exchange) -> str:
    """Say what came, in a few words."""
    return str(exchange.status) if exchange.status else f"no answer ({exchange.problem})"


def expect_status(exchange: Exchange, *statuses: int) -> None:
    """Raise Failed unless the answer has one of these HTTP statuses."""
    if exchange.status not in statuses:
        raise Failed(" or ".join(map(str, statuses)), said(exchange))
