"""A rail in another process, behind the rail port: ours (`bayswitch rail`) or a team's own (docs/rails.md).

Batches go out as they come; reports and returns are fetched beside that, so that nobody waits for them. What this object
remembers can be lost: the rail's book tells it again (a new one begins with the reports of the last hour), or an inquiry.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count
from typing import Any

import structlog

from rails.channel import Channel, KeyRefused, Reply, took_nothing
from rails.faults import NO_FAULTS, Faults, write_faults
from rails.hours import Closure
from rails.messages import MessageError
from rails.news import News, take
from rails.port import (
    ACCEPTED,
    PENDING,
    REJECTED,
    Capabilities,
    Rail,
    RailInstruction,
    RailReport,
    RailReturn,
    RailUnavailable,
    RecallAnswer,
    RecallRequest,
)
from rails.wire import (
    BATCH_MAX,
    BUSINESS_TIME,
    CAMT_056,
    CAPABILITIES,
    EXPIRES_AT,
    FAULTS,
    JSON,
    PACS_002,
    PACS_008,
    PACS_028,
    XML,
    WireError,
    bodies,
    written,
)
from rails.wire.bodies import Envelope, Resolved
from rails.wire.values import DUPLICATES, ENDED, OWN, LegStatus, RailDocument, bic_of, read_document, report_of

log = structlog.get_logger()

MESSAGES_IN_FLIGHT_MAX = 8  # of 100 transactions each: a batch of the switch (1,024) goes out in two rounds
POLL_SECONDS = 0.25  # machine seconds between two looks for reports where the rail does not say when the next is due
AWAY_SECONDS = 0.5  # between two probes of a rail that does not answer
RETURN_PAGES_MAX = 100  # looked through at once for the money of a recall; further ones when it is asked about again
INTRODUCE_SECONDS = 5.0  # how often the rail is asked what it can do: an outage or a restart shows there

Key = tuple[str, int]


class WrongRail(Exception):
    """What answers there is not the rail that is to be replaced, or does not let us in; says why and what to do."""


class RemoteRail:
    """The rail that answers at the channel's address, in the place of a simulated one."""

    def __init__(self, replaced: Rail, channel: Channel, now: Callable[[], datetime], sender: str, run: str) -> None:
        """`replaced` is only asked for its hours; `now` gives business time, `sender` is the switch's BIC, `run` a text that no other run of the switch has: message ids begin with it."""
        self.capabilities: Capabilities = replaced.capabilities._replace(carries_messages=True)
        self.takes_faults = False  # only a simulated rail does
        self._replaced, self._channel, self._now = replaced, channel, now
        self._sender, self._run, self._numbers = sender, run, count(1)
        self._faults, self._told_faults = NO_FAULTS, ""
        self._document: RailDocument | None = None
        self.unreadable = 0  # returns that could not be read
        self._news = News(
            replaced.capabilities.rail,
            channel,
            lambda said, at: self._report(said, at, inquired=False),
            self._cannot_read_return,
        )
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._slots = asyncio.Semaphore(MESSAGES_IN_FLIGHT_MAX)

    # --- life ---

    async def start(self, now: datetime) -> None:
        """Make the rail's acquaintance and begin to fetch; a rail that is away is waited for. Raises WrongRail."""
        self._channel.open()
        try:
            await self._introduce()
        except KeyRefused as error:
            raise WrongRail(f"{error}: give the key it asks for (--rail-key)") from None
        except RailUnavailable as error:
            log.warning("the rail is away; it is waited for", rail=self.capabilities.rail, error=str(error))
        self._task = asyncio.create_task(self._fetching())

    async def stop(self) -> None:
        """Fetch no more and let go of the connections."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._channel.close()

    @property
    def faults(self) -> Faults:
        """The faults that are to be in force; a rail of ours is told of them, any other knows none."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self._wake.set()

    async def _introduce(self) -> None:
        """Ask what the rail can do; raises WrongRail where it is not what it is to replace."""
        reply = await self._channel.ask("GET", CAPABILITIES, self._headers(self._now()), probe=True)
        rail = self.capabilities.rail
        if reply.status != 200:
            raise WrongRail(
                f"{self._channel.url}{CAPABILITIES} answers {reply.status}; is it a rail? See docs/rails.md"
            )
        try:
            document = read_document(json.loads(reply.body))
        except (ValueError, RecursionError) as error:  # WireError is one
            raise WrongRail(f"{self._channel.url}{CAPABILITIES} cannot be read: {error}") from None
        if missing := self.capabilities.currencies - document.currencies:
            raise WrongRail(f"{self._channel.url} does not carry {', '.join(sorted(missing))}, which {rail} does")
        if document.steps != self.capabilities.steps:
            raise WrongRail(
                f"{self._channel.url} is a {document.steps}-step rail, {rail} has {self.capabilities.steps} steps"
            )
        self._document = document
        self.takes_faults = document.faults is not None
        self._told_faults = document.faults or ""

    async def _tell_faults(self) -> None:
        wanted = write_faults(self._faults)
        if self.takes_faults and self._told_faults != wanted:
            await self._channel.ask("PUT", FAULTS, {"Content-Type": JSON}, wanted.encode())
            self._told_faults = wanted

    # --- instructions ---

    async def send(self, batch: Sequence[RailInstruction]) -> None:
        """Hand over a batch as messages of at most BATCH_MAX; raises RailUnavailable unless all were taken or refused."""
        parts: dict[tuple[datetime, datetime], list[RailInstruction]] = {}
        for sent in batch:
            parts.setdefault((sent.sent_at, sent.expires_at), []).append(sent)
        messages = [part[i : i + BATCH_MAX] for part in parts.values() for i in range(0, len(part), BATCH_MAX)]
        await self._all([self._hand_over(message) for message in messages])

    async def _hand_over(self, message: Sequence[RailInstruction]) -> None:
        """Send one message; where the rail cannot take it as a whole, its halves, until the culprit stands alone."""
        sent_at, expires_at = message[0].sent_at, message[0].expires_at
        refused = await self._handed_over(message, self._headers(sent_at) | {EXPIRES_AT: written(expires_at)})
        if not refused:
            return
        if len(message) == 1:
            raise RailUnavailable(f"{self.capabilities.rail} refuses {message[0].uetr}: {refused}", taken_none=True)
        half = len(message) // 2
        await self._all([self._hand_over(message[:half]), self._hand_over(message[half:])])

    async def _handed_over(self, message: Sequence[RailInstruction], headers: Mapping[str, str]) -> str:
        """Send one message and take in its answer; returns why it was surely refused as a whole, "" where it was taken."""
        try:
            body = bodies.write_instructions(message, self._envelope(message[0].sent_at))
        except MessageError as error:
            return str(error)
        async with self._slots:
            reply = await self._channel.ask("POST", PACS_008, {**headers, "Content-Type": XML}, body)
        if reply.status != 200:
            refusal = self._refusal(reply)
            if not took_nothing(reply):
                raise RailUnavailable(f"{self.capabilities.rail} answers {refusal}: it may have taken them")
            return refusal
        said = {(status.uetr, status.leg): status for status in self._statuses(reply)}
        missing = [sent for sent in message if (sent.uetr, sent.leg) not in said]
        if missing:
            raise RailUnavailable(
                f"{self.capabilities.rail} says nothing of {len(missing)} of {len(message)} transactions"
            )
        for sent in message:
            self._hear_at_once(said[sent.uetr, sent.leg])
        self._news.told(reply)
        return ""

    def _hear_at_once(self, said: LegStatus) -> None:
        """Take a refusal, or a last word that came with the answer, for a report."""
        report = self._report(said, self._now(), inquired=False)
        if report is None or report.status == PENDING:
            return
        if report.status == REJECTED and report.reason_code in DUPLICATES:
            # What was first sent under this UETR stands, and only an inquiry tells what became of it.
            log.warning("the rail takes a repetition for another instruction", rail=report.rail, uetr=report.uetr)
            return
        self._news.reports.append(report)

    async def inquire(self, uetrs: Sequence[Key], at: datetime) -> list[RailReport]:
        """Ask about each; what the rail says nothing of is pending."""
        parts = [uetrs[i : i + BATCH_MAX] for i in range(0, len(uetrs), BATCH_MAX)]
        answers = await self._all([self._inquired(part, at) for part in parts])
        return [report for part in answers for report in part]

    async def _inquired(self, keys: Sequence[Key], at: datetime) -> list[RailReport]:
        headers = {**self._headers(at), "Content-Type": XML}
        async with self._slots:
            reply = await self._channel.ask("POST", PACS_028, headers, bodies.write_inquiry(keys, self._envelope(at)))
        return self._told(reply, keys, at)

    def _told(self, reply: Reply, keys: Sequence[Key], at: datetime) -> list[RailReport]:
        rail = self.capabilities.rail
        if reply.status != 200:
            raise RailUnavailable(f"{rail} refuses an inquiry: {self._refusal(reply)}")
        said = {(status.uetr, status.leg): status for status in self._statuses(reply)}
        reports = [self._report(said[key], at, inquired=True) if key in said else None for key in keys]
        return [
            report or RailReport(rail, uetr, leg, PENDING, "", at)
            for report, (uetr, leg) in zip(reports, keys, strict=True)
        ]

    async def abort(self, uetrs: Sequence[Key], at: datetime) -> list[RailReport]:
        """Tell that these have ended with us (pacs.002 RJCT), and what is true of them; a rail that takes no veto only answers."""
        parts = [uetrs[i : i + BATCH_MAX] for i in range(0, len(uetrs), BATCH_MAX)]
        answers = await self._all([self._aborted(part, at) for part in parts])
        return [report for part in answers for report in part]

    async def _aborted(self, keys: Sequence[Key], at: datetime) -> list[RailReport]:
        ended = [LegStatus(uetr, leg, "RJCT", ENDED) for uetr, leg in keys]
        body = bodies.write_statuses(ended, self._envelope(at))
        async with self._slots:
            reply = await self._channel.ask("POST", PACS_002, {**self._headers(at), "Content-Type": XML}, body)
        if reply.status in (404, 405):
            return await self._inquired(keys, at)
        return self._told(reply, keys, at)

    # --- reports ---

    async def reports(self, now: datetime, limit: int) -> list[RailReport]:
        """Return what has been fetched, and have more fetched where something is due."""
        due = self._news.next_due
        if due is not None and due <= now:
            self._wake.set()
        return take(self._news.reports, limit)

    async def returns(self, now: datetime, limit: int) -> list[RailReturn]:
        """Return the money given back that has been fetched and that no recall asked here has claimed."""
        return take(self._news.unasked, limit)

    def next_due(self) -> datetime | None:
        """Return when the next is due as far as the rail has said; what was fetched is due at once, nothing while it is away."""
        if self._channel.is_down and not (self._news.reports or self._news.unasked):
            return None
        return self._news.due()

    async def _fetching(self) -> None:
        """Look for reports and returns until told to stop."""
        introduce_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            pause = AWAY_SECONDS
            try:
                if loop.time() >= introduce_at:
                    await self._introduce()
                    introduce_at = loop.time() + INTRODUCE_SECONDS
                await self._tell_faults()
                pause = 0.0 if await self._news.fetch(self._now()) else POLL_SECONDS
            except RailUnavailable:
                introduce_at = 0.0
            except WrongRail as error:
                log.error("another rail answers: it is sent nothing", rail=self.capabilities.rail, error=str(error))
                self._channel.is_down = True
            except (WireError, MessageError) as error:
                log.warning("the rail says what cannot be read", rail=self.capabilities.rail, error=str(error))
            except Exception:
                log.exception("fetching from a rail failed and goes on", rail=self.capabilities.rail)
            if pause == AWAY_SECONDS:
                self._news.next_due = None
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            self._wake.clear()

    # --- recalls ---

    async def recall(self, requests: Sequence[RecallRequest], at: datetime) -> list[RecallAnswer]:
        """Hand over recalls and say what became of each; one that is granted is accepted once its money is announced."""
        said: list[Resolved] = await self._all([self._recalled(request, at) for request in requests])
        if any(each.return_id and not self._news.knows(each.return_id) for each in said):
            with suppress(MessageError, WireError):
                for _ in range(RETURN_PAGES_MAX):
                    if not await self._news.fetch_returns(at):
                        break
        return [self._resolved(*pair, at) for pair in zip(requests, said, strict=True)]

    async def _recalled(self, request: RecallRequest, at: datetime) -> Resolved:
        rail = self.capabilities.rail
        body = bodies.write_recall(request, self._envelope(at))
        async with self._slots:
            reply = await self._channel.ask("POST", CAMT_056, {**self._headers(at), "Content-Type": XML}, body)
        if reply.status != 200:
            raise RailUnavailable(f"{rail} refuses a recall: {self._refusal(reply)}")
        try:
            return bodies.read_resolution(reply.body).get((request.uetr, request.leg), Resolved(PENDING, "", ""))
        except (MessageError, WireError) as error:
            raise RailUnavailable(f"{rail} answers a recall with what cannot be read: {error}") from error

    def _resolved(self, request: RecallRequest, said: Resolved, at: datetime) -> RecallAnswer:
        """Answer a recall; one that is granted is pending until its money has been announced."""
        answer = RecallAnswer(self.capabilities.rail, request.recall_id, said.status, said.reason_code, at)
        if said.status != ACCEPTED:
            return answer
        returned = self._news.claim(said.return_id)
        if returned is None:
            return answer._replace(status=PENDING)
        return answer._replace(returned=returned._replace(recall_id=request.recall_id))

    # --- hours ---

    @property
    def closures(self) -> tuple[Closure, ...]:
        """What the switch knows to close the rail besides its hours; may be set at any time."""
        return self._replaced.closures

    @closures.setter
    def closures(self, closures: tuple[Closure, ...]) -> None:
        self._replaced.closures = closures

    def is_open(self, at: datetime, currency: str) -> bool:
        """Whether the replaced rail's hours hold, unless the rail itself has said that it is closed."""
        return at >= self._closed_until(currency, at) and self._replaced.is_open(at, currency)

    def next_opening(self, at: datetime, currency: str) -> datetime:
        """Return the first instant from `at` on at which it is open, as far as is known."""
        return self._replaced.next_opening(self._closed_until(currency, at), currency)

    def _closed_until(self, currency: str, at: datetime) -> datetime:
        document = self._document
        return at if document is None else max(at, document.closed_until.get(currency, at))

    # --- the wire ---

    def _headers(self, at: datetime) -> dict[str, str]:
        return {BUSINESS_TIME: written(at)}

    def _envelope(self, at: datetime) -> Envelope:
        return Envelope(f"{self._run}-{next(self._numbers)}", at, self._sender, bic_of(self.capabilities))

    def _statuses(self, reply: Reply) -> list[LegStatus]:
        """Read a pacs.002; raises RailUnavailable where it cannot be read: then nothing is known."""
        if not reply.body:
            return []
        try:
            return bodies.read_statuses(reply.body)
        except (MessageError, WireError) as error:
            raise RailUnavailable(f"{self.capabilities.rail} answers with what cannot be read: {error}") from error

    def _report(self, said: LegStatus, at: datetime, inquired: bool) -> RailReport | None:
        """Make a report, dated by the rail where it follows our business time; None for what cannot be understood."""
        since = at if self._own_clock or said.at is None else min(said.at, at)
        try:
            return report_of(said, self.capabilities.rail, since, inquired)
        except WireError as error:
            log.warning("a report cannot be understood", rail=self.capabilities.rail, uetr=said.uetr, error=str(error))
            return None

    def _cannot_read_return(self, why: str) -> None:
        self.unreadable += 1
        log.error("a return cannot be read", rail=self.capabilities.rail, error=why, so_far=self.unreadable)

    @property
    def _own_clock(self) -> bool:
        """Whether the rail goes by its machine's time: then what it says is dated by ours, when we hear it."""
        return self._document is not None and self._document.clock == OWN

    def _refusal(self, reply: Reply) -> str:
        try:
            return f"{reply.status} {bodies.read_refusal(reply.body)}"
        except (MessageError, WireError):
            return f"{reply.status}"

    async def _all(self, calls: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
        """Make calls at once and wait for each; raises RailUnavailable if one failed: surely not taken only if all were so."""
        done = await asyncio.gather(*calls, return_exceptions=True)
        for each in done:
            if isinstance(each, BaseException) and not isinstance(each, RailUnavailable):
                raise each
        failed = [each for each in done if isinstance(each, RailUnavailable)]
        if failed:
            taken_none = len(failed) == len(done) and all(each.taken_none for each in failed)
            raise RailUnavailable(str(failed[0]), taken_none=taken_none)
        return done
