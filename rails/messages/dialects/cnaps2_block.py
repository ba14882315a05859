"""The transport of CNAPS2: a header block of fixed columns, a signature block, then the XML (facts messages 2.4).

Sources differ on how long sender and receiver are: 12 characters in a captured header of version 01, 14 by two codes; read
by version, as the facts advise. The signature is carried as it is and never verified. A block holds ASCII alone.
"""

import re
from typing import NamedTuple

from rails.messages.errors import MessageError

UP, DOWN = "U", "D"  # to the National Processing Centre, from it
URGENT, PRESSING, ORDINARY = "1", "2", "3"  # 特急, 紧急, 普通
_VERSION_12 = "01"  # its sender and receiver have 12 characters, those of any other version 14
_BLOCK = re.compile(rb"\{H:([\x20-\x7e]{1,200}?)\}\r?\n(?:\{S:([\x20-\x7e]{0,8192}?)\}\r?\n)?")
_BLOCK_BYTES_MAX = 8_500


class Block(NamedTuple):
    """The header block; texts without the spaces that fill their columns."""

    sender: str  # CNAPS code, 0000 = the processing centre
    sender_system: str  # IBPS, BEPS, HVPS, ...
    receiver: str
    receiver_system: str
    date: str  # YYYYMMDD
    time: str  # hhmmss
    message_type: str  # ibps.101.001.02
    message_id: str  # at most 20 characters
    reference_id: str
    direction: str
    priority: str = ORDINARY
    version: str = "02"
    reserve: str = ""


class _Column(NamedTuple):
    name: str
    width: int
    form: re.Pattern[str]


def _columns(version: str) -> tuple[_Column, ...]:
    code = 12 if version == _VERSION_12 else 14
    word, digits = re.compile(r"[\x21-\x7e]+"), re.compile("[0-9]+")
    return (
        _Column("version", 2, re.compile("[0-9]{2}")),
        _Column("sender", code, digits),
        _Column("sender_system", 4, re.compile("[A-Z]{4}")),
        _Column("receiver", code, digits),
        _Column("receiver_system", 4, re.compile("[A-Z]{4}")),
        _Column("date", 8, re.compile("[0-9]{8}")),
        _Column("time", 6, re.compile("[0-9]{6}")),
        _Column("structure", 3, re.compile("XML")),
        _Column("message_type", 20, re.compile(r"[a-z]{4}\.[0-9]{3}\.[0-9]{3}\.[0-9]{2}")),
        _Column("message_id", 20, word),
        _Column("reference_id", 20, word),
        _Column("priority", 1, re.compile("[123]")),
        _Column("direction", 1, re.compile(f"[{UP}{DOWN}]")),
        _Column("reserve", 9, re.compile(r"[\x20-\x7e]*")),
    )


def write_block(block: Block, signature: str | None) -> bytes:
    """Write the header block, and the signature block where there is a signature; raises MessageError."""
    said = block._asdict() | {"structure": "XML"}
    out = []
    for column in _columns(block.version):
        value = said[column.name]
        _check(column, value)
        out.append(value.ljust(column.width))
    signed = "" if signature is None else f"{{S:{signature}}}\r\n"
    if not signed.isascii() or "}" in signed[:-3]:
        raise MessageError("FF01", "{S:}", "A signature is ASCII without }")
    return f"{{H:{''.join(out)}}}\r\n{signed}".encode("ascii")


def read_block(body: bytes) -> tuple[Block, str | None, bytes]:
    """Part a message into its header block, its signature (None = no block) and its XML; raises MessageError."""
    found = _BLOCK.match(body[:_BLOCK_BYTES_MAX])
    if found is None:
        raise MessageError(
            "FF01", "{H:}", "A message begins with {H:…} and a line break, then {S:…} and a line break or the XML"
        )
    text = found.group(1).decode("ascii")
    columns = _columns(text[:2])
    width = sum(column.width for column in columns)
    if len(text) != width:
        raise MessageError(
            "FF01", "{H:}", f"A header of version {text[:2]} has {width} characters, this one {len(text)}"
        )
    said: dict[str, str] = {}
    place = 0
    for column in columns:
        value = text[place : place + column.width].rstrip(" ")
        _check(column, value)
        said[column.name] = value
        place += column.width
    said.pop("structure")
    signature = found.group(2)
    return Block(**said), None if signature is None else signature.decode("ascii"), body[found.end() :]


def _check(column: _Column, value: str) -> None:
    if len(value) > column.width or column.form.fullmatch(value) is None:
        raise MessageError(
            "FF01",
            f"{{H:}}/{column.name}",
            f"{value!r} is refused: the column has {column.width} characters of {column.form.pattern}",
        )
