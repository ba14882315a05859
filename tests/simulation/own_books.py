"""The independent auditor: books made from the requests, the answers, the event stream and the rails' words alone.

It knows the law's caps as figures of its own, counts for itself, and only at the end asks the store what it thinks.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta, timezone
from typing import NamedTuple

from rails.book import Entry
from rails.port import CREDITED, REJECTED, SETTLED, UNKNOWN, RailInstruction, RailReport
from switch.flow.ports import Store, Stored, StoredEvent
from switch.flow.submission import Answer
from switch.payment.instruction import Instruction, Party

# Which status may follow which (design 2), written down anew.
MOVES = {
    "": {"accepted", "rejected"},
    "accepted": {"submitted", "in_doubt", "settled", "credited", "rejected"},
    "submitted": {"in_doubt", "settled", "credited", "rejected"},
    "in_doubt": {"settled", "credited", "rejected"},
    "settled": {"credited"},
    "credited": set(),
    "rejected": set(),
}
POSTED = {"settled", "credited"}

# The law in minor units.
CAPS = {
    "payment-connect.northbound.day": 10_000_00,
    "payment-connect.northbound.year": 200_000_00,
    "mainland.fx-purchase.year": 50_000_00,
    "same-name.hong-kong.day": 80_000_00,
    "easy-transfer.day/MOP": 20_000_00,
}
_LAW_ZONE = timezone(timedelta(hours=8))
_REFERENCE_RATE = (110, 100)  # HKD for one CNY
_ONSHORE_USD = (14, 100)  # USD for one CNY, the rate of these worlds


Opener = Callable[[bytes, str], Instruction]  # (sealed instruction, payment id): the instruction


class Wrong(AssertionError):
    """The switch has broken a promise."""


class Counted(NamedTuple):
    """What a payment uses of one allowance."""

    rule: str
    whose: str
    window: str
    amount_minor: int


class OwnBooks:
    """Everything the auditor has seen."""

    def __init__(self, reports_credit: Mapping[str, bool], opening: Mapping[str, int], open_: Opener) -> None:
        self.caps = dict(CAPS)
        self._reports_credit = reports_credit  # by rail
        self._opening = opening  # what each account was funded with
        self._open = open_
        self._asked: defaultdict[str, list[Instruction]] = defaultdict(list)  # by payment id
        self._kept: dict[str, Instruction] = {}  # by payment id: the content that counts
        self._answers: defaultdict[str, list[Answer]] = defaultdict(list)
        self._statuses: dict[str, list[str]] = {}
        self._codes: dict[str, str] = {}
        self._stored: dict[str, Stored] = {}
        self._uses: dict[str, list[Counted]] = {}
        self._usage: Counter[tuple[str, str, str]] = Counter()
        self._owner: dict[str, str] = {}  # UETR -> the payment that was accepted under it
        self._sent: dict[str, RailInstruction] = {}
        self._words: defaultdict[str, set[str]] = defaultdict(set)  # UETR -> what its rail has said
        self._decided: dict[str, str] = {}  # payment -> what an operator decided
        self._quoted: dict[str, str] = {}  # quote -> payment
        self._cursor = ""

    # --- what is seen ---

    def asked(self, payment_id: str, instruction: Instruction) -> None:
        """An instruction went in under the key of this payment."""
        self._asked[payment_id].append(instruction)

    def decided(self, payment_id: str, event: str) -> None:
        """An operator decided about a payment in doubt."""
        self._decided[payment_id] = event

    def answered(self, answer: Answer, given: Instruction) -> None:
        """The switch answered `given`."""
        kept = self._kept.get(answer.payment_id)
        if kept is None:
            raise Wrong(f"{answer.payment_id} was answered {answer} and is not in the event stream")
        first = [known for known in self._answers[answer.payment_id] if not known.replayed]
        self._answers[answer.payment_id].append(answer)
        if answer.replayed:
            self._expect(answer.same_content == (given == kept), f"{answer.payment_id}: whether content is the same")
            return
        self._expect(not first, f"{answer.payment_id} was decided twice")
        self._expect(given == kept, f"{answer.payment_id} keeps another instruction than it answered")

    def sent(self, rail: str, batch: Sequence[RailInstruction]) -> None:
        """A rail was handed instructions."""
        for instruction in batch:
            known = self._sent.setdefault(instruction.uetr, instruction)
            if known._replace(sent_at=instruction.sent_at) != instruction:
                raise Wrong(f"UETR {instruction.uetr} was sent again otherwise: {known} then {instruction}")

    def said(self, reports: Sequence[RailReport]) -> None:
        """A rail reported or answered."""
        for report in reports:
            self._words[report.uetr].add(report.status)

    async def read(self, store: Store) -> None:
        """Read the event stream on from where it was left."""
        while events := await store.stream(self._cursor, None, 500):
            for event in events:
                await self._event(event, store)
            self._cursor = events[-1].cursor

    async def _event(self, event: StoredEvent, store: Store) -> None:
        payment_id, status = event.payment_id, event.status
        before = self._statuses.setdefault(payment_id, [])
        last = before[-1] if before else ""
        self._expect(status in MOVES[last], f"{payment_id} went from {last!r} to {status!r}")
        self._expect(event.n == len(before) + 1, f"{payment_id}: event {event.n} after {len(before)}")
        self._expect((event.code != "") == (status == "rejected"), f"{payment_id}: {status} with code {event.code!r}")
        before.append(status)
        self._codes[payment_id] = event.code
        if last == "":
            await self._received(payment_id, status, store)
        elif status in POSTED and last not in POSTED:
            self._justified(payment_id, {SETTLED, CREDITED}, "settle")
        elif status == "credited":
            self._justified(payment_id, {CREDITED}, "")
        elif status == "rejected":
            self._justified(payment_id, {REJECTED, UNKNOWN}, "reject")
            for use in self._uses[payment_id]:
                self._usage[use.rule, use.whose, use.window] -= use.amount_minor

    def _justified(self, payment_id: str, words: set[str], decision: str) -> None:
        said = self._words[self._stored[payment_id].uetr]
        by_operator = decision != "" and self._decided.get(payment_id) == decision
        self._expect(
            bool(said & words) or by_operator,
            f"{payment_id} is {self._statuses[payment_id]}, its rail said {said or 'nothing'}",
        )

    async def _received(self, payment_id: str, status: str, store: Store) -> None:
        stored = await store.payment(payment_id)
        assert stored is not None
        self._stored[payment_id] = stored
        sealed = await store.sealed(payment_id)
        assert sealed is not None
        instruction = self._kept[payment_id] = self._open(sealed, payment_id)
        if instruction not in self._asked[payment_id]:
            raise Wrong(f"{payment_id} was never asked for: {instruction}")
        if status != "accepted":
            self._uses[payment_id] = []
            return
        owner = self._owner.setdefault(stored.uetr, payment_id)
        self._expect(owner == payment_id, f"{owner} and {payment_id} were both accepted under UETR {stored.uetr}")
        if stored.quote_id:
            user = self._quoted.setdefault(stored.quote_id, payment_id)
            self._expect(user == payment_id, f"quote {stored.quote_id} was used by {user} and {payment_id}")
        self._amounts_fit(instruction, stored)
        self._uses[payment_id] = uses = _uses(instruction, stored)
        for use in uses:
            key = (use.rule, use.whose, use.window)
            cap = self.caps[use.rule]
            before = self._usage[key]
            if before + use.amount_minor > cap:
                raise Wrong(f"{payment_id} was admitted to {key} with {use.amount_minor} on top of {before}, cap {cap}")
            self._usage[key] += use.amount_minor

    def _amounts_fit(self, instruction: Instruction, stored: Stored) -> None:
        """The side that the instruction fixes is fixed, but for charges, which these worlds have on RTGS lanes alone."""
        currency, amount_minor = _instructed(instruction)
        debit, settlement = (
            (stored.debit_currency, stored.debit_minor),
            (stored.settlement_currency, stored.settlement_minor),
        )
        charge = 50_00 if stored.lane.startswith(("same-name", "trade")) else 0
        fixed = [(currency, amount_minor + charge), (currency, amount_minor), (currency, amount_minor - charge)]
        if debit not in fixed and settlement not in fixed:
            raise Wrong(f"{stored.payment_id}: {instruction.instructed_amount} became {debit}, {settlement}")

    # --- at the end ---

    async def close(self, store: Store, books: Mapping[str, Mapping[tuple[str, int], Entry]]) -> None:
        """Compare with what the store and the rails' books say of a drained world."""
        await self.read(store)
        for payment_id in self._asked:
            self._expect(payment_id in self._statuses, f"{payment_id} was asked for and is lost")
        for payment_id in self._statuses:
            await self._ended(payment_id, store)
        await self._rails(store, books)
        await self._money(store)
        await self._counters(store)
        for payment_id in self._statuses:
            left = await store.payment(payment_id)
            self._expect(left is not None and not left.awaits_rail, f"{payment_id} awaits its rail in a drained world")

    async def _ended(self, payment_id: str, store: Store) -> None:
        stored = await store.payment(payment_id)
        assert stored is not None
        statuses = self._statuses[payment_id]
        self._expect(
            stored.status == statuses[-1], f"{payment_id} is {stored.status}, its last event says {statuses[-1]}"
        )
        for answer in self._answers[payment_id]:
            if not answer.replayed:
                self._expect(
                    answer.status == statuses[0], f"{payment_id} was answered {answer.status} and is {statuses}"
                )
        for leg in await store.legs(payment_id):
            final = stored.status in {"credited", "rejected"} or (
                stored.status == "settled"
                and (not self._reports_credit[leg.rail] or self._decided.get(payment_id) == "settle")
            )
            self._expect(final, f"{payment_id} is left {stored.status} on {leg.rail}")
            self._expect(leg.status == stored.status, f"{payment_id} is {stored.status}, its leg {leg.status}")

    async def _rails(self, store: Store, books: Mapping[str, Mapping[tuple[str, int], Entry]]) -> None:
        late = {record.payment_id for record in await store.exceptions(None) if record.kind == "late-acceptance"}
        executed: Counter[str] = Counter()
        for rail, book in books.items():
            for (uetr, _), entry in book.items():
                if entry.outcome == UNKNOWN:
                    continue
                payment_id = self._owner.get(uetr, "")
                self._expect(payment_id != "", f"{rail} has UETR {uetr}, which no payment owns")
                stored = self._stored[payment_id]
                same = (entry.amount_minor, entry.currency) == (stored.settlement_minor, stored.settlement_currency)
                self._expect(same, f"{payment_id}: {rail} has {entry.amount_minor} {entry.currency}")
                if entry.outcome in (SETTLED, CREDITED):
                    executed[payment_id] += 1
                    ended = self._statuses[payment_id][-1]
                    self._expect(ended in POSTED or payment_id in late, f"{rail} paid {payment_id}, which is {ended}")
        for payment_id, statuses in self._statuses.items():
            times = executed[payment_id]
            self._expect(times <= 1, f"{payment_id} was executed {times} times")
            honoured = self._decided.get(payment_id) == "settle"
            if statuses[-1] in POSTED:
                self._expect(times == 1 or honoured, f"{payment_id} is {statuses[-1]} and no rail has paid it")

    async def _money(self, store: Store) -> None:
        """Positions hold what was debited and paid out, by currency; debits equal credits; nothing is pending."""
        debited: Counter[str] = Counter()
        credited: Counter[str] = Counter()
        for payment_id, statuses in self._statuses.items():
            stored = self._stored[payment_id]
            if statuses[-1] in POSTED:
                debited[stored.debit_currency] += stored.debit_minor
                credited[stored.settlement_currency] += stored.settlement_minor
        for record in await store.exceptions(None):
            for transfer in record.transfers:
                credited[transfer.currency] += transfer.amount_minor
        balance: Counter[str] = Counter()
        for key, sums in (await store.counters("")).items():
            if "|" in key:
                continue
            currency = key.rpartition(":")[2]
            balance[currency] += sums.up_posted - sums.down_posted
            self._expect(sums.up_pending == sums.down_pending == 0, f"{key} has {sums} pending in a drained world")
            if key.startswith("position:"):
                debited[currency] -= sums.up_posted
                credited[currency] -= sums.down_posted - self._opening.get(key, 0)
            if key.startswith(("position:", "inventory:")):
                self._expect(sums.up_posted <= sums.down_posted, f"{key} is below zero: {sums}")
        self._expect(not any(balance.values()), f"debits less credits: {dict(balance)}")
        self._expect(not any(debited.values()), f"payments less positions, debited: {dict(debited)}")
        self._expect(not any(credited.values()), f"payments less positions, credited: {dict(credited)}")

    async def _counters(self, store: Store) -> None:
        """Counters of the law hold the auditor's own sums, and every counter the sum of the claims behind it."""
        ups: Counter[str] = Counter()
        own: Counter[str] = Counter()
        records = [record for record in await store.exceptions(None) if record.kind == "late-acceptance"]
        late = {record.payment_id for record in records}
        for payment_id, statuses in self._statuses.items():
            if statuses[-1] == "rejected" and payment_id not in late:
                continue
            claims = self._stored[payment_id].claims
            for claim in claims:
                if "|" in claim.counter:
                    ups[claim.counter] += claim.delta
            for use in self._uses[payment_id]:
                named = [claim.counter for claim in claims if claim.rule == use.rule.partition("/")[0]]
                self._expect(len(named) == 1, f"{payment_id} does not claim {use.rule} once: {named}")
                own[named[0]] += use.amount_minor
        for key, sums in (await store.counters("")).items():
            if "|" in key:
                used = sums.up_posted + sums.up_pending - sums.down_posted
                self._expect(used == ups[key], f"counter {key} holds {used}, its claims {ups[key]}")
                if key in own:
                    self._expect(used == own[key], f"counter {key} holds {used}, the auditor counted {own[key]}")
        forgotten = [key for key in ups if ups[key] and key not in await store.counters(key)]
        self._expect(not forgotten, f"no such counters: {forgotten}")

    @staticmethod
    def _expect(right: bool, what: str) -> None:
        if not right:
            raise Wrong(what)


def _uses(instruction: Instruction, stored: Stored) -> list[Counted]:
    """Count what a payment uses of the allowances the auditor follows."""
    person = _person(instruction.debtor)
    received = stored.received_at.astimezone(_LAW_ZONE)
    day, year = f"{received:%Y-%m-%d}", f"{received:%Y}"
    debit = stored.debit_minor
    match stored.lane:
        case "payment-connect.northbound":
            in_hkd = debit if stored.debit_currency == "HKD" else _up(debit, *_REFERENCE_RATE)
            at = f"{person}@{stored.debtor_agent}"
            return [
                Counted("payment-connect.northbound.day", at, day, in_hkd),
                Counted("payment-connect.northbound.year", at, year, in_hkd),
            ]
        case "payment-connect.southbound":
            return [
                Counted("mainland.fx-purchase.year", person, year, _up(debit, *_ONSHORE_USD)),
            ]
        case "same-name.hong-kong":
            return [Counted("same-name.hong-kong.day", person, day, _instructed(instruction)[1])]
        case "domestic.macau":
            return [Counted(f"easy-transfer.day/{stored.debit_currency}", person, day, debit)]
    return []


def _person(party: Party) -> str:
    given = party.identification
    assert given is not None
    return f"{given.type} {given.country} {given.number.replace('(', '').replace(')', '').upper()}"


def _instructed(instruction: Instruction) -> tuple[str, int]:
    whole, _, cents = instruction.instructed_amount.amount.partition(".")
    return instruction.instructed_amount.currency, int(whole) * 100 + int((cents + "00")[:2])


def _up(amount: int, numerator: int, denominator: int) -> int:
    return -(-amount * numerator // denominator)
