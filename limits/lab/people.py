"""The fictional persons and firms of a day of traffic: names, documents, residency, accounts. Drawn from a seed; nobody exists.

What exists around them (agents, registered payees, numbers with right check digits) is handed in: the lab knows neither the
switch nor the rails.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import yaml

from limits.lab.parameters import Population

PERSON, FIRM = "person", "firm"
CORPORATION = "corporation"
_DOCUMENT = {"HK": "HKID", "MO": "BIR", "CN": "PRCID"}
_REGISTRATION = {"HK": "BRN", "MO": "BRN", "CN": "USCC"}
_FIRM_COUNTRIES = ("HK", "CN", "MO", "HK", "CN")  # in turn: two of five each, one in Macau
_SECTORS = (CORPORATION, CORPORATION, CORPORATION, "education", "medical")


class Agent(NamedTuple):
    """A participant that holds accounts."""

    bic: str
    country: str
    kind: str  # bank | svf
    schemes: frozenset[str]  # joined by the day of the traffic


class Registered(NamedTuple):
    """An account that the directory knows, with its registered name and, where there is one, its mobile number."""

    agent: str
    account: str
    name: str
    kind: str
    country: str
    mobile: str  # "" = none


class Surroundings(NamedTuple):
    """What the traffic goes through: agents, registered payees, and numbers of documents by type and place (0, 1, …)."""

    agents: tuple[Agent, ...]
    registered: tuple[Registered, ...]
    numbers: Mapping[str, Callable[[int], str]]  # HKID, BIR, PRCID, USCC, BRN


class Account(NamedTuple):
    """An account: where, and its number there."""

    agent: Agent
    number: str


class Holder(NamedTuple):
    """A person or firm who sends and receives; `accounts` at home, `account_in_mainland` for moving own money."""

    n: int
    name: str
    kind: str
    document: str
    number: str
    country: str  # of the document
    residency: str
    sector: str
    accounts: tuple[Account, ...]
    account_in_mainland: Account | None

    def identification(self) -> dict[str, str]:
        """Return the document as an instruction has it."""
        return {"type": self.document, "number": self.number, "country": self.country}


class Names(NamedTuple):
    """Names to draw from."""

    people: Mapping[str, tuple[Sequence[str], Sequence[str]]]  # country -> surnames, forenames
    firms: Mapping[str, Any]


def load_names() -> Names:
    """Read names.yaml."""
    data = yaml.load(Path(__file__).with_name("names.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    people = {country: (data[country]["surnames"], data[country]["forenames"]) for country in _DOCUMENT}
    return Names(people, data["firms"])


def draw_holders(chance: Random, persons: int, population: Population, surroundings: Surroundings) -> list[Holder]:
    """Draw the persons, then the firms that go with so many."""
    names = load_names()
    firms = max(len(_FIRM_COUNTRIES) * len(_SECTORS), persons * population.firms_per_100_persons // 100)
    people = [_person(n, chance, names, population, surroundings) for n in range(persons)]
    return people + [_firm(persons + n, n, chance, names, surroundings) for n in range(firms)]


def _person(n: int, chance: Random, names: Names, population: Population, surroundings: Surroundings) -> Holder:
    country = population.documents.draw(chance)
    surnames, forenames = names.people[country]
    name = f"{chance.choice(surnames)} {chance.choice(forenames)}"
    elsewhere = chance.randrange(100) < population.lives_elsewhere_percent[country]
    residency = population.lives_elsewhere_in[country] if elsewhere else country
    document = _DOCUMENT[country]
    mainland = None
    if country != "CN":
        mainland = _account(n, 9, chance.choice([agent for agent in surroundings.agents if agent.country == "CN"]))
    accounts = _accounts(n, chance, population.institutions.draw(chance), country, surroundings)
    number = surroundings.numbers[document](n)
    return Holder(n, name, PERSON, document, number, country, residency, "household", accounts, mainland)


def _firm(n: int, place: int, chance: Random, names: Names, surroundings: Surroundings) -> Holder:
    """Make the `place`-th firm; countries and sectors take turns, so that each pair of them is there."""
    country = _FIRM_COUNTRIES[place % len(_FIRM_COUNTRIES)]
    sector = _SECTORS[place // len(_FIRM_COUNTRIES) % len(_SECTORS)]
    name = f"{chance.choice(names.firms['first'])} {chance.choice(names.firms[sector])} {place} {names.firms['ending'][country]}"
    accounts = _accounts(n, chance, 2, country, surroundings, "bank")
    document = _REGISTRATION[country]
    return Holder(n, name, FIRM, document, surroundings.numbers[document](n), country, country, sector, accounts, None)


def _accounts(
    n: int, chance: Random, wanted: int, country: str, surroundings: Surroundings, kind: str = ""
) -> tuple[Account, ...]:
    agents = [agent for agent in surroundings.agents if agent.country == country and kind in ("", agent.kind)]
    chosen = chance.sample(agents, min(wanted, len(agents)))
    return tuple(_account(n, place, agent) for place, agent in enumerate(chosen))


def _account(n: int, place: int, agent: Agent) -> Account:
    """Number an account in the form of its country, in ranges that the directory leaves free."""
    number = f"6288{place}{n:014}" if agent.country == "CN" else f"7{place}{n:010}"
    return Account(agent, number)
