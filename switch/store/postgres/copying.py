"""COPY: how a batch's rows reach their tables. One text a table; PostgreSQL reads it faster than arrays, and so do we write.

Values are texts already escaped where they may hold a tab, a newline or a backslash; ids, numbers and instants hold none.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def escaped(text: str) -> str:
    """Escape what COPY's text form reads as a sign of its own."""
    return text.translate(_ESCAPES) if "\\" in text or "\n" in text or "\t" in text or "\r" in text else text


async def copy_rows(connection: Any, table: str, columns: tuple[str, ...], lines: Sequence[str]) -> None:
    """Append rows, each a line of tab-separated escaped values in the order of `columns`; nothing where there are none."""
    if not lines:
        return  # an empty body would be a row
    body = ("\n".join(lines) + "\n").encode()

    async def once() -> AsyncIterator[bytes]:
        yield body

    await connection.copy_to_table(table, source=once(), columns=columns, format="text")
