"""What was asked under each key, as a digest: so that a rail tells a repetition from another instruction under a known UETR.

`Contents` is the port, `MemoryContents` the version without a server; rails.postgres_contents holds the durable one.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple, Protocol

from rails.book import Key
from rails.port import RailInstruction


class Content(NamedTuple):
    """The digest of what one leg asks: 16 bytes."""

    uetr: str
    leg: int
    digest: bytes


class Contents(Protocol):
    """The digests of one rail in one sandbox, opened and closed with the rail's book."""

    async def keep(self, contents: Sequence[Content]) -> list[bool]:
        """Keep the digest of each key that is new, durably on return; say of each whether it is the one kept, in order.

        No key may stand in the batch twice. Raises RailUnavailable.
        """


def content_of(sent: RailInstruction) -> Content:
    """Digest what a leg asks; when it was sent and until when it holds may differ from one sending to the next."""
    asked = (sent.debtor_agent, sent.creditor_agent, sent.creditor_account, str(sent.amount_minor), sent.currency)
    digest = sha256("|".join([sent.uetr, str(sent.leg), *map(repr, asked)]).encode()).digest()[:16]
    return Content(sent.uetr, sent.leg, digest)


class MemoryContents:
    """Digests in memory, for as long as the object lives."""

    def __init__(self) -> None:
        self._digests: dict[Key, bytes] = {}

    async def keep(self, contents: Sequence[Content]) -> list[bool]:
        """Keep what is new and say of each whether it is the one kept."""
        return [self._digests.setdefault((uetr, leg), digest) == digest for uetr, leg, digest in contents]
