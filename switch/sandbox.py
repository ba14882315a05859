"""A sandbox as its users see it: one world, one store, one worker and its loops, behind plain calls.

The API, the demo and the bench call this; it knows no HTTP. Made by main.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from fx.money import Money
from fx.providers import Provider
from fx.quotes import Quote, Request, firm, prices, trades
from limits.calendars import law_day
from limits.claims import Claim, Sums
from limits.counters import evaluate
from switch.flow.admission import after_refusal, pass_over
from switch.flow.loops import Loops
from switch.flow.ports import StaleWorld, Store, Stored, StoredEvent
from switch.flow.submission import Answer, Submission, opened
from switch.flow.worker import Worker
from switch.flow.world import World
from switch.payment.decide import View
from switch.payment.explain import explain, known_claims
from switch.payment.instruction import Instruction
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import inventory
from switch.payment.status import FINAL, IN_DOUBT, SETTLED
from switch.translate.facts import translate

ReadSums = Callable[[Sequence[Claim]], Awaitable[Mapping[str, Sums]]]


class InFlight(Exception):
    """The same idempotency key is being worked on at this moment."""


class NotFound(Exception):
    """There is no such thing, or it is not this participant's."""


class Sandbox:
    """One running sandbox."""

    def __init__(self, world: World, store: Store, worker: Worker) -> None:
        self.world = world
        self.store = store
        self.worker = worker
        self.loops = Loops(worker)
        self._quotes_given = 0
        self.read_sums: ReadSums = self._stored_sums  # explain without a server reads what it was told instead

    async def start(self) -> None:
        """Open rails and begin to work."""
        for rail in self.world.rails.values():
            await rail.start(self.world.clock.now())
        await self.loops.start()

    async def stop(self) -> None:
        """Stop working; what is unfinished stays durable."""
        await self.loops.stop()
        for rail in self.world.rails.values():
            await rail.stop()
        await self.store.close()

    # --- payments ---

    def submission(self, instruction: Instruction, participant: str, key: str) -> Submission:
        """Queue an instruction under an idempotency key; raises InFlight, or loops.Busy where the queue is full."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        submission = Submission(instruction, participant, key, self.world.sandbox, future, self.world.known.persons.key)
        if submission.payment_id in self.worker.in_flight_keys:
            raise InFlight
        if participant != instruction.debtor_agent[:8]:
            submission.refusal = Refusal(
                "not-your-agent", {"participant": participant, "agent": instruction.debtor_agent}, "debtor_agent"
            )
        self.loops.put(submission)
        self.worker.in_flight_keys.add(submission.payment_id)
        return submission

    async def pay(self, instruction: Instruction, participant: str, key: str) -> Answer:
        """Take in an instruction and answer once it is accepted or refused."""
        return await self.submission(instruction, participant, key).answer

    async def wait_final(self, payment_id: str, seconds: float) -> None:
        """Wait machine seconds at most until the payment has a final (or in-doubt) status."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    future = self.worker.wait_for(payment_id)
                    try:
                        stored = await self.store.payment(payment_id)
                        if stored is None or self.has_last_word(stored):
                            return
                        await future
                    finally:
                        self.worker.forget(payment_id, future)
        except TimeoutError:
            return

    def has_last_word(self, stored: Stored) -> bool:
        """Whether the payment is final or in doubt: nothing comes by itself any more."""
        return stored.status in FINAL | {IN_DOUBT} or self._last_word(stored)

    def _last_word(self, stored: Stored) -> bool:
        return stored.status == SETTLED and not any(
            rail.capabilities.reports_credit and f":{name}:" in claim.counter
            for name, rail in self.world.rails.items()
            for claim in stored.claims
            if claim.delta < 0
        )

    async def explain(self, instruction: Instruction, participant: str) -> dict[str, Any]:
        """Say what would become of an instruction now; reserves nothing."""
        at = self.world.clock.now()
        day, view = law_day(at), self.world.view(at)
        refusal = None
        if participant != instruction.debtor_agent[:8]:
            refusal = Refusal(
                "not-your-agent", {"participant": participant, "agent": instruction.debtor_agent}, "debtor_agent"
            )
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        submission = Submission(
            instruction, participant, "explain", self.world.sandbox, future, self.world.known.persons.key
        )
        quotes = await self.store.quotes([instruction.quote_id]) if instruction.quote_id else {}
        decider = self.worker.decider
        judgement = decider.judgement(submission, at, day, view)
        verdict, sums = (refusal, {}) if refusal else await self._foreseen(submission, at, day, view, quotes)

        def reference_rate(base: str, quote: str, market: str) -> Decimal:
            return self.world.rates.mid(base, quote, market, at).mid

        return explain(verdict, judgement, sums, view.rules, reference_rate) | {
            "at": at.isoformat(),
            "rulebook_id": view.rulebook_id,
        }

    async def _foreseen(
        self, submission: Submission, at: datetime, day: date, view: View, quotes: Mapping[str, tuple[Quote, str]]
    ) -> tuple[Plan | Refusal, Mapping[str, Sums]]:
        """Decide as accept would, past refused lanes and empty inventories where the instruction allows; writes nothing."""
        while True:
            verdict = self.worker.decider.judge(submission, at, day, view, quotes)
            if isinstance(verdict, Refusal):
                return verdict, {}
            sums = await self.read_sums(verdict.claims)
            refused = evaluate(known_claims(verdict, sums), sums)
            if refused is None or after_refusal(submission, refused, verdict, view) is not None:
                return verdict, sums
            pass_over(submission, refused, verdict, view)

    async def _stored_sums(self, claims: Sequence[Claim]) -> Mapping[str, Sums]:
        return await self.store.sums([claim.counter for claim in claims])

    async def payment(self, payment_id: str, participant: str | None) -> Stored:
        """Return a payment of this participant (None = an operator, who may see all)."""
        stored = await self.store.payment(payment_id)
        if stored is None or (participant is not None and stored.participant != participant):
            raise NotFound
        return stored

    async def instruction(self, payment_id: str) -> Instruction:
        """Open the sealed instruction of a payment; the caller has checked whose it is."""
        sealed = await self.store.sealed(payment_id)
        if sealed is None:
            raise NotFound
        return opened(self.world.sealer.open(sealed, payment_id))[0]

    async def lanes(self, stored: Stored) -> list[dict[str, Any]]:
        """Return every lane's verdict on a payment, judged again from its sealed instruction; empty under another rulebook."""
        if stored.rulebook_id != self.world.rulebook.id:
            return []
        instruction = await self.instruction(stored.payment_id)
        translated = translate(instruction, self.world.known, stored.received_at, stored.received_on)
        if isinstance(translated, Refusal):
            return []
        judgement = self.world.view(stored.received_at).rules.judge(translated.facts.profile)
        return [verdict._asdict() for verdict in judgement.lanes]

    async def decide_in_doubt(self, payment_id: str, event: str) -> Stored:
        """An operator ends (`reject`) or honours (`settle`) a payment in doubt; anything else is left as it is."""
        stored = await self.payment(payment_id, None)
        if stored.status == IN_DOUBT:
            await self.worker.operate(stored, event)
        return await self.payment(payment_id, None)

    # --- money ---

    async def quote(self, participant: str, sell: str, buy: str, fixed: Money, market: str) -> Quote | Refusal:
        """Give a firm quote of the best provider with inventory."""
        at = self.world.clock.now()
        providers: Mapping[str, Provider] = {provider.name: provider for provider in self.world.providers}
        request = Request(sell, buy, fixed, market, at)
        found = prices(self.world.providers, request, self.world.rates)
        if not found and trades(self.world.providers, request):
            return Refusal("amount-too-small", {"amount": str(fixed), "currency": buy}, "amount")
        for price in found:
            account = inventory(price.provider, price.market, buy)
            sums = (await self.store.sums([account])).get(account)
            if sums is not None and sums.up_pending + sums.up_posted + price.buy.amount_minor <= sums.down_posted:
                self._quotes_given += 1
                name = f"{participant}|{at.isoformat()}|{price.provider}|{price.sell}|{price.buy}|{self.worker.incarnation}|{self._quotes_given}"
                quote_id = blake2b(name.encode(), digest_size=12).hexdigest()
                quote = firm(quote_id, participant, price, providers[price.provider], at)
                await self.store.save_quotes([quote])
                return quote
        return Refusal("no-rate", {"currency": buy})

    # --- limits ---

    async def headroom(self, instruction: Instruction, participant: str) -> dict[str, Any]:
        """Say what the debtor may still send over each lane open to the instruction, and which rule binds first."""
        at = self.world.clock.now()
        view = self.world.view(at)
        translated = translate(instruction, self.world.known, at, law_day(at))
        if isinstance(translated, Refusal):
            return {"lanes": [], "refusal": translated}
        lanes = []
        for lane in view.rules.judge(translated.facts.profile).eligible:
            named = instruction.model_copy(update={"lane": lane.id, "allow_lanes": False})
            document = await self.explain(named, participant)
            law = [
                claim for claim in document["claims"] if claim["headroom"] is not None and claim["effect"] != "report"
            ]
            binding = min(law, key=_room, default=None)
            lanes.append(
                {
                    "lane": lane.id,
                    "status": document["status"],
                    "binding": binding,
                    "claims": law,
                    "reason": document["reason"],
                }
            )
        return {"lanes": lanes, "at": at.isoformat()}

    # --- clock ---

    async def move_clock(self, to: datetime | None, rate: float | None) -> None:
        """Jump forward or change the rate, in every worker: stored first, and only from the clock the fence has."""
        while True:
            await self.worker.refresh()
            try:
                await self.store.advance(self.world.clock.moved(to, rate), self.world.generation)
            except StaleWorld:
                continue  # another worker moved it meanwhile: from there, then
            break
        await self.worker.refresh()
        self.loops.nudge()

    async def settle_down(self, seconds: float) -> bool:
        """Wait machine seconds at most until nothing is due at the present business time; True when so."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    due = self.worker.next_due()
                    idle = not self.worker.waiting and not self.worker.unsent and not self.worker.in_flight_keys
                    if idle and self.loops.resting and (due is None or due > self.world.clock.now()):
                        return True
                    self.loops.nudge()
                    await asyncio.sleep(0.002)
        except TimeoutError:
            return False

    async def events(self, after: str, participant: str | None, limit: int) -> Sequence[StoredEvent]:
        """Return committed events after a cursor."""
        return await self.store.stream(after, participant, limit)


def _room(claim: Mapping[str, Any]) -> tuple[Decimal, str]:
    """How many times this payment still fits under a rule: where that is least, the rule binds first."""
    left, claimed = Decimal(claim["headroom"]), Decimal(claim["claimed"])
    return (left / claimed if claimed else left), claim["rule"]
