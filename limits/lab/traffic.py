"""A day of traffic in its one form: JSON lines of instant, instruction and, in hand-written ones, what is expected.

Each line is `{"at", "instruction", "key"?, "via"?, "expect"?}`: `at` an instant with offset, `instruction` the JSON document of
the API, `key` its idempotency key (the instruction's id where absent), `via` "json" (where absent) or "xml". Drawn lines expect
nothing. One seed gives one file, byte for byte.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from limits.calendars import LAW_ZONE
from limits.lab.parameters import IN_ALL, Kind, Parameters, Side, Way
from limits.lab.people import FIRM, PERSON, Account, Holder, Registered, Surroundings, draw_holders

Line = dict[str, Any]

_NUMBERED_ALIKE = 10**6  # instructions a day, and the width of their numbers


class _Payee(NamedTuple):
    """Where a payment goes, as the debtor knows it."""

    name: str
    kind: str
    residency: str
    sector: str
    agent: str
    number: str
    mobile: str
    identification: dict[str, str] | None
    registered: bool


def day_of_traffic(
    chance: Random, persons: int, day: date, surroundings: Surroundings, parameters: Parameters
) -> list[Line]:
    """Draw one law day (UTC+8) of payments of so many persons, ordered by instant; raises ValueError for too many persons."""
    drawing = _Drawing(
        chance, day, surroundings, parameters, draw_holders(chance, persons, parameters.population, surroundings)
    )
    wanted = persons * parameters.payments_per_100_persons // 100
    if wanted >= _NUMBERED_ALIKE:
        raise ValueError(f"{persons} persons would make {wanted} payments; a day numbers fewer than {_NUMBERED_ALIKE}")
    lines = [line for n in range(wanted) for line in drawing.line(n)]
    lines.sort(key=lambda line: (line["at"], line["instruction"]["instruction_id"]))
    return lines


def write(lines: Iterable[Line]) -> str:
    """Write lines as a file: compact JSON, one a line, characters as they are."""
    return "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)


def read(text: str) -> list[Line]:
    """Read a file of traffic; raises ValueError naming the line that is none."""
    lines = []
    for n, row in enumerate(text.splitlines(), 1):
        try:
            line = json.loads(row)
            line["at"] = datetime.fromisoformat(line["at"]).isoformat()
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {n} is no line of traffic: {error}") from error
        lines.append(line)
    return lines


class _Drawing:
    """Draws payments one by one: who, to whom, how much, when."""

    def __init__(
        self, chance: Random, day: date, surroundings: Surroundings, parameters: Parameters, holders: Sequence[Holder]
    ) -> None:
        self._chance = chance
        self._midnight = datetime(day.year, day.month, day.day, tzinfo=LAW_ZONE)
        self._parameters = parameters
        self._surroundings = surroundings
        self._holders = holders
        self._agents = {agent.bic: agent for agent in surroundings.agents}
        self._sides: dict[Side, list[tuple[Holder, Account]]] = {}
        self._known: dict[Side, list[Registered]] = {}
        self._familiar: dict[tuple[int, str, bool], list[_Payee]] = {}
        self._hot = _first_of_each_country(surroundings, parameters)
        self._hot_sides: dict[Side, list[tuple[Holder, Account]]] = {}
        self._own_places: dict[tuple[Side, bool], dict[int, tuple[int, int]]] = {}

    def line(self, n: int) -> Iterator[Line]:
        """Draw the n-th payment; nothing where its kind finds no debtor or no creditor among so few people."""
        kind = self._parameters.kinds.draw(self._chance)
        hot = self._among_hot_agents()
        debtors = self._debtors(kind.debtor, hot)
        if not debtors:
            return
        holder, account = debtors[self._skewed(len(debtors))]
        payee = self._payee(kind, holder, hot)
        if payee is None:
            return
        second = self._second(kind)
        line: Line = {
            "at": (self._midnight + timedelta(seconds=second)).isoformat(),
            "instruction": self._instruction(n, kind, holder, account, payee),
        }
        if self._percent(self._parameters.habits.message):
            line["via"] = "xml"
        yield line

    def _instruction(self, n: int, kind: Kind, holder: Holder, account: Account, payee: _Payee) -> dict[str, Any]:
        way = kind.ways.draw(self._chance)
        purpose = kind.purposes.draw(self._chance)
        creditor: dict[str, Any] = {"name": self._name(payee)}
        if payee.identification:
            creditor["identification"] = payee.identification
        creditor |= {
            "residency": payee.residency,
            "sector": payee.sector,
            "account": self._creditor_account(payee, way),
        }
        instruction: dict[str, Any] = {
            "instruction_id": f"{self._midnight:%m%d}-{n:06}",
            "end_to_end_id": f"E2E-{n:06}",
            "uetr": self._uetr(),
            "instructed_amount": self._amount(kind, way),
            "debtor": {
                "name": holder.name,
                "identification": self._identification(holder),
                "residency": holder.residency,
                "sector": holder.sector,
                "account": {"number": account.number, "currency": way.debit},
            },
            "creditor": creditor,
            "debtor_agent": account.agent.bic,
            "creditor_agent": payee.agent,
            "settlement_currency": way.settlement,
            "purpose_code": purpose,
        }
        for code, percent in kind.category_purposes.items():
            if self._percent(percent):
                instruction["category_purpose"] = code
        documents = [
            {"type": name, "reference": f"REF-{n:06}"}
            for name, percent in kind.documents.items()
            if self._percent(percent)
        ]
        if documents:
            instruction["documents"] = documents
        if kind.lane:
            instruction["lane"] = kind.lane
        return instruction

    def _second(self, kind: Kind) -> int:
        """Draw the second of the day: in a burst of its shape, or by the hours of its kind."""
        for burst in self._parameters.shape.bursts:
            if kind.name in burst.kinds and self._percent(burst.percent):
                return burst.from_second + self._chance.randrange(burst.seconds)
        return kind.hours.draw(self._chance) * 3600 + self._chance.randrange(3600)

    # --- who ---

    def _among_hot_agents(self) -> bool:
        hot = self._parameters.shape.hot_agents
        return hot is not None and self._percent(hot.percent)

    def _debtors(self, side: Side, hot: bool) -> list[tuple[Holder, Account]]:
        """Return who may stand on a side, of hot agents alone where it is to be one of theirs and they have any."""
        if not hot:
            return self._on_side(side)
        found = self._hot_sides.get(side)
        if found is None:
            every = self._on_side(side)
            found = self._hot_sides[side] = [each for each in every if each[1].agent.bic in self._hot] or every
        return found

    def _places(self, side: Side, hot: bool) -> dict[int, tuple[int, int]]:
        """Return where each holder's accounts begin among a side's, and how many they are."""
        found = self._own_places.get((side, hot))
        if found is None:
            found = self._own_places[side, hot] = {}
            for place, (holder, _) in enumerate(self._debtors(side, hot)):
                first, count = found.get(holder.n, (place, 0))
                found[holder.n] = (first, count + 1)
        return found

    def _on_side(self, side: Side) -> list[tuple[Holder, Account]]:
        found = self._sides.get(side)
        if found is None:
            found = self._sides[side] = [
                (holder, account)
                for holder in self._holders
                if holder.kind == side.kind and side.sector in ("", holder.sector)
                for account in holder.accounts
                if self._fits(side, account.agent.bic)
            ]
        return found

    def _registered(self, side: Side) -> list[Registered]:
        found = self._known.get(side)
        if found is None:
            found = self._known[side] = [
                entry
                for entry in self._surroundings.registered
                if entry.kind == side.kind and entry.agent in self._agents and self._fits(side, entry.agent)
            ]
        return found

    def _fits(self, side: Side, bic: str) -> bool:
        agent = self._agents[bic]
        joined = not side.scheme or side.scheme in agent.schemes
        return agent.country == side.country and joined and side.agent_kind in ("", agent.kind)

    def _payee(self, kind: Kind, debtor: Holder, hot: bool) -> _Payee | None:
        if kind.to_self:
            own = debtor.account_in_mainland
            assert own is not None, f"{kind.name}: only people with an account in the mainland move money there"
            return _Payee(
                debtor.name,
                PERSON,
                debtor.residency,
                debtor.sector,
                own.agent.bic,
                own.number,
                "",
                debtor.identification(),
                False,
            )
        known = self._familiar.setdefault((debtor.n, kind.name, hot), [])
        place = self._chance.randrange(self._parameters.population.familiar_payees)
        if place >= len(known):
            payee = self._new_payee(kind.creditor, debtor, hot)
            if payee is None:
                return None
            known.append(payee)
            place = -1
        return known[place]

    def _new_payee(self, side: Side, debtor: Holder, hot: bool) -> _Payee | None:
        registered = self._registered(side)
        if hot:
            registered = [entry for entry in registered if entry.agent in self._hot]
        # The directory says nothing of what a firm does: schools and hospitals are drawn.
        if registered and side.sector in ("", "corporation") and self._percent(self._parameters.habits.registered):
            entry = self._chance.choice(registered)
            sector = "corporation" if entry.kind == FIRM else "household"
            return _Payee(
                entry.name, entry.kind, entry.country, sector, entry.agent, entry.account, entry.mobile, None, True
            )
        everybody = self._debtors(side, hot)
        first, count = self._places(side, hot).get(debtor.n, (len(everybody), 0))
        if len(everybody) == count:
            return None
        place = self._chance.choice(range(len(everybody) - count))  # of the others: the debtor's own stand together
        holder, account = everybody[place if place < first else place + count]
        return _Payee(
            holder.name,
            holder.kind,
            holder.residency,
            holder.sector,
            account.agent.bic,
            account.number,
            "",
            None,
            False,
        )

    # --- what is written ---

    def _name(self, payee: _Payee) -> str:
        """Write a registered payee's name as debtors do: in another order, or wrong."""
        if not payee.registered or payee.kind == FIRM:
            return payee.name
        if self._chance.randrange(IN_ALL) < self._parameters.mishaps.name:
            return self._chance.choice([holder.name for holder in self._holders[:50] if holder.kind == PERSON])
        surname, _, forename = payee.name.partition(" ")
        swapped = bool(forename) and self._percent(self._parameters.habits.other_name_order)
        return f"{forename} {surname}" if swapped else payee.name

    def _creditor_account(self, payee: _Payee, way: Way) -> dict[str, Any]:
        place = self._chance.randrange(IN_ALL)
        for magic, share in self._parameters.mishaps.magic.items():
            place -= share
            if place < 0:
                return {"number": magic, "currency": way.settlement}
        if payee.mobile and self._percent(self._parameters.habits.proxy):
            return {"proxy": {"type": "MBNO", "value": payee.mobile}, "currency": way.settlement}
        return {"number": payee.number, "currency": way.settlement}

    def _identification(self, holder: Holder) -> dict[str, str]:
        given = holder.identification()
        if self._chance.randrange(IN_ALL) < self._parameters.mishaps.identification:
            last = "1" if given["number"][-1] != "1" else "2"
            given["number"] = given["number"][:-1] + last
        return given

    def _amount(self, kind: Kind, way: Way) -> dict[str, str]:
        currency = way.settlement if kind.fixes_creditor else way.debit
        minor = kind.amounts.draw_minor(self._chance) * self._parameters.sizes_percent[currency] // 100
        if not kind.fixes_creditor:
            minor = _as_people_write(minor)
        minor = max(minor, 100)
        text = f"{minor // 100}.{minor % 100:02}"
        if self._chance.randrange(IN_ALL) < self._parameters.mishaps.decimals:
            text += "5"
        return {"currency": currency, "amount": text}

    def _uetr(self) -> str:
        digits = f"{self._chance.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    # --- chance ---

    def _percent(self, percent: int) -> bool:
        return self._chance.randrange(100) < percent

    def _skewed(self, count: int) -> int:
        """Draw a place below `count`, the first ones more often: some people send much more than others."""
        tail = self._parameters.shape.tail
        if tail is not None:
            return tail.draw(self._chance, count)
        return self._chance.randrange(count) * self._chance.randrange(count) // count


def _first_of_each_country(surroundings: Surroundings, parameters: Parameters) -> frozenset[str]:
    """Return the hot agents: of each country the first that banks for everybody, as the surroundings list them."""
    hot = parameters.shape.hot_agents
    if hot is None:
        return frozenset()
    by_country: dict[str, list[str]] = {}
    for agent in surroundings.agents:
        if agent.kind == "bank":  # a wallet has no firms
            by_country.setdefault(agent.country, []).append(agent.bic)
    return frozenset(bic for bics in by_country.values() for bic in bics[: hot.per_country])


def _as_people_write(minor: int) -> int:
    """Round an amount in minor units the way people name amounts: the larger, the rounder."""
    major = minor // 100
    for below, step in ((100, 1), (1_000, 10), (10_000, 50), (100_000, 500)):
        if major < below:
            return max(major // step * step, 1) * 100
    return major // 1_000 * 1_000 * 100
