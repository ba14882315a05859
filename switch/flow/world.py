"""The world a worker decides in: clock, law, participants, persons, rails, rates, providers; views of it by law day.

Built by main.py (or a test); nothing here opens anything. What all workers of a sandbox must agree on stands in the
store's fence as facts (text by text) and is taken up from there.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import structlog

from fx.providers import Provider
from fx.rates import Rates
from limits.calendars import law_day
from limits.documents import RulebookError
from limits.rules import Rulebook, load_rulebook
from rails.faults import Faults, read_faults, write_faults
from rails.hours import Closure, read_closures, write_closures
from rails.port import Rail
from switch.clock import BusinessClock
from switch.flow.ports import PERSON, StaleWorld, StoreUnavailable
from switch.flow.sealing import Sealer
from switch.participants.persons import PAIR, STATE
from switch.participants.registry import Registry
from switch.participants.states import ALL_ACTIVE, Standing, standing_of
from switch.payment.decide import View
from switch.payment.route import Router
from switch.translate.facts import Known

log = structlog.get_logger()

_VIEWS_MAX = 8  # law days in play at once: today and its neighbours
_LAW = {
    "rulebook_id": "rulebook",
    "participants_id": "participants",
    "seed": "seed",
}  # the facts that no running worker can take up
_OVERLAYS = "rulebook_overlays"  # JSON: what makes the rulebook of that id from the packaged law
_FAULTS = "faults:"  # and the rail's name: what is wrong with it
_CLOSURES = "closures:"  # and the rail's name: when it is closed besides its hours


class OtherLaw(StaleWorld, StoreUnavailable):
    """The sandbox goes by a rulebook or participants that are not this worker's: what it decided is stale, and stays so."""


def faults_fact(rail: str, faults: Faults) -> dict[str, str]:
    """Return the fact that sets a rail's faults."""
    return {_FAULTS + rail: write_faults(faults)}


def closures_fact(rail: str, closures: Sequence[Closure]) -> dict[str, str]:
    """Return the fact that sets what closes a rail besides its hours: maintenance, a suspension; none opens it again."""
    return {_CLOSURES + rail: write_closures(closures)}


def rulebook_facts(rulebook_id: str, overlays: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the facts by which workers know a rulebook, and can make it."""
    return {"rulebook_id": rulebook_id, _OVERLAYS: json.dumps(overlays, default=str)}


def _made(facts: Mapping[str, str]) -> Rulebook | None:
    """Make the rulebook that the fence names, from its overlays on our packaged law; None where that gives another one."""
    try:
        rulebook = load_rulebook(json.loads(facts.get(_OVERLAYS, "[]")))
    except RulebookError as error:
        log.warning("the fence's overlays do not fit our packaged law", error=str(error))
        return None
    return rulebook if rulebook.id == facts["rulebook_id"] else None


@dataclass
class World:
    """One sandbox's world; `generation` is the fence's, as this worker last saw it."""

    sandbox: str
    clock: BusinessClock
    registry: Registry
    known: Known
    rulebook: Rulebook
    rails: Mapping[str, Rail]
    rates: Rates
    providers: tuple[Provider, ...]
    sealer: Sealer
    seed: int  # of rates, directory and rails
    generation: int = 1
    takes_reloads: bool = True  # not while it opens, where it was asked for by overlays: it must not be given another
    other_law: str = ""  # where the sandbox goes by another law than ours: what it is
    conditions: int = 0  # how often closures of rails or states of participants have changed
    standing: Standing = ALL_ACTIVE  # of participants, as set at run time
    _views: dict[date, View] = field(default_factory=dict)
    _of_persons: dict[str, str] = field(default_factory=dict)  # the facts of persons as they were last read
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)  # of a rulebook: once, however many find it new

    def view(self, at: datetime) -> View:
        """Return what a decision at `at` may look at: the law of its day. Raises OtherLaw."""
        if self.other_law:
            raise OtherLaw(self.other_law)
        day = law_day(at)
        view = self._views.get(day)
        if view is None:
            if len(self._views) >= _VIEWS_MAX:
                self._views.clear()
            rules = self.rulebook.on(day)
            view = self._views[day] = View(
                rules, self.rulebook.id, self.rates, self.providers,
                Router(self.rails, rules, self.registry.participants, self.standing),
            )  # fmt: skip
        return view

    def law(self) -> dict[str, str]:
        """Return the facts by which the fence knows this rulebook, these participants and what the seed makes."""
        return rulebook_facts(self.rulebook.id, self.rulebook.overlays) | {
            "participants_id": self.registry.id,
            "seed": str(self.seed),
        }

    @property
    def keys_id(self) -> str:
        """Return a digest of the key of pseudonyms: two workers with other keys would not know each other's persons."""
        return self.known.persons.pseudonym("keys", "", "")

    def conflict(self, facts: Mapping[str, str]) -> str:
        """Say what of the law in `facts` is not ours, "" where all is."""
        law = self.law()
        others = [
            f"{what} {facts[fact]}, not {ours}"
            for fact, what in _LAW.items()
            if facts.get(fact, ours := law[fact]) != ours
        ]
        return f"the sandbox goes by {' and '.join(others)}" if others else ""

    async def make_rulebook(self, facts: Mapping[str, str]) -> Rulebook | None:
        """Make the rulebook that the fence names, where it is another than ours: for `take_up`, which must follow at once.

        In a thread, since it takes some 0.12 s of CPU (measured), and the loop has payments to answer.
        """
        async with self._making:
            if not self.takes_reloads or facts.get("rulebook_id", self.rulebook.id) == self.rulebook.id:
                return None
            return await asyncio.to_thread(_made, facts)

    def take_up(self, facts: Mapping[str, str], generation: int, made: Rulebook | None = None) -> None:
        """Take up what the fence holds: the clock, the rails' faults, what is known of persons.

        Another rulebook, `made` of the overlays that stand beside its id, is gone by from then on. Raises OtherLaw where
        there is none (another packaged law makes another one), or participants differ: then nothing is taken up, and
        nothing judged until they are ours again.
        """
        if made is not None and not self.conflict({**facts, "rulebook_id": self.rulebook.id}):
            log.info("goes by another rulebook", before=self.rulebook.id, now=made.id)
            self.take_rulebook(made)
        other_law = self.conflict(facts)
        if other_law:
            if not self.other_law:
                log.error("another law: this worker accepts nothing any more", found=other_law)
            self.other_law = other_law
            raise OtherLaw(other_law)
        self.other_law = ""
        self.clock.restore(facts)
        for name, rail in self.rails.items():
            if (faults := facts.get(_FAULTS + name)) is not None:
                rail.faults = read_faults(faults)
        self._take_up_who_takes_part(facts)
        links = {fact.removeprefix(PERSON): person for fact, person in facts.items() if fact.startswith(PERSON)}
        of_persons = {fact: text for fact, text in facts.items() if fact.startswith((STATE, PAIR))}
        if links != self.known.persons.links or of_persons != self._of_persons:
            self.known = self.known._replace(persons=self.known.persons.taking(links, of_persons))
            self._of_persons = of_persons
        self.generation = generation

    def _take_up_who_takes_part(self, facts: Mapping[str, str]) -> None:
        """Take up closures of rails and states of participants; routes found before are forgotten where one has changed."""
        changed = False
        for name, rail in self.rails.items():
            closures = read_closures(facts.get(_CLOSURES + name, "[]"))
            if closures != rail.closures:
                rail.closures, changed = closures, True
        standing = standing_of(facts)
        if standing != self.standing:
            self.standing, changed = standing, True
        if changed:
            self.conditions += 1
            self._views.clear()

    def take_rulebook(self, rulebook: Rulebook) -> None:
        """Go on under another rulebook; payments of a batch are never judged by two (the fence's generation sees to it)."""
        self.rulebook = rulebook
        self._views.clear()
