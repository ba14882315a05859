"""Reads an event stream (HTML Living Standard, 9.2.6): bytes in, events out. It opens nothing and waits for nothing."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

LINE_BYTES_MAX = 1 << 20  # a payment's event takes a few kB; more is no event stream

_LINE_END = re.compile(rb"\r\n|\n|\r(?=[^\n])")  # a CR at the end of a chunk may be half of CR LF


class Event(NamedTuple):
    """One event: its id, its name (`message` where the stream gives none) and its JSON document."""

    id: str | None
    event: str
    data: Any


class EventReader:
    """Keeps what is half read, and the id to go on from after the connection breaks."""

    def __init__(self, last_event_id: str | None = None) -> None:
        self.last_event_id = last_event_id
        self.retry_seconds = 1.0
        self._start_over()

    def _start_over(self) -> None:
        self._rest = b""
        self._event = ""
        self._id = self.last_event_id
        self._data: list[str] = []

    def reconnected(self) -> None:
        """Forget an event that was cut short: the new connection sends it again."""
        self._start_over()

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Give the events that `chunk` completes; raises ValueError for a line above 1 MiB."""
        text = self._rest + chunk
        start = 0
        for end in _LINE_END.finditer(text):
            event = self._line(text[start : end.start()].decode(errors="replace"))
            start = end.end()
            if event is not None:
                yield event
        self._rest = text[start:]
        if len(self._rest) > LINE_BYTES_MAX:
            raise ValueError(f"a line of the event stream is longer than {LINE_BYTES_MAX} bytes")

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")  # a comment has an empty name
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isdecimal():
            self.retry_seconds = min(int(value) / 1000, 30.0)
        return None

    def _dispatch(self) -> Event | None:
        data, name = self._data, self._event or "message"
        self._data, self._event = [], ""
        self.last_event_id = self._id
        return Event(self._id, name, json.loads("\n".join(data))) if data else None
