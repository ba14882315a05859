"""Every message that is read, by definition: whatever comes, one call says what it is and what it says.

A module of a message lists its own kinds; this one only puts them side by side.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rails.messages import acmt023, acmt024, admi002, camt029, camt056, pacs004, pacs028, pain, read_pacs002, reader
from rails.messages.codec import Kind, Opened, codec

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        **reader.KINDS,
        **read_pacs002.KINDS,
        **pacs028.KINDS,
        **pacs004.KINDS,
        **camt056.KINDS,
        **camt029.KINDS,
        **admi002.KINDS,
        **acmt023.KINDS,
        **acmt024.KINDS,
        **pain.KINDS,
    }
)


def read_any(body: bytes) -> Any:
    """Read any message to its own values: Pacs008, StatusReport, StatusRequest, PaymentReturn, ... Raises MessageError."""
    return codec().read(body, KINDS)


def open_message(body: bytes) -> Opened:
    """Parse a body as far as its header and definition; `read_opened` does the rest. Raises MessageError."""
    return codec().open(body)


def read_opened(opened: Opened) -> Any:
    """Check and read what `open_message` returned, by the same thread; raises MessageError."""
    return codec().take(opened, KINDS)
