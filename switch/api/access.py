"""Who calls: API keys (stored as hashes) to participants, the development key, and the rate limit a key has.

A participant sees and does only what is its own; an operator runs the sandbox and sees payments, never their messages.
"""

from collections.abc import Container, Mapping
from hashlib import blake2b
from time import monotonic
from typing import NamedTuple, Protocol

from starlette.requests import Request

from switch.api.problems import refused
from switch.flow.ports import Store

CACHED_SECONDS = 5.0  # a withdrawn key lives on so long at most
CACHED_MAX = 10_000  # keys remembered, unknown ones too: a flood of wrong keys must not become a flood of reads
_HASH_BYTES = 32  # the store's column


class Limiter(Protocol):
    """Says whether a key may go on now."""

    async def wait_seconds(self, key: str) -> float:
        """Take one token of the key: 0.0 = go on, else how long until there is one again."""


class Caller(NamedTuple):
    """Who stands at the door: a participant (BIC8; None = an operator who named none), and whether it may operate."""

    participant: str | None
    operator: bool

    def acting(self, debtor_agent: str) -> str:
        """Return for whom an instruction comes in: the caller, else (development key) its own debtor agent."""
        return self.participant or debtor_agent[:8]


def key_hash(key: str) -> bytes:
    """Return the form in which a key is stored."""
    return blake2b(key.encode(), digest_size=_HASH_BYTES).digest()


class Access:
    """Keys of a sandbox. `dev_key` may act as any participant, named in Bayswitch-Participant, and is an operator."""

    def __init__(self, store: Store, dev_key: str | None = None) -> None:
        self._store = store
        self._dev_hash = key_hash(dev_key) if dev_key else None
        self._owners: dict[bytes, tuple[float, str | None]] = {}

    async def issue(self, participant: str, key: str) -> None:
        """Keep a participant's key, as its hash."""
        await self._store.save_key(participant, key_hash(key))
        self._owners.pop(key_hash(key), None)

    def is_dev(self, digest: bytes) -> bool:
        """Whether this is the hash of the development key."""
        return digest == self._dev_hash

    async def owner(self, digest: bytes) -> str | None:
        """Return whose key this is the hash of."""
        now = monotonic()
        found = self._owners.get(digest)
        if found is not None and found[0] > now:
            return found[1]
        owner = await self._store.participant_of_key(digest)
        if len(self._owners) >= CACHED_MAX:
            self._owners.clear()
        self._owners[digest] = (now + CACHED_SECONDS, owner)
        return owner


class Gate:
    """Lets a request in as a caller, or answers 401, 403 or 429."""

    def __init__(self, access: Access, participants: Container[str], limiter: Limiter | None) -> None:
        self._access = access
        self._participants = participants
        self._limiter = limiter

    async def enter(self, request: Request) -> Caller:
        """Say who calls; raises ProblemRaised."""
        headers: Mapping[bytes, bytes] = dict(request.scope["headers"])
        scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not key:
            raise refused("unauthorized", "There is no key.", {"WWW-Authenticate": "Bearer"})
        digest = blake2b(key.strip(), digest_size=_HASH_BYTES).digest()
        named = headers.get(b"bayswitch-participant", b"").decode("latin-1").strip()[:8]
        if self._access.is_dev(digest):
            caller = Caller(self._known(named) if named else None, True)
        else:
            owner = await self._access.owner(digest)
            if owner is None:
                raise refused("unauthorized", "The key is not one of this sandbox.", {"WWW-Authenticate": "Bearer"})
            if named and named != owner:
                raise refused("forbidden", f"The key is participant {owner}'s and may not act as another.")
            caller = Caller(owner, False)
        if self._limiter is not None and (seconds := await self._limiter.wait_seconds(digest.hex()[:16])):
            raise refused(
                "too-many-requests", "The rate of this key is used up.", {"Retry-After": str(-int(-seconds // 1))}
            )
        return caller

    async def enter_operator(self, request: Request) -> Caller:
        """Let only an operator in."""
        caller = await self.enter(request)
        if not caller.operator:
            raise refused("forbidden", "Only an operator of the sandbox may do this.")
        return caller

    def _known(self, bic: str) -> str:
        if bic not in self._participants:
            raise refused(
                "forbidden",
                "Bayswitch-Participant names no participant of this sandbox. GET /v1/participants lists them.",
            )
        return bic
