"""COPY: how a batch's rows reach their tables. One text a table; PostgreSQL reads it faster than arrays, and so do we write.

Values are texts already escaped where they may hold a tab, a newline or a backslash; ids, numbers and instants hold none.
Rows of long bytes go in COPY's binary form, each value its length and itself.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from struct import Struct
from typing import Any

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # flags and header extension: none
_END = b"\xff\xff"
_COUNT, _LENGTH, _INTEGER = Struct("!h"), Struct("!i"), Struct("!ii")
_DAY_0 = date(2000, 1, 1).toordinal()  # PostgreSQL counts days from here
_UUID_LENGTH = _LENGTH.pack(16)
NULL = _LENGTH.pack(-1)
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def escaped(text: str) -> str:
    """Escape what COPY's text form reads as a sign of its own."""
    return text.translate(_ESCAPES) if "\\" in text or "\n" in text or "\t" in text or "\r" in text else text


async def copy_rows(connection: Any, table: str, columns: tuple[str, ...], lines: Sequence[str]) -> None:
    """Append rows, each a line of tab-separated escaped values in the order of `columns`; nothing where there are none."""
    if not lines:
        return  # an empty body would be a row
    await _copy(connection, table, columns, ("\n".join(lines) + "\n").encode(), "text")


async def copy_values(connection: Any, table: str, columns: tuple[str, ...], rows: Sequence[bytes]) -> None:
    """Append rows in binary form, each its values (see below) in the order of `columns`; nothing where there are none."""
    head = _COUNT.pack(len(columns))
    body = b"".join((_SIGNATURE, *(head + row for row in rows), _END))
    if rows:
        await _copy(connection, table, columns, body, "binary")


async def _copy(connection: Any, table: str, columns: tuple[str, ...], body: bytes, form: str) -> None:
    async def once() -> AsyncIterator[bytes]:
        yield body

    await connection.copy_to_table(table, source=once(), columns=columns, format=form)


def value(content: bytes) -> bytes:
    """Write a text or a bytea."""
    return _LENGTH.pack(len(content)) + content


def integer_value(number: int) -> bytes:
    """Write an integer of four bytes."""
    return _INTEGER.pack(4, number)


def date_value(day: date) -> bytes:
    """Write a date."""
    return _INTEGER.pack(4, day.toordinal() - _DAY_0)


def uuid_value(text: str) -> bytes:
    """Write a UUID given as its 36 characters."""
    return _UUID_LENGTH + bytes.fromhex(text.replace("-", ""))
