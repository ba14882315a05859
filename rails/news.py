"""What a rail in another process has to say: reports and returns, fetched page by page beside the switch. Forgets nothing unread.

At least once: a new object begins with what the rail still keeps. A page that cannot be read is passed over, since it would
stand before all later ones; what it said is learned by inquiry.
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
from rails.wire.bodies import FOLLOWS_A_RECALL
from rails.wire.values import LegStatus

HEARD_MAX = 10_000  # fetched and not yet taken: beyond it none is fetched
_CURSOR_CHARACTERS_MAX = 200

T = TypeVar("T")


class News:
    """Reports and returns of the rail at the channel; `report_of` reads a status, None for one that cannot be understood."""

    def __init__(
        self, rail: str, channel: Channel, report_of: Callable[[LegStatus, datetime], RailReport | None]
    ) -> None:
        self._rail, self._channel, self._report_of = rail, channel, report_of
        self.reports: deque[RailReport] = deque()
        self.unasked: deque[RailReturn] = deque()
        self.after_recalls: dict[str, RailReturn] = {}  # by return id
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
        reply = await self._page(REPORTS, at)
        said = bodies.read_statuses(reply.body) if reply is not None and reply.body else []
        for status in said:
            report = self._report_of(status, at)
            if report is not None and report.status != PENDING:
                self.reports.append(report)
        self._look(reply)
        more = await self.fetch_returns(at)
        return more or bool(said)

    async def fetch_returns(self, at: datetime) -> bool:
        """Fetch a page of returns; True where there may be more at once. Raises as `fetch` does."""
        reply = await self._page(RETURNS, at)
        self._look(reply)
        if reply is None or not reply.body:
            return False
        found = bodies.read_returns(reply.body, self._rail)
        for returned in found:
            dated = returned._replace(at=min(returned.at, at))
            if dated.reason_code != FOLLOWS_A_RECALL:
                self.unasked.append(dated)
                continue
            self.after_recalls[dated.return_id] = dated
            if len(self.after_recalls) > HEARD_MAX:  # the oldest has been answered for long
                del self.after_recalls[next(iter(self.after_recalls))]
        return bool(found)

    def _look(self, reply: Reply | None) -> None:
        """Take up what the answer to a look says: it knew all but what was sent meanwhile."""
        if reply is not None:
            told = _due_of(reply)
            self.next_due = min((due for due in (told, self._told_meanwhile) if due is not None), default=None)

    async def _page(self, path: str, at: datetime) -> Reply | None:
        """Ask for what comes after the cursor; None where the rail does not have the path (a rail without returns)."""
        after = self._cursors.get(path, "")
        query = f"{path}?limit={REPORTS_MAX}" + (f"&after={after}" if after else "")
        reply = await self._channel.ask("GET", query, {BUSINESS_TIME: written(at)}, probe=True)
        if reply.status == 404 and path == RETURNS:
            return None
        if reply.status not in (200, 204):
            raise WireError(f"{path} answers {reply.status}")
        cursor = reply.headers.get(CURSOR, after)
        if cursor and not (
            cursor.isascii() and len(cursor) <= _CURSOR_CHARACTERS_MAX and cursor.replace("-", "a").isalnum()
        ):
            raise WireError(f"{CURSOR} takes letters, digits and hyphens")
        self._cursors[path] = cursor
        return reply


def take(waiting: deque[T], limit: int) -> list[T]:
    """Take what was fetched first, at most `limit`."""
    return [waiting.popleft() for _ in range(min(len(waiting), limit))]


def _due_of(reply: Reply) -> datetime | None:
    text = reply.headers.get(NEXT_DUE)
    return instant(text, NEXT_DUE) if text else None
