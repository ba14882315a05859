"""What a rail in another process has to say: reports and returns, fetched page by page beside the switch. Forgets nothing unread.

At least once: a new object begins with what the rail still keeps. A page that cannot be read is passed over, since it would
stand before all later ones; what its reports said is learned by inquiry.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from rails.channel import Channel, Reply
from rails.port import PENDING, RailReport, RailReturn
from rails.wire import (
    BUSINESS_TIME,
    CURSOR,
    NEXT_DUE,
    REPORTS,
    REPORTS_MAX,
    RETURNS,
    WireError,
    bodies,
    instant,
    written,
)
from rails.wire.values import LegStatus

HEARD_MAX = 10_000  # fetched and not yet taken: beyond it none is fetched
_CURSOR_CHARACTERS_MAX = 200

T = TypeVar("T")


class News:
    """Reports and returns of the rail at the channel; `report_of` reads a status, None for one that cannot be understood, `cannot_read` is told what is wrong with a return."""

    def __init__(
        self,
        rail: str,
        channel: Channel,
        report_of: Callable[[LegStatus, datetime], RailReport | None],
        cannot_read: Callable[[str], None],
    ) -> None:
        self._rail, self._channel, self._report_of, self._cannot_read = rail, channel, report_of, cannot_read
        self.reports: deque[RailReport] = deque()
        self.unasked: deque[RailReturn] = deque()  # and those of recalls until they are claimed: nobody may have asked
        self._returns: dict[str, RailReturn] = {}  # by return id, whatever their reason
        self.next_due: datetime | None = None
        self._told_meanwhile: datetime | None = None  # by the answers to what was sent while a look was under way
        self._cursors: dict[str, str] = {}  # by path

    def due(self) -> datetime | None:
        """Return when the next report or return is due as far as the rail has said, or that of one not yet taken."""
        if self.reports:
            return self.reports[0].at
        return self.unasked[0].at if self.unasked else self.next_due

    def told(self, reply: Reply) -> None:
        """Take up what an answer says of the next report."""
        due = _due_of(reply)
        if due is not None:
            self._told_meanwhile = min(due, self._told_meanwhile or due)
            self.next_due = min(due, self.next_due or due)

    async def fetch(self, at: datetime) -> bool:
        """Fetch a page of reports and one of returns; True where there may be more at once.

        Raises RailUnavailable, or MessageError and WireError for a page that cannot be read.
        """
        if len(self.reports) + len(self.unasked) >= HEARD_MAX:
            return False
        self._told_meanwhile = None
        reply, moved = await self._page(REPORTS, at)
        said = bodies.read_statuses(reply.body) if reply is not None and reply.body else []
        for status in said:
            report = self._report_of(status, at)
            if report is not None and report.status != PENDING:
                self.reports.append(report)
        self._look(reply)
        more = await self.fetch_returns(at)
        return more or (moved and bool(said))

    async def fetch_returns(self, at: datetime) -> bool:
        """Fetch a page of returns; True where there may be more at once: the cursor has moved, and something was new.

        Raises as `fetch` does.
        """
        if len(self.unasked) >= HEARD_MAX:
            return False
        reply, moved = await self._page(RETURNS, at)
        self._look(reply)
        if reply is None or not reply.body:
            return False
        read = bodies.read_returns(reply.body, self._rail)
        for why in read.unreadable:
            self._cannot_read(why)
        new = [each._replace(at=min(each.at, at)) for each in read.returns if each.return_id not in self._returns]
        for returned in new:
            self.unasked.append(returned)
            self._returns[returned.return_id] = returned
            if len(self._returns) > HEARD_MAX:  # the oldest has been taken for long
                del self._returns[next(iter(self._returns))]
        return moved and bool(new or read.unreadable)

    def knows(self, return_id: str) -> bool:
        """Whether this return has been fetched."""
        return return_id in self._returns

    def claim(self, return_id: str) -> RailReturn | None:
        """Return what a granted recall names, which is unasked no more; None where it has not been fetched."""
        returned = self._returns.get(return_id)
        if returned is not None and returned in self.unasked:
            self.unasked.remove(returned)
        return returned

    def _look(self, reply: Reply | None) -> None:
        """Take up what the answer to a look says: it knew all but what was sent meanwhile."""
        if reply is not None:
            told = _due_of(reply)
            self.next_due = min((due for due in (told, self._told_meanwhile) if due is not None), default=None)

    async def _page(self, path: str, at: datetime) -> tuple[Reply | None, bool]:
        """Ask for what comes after the cursor, and say whether that has moved; None where the rail does not have the path (a rail without returns)."""
        after = self._cursors.get(path, "")
        query = f"{path}?limit={REPORTS_MAX}" + (f"&after={after}" if after else "")
        reply = await self._channel.ask("GET", query, {BUSINESS_TIME: written(at)}, probe=True)
        if reply.status == 404 and path == RETURNS:
            return None, False
        if reply.status not in (200, 204):
            raise WireError(f"{path} answers {reply.status}")
        cursor = reply.headers.get(CURSOR, after)
        if cursor and not (
            cursor.isascii() and len(cursor) <= _CURSOR_CHARACTERS_MAX and cursor.replace("-", "a").isalnum()
        ):
            raise WireError(f"{CURSOR} takes letters, digits and hyphens")
        self._cursors[path] = cursor
        return reply, cursor != after


def take(waiting: deque[T], limit: int) -> list[T]:
    """Take what was fetched first, at most `limit`."""
    return [waiting.popleft() for _ in range(min(len(waiting), limit))]


def _due_of(reply: Reply) -> datetime | None:
    text = reply.headers.get(NEXT_DUE)
    return instant(text, NEXT_DUE) if text else None
