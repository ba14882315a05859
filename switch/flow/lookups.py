"""Look-ups as a sandbox answers them: each gets an id, and who asks for much that is not there is stopped.

A participant that tries number after number would read the directory off it. So within an hour it may miss MISSES_FREE
times, and once more for every FOUND_PER_MISS accounts of others that it finds (assumed: no scheme publishes its own bound).
An instruction that calls its payee by a proxy tells as much, and is counted as a look-up of it. A worker counts by itself and
in machine time: with N workers the bound is N times as wide, and a restart forgets.
"""

from collections.abc import Callable
from hashlib import blake2b

from switch.directory.entries import Entry
from switch.directory.lookups import Asked, Finding, Lookup, look_up
from switch.directory.magic import look_up_magic
from switch.flow.world import World
from switch.participants.registry import STRICT
from switch.payment.magic import of_proxy

WINDOW_SECONDS = 3_600.0
MISSES_FREE = 100
FOUND_PER_MISS = 4


class TooManyMisses(Exception):
    """A participant has asked for too much that is not there; `retry_after` seconds end the window."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class _Tally:
    """What one participant has found and missed in its hour; an account found again, or its own, earns nothing."""

    __slots__ = ("found", "missed", "since")

    def __init__(self, since: float) -> None:
        self.since, self.missed = since, 0
        self.found: set[tuple[str, str]] = set()  # keys of entries: as many as the directory has at most


def _count(tally: _Tally, participant: str | None, found: Entry | None) -> None:
    if found is None:
        tally.missed += 1
    elif found.agent != participant:
        tally.found.add(found.key)


class LookupDesk:
    """Answers the look-ups of one worker (`incarnation`) in one world; `seconds` is machine time."""

    def __init__(self, world: World, incarnation: int, seconds: Callable[[], float]) -> None:
        self._world, self._incarnation, self._seconds = world, incarnation, seconds
        self._answered = 0
        self._tallies: dict[str, _Tally] = {}  # by participant: there are as many as the registry has

    def look_up(self, asked: Asked, participant: str | None) -> Lookup:
        """Answer a question of a participant (None: an operator, who may miss as often as it likes).

        Raises TooManyMisses.
        """
        world, tally = self._world, self._tally(participant)
        agents = {bic: each.country for bic, each in world.registry.participants.items()}
        strict = frozenset([bic for bic, each in world.registry.participants.items() if each.names == STRICT])
        magic = look_up_magic(asked, agents)
        finding = magic or look_up(world.known.directory, asked, agents, strict)
        if magic is None:  # a magic payee is in no directory, and everybody may know it
            _count(tally, participant, finding.entry if finding.verified else None)
        self._answered += 1
        name = f"{participant}|{world.clock.now().isoformat()}|{self._incarnation}|{self._answered}"
        lookup_id = blake2b(name.encode(), digest_size=12).hexdigest()
        return Lookup(lookup_id, finding, self._currencies(finding))

    def count(self, proxy: tuple[str, str], creditor_agent: str, participant: str) -> None:
        """Count a proxy that an instruction of a participant calls its payee by, as a look-up of it at its agent (BIC8).

        Raises TooManyMisses. A proxy that asks for a magic value is in no directory, and everybody may know it.
        """
        tally, agent = self._tally(participant), self._world.registry.find(creditor_agent)
        if agent is None:
            return  # refused whatever the proxy
        entry = self._world.known.directory.resolve(*proxy, agent.country, agent.bic)
        if entry is None and of_proxy(*proxy) is not None:
            return
        _count(tally, participant, entry if entry is not None and entry.agent == agent.bic else None)

    def _tally(self, participant: str | None) -> _Tally:
        now = self._seconds()
        if participant is None:
            return _Tally(now)
        tally = self._tallies.get(participant)
        if tally is None or now - tally.since >= WINDOW_SECONDS:
            tally = self._tallies[participant] = _Tally(now)
        if tally.missed >= MISSES_FREE + len(tally.found) // FOUND_PER_MISS:
            raise TooManyMisses(tally.since + WINDOW_SECONDS - now)
        return tally

    def _currencies(self, finding: Finding) -> tuple[str, ...]:
        """Return the currencies an account takes: its own, else all that its agent's rails carry (assumed)."""
        entry = finding.entry
        if entry is None or entry.currencies:
            return entry.currencies if entry is not None else ()
        names = self._world.registry.participants[entry.agent].rails
        rails = [self._world.rails[name] for name in names if name in self._world.rails]
        return tuple(sorted({currency for rail in rails for currency in rail.capabilities.currencies}))
