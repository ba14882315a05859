"""Rails that break the contract, each in one way: a case of the suite must see it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from served_rail import KEY, a_simulated
from starlette.requests import Request
from starlette.responses import Response

from rails.book import MemoryBook, answer
from rails.contents import Content, MemoryContents
from rails.messages import MessageError
from rails.port import ACCEPTED, UNKNOWN, RailInstruction, RailReport, RailReturn, RecallAnswer
from rails.serving import Kept, RailService
from rails.wire import bodies, instant
from rails.wire.values import LegStatus


def a_broken(kind: type[RailService], contents: MemoryContents | None = None, name: str = "hk-fps") -> RailService:
    book = MemoryBook()
    return kind(a_simulated(name, book), book, contents or MemoryContents(), KEY, "broken")


class SaysNothingOfItself(RailService):
    async def capabilities(self, request: Request) -> Response:
        return Response(b"{}", media_type="application/json")


class AsksForNoKey(RailService):
    def _is_known(self, request: Request) -> bool:
        return True


class TakesAndForgets(RailService):
    async def _taken(self, instructions: Sequence[RailInstruction]) -> list[LegStatus]:
        return [LegStatus(sent.uetr, sent.leg, "ACTC") for sent in instructions]


class NeverReports(RailService):
    async def reports(self, request: Request) -> Response:
        return self._page(b"", "none-1")


class TakesEachSendingForAnother(RailService):
    async def _taken(self, instructions: Sequence[RailInstruction]) -> list[LegStatus]:
        await self._contents.keep([Content(s.uetr, s.leg, str(s.sent_at).encode()) for s in instructions])
        return await super()._taken(instructions)


class AnyContents(MemoryContents):
    async def keep(self, contents: Sequence[Content]) -> list[bool]:
        return [True] * len(contents)


class LooksBeforeItWrites(MemoryContents):
    async def keep(self, contents: Sequence[Content]) -> list[bool]:
        same = [self._digests.get((uetr, leg), digest) == digest for uetr, leg, digest in contents]
        await asyncio.sleep(0.05)
        self._digests.update({(uetr, leg): digest for uetr, leg, digest in contents})
        return same


class PromisesNothing(RailService):
    """Says AG09 of what it has not got, and processes it when it comes."""

    async def pacs028(self, request: Request) -> Response:
        self._rail.inquire = self._looked_up  # type: ignore[method-assign]
        return await super().pacs028(request)

    async def _looked_up(self, keys: Sequence[tuple[str, int]], at: datetime) -> list[RailReport]:
        found = await self._book.find(keys)
        return [
            RailReport("x", *key, *(answer(entry, at) if entry else (UNKNOWN, "", at)))
            for key, entry in zip(keys, found, strict=True)
        ]


class KeptOnce(Kept[Any]):
    def after(self, cursor: str, limit: int) -> tuple[list[Any], str]:
        page, self._items = self._items, []
        return page, "x-1"


class ReportsOnce(RailService):
    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self._reports = KeptOnce("x")


class ReturnsOnce(RailService):
    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self._returns = KeptOnce("x")


class KnowsNoLimit(RailService):
    def _limit(self, request: Request) -> int:
        return 100


class AllOrNothing(RailService):
    async def _taken(self, instructions: Sequence[RailInstruction]) -> list[LegStatus]:
        if any(sent.currency not in self._rail.capabilities.currencies for sent in instructions):
            raise MessageError("AM03", "", "no such currency")
        return await super()._taken(instructions)


class HasNoTimer(RailService):
    def _expiry(self, request: Request, sent_at: datetime) -> datetime:
        return sent_at + timedelta(hours=1)


class NodsAndSettles(RailService):
    """Says that what the switch has ended is rejected, and goes on."""

    async def pacs002(self, request: Request) -> Response:
        said = bodies.read_statuses(await request.body())
        at = await self._time(request)
        return self._answer(bodies.write_statuses([each._replace(at=at) for each in said], self._envelope(at)))


class TakesFew(RailService):
    async def _taken(self, instructions: Sequence[RailInstruction]) -> list[LegStatus]:
        if len(instructions) > 50:
            raise MessageError("AM18", "", "too many")
        return await super()._taken(instructions)


class RefusesWhatIsUnderWay(RailService):
    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self._under_way: set[str] = set()

    async def _taken(self, instructions: Sequence[RailInstruction]) -> list[LegStatus]:
        free = [sent for sent in instructions if sent.uetr not in self._under_way]
        self._under_way |= {sent.uetr for sent in free}
        await asyncio.sleep(0.05)
        said = await super()._taken(free)
        self._under_way -= {sent.uetr for sent in free}
        busy = [LegStatus(s.uetr, s.leg, "RJCT", "AM05") for s in instructions if s not in free]
        return said + busy


class FallsOver(RailService):
    def _says_no(self, status: int, error: MessageError) -> Response:
        return super()._says_no(status, error) if status == 401 else Response(status_code=500)


class TakesAnything(RailService):
    async def pacs008(self, request: Request) -> Response:
        try:
            return await super().pacs008(request)
        except MessageError:
            return Response(status_code=200)


class GuessesTheTime(RailService):
    async def _time(self, request: Request) -> datetime:
        try:
            return await super()._time(request)
        except ValueError:
            return instant("2026-03-05T12:00:00Z", "now")


class KeepsTheMoney(RailService):
    """Grants recalls, and says nothing of the money."""

    async def camt056(self, request: Request) -> Response:
        told = await super().camt056(request)
        self._returns = Kept(self._run)
        return told


class GivesAndGives(RailService):
    """Grants every recall in full, of whatever it is."""

    async def camt056(self, request: Request) -> Response:
        self._rail.recall = self._granted  # type: ignore[method-assign]
        return await super().camt056(request)

    async def _granted(self, requests: Sequence[Any], at: datetime) -> list[RecallAnswer]:
        return [
            RecallAnswer(
                "x", each.recall_id, ACCEPTED, "", at,
                RailReturn(
                    "x", str(UUID(int=UUID(each.recall_id).int ^ 1)), each.uetr, each.leg, each.amount_minor,
                    each.currency, 0, "FOCR", each.recall_id, at,
                ),
            )
            for each in requests
        ]  # fmt: skip


# (case, what is broken, the rail)
BROKEN: tuple[tuple[str, str, Callable[[], RailService]], ...] = (
    ("capabilities", "says nothing of itself", lambda: a_broken(SaysNothingOfItself)),
    ("key", "asks for no key", lambda: a_broken(AsksForNoKey)),
    ("taken", "takes and forgets", lambda: a_broken(TakesAndForgets)),
    ("final", "never reports", lambda: a_broken(NeverReports)),
    ("sent-again", "takes each sending for another", lambda: a_broken(TakesEachSendingForAnother)),
    ("other-amount", "does not compare", lambda: a_broken(RailService, AnyContents())),
    ("other-account", "does not compare", lambda: a_broken(RailService, AnyContents())),
    ("unknown", "promises nothing", lambda: a_broken(PromisesNothing)),
    ("reports-again", "reports once", lambda: a_broken(ReportsOnce)),
    ("reports-limit", "knows no limit", lambda: a_broken(KnowsNoLimit)),
    ("currency", "all or nothing", lambda: a_broken(AllOrNothing)),
    ("expired", "has no timer", lambda: a_broken(HasNoTimer)),
    ("ended", "nods and settles", lambda: a_broken(NodsAndSettles)),
    ("full-message", "takes few", lambda: a_broken(TakesFew)),
    ("at-once", "refuses what is under way", lambda: a_broken(RefusesWhatIsUnderWay)),
    ("two-contents-at-once", "looks before it writes", lambda: a_broken(RailService, LooksBeforeItWrites())),
    ("no-message", "falls over", lambda: a_broken(FallsOver)),
    ("no-message", "takes anything", lambda: a_broken(TakesAnything)),
    ("clock", "guesses the time", lambda: a_broken(GuessesTheTime)),
    ("recall", "keeps the money", lambda: a_broken(KeepsTheMoney)),
    ("recall-twice", "gives and gives", lambda: a_broken(GivesAndGives)),
    ("recall-unknown", "gives and gives", lambda: a_broken(GivesAndGives)),
    ("returns-again", "returns once", lambda: a_broken(ReturnsOnce)),
)
