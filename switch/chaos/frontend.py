"""Reads as much of PostgreSQL's frontend protocol as shows where a client commits in what it sends. Opens nothing.

It commits by a COMMIT, or, where it is in no transaction, by the Sync after a CALL, which is one of its own. Own parser
because no library reads this side of the protocol, and what is needed of it is one page: the frames (PostgreSQL 18 manual,
54.7 "Message Formats"), the text of a simple Query, and which statement an Execute carries out. It cannot look into TLS;
the embedded server has none.
"""

from collections.abc import Iterator
from typing import NamedTuple

_LENGTH = 4  # an int32 that counts itself
_SSL_REQUEST, _GSS_REQUEST, _CANCEL = 80877103, 80877104, 80877102
_LOOK_BYTES_MAX = 128  # of a body: names of statements and portals, and the first words of a query, are shorter
_LOOKED_AT = b"QPBECS"
_FIRST_WORDS = {
    b"BEGIN": "begins", b"START": "begins", b"COMMIT": "commits", b"END": "commits", b"ROLLBACK": "undoes", b"ABORT": "undoes",
    b"CALL": "calls",
}  # fmt: skip


class Piece(NamedTuple):
    """A stretch of the stream. `commit`: it is one message that commits, whole or its last part."""

    data: bytes
    commit: bool


class Frontend:
    """One connection's stream from the client, fed as it comes; gives it back in pieces, unchanged in sum.

    Held back is only what may turn out to commit: the first bytes of a message that could.
    """

    def __init__(self) -> None:
        self._held = b""
        self._skip = 0  # bytes of a message whose kind is known already
        self._started = False
        self._blind = False  # a cancel request has nothing after it
        self._statements: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}
        self._inside = False  # a transaction that was begun
        self._called = False  # outside of one: the next Sync commits

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Give what may be passed on now."""
        data, self._held = self._held + data, b""
        place = passed = 0  # what stands between them is to be passed on and holds no COMMIT
        while place < len(data):
            if self._blind or self._skip:
                step = len(data) - place if self._blind else min(self._skip, len(data) - place)
                self._skip = max(0, self._skip - step)
                place += step
                continue
            end = self._end(data, place)
            if end is None:
                break
            if self._is_commit(data[place:end]):
                if place > passed:
                    yield Piece(data[passed:place], False)
                yield Piece(data[place:end], True)
                passed = end
            self._skip = max(0, end - len(data))
            place = min(end, len(data))
        if place > passed:
            yield Piece(data[passed:place], False)
        self._held = data[place:]

    def _end(self, data: bytes, place: int) -> int | None:
        """Say where the message at `place` ends; None where too little of it is there to know what it is."""
        head = place + (1 if self._started else 0)
        if len(data) < head + _LENGTH:
            return None
        end = head + int.from_bytes(data[head : head + _LENGTH])
        looked_at = not self._started or data[place] in _LOOKED_AT
        if looked_at and len(data) < min(end, head + _LENGTH + _LOOK_BYTES_MAX):
            return None
        return end

    def _is_commit(self, message: bytes) -> bool:
        """Take note of a message, and tell whether it commits."""
        if not self._started:
            code = int.from_bytes(message[_LENGTH : 2 * _LENGTH])
            self._blind = code == _CANCEL
            self._started = code not in (_SSL_REQUEST, _GSS_REQUEST, _CANCEL)
            return False
        kind, body = message[:1], message[1 + _LENGTH :]
        if kind == b"Q":
            return self._carried_out(_what(body), simple=True)
        if kind == b"P":
            name, _, query = body.partition(b"\0")
            self._statements[name] = _what(query)
        elif kind == b"B":
            portal, _, rest = body.partition(b"\0")
            self._portals[portal] = self._statements.get(rest.partition(b"\0")[0], "")
        elif kind == b"C" and body[:1] == b"S":
            self._statements.pop(body[1:].partition(b"\0")[0], None)
        elif kind == b"E":
            return self._carried_out(self._portals.get(body.partition(b"\0")[0], ""), simple=False)
        elif kind == b"S":
            commits, self._called = self._called, False
            return commits
        return False

    def _carried_out(self, what: str, simple: bool) -> bool:
        """Take note of a statement, and tell whether its message commits."""
        if what == "calls" and not self._inside:
            self._called = not simple
            return simple
        if what:
            self._inside = what == "begins" or (what == "calls" and self._inside)
        return what == "commits"


def _what(query: bytes) -> str:
    """Tell what a statement does to the transaction, by its first word; "" = nothing."""
    words = query.partition(b"\0")[0].strip().rstrip(b";").upper().split(None, 2)
    if words[:2] == [b"ROLLBACK", b"TO"]:
        return ""
    return _FIRST_WORDS.get(words[0], "") if words else ""
