"""What a worker has under way with the rails: who is still to be sent, whose deadline comes, who is to be asked about.

Plain data of this process, no I/O. It can be lost: the store and the rails' books hold what counts.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from heapq import heappop, heappush
from itertools import chain, count
from typing import NamedTuple

from rails.port import RailInstruction

BATCH_MAX = 1_024  # payments a transaction: past it latency grows and throughput does not
UNSENT_GRACE = timedelta(seconds=1)  # business time until a payment that is late and unsent is looked at again


class Flight(NamedTuple):
    """A payment whose leg is with a rail, as the worker that holds it remembers it."""

    payment_id: str
    received_on: date
    uetr: str
    rail: str
    leg: int
    deadline_at: datetime


Key = tuple[str, int]  # UETR and leg
Departure = tuple[Flight, RailInstruction]


class Flights:
    """Payments on their way, from acceptance to the rail's last word."""

    def __init__(self) -> None:
        self.by_key: dict[Key, Flight] = {}
        self.unsent: deque[Departure] = deque()
        self.sending: dict[str, list[Departure]] = {}  # handed to a rail at this moment: neither unsent nor sent
        self.untaken: set[Key] = set()  # their rail did not answer when they were sent: it may have them or not
        self.ending: dict[
            Key, Departure
        ] = {}  # surely not sent, and it may be written that they are rejected: sent no more
        self.again: set[Key] = set()  # sending them has failed: they are dated by when they go out after all
        self.aborted: set[Key] = set()  # ended by us while their rail may have them: a five-step rail is told
        self.untold: set[str] = set()  # payments ended by operators of whose end their creditor agents may not know
        self.unmarked: deque[tuple[Flight, float]] = deque()  # sent at a machine time, not yet recorded as submitted
        self.unsure = False  # something may be ours in the store that we have not been told of
        self._deadlines: list[tuple[datetime, int, Key]] = []
        self._inquiries: list[tuple[datetime, int, int, Key]] = []
        self.late: set[Key] = set()  # past their deadline while they were still to be sent
        self._order = count()  # of two at the same instant the first to come is the first to go

    def __len__(self) -> int:
        return len(self.by_key)

    def begin(self, flight: Flight) -> None:
        """Follow a payment, and watch its deadline."""
        key = (flight.uetr, flight.leg)
        self.by_key[key] = flight
        self.watch(key, flight.deadline_at)

    def end(self, key: Key) -> None:
        """Follow a payment no more: its rail has said its last word. What the heaps still hold of it is passed over."""
        self.by_key.pop(key, None)
        self.ending.pop(key, None)
        self.untaken.discard(key)
        self.again.discard(key)
        self.aborted.discard(key)
        self.late.discard(key)

    # --- to be sent ---

    def depart(self, flight: Flight, instruction: RailInstruction) -> None:
        """Follow a payment that is to be sent."""
        self.begin(flight)
        self.unsent.append((flight, instruction))

    def hand_over(self, limit: int) -> dict[str, list[Departure]]:
        """Take what is unsent, by rail, and pass over what is of a rail that has not answered yet; until `handed_over` it counts as being sent."""
        by_rail: defaultdict[str, list[Departure]] = defaultdict(list)
        unsent, busy, under_way = self.unsent, self.sending, self.by_key
        passed: list[Departure] = []
        taken = 0
        while unsent and taken < limit:
            departure = unsent.popleft()
            if (departure[0].uetr, departure[0].leg) not in under_way:
                continue  # its last word came although sending it had failed
            if busy and departure[0].rail in busy:
                passed.append(departure)
                continue
            by_rail[departure[0].rail].append(departure)
            taken += 1
        unsent.extendleft(reversed(passed))
        self.sending = {**busy, **by_rail}
        return by_rail

    def handed_over(self, rail: str) -> None:
        """Nothing is being sent to this rail any more: it has gone out, or is unsent again."""
        self.sending.pop(rail, None)

    def withdraw(self, payment_id: str) -> None:
        """Do not send a payment, nor send it again should the rail not take it at this moment."""
        for batch in self.sending.values():
            batch[:] = [departure for departure in batch if departure[0].payment_id != payment_id]
        self.unsent = deque(departure for departure in self.unsent if departure[0].payment_id != payment_id)

    # --- deadlines and inquiries ---

    def watch(self, key: Key, deadline_at: datetime) -> None:
        """Look at a payment at its deadline."""
        heappush(self._deadlines, (deadline_at, next(self._order), key))

    def sent(self, batch: Iterable[Departure], now: datetime) -> None:
        """Have what its rail has taken after its deadline looked at at once: the clock may stand still from here on."""
        for flight, _ in batch:
            key = (flight.uetr, flight.leg)
            if key in self.late:
                self.late.discard(key)
                self.watch(key, now)

    def past_deadline(self, now: datetime, limit: int) -> tuple[dict[Key, Flight], dict[Key, Departure]]:
        """Take what is past its deadline: what may be with its rail, and what it has surely refused to take; neither is sent any more.

        What is being handed over at this moment, or has its first try before it (the clock has jumped), comes up again: an
        inquiry now would keep it out of the rail for good, and the rail has done nothing to have it ended.
        """
        deadlines = self._deadlines
        doubtful: dict[Key, Flight] = {}
        unsent: dict[Key, Departure] = {}
        if not deadlines or deadlines[0][0] > now:
            return doubtful, unsent
        waiting = {(item[0].uetr, item[0].leg): item for item in self.unsent}
        leaving = {(flight.uetr, flight.leg) for flight, _ in chain(*self.sending.values())}
        while deadlines and deadlines[0][0] <= now and len(doubtful) + len(unsent) < limit:
            _, _, key = heappop(deadlines)
            flight = self.by_key.get(key)
            if flight is None:
                continue
            if key in self.ending:
                unsent[key] = self.ending.pop(key)
            elif key in leaving or (key in waiting and key not in self.again and key not in self.untaken):
                self.watch(key, now + UNSENT_GRACE)
                self.late.add(key)
            elif key in waiting and key not in self.untaken:
                unsent[key] = waiting[key]
            else:
                doubtful[key] = flight
        if not waiting.keys().isdisjoint(doubtful.keys() | unsent.keys()):
            gone = doubtful.keys() | unsent.keys()
            self.unsent = deque(item for item in self.unsent if (item[0].uetr, item[0].leg) not in gone)
        return doubtful, unsent

    def ask(self, key: Key, at: datetime, tries: int = 0) -> None:
        """Ask the rail about a payment at `at`; it has been asked `tries` times before."""
        heappush(self._inquiries, (at, next(self._order), tries, key))

    def to_be_asked(self, now: datetime) -> dict[str, list[tuple[Flight, int]]]:
        """Take what is to be asked about, with how often it has been, by rail."""
        inquiries = self._inquiries
        due: dict[Key, int] = {}  # who comes up twice (taken over past its deadline, ended by us) is asked about once
        while inquiries and inquiries[0][0] <= now:
            _, _, tries, key = heappop(inquiries)
            due[key] = max(tries, due.get(key, 0))
        by_rail: defaultdict[str, list[tuple[Flight, int]]] = defaultdict(list)
        for key, tries in due.items():
            flight = self.by_key.get(key)
            if flight is not None:
                by_rail[flight.rail].append((flight, tries))
        return by_rail

    def next_due(self) -> datetime | None:
        """Return the business time of the next deadline or inquiry."""
        return min((heap[0][0] for heap in (self._deadlines, self._inquiries) if heap), default=None)
