"""The independent auditor: books made from the requests, the answers, the event stream and the rails' words alone.

It knows the law's caps as figures of its own, counts for itself, and only at the end asks the store what it thinks.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction

from own_law import (
    CAPS,
    CHARGE,
    GIVE_BACK,
    GONE,
    HELD,
    MOVES,
    POSTED,
    Counted,
    Wrong,
    expect,
    holder,
    instructed,
    is_open,
    uses,
)
from own_members import OwnMembers, OwnOperators
from own_returns import OwnReturns

from rails.book import Entry
from rails.port import BLOCKED, CREDITED, REJECTED, SETTLED, UNKNOWN, RailInstruction, RailReport
from switch.flow.ports import ABORT, EXCEPTION, PAYMENT, RECALL, RETURN, Store, Stored, StoredEvent
from switch.flow.submission import Answer
from switch.payment.instruction import Instruction

Opener = Callable[[bytes, str], Instruction]  # (sealed instruction, payment id): the instruction
Rails = Mapping[str, Mapping[tuple[str, int], Entry]]  # each rail's book as it stands, dictation in place


class OwnBooks:
    """Everything the auditor has seen."""

    def __init__(self, reports_credit: Mapping[str, bool], opening: Mapping[str, int], open_: Opener) -> None:
        self.caps, self.give_back = dict(CAPS), GIVE_BACK
        self.returns, self.members, self.operators = OwnReturns(), OwnMembers(), OwnOperators()
        self._reports_credit = reports_credit  # by rail
        self._opening = opening  # what each account was funded with
        self._open = open_
        self._asked: defaultdict[str, list[Instruction]] = defaultdict(list)  # by payment id
        self._kept: dict[str, Instruction] = {}  # by payment id: the content that counts
        self._answers: defaultdict[str, list[Answer]] = defaultdict(list)
        self._statuses: dict[str, list[str]] = {}
        self._codes: dict[str, str] = {}
        self._stored: dict[str, Stored] = {}
        self._claims_give_back: dict[str, frozenset[str]] = {}  # payment -> rules that gave back when it was taken in
        self._uses: dict[str, list[Counted]] = {}
        self._usage: Counter[tuple[str, str, str]] = Counter()
        self.owners: dict[str, str] = {}  # UETR -> the payment that was accepted under it
        self._sent: dict[str, RailInstruction] = {}
        self._words: defaultdict[str, set[str]] = defaultdict(set)  # UETR -> what its rail has said
        self._quoted: dict[str, str] = {}  # quote -> payment
        self._reaches: dict[str, str] = {}  # payment to a proxy -> the account behind it
        self._exceptions: defaultdict[str, dict[str, str]] = defaultdict(dict)  # payment -> kind -> open | resolved
        self._aborted: set[tuple[str, str]] = set()  # payment, and who was told that it was ended
        self._rejected_by_operators: set[str] = set()
        self.dictated: set[str] = set()  # payments whose rail an operator told what to say
        self._cursor = ""

    # --- what is seen ---

    def asked(self, payment_id: str, instruction: Instruction) -> None:
        """An instruction went in under the key of this payment."""
        self._asked[payment_id].append(instruction)

    def answered(self, answer: Answer, given: Instruction) -> None:
        """The switch answered `given`."""
        kept = self._kept.get(answer.payment_id)
        if kept is None:
            raise Wrong(f"{answer.payment_id} was answered {answer} and is not in the event stream")
        first = [known for known in self._answers[answer.payment_id] if not known.replayed]
        self._answers[answer.payment_id].append(answer)
        if answer.replayed:
            expect(answer.same_content == (given == kept), f"{answer.payment_id}: whether content is the same")
            return
        expect(not first, f"{answer.payment_id} was decided twice")
        expect(given == kept, f"{answer.payment_id} keeps another instruction than it answered")

    def sent(self, batch: Sequence[RailInstruction]) -> None:
        """A rail was handed instructions; the stream has been read up to then."""
        for instruction in batch:
            known = self._sent.setdefault(instruction.uetr, instruction)
            if known._replace(sent_at=instruction.sent_at) != instruction:
                raise Wrong(f"UETR {instruction.uetr} was sent again otherwise: {known} then {instruction}")
            payment_id = self.owners.get(instruction.uetr, "")
            if not payment_id:
                continue  # told by the rails' books at the end
            status = self._statuses[payment_id][-1]
            ended_unheard = status in GONE and not self._words[instruction.uetr]
            expect(status != "queued" and not ended_unheard, f"{payment_id} was sent while it is {status}")
            reaches = self._reaches.get(payment_id, instruction.creditor_account)
            expect(
                reaches == instruction.creditor_account,
                f"{payment_id} goes to {instruction.creditor_account}, not {reaches}",
            )

    def said(self, reports: Sequence[RailReport]) -> None:
        """A rail reported or answered; what it says of another amount than it was handed proves nothing."""
        for report in reports:
            sent = self._sent.get(report.uetr)
            if sent is None or report.amount_minor in (None, sent.amount_minor):
                self._words[report.uetr].add(report.status)

    def status(self, payment_id: str) -> str:
        """Return a payment's status by its events."""
        return self._statuses[payment_id][-1]

    async def read(self, store: Store) -> None:
        """Read the event stream on from where it was left."""
        while events := await store.stream(self._cursor, None, 500):
            for event in events:
                await (self._event if event.record == PAYMENT else self._record)(event, store)
            self._cursor = events[-1].cursor

    async def _event(self, event: StoredEvent, store: Store) -> None:
        payment_id, status = event.payment_id, event.status
        before = self._statuses.setdefault(payment_id, [])
        last = before[-1] if before else ""
        expect(status in MOVES[last], f"{payment_id} went from {last!r} to {status!r}")
        expect(event.n == len(before) + 1, f"{payment_id}: event {event.n} after {len(before)}")
        expect((event.code != "") == (status == "rejected"), f"{payment_id}: {status} with code {event.code!r}")
        before.append(status)
        self._codes[payment_id] = event.code
        if last == "":
            await self._received(payment_id, status, event.at, store)
        elif status == "accepted":
            await self._let_go(payment_id, event.at, store)
        elif status in POSTED and last not in POSTED:
            self._justified(payment_id, {SETTLED, CREDITED}, "settle")
        elif status in ("credited", "blocked"):
            self._justified(payment_id, {CREDITED if status == "credited" else BLOCKED}, "")
        elif status in GONE:
            if status == "rejected":
                self._rejection(payment_id, last, event.code)
            for use in self._uses[payment_id]:
                self._usage[use.rule, use.whose, use.window] -= use.amount_minor

    def _rejection(self, payment_id: str, last: str, code: str) -> None:
        stored = self._stored[payment_id]
        if last == "queued":
            agents = (stored.debtor_agent, stored.creditor_agent)
            barred = any(
                bic == agent[:8] and state != "active"
                for (bic, _), state in self.members.states.items()
                for agent in agents
            )
            expect(barred, f"{payment_id} waited and was rejected, its agents take part")
            return
        said = self._words[stored.uetr] & {REJECTED, UNKNOWN}
        unsent = last == "accepted" and code == "AB03" and stored.uetr not in self._sent
        if not said and not unsent:
            self._justified(payment_id, {REJECTED, UNKNOWN}, "reject")
            self._rejected_by_operators.add(payment_id)

    def _justified(self, payment_id: str, words: set[str], decision: str) -> None:
        said = self._words[self._stored[payment_id].uetr]
        agreed = decision != "" and self.operators.agreed(payment_id, "payment", decision)
        expect(
            bool(said & words) or agreed,
            f"{payment_id} is {self._statuses[payment_id]}, its rail said {said or 'nothing'}, operators have not agreed",
        )

    async def _received(self, payment_id: str, status: str, at: datetime, store: Store) -> None:
        stored = await store.payment(payment_id)
        assert stored is not None
        self._stored[payment_id] = stored
        sealed = await store.sealed(payment_id)
        assert sealed is not None
        instruction = self._kept[payment_id] = self._open(sealed, payment_id)
        if instruction not in self._asked[payment_id]:
            raise Wrong(f"{payment_id} was never asked for: {instruction}")
        if status == "rejected":
            self._uses[payment_id] = []
            return
        owner = self.owners.setdefault(stored.uetr, payment_id)
        expect(owner == payment_id, f"{owner} and {payment_id} were both accepted under UETR {stored.uetr}")
        if stored.quote_id:
            user = self._quoted.setdefault(stored.quote_id, payment_id)
            expect(user == payment_id, f"quote {stored.quote_id} was used by {user} and {payment_id}")
        if status == "queued":
            expect(instruction.if_closed == "queue", f"{payment_id} waits, and did not ask for it")
        await self._takes_part(payment_id, status, at, store)
        self._amounts_fit(instruction, stored)
        self._claims_give_back[payment_id] = self.give_back
        self._uses[payment_id] = counted = uses(instruction, stored, self.give_back)
        for use in counted:
            key = (use.rule, use.whose, use.window)
            cap = self.caps[use.rule]
            before = self._usage[key]
            if before + use.amount_minor > cap:
                raise Wrong(f"{payment_id} was admitted to {key} with {use.amount_minor} on top of {before}, cap {cap}")
            self._usage[key] += use.amount_minor

    async def _takes_part(self, payment_id: str, status: str, at: datetime, store: Store) -> None:
        """Who is suspended takes nothing; nothing goes while its lane is closed; a proxy leads where it was registered to."""
        stored = self._stored[payment_id]
        [leg] = await store.legs(payment_id)
        reaches = self.members.taken(payment_id, self._kept[payment_id], stored, leg.rail)
        if reaches:
            self._reaches.setdefault(payment_id, reaches)
        expect(status == "queued" or is_open(stored.lane, at), f"{payment_id} goes at {at}, {stored.lane} is closed")

    async def _let_go(self, payment_id: str, at: datetime, store: Store) -> None:
        """A payment that waited is sent: its agents take part, its lane is open."""
        stored = self._stored[payment_id]
        [leg] = await store.legs(payment_id)
        for agent, rail in ((stored.creditor_agent, leg.rail), (stored.debtor_agent, "")):
            expect(not self.members.barred(agent, rail), f"{payment_id} was let go, {agent} takes no part")
        expect(is_open(stored.lane, at), f"{payment_id} was let go at {at}, {stored.lane} is closed")

    def _amounts_fit(self, instruction: Instruction, stored: Stored) -> None:
        """The side that the instruction fixes is fixed, but for charges, which these worlds have on RTGS lanes alone."""
        currency, amount_minor = instructed(instruction)
        debit, settlement = (
            (stored.debit_currency, stored.debit_minor),
            (stored.settlement_currency, stored.settlement_minor),
        )
        charge = CHARGE if stored.lane.startswith(("same-name", "trade")) else 0
        fixed = [(currency, amount_minor + charge), (currency, amount_minor), (currency, amount_minor - charge)]
        if debit not in fixed and settlement not in fixed:
            raise Wrong(f"{stored.payment_id}: {instruction.instructed_amount} became {debit}, {settlement}")

    # --- records beside payments ---

    async def _record(self, event: StoredEvent, store: Store) -> None:
        payment_id, detail = event.payment_id, json.loads(event.detail)
        status, state = self._statuses[payment_id][-1], detail["state"]
        expect(
            (event.n, event.status) == (0, status),
            f"{payment_id} is {status}, a record's event says {event.status} {event.n}",
        )
        if event.record == RECALL:
            self.returns.recall_moved(payment_id, detail["record_id"], state)
        elif event.record == RETURN:
            figures = await store.return_of(detail["record_id"])
            assert figures is not None
            before = self._given_back(payment_id)
            self.returns.return_moved(self._stored[payment_id], status, figures, state)
            for use, was, now in zip(self._uses[payment_id], before, self._given_back(payment_id), strict=True):
                self._usage[use.rule, use.whose, use.window] -= now - was
        elif event.record == EXCEPTION:
            self._exception(payment_id, detail, status)
        elif event.record == ABORT:
            self._aborted.add((payment_id, event.participant))

    def _given_back(self, payment_id: str) -> list[int]:
        share = self.returns.share(self._stored[payment_id])
        return [_part(use.amount_minor, share) if use.gives_back else 0 for use in self._uses[payment_id]]

    def _exception(self, payment_id: str, detail: Mapping[str, str], status: str) -> None:
        known, kind = self._exceptions[payment_id], detail["record_id"]
        if detail["kind"] == "resolved":
            expect(known.get(kind) == "open", f"{payment_id}: {kind} is resolved and is {known.get(kind)}")
            agreed = any(
                self.operators.agreed(payment_id, kind, how) for how in ("honoured", "recalled", "written-off")
            )
            expect(agreed, f"{payment_id}: {kind} is resolved, operators have not agreed")
        else:
            expect(kind not in known, f"{payment_id} has two exceptions of {kind}")
            said = self._words[self._stored[payment_id].uetr] & {SETTLED, CREDITED}
            expect(
                kind != "late-acceptance" or (status == "rejected" and bool(said)), f"{payment_id} is {status}: {kind}"
            )
        known[kind] = detail["state"]
        if kind == "late-acceptance":
            (self.returns.late.add if detail["state"] == "open" else self.returns.late.discard)(payment_id)

    # --- at any time ---

    async def weigh(self, store: Store) -> None:
        """What payments hold is pending on their debtors' positions, to the cent, whatever they wait for."""
        await self.read(store)
        held: Counter[tuple[str, str]] = Counter()
        for payment_id, statuses in self._statuses.items():
            if statuses[-1] in HELD:
                stored = self._stored[payment_id]
                held[holder(stored.debtor_agent), stored.debit_currency] += stored.debit_minor
        for key, sums in (await store.counters("position:")).items():
            _, bic, _, currency = key.split(":")
            held[bic, currency] -= sums.up_pending
        expect(not any(held.values()), f"payments hold what is not pending: {dict(held)}")

    # --- at the end ---

    async def close(self, store: Store, books: Rails) -> None:
        """Compare with what the store and the rails' books say of a drained world."""
        await self.weigh(store)
        for payment_id in self._asked:
            expect(payment_id in self._statuses, f"{payment_id} was asked for and is lost")
        for payment_id in self._statuses:
            await self._ended(payment_id, store)
        self._rails(books)
        await self._money(store)
        await self._counters(store)
        for payment_id in self._statuses:
            left = await store.payment(payment_id)
            expect(left is not None and not left.awaits_rail, f"{payment_id} awaits its rail in a drained world")

    async def _ended(self, payment_id: str, store: Store) -> None:
        stored = await store.payment(payment_id)
        assert stored is not None
        statuses = self._statuses[payment_id]
        expect(stored.status == statuses[-1], f"{payment_id} is {stored.status}, its last event says {statuses[-1]}")
        for answer in self._answers[payment_id]:
            if not answer.replayed:
                expect(answer.status == statuses[0], f"{payment_id} was answered {answer.status} and is {statuses}")
        if payment_id in self._rejected_by_operators:
            told = (payment_id, stored.creditor_agent) in self._aborted
            expect(told, f"{payment_id} was ended by operators, {stored.creditor_agent} was not told")
        for leg in await store.legs(payment_id):
            final = stored.status in {"credited", "rejected", "cancelled", "blocked"} or (
                stored.status == "settled"
                and (not self._reports_credit[leg.rail] or self.operators.agreed(payment_id, "payment", "settle"))
            )
            expect(final, f"{payment_id} is left {stored.status} on {leg.rail}")
            fitting = {"cancelled": {"rejected"}, "blocked": {"held", "sent"}}.get(stored.status, {stored.status})
            expect(leg.status in fitting, f"{payment_id} is {stored.status}, its leg {leg.status}")

    def _rails(self, books: Rails) -> None:
        executed: Counter[str] = Counter()
        for rail, book in books.items():
            for (uetr, _), entry in book.items():
                if entry.outcome == UNKNOWN:
                    continue
                payment_id = self.owners.get(uetr, "")
                expect(payment_id != "", f"{rail} has UETR {uetr}, which no payment owns")
                stored = self._stored[payment_id]
                same = (entry.amount_minor, entry.currency) == (stored.settlement_minor, stored.settlement_currency)
                expect(same, f"{payment_id}: {rail} has {entry.amount_minor} {entry.currency}")
                if entry.outcome in (SETTLED, CREDITED):
                    executed[payment_id] += 1
                    ended = self._statuses[payment_id][-1]
                    late = "late-acceptance" in self._exceptions[payment_id]
                    expect(ended in POSTED or late, f"{rail} paid {payment_id}, which is {ended}")
        for payment_id, statuses in self._statuses.items():
            times = executed[payment_id]
            expect(times <= 1, f"{payment_id} was executed {times} times")
            if statuses[-1] in POSTED:
                said = self._words[self._stored[payment_id].uetr] & {SETTLED, CREDITED}
                overtaken = payment_id in self.dictated and bool(
                    said
                )  # the rail was told otherwise after it had spoken
                honoured = overtaken or self.operators.agreed(payment_id, "payment", "settle")
                expect(times == 1 or honoured, f"{payment_id} is {statuses[-1]} and no rail has paid it")

    async def _money(self, store: Store) -> None:
        """Positions hold what was debited, paid out and given back, holder by holder; suspense the rest; debits equal credits."""
        positions, suspense = self.returns.money(self._stored)
        for key, amount in self._opening.items():
            if key.startswith("position:"):
                _, bic, _, currency = key.split(":")
                positions[bic, currency] += amount
        for payment_id, statuses in self._statuses.items():
            stored = self._stored[payment_id]
            if statuses[-1] in POSTED:
                positions[holder(stored.debtor_agent), stored.debit_currency] -= stored.debit_minor
                positions[holder(stored.creditor_agent), stored.settlement_currency] += stored.settlement_minor
            if "late-acceptance" in self._exceptions[payment_id]:
                positions[holder(stored.creditor_agent), stored.settlement_currency] += stored.settlement_minor
                suspense[stored.settlement_currency] -= stored.settlement_minor
        balance: Counter[str] = Counter()
        pending: Counter[str] = Counter()
        for key, sums in (await store.counters("")).items():
            if "|" in key:
                continue
            kind, bic, currency = key.partition(":")[0], key.split(":")[1], key.rpartition(":")[2]
            posted = sums.down_posted - sums.up_posted
            balance[currency] -= posted
            pending[currency] += sums.up_pending - sums.down_pending
            blocked = any(statuses[-1] == "blocked" for statuses in self._statuses.values())
            expect(blocked or sums.up_pending == sums.down_pending == 0, f"{key} has {sums} pending in a drained world")
            if kind == "position":
                positions[bic, currency] -= posted
            elif kind == "suspense":
                suspense[currency] -= posted
            if kind in ("position", "inventory"):
                expect(sums.up_posted <= sums.down_posted, f"{key} is below zero: {sums}")
        expect(
            not any(balance.values()) and not any(pending.values()),
            f"debits less credits: {dict(balance)} {dict(pending)}",
        )
        wrong = {whose: amount for whose, amount in positions.items() if amount}
        expect(not wrong, f"payments and returns less positions: {wrong}")
        expect(not any(suspense.values()), f"payments and returns less suspense: {dict(suspense)}")

    async def _counters(self, store: Store) -> None:
        """Counters of the law hold the auditor's own sums, and every counter the sum of the claims behind it."""
        ups: Counter[str] = Counter()
        own: Counter[str] = Counter()
        for payment_id, statuses in self._statuses.items():
            if statuses[-1] in GONE and "late-acceptance" not in self._exceptions[payment_id]:
                continue
            claims = self._stored[payment_id].claims
            back = self.returns.share(self._stored[payment_id]) if claims else Fraction(0)
            for claim in claims:
                if "|" in claim.counter:
                    gives = claim.rule in self._claims_give_back[payment_id]
                    ups[claim.counter] += claim.delta - (_part(claim.delta, back) if gives else 0)
            for use, given in zip(self._uses[payment_id], self._given_back(payment_id), strict=True):
                named = [claim.counter for claim in claims if claim.rule == use.rule.partition("/")[0]]
                expect(len(named) == 1, f"{payment_id} does not claim {use.rule} once: {named}")
                own[named[0]] += use.amount_minor - given
        for key, sums in (await store.counters("")).items():
            if "|" in key:
                used = sums.up_posted + sums.up_pending - sums.down_posted - sums.down_pending
                expect(used == ups[key], f"counter {key} holds {used}, its claims {ups[key]}")
                if key in own:
                    expect(used == own[key], f"counter {key} holds {used}, the auditor counted {own[key]}")
        forgotten = [key for key in ups if ups[key] and key not in await store.counters(key)]
        expect(not forgotten, f"no such counters: {forgotten}")


def _part(amount_minor: int, share: Fraction) -> int:
    """Return a share of an amount, rounded down but for its sign."""
    part = abs(amount_minor) * share.numerator // share.denominator
    return part if amount_minor >= 0 else -part
