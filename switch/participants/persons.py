"""Persons without names: keyed pseudonyms of documents and accounts, and what a sandbox knows of the person behind them.

The key belongs to the sandbox; without it a pseudonym says nothing. Linking two documents makes their holders one person:
usage, states and pairs are then of both. What is known stands in the sandbox's fence as facts, text by text; here it is
read from there and written for it. No name, no number, no store.
"""

import json
from collections.abc import Mapping
from datetime import date
from hashlib import blake2b
from typing import Literal, NamedTuple, Self

STATE, PAIR = "state:", "pair:"  # and a person: the facts that hold its states and its pairs
# Persons with states or pairs. Each worker reads all of them anew after each change: at this number 1.8 MB in about 55 ms.
KNOWN_MAX = 5_000

State = Literal["watch-list"]
Direction = Literal["northbound", "southbound"]
Channel = Literal["bank", "broker"]
# SAFE's list of those who evade the quota: the current and the two following years (Huifa [2009] 56, facts rules 4.4, [K]).
YEARS_AFTER: Mapping[str, int] = {"watch-list": 2}


class Conflict(Exception):
    """What is to be known of a person does not go with what is known already; says what. Nothing is changed."""


class Pair(NamedTuple):
    """A registered pair of one person's accounts: what leaves the one may go to the other only, and come back from there.

    `direction` is that of the principal; the accounts are pseudonyms: the debtor's is the remittance account, the
    creditor's the investment account.
    """

    direction: str  # northbound | southbound
    channel: str  # bank | broker
    debtor_account: str
    creditor_account: str


def pseudonym(key: bytes, kind: str, country: str, number: str) -> str:
    """Return the pseudonym (24 hex digits) of a document or account under a sandbox's key."""
    return blake2b(f"{kind}|{country}|{number}".encode(), digest_size=12, key=key).hexdigest()


class Persons(NamedTuple):
    """The sandbox's pseudonym key, and what it knows: links (pseudonym of a document -> person_id), states, pairs."""

    key: bytes
    links: Mapping[str, str]
    states: Mapping[str, Mapping[str, date]] = {}  # person_id -> state -> its last law day
    pairs: Mapping[str, tuple[Pair, ...]] = {}  # person_id -> pairs

    def pseudonym(self, kind: str, country: str, number: str) -> str:
        """Return the keyed pseudonym (24 hex digits) of a document or account."""
        return pseudonym(self.key, kind, country, number)

    def person_id(self, kind: str, country: str, number: str) -> str:
        """Return the person a document belongs to: the one it is linked to, else one of its own."""
        pseudonym = self.pseudonym(kind, country, number)
        return self.links.get(pseudonym, pseudonym)

    def states_on(self, person_id: str, day: date) -> frozenset[str]:
        """Return the states a person is in on law day `day`."""
        return frozenset([state for state, last in self.states.get(person_id, {}).items() if day <= last])

    def pair_between(self, person_id: str, one: str, other: str) -> Pair | None:
        """Return the pair of a person that these two accounts are, whichever pays: principal goes back the way it came."""
        for pair in self.pairs.get(person_id, ()):
            if {one, other} == {pair.debtor_account, pair.creditor_account}:
                return pair
        return None

    def channels(self, person_id: str, direction: str) -> frozenset[str]:
        """Return the channels in which a person has a pair in a direction."""
        return frozenset([pair.channel for pair in self.pairs.get(person_id, ()) if pair.direction == direction])

    def taking(self, links: Mapping[str, str], facts: Mapping[str, str]) -> Self:
        """Return the persons with these links and what these facts (STATE, PAIR) say of them; others are passed over."""
        states: dict[str, dict[str, date]] = {}
        pairs: dict[str, tuple[Pair, ...]] = {}
        for fact, text in sorted(facts.items()):
            kind, _, name = fact.partition(":")
            if not text or kind + ":" not in (STATE, PAIR):
                continue
            person_id = links.get(name, name)
            if kind + ":" == PAIR:
                pairs[person_id] = pairs.get(person_id, ()) + tuple(Pair(**each) for each in json.loads(text))
                continue
            found = states.setdefault(person_id, {})
            for state, last in json.loads(text).items():
                found[state] = max(found.get(state, date.min), date.fromisoformat(last))
        return self._replace(links=links, states=states, pairs=pairs)

    def put(self, person_id: str, state: str, last: date | None) -> dict[str, str]:
        """Return the facts that put a person under a state to its last law day (None lifts it), {} where it is so already.

        Raises Conflict where the sandbox knows as many persons as it can.
        """
        states = self.states.get(person_id, {})
        if states.get(state) == last:
            return {}
        others = {name: str(day) for name, day in states.items() if name != state}
        after = others | ({state: str(last)} if last is not None else {})
        return self._facts(STATE, person_id, json.dumps(after) if after else "")

    def register(self, person_id: str, pair: Pair) -> dict[str, str]:
        """Return the facts that register a pair, {} where it is registered already.

        Raises Conflict where the person has another pair in that direction and channel, where one of the accounts
        stands in another pair, or where the sandbox knows as many persons as it can.
        """
        own = self.pairs.get(person_id, ())
        if pair in own:
            return {}
        if any((each.direction, each.channel) == (pair.direction, pair.channel) for each in own):
            raise Conflict(f"The person has another {pair.direction} pair in this channel ({pair.channel})")
        taken = {account for pairs in self.pairs.values() for each in pairs for account in each[2:]}
        if taken & {pair.debtor_account, pair.creditor_account}:
            raise Conflict("One of the accounts stands in another pair")
        return self._facts(PAIR, person_id, json.dumps([each._asdict() for each in (*own, pair)]))

    def _facts(self, kind: str, person_id: str, text: str) -> dict[str, str]:
        """Write what is known under the person's own name, and empty what stands under those it was linked from."""
        if len(self.states) + len(self.pairs) >= KNOWN_MAX and person_id not in (self.states, self.pairs)[kind == PAIR]:
            raise Conflict(f"The sandbox knows states or pairs of {KNOWN_MAX} persons, and takes no more")
        earlier = [name for name, person in self.links.items() if person == person_id]
        return dict.fromkeys([kind + name for name in earlier], "") | {kind + person_id: text}


def last_day(state: str, day: date) -> date:
    """Return the last law day of a state put on `day` where none is given: the end of the last year it holds for."""
    return date(day.year + YEARS_AFTER[state], 12, 31)
