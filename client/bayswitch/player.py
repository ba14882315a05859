"""Plays a day of traffic (JSON lines of `at`, `instruction`, `key`?, `via`?) against a running switch: moves its stopped
clock to each line, sends, goes on.

Hand-written lines (with a `chapter`) are played one by one at their own instant; they may be actions, too. Drawn ones between
two of them go in together, up to ten minutes at the instant of the last, never over a full hour, at which lanes and rails open
and close. How a line becomes a pacs.008 is the caller's: a client maps no fields.
"""

import asyncio
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx

from bayswitch.client import AsyncClient
from bayswitch.problems import Problem

Document = dict[str, Any]
Line = dict[str, Any]

TOGETHER = timedelta(minutes=10)
TOGETHER_MAX = 200  # drawn lines in one call
QUOTE_MARK = "quote:"  # before a quote's name, where a line uses the quote that an earlier one asked for
SETTLE_SECONDS = 30.0  # of the machine, for what falls due at a move; far more than it takes
_PAGE = 200


class NotSettled(Exception):
    """The switch was still busy with what fell due when the time for it was up."""


class Said(NamedTuple):
    """What the switch answered to one line."""

    line: Line
    problem: Mapping[str, Any] | None  # refused
    document: Mapping[str, Any] | None  # accepted, quoted, read
    message: Mapping[str, str] | None  # of a pacs.002: status, code, scope

    @property
    def payment_id(self) -> str | None:
        """Return the payment's id where the answer names it; a message does not."""
        known = self.problem or self.document or {}
        return known.get("payment_id")


class Player:
    """Sends lines as a development key's holder: as the debtor's agent, or as the participant a line names.

    `message_of` gives the pacs.008 of a line that goes as one (`via: xml`), the same bytes each time. `app`: an ASGI application
    to be called in this process, instead of a server at `url`.
    """

    def __init__(
        self, url: str, key: str, message_of: Callable[[Line], bytes], app: Callable[..., Any] | None = None
    ) -> None:
        self._url, self._key, self._message_of, self._app = url, key, message_of, app
        self._clients: dict[str, AsyncClient] = {}
        self.quotes: dict[str, Document] = {}
        self._ids: dict[str, str] = {}

    async def close(self) -> None:
        """Let go of the connections."""
        for client in self._clients.values():
            await client.aclose()

    def client(self, participant: str = "") -> AsyncClient:
        """Return the client that acts as a participant, "" for the sandbox's operator."""
        client = self._clients.get(participant)
        if client is None:
            transport = httpx.ASGITransport(self._app) if self._app else None
            client = self._clients[participant] = AsyncClient(
                self._url, self._key, participant or None, timeout_seconds=60, transport=transport
            )
        return client

    async def stop_clock(self) -> None:
        """Stop the sandbox's clock: from now on only moves change it."""
        await self.client().stop_clock()

    async def move(self, to: datetime) -> None:
        """Move the clock and wait until everything due by then has happened; raises NotSettled.

        First what was accepted must be with its rail: a clock that jumps over a deadline would find it never sent.
        """
        clock = await self.client().move_clock(by_seconds=0, settle_seconds=SETTLE_SECONDS)
        if clock["settled"]:
            clock = await self.client().move_clock(to.isoformat(), settle_seconds=SETTLE_SECONDS)
        if not clock["settled"]:
            raise NotSettled(f"before {to.isoformat()}")

    async def play(self, lines: Sequence[Line]) -> AsyncIterator[list[Said]]:
        """Play lines ordered by instant; gives what was said, for one hand-written line or several drawn ones at a time."""
        for together in grouped(lines):
            await self.move(instant(together[-1]))
            yield [await self._step(together[0])] if "chapter" in together[0] else await self._drawn(together)

    async def _drawn(self, lines: Sequence[Line]) -> list[Said]:
        plain = [line for line in lines if line.get("via") != "xml"]
        messages = [line for line in lines if line.get("via") == "xml"]
        said = list(await asyncio.gather(*[self._message(line) for line in messages]))
        if plain:
            items = [{"idempotency_key": key_of(line), "instruction": line["instruction"]} for line in plain]
            answer = await self.client().pay_batch(items)
            for line, item in zip(plain, answer["items"], strict=True):
                said.append(Said(line, item.get("problem"), item.get("payment"), None))
        return said

    async def _step(self, line: Line) -> Said:
        match line.get("action"):
            case "quote":
                return await self._quote(line)
            case "headroom":
                return Said(line, None, await self.client().headroom(line["instruction"]), None)
            case "look":
                return Said(line, None, await self.client().payment(self._ids[line["of"]]), None)
            case "decide":
                payment_id, event = self._ids[line["of"]], line["event"]
                await self.client().decide(payment_id, event, "first operator")
                return Said(line, None, await self.client().decide(payment_id, event, "second operator"), None)
            case "wait":
                return Said(line, None, None, None)
            case "faults" | "state" | "cancel" | "recall" | "person-state" as action:
                return await self._act(action, line)
        said = await (self._message(line) if line.get("via") == "xml" else self._pay(line))
        if said.payment_id:
            self._ids.setdefault(line["step"], said.payment_id)
        return said

    async def _act(self, action: str, line: Line) -> Said:
        """Do what an operator, or the payment's participant, does besides paying; a refusal is an answer, too."""
        payment_id, operator = self._ids.get(line.get("of", ""), ""), self.client()
        try:
            match action:
                case "faults":
                    answer = await operator.set_faults(line["rail"], line.get("setting"))
                case "state":
                    answer = await operator.set_payment_state(payment_id, line["status"], line.get("code"))
                case "cancel":
                    answer = await operator.cancel(payment_id)
                case "recall":
                    answer = await operator.recall(payment_id, line["asked"], idempotency_key=line.get("key"))
                case _:
                    answer = await operator.put_person_state(line["document"], line["state"])
        except Problem as problem:
            return Said(line, problem.members, None, None)
        return Said(line, None, answer, None)

    async def _pay(self, line: Line) -> Said:
        instruction, quote_id = line["instruction"], line["instruction"].get("quote_id", "")
        if quote_id.startswith(QUOTE_MARK):
            instruction = instruction | {"quote_id": self.quotes[quote_id.removeprefix(QUOTE_MARK)]["quote_id"]}
        try:
            answer = await self.client(line.get("participant", "")).pay(instruction, idempotency_key=key_of(line))
        except Problem as problem:
            return Said(line, problem.members, None, None)
        return Said(line, None, answer, None)

    async def _message(self, line: Line) -> Said:
        try:
            answer = await self.client().send_message(self._message_of(line))
        except Problem as problem:  # refused as a whole
            return Said(line, problem.members, None, None)
        return Said(line, None, None, read_status(answer))

    async def _quote(self, line: Line) -> Said:
        quote = await self.client(line["participant"]).quote(line["quote"])
        self.quotes[line["name"]] = quote
        return Said(line, None, quote, None)

    async def payments(self) -> list[Document]:
        """Read all payments of the sandbox."""
        found: list[Document] = []
        cursor: str | None = None
        while True:
            page = await self.client().payments(cursor=cursor, limit=_PAGE)
            found += page["payments"]
            cursor = page["cursor"]
            if cursor is None:
                return found


def grouped(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Split ordered lines into hand-written ones, each alone, and runs of drawn ones to be played together."""
    run: list[Line] = []
    for line in lines:
        first = instant(run[0]) if run else instant(line)
        hour = instant(line).replace(minute=0, second=0) > first
        if run and ("chapter" in line or hour or instant(line) - first > TOGETHER or len(run) == TOGETHER_MAX):
            yield run
            run = []
        if "chapter" in line:
            yield [line]
        else:
            run.append(line)
    if run:
        yield run


def instant(line: Line) -> datetime:
    """Return when a line is sent."""
    return datetime.fromisoformat(line["at"])


def key_of(line: Line) -> str:
    """Return a line's idempotency key; the id of its message, where it goes as one."""
    key: str = line.get("key") or line["instruction"]["instruction_id"]
    return key


def read_status(xml: bytes) -> dict[str, str]:
    """Read status and reason code of the one transaction that a pacs.002 reports, or of the whole message (`scope`)."""
    found: dict[str, str] = {}
    for element in ElementTree.fromstring(xml).iter():
        name = element.tag.rpartition("}")[2]
        if name in ("TxSts", "GrpSts") and element.text:
            found |= {"status": element.text, "scope": "transaction" if name == "TxSts" else "message"}
        elif name == "Cd" and element.text:
            found.setdefault("code", element.text)
    return found
