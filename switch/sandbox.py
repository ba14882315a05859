"""A sandbox as its users see it: one world, one store, one worker and its loops, behind plain calls.

The API, the demo and the bench call this; it wires what does the work and knows no HTTP. Made by main.py.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from math import inf
from time import monotonic
from typing import Any

from fx.money import Money
from fx.quotes import Quote
from rails.faults import Faults
from rails.hours import Closure
from rails.identifiers import normalize
from switch.dictation import Dictation
from switch.dryrun import DryRun
from switch.flow.decisions import Decisions
from switch.flow.directory import DirectoryDesk
from switch.flow.lookups import LookupDesk
from switch.flow.loops import Loops
from switch.flow.persons import KnownPersons
from switch.flow.ports import StaleWorld, Store, Stored, StoredEvent, StoreUnavailable
from switch.flow.recalls import RecallAsk
from switch.flow.return_books import Opened, StoredReturn
from switch.flow.submission import Answer, Submission, opened
from switch.flow.worker import Worker
from switch.flow.world import World, closures_fact, faults_fact, rulebook_facts
from switch.participants.states import state_fact
from switch.payment.instruction import Identification, Instruction
from switch.payment.plan import Refusal
from switch.payment.refusals import not_their_agent
from switch.payment.status import CANCELLED, QUEUED
from switch.quoting import Quoting

LOOK_SECONDS = 1.0  # between looks at a payment that is waited for, where no news comes: nearly all do within a second


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
        self.dry_run = DryRun(world, store, worker.decider)
        self.dictation = Dictation(world, store, worker)
        self.quoting = Quoting(world, store, worker.incarnation)
        self.decisions = Decisions(world, store, worker.operate)
        self.persons = KnownPersons(world, store, worker.refresh)
        self.directory = DirectoryDesk(world, store, worker.refresh)
        self.lookups = LookupDesk(world, worker.incarnation, monotonic)

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
        await self.close()

    async def close(self) -> None:
        """Hand back the lease, so that another worker need not wait for its end, and let go of the store."""
        with suppress(StoreUnavailable):
            await self.store.register(self.worker.incarnation, 0)
        await self.store.close()

    # --- payments ---

    def submission(
        self,
        instruction: Instruction,
        participant: str,
        key: str,
        *,
        until: float = inf,
        gone: Callable[[], bool] | None = None,
        bulk: bool = False,
    ) -> Submission:
        """Queue an instruction under an idempotency key; raises InFlight, or intake.Busy where the queue is full.

        From machine time `until` of the loop on, or once `gone`, nobody waits for the answer: what is not decided by then is
        not decided any more, and is answered UNDECIDED.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        submission = Submission(instruction, participant, key, self.world.sandbox, future, self.world.known.persons.key)
        intake = self.worker.intake
        if submission.payment_id in intake.in_flight_keys:
            raise InFlight
        submission.refusal = not_their_agent(instruction, participant)
        submission.until, submission.gone, submission.bulk = until, gone, bulk
        intake.put(submission)
        return submission

    async def pay(self, instruction: Instruction, participant: str, key: str) -> Answer:
        """Take in an instruction and answer once it is accepted or refused."""
        return await self.submission(instruction, participant, key).answer

    async def wait_final(self, payment_id: str, seconds: float) -> None:
        """Wait machine seconds at most until the payment has a final (or in-doubt) status, or waits for an opening."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    future = self.worker.wait_for(payment_id)
                    try:
                        stored = await self.store.payment(payment_id)
                        if stored is None or stored.at_rest or stored.status == QUEUED:
                            return
                        # Another worker may be the one who finishes it; its news comes through Valkey, if at all.
                        await asyncio.wait((future,), timeout=LOOK_SECONDS)
                    finally:
                        self.worker.forget(payment_id, future)
        except TimeoutError:
            return

    async def explain(self, instruction: Instruction, participant: str) -> dict[str, Any]:
        """Say what would become of an instruction now; reserves nothing."""
        return await self.dry_run.explain(instruction, participant)

    async def payment(self, payment_id: str, participant: str | None) -> Stored:
        """Return a payment of this participant (None = an operator, who may see all)."""
        stored = await self.store.payment(payment_id)
        if stored is None or (participant is not None and stored.participant != participant):
            raise NotFound
        return stored

    async def recall(self, payment_id: str, participant: str | None, key: str, ask: RecallAsk) -> Opened:
        """Ask a settled payment back, under its participant's idempotency key; its rail is asked from now on."""
        stored = await self.payment(payment_id, participant)
        opened = await self.worker.recalls.ask(stored, key, ask)
        self.loops.nudge()
        return opened

    async def release_return(self, stored: StoredReturn, to_creditor: bool) -> StoredReturn | None:
        """Let a held return go to the debtor agent, or back to the creditor agent; None where that cannot be."""
        return await self.worker.recalls.release(stored, to_creditor)

    async def instruction(self, payment_id: str) -> Instruction:
        """Open the sealed instruction of a payment; the caller has checked whose it is."""
        return (await self.handed_in(payment_id))[0]

    async def handed_in(self, payment_id: str) -> tuple[Instruction, str]:
        """Open the sealed instruction and the creditor's account ("" where it was refused); as `instruction`."""
        sealed = await self.store.sealed(payment_id)
        if sealed is None:
            raise NotFound
        return opened(self.world.sealer.open(sealed, payment_id))

    async def set_state(self, payment_id: str, state: str, reason_code: str, seconds: float) -> Stored:
        """An operator has a payment become `state` (dictation.STATES) through its rail, and waits machine seconds at most for it.

        Raises NotFound, dictation.NotAllowed, RailUnavailable.
        """
        await self.dictation.set_state(await self.payment(payment_id, None), state, reason_code)
        self.loops.nudge()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not (self.loops.resting and self._nothing_due()):
                    self.loops.nudge()
                    await asyncio.sleep(0.002)
        return await self.payment(payment_id, None)

    def _nothing_due(self) -> bool:
        due = self.worker.next_due()
        return due is None or due > self.world.clock.now()

    async def cancel(self, payment_id: str, participant: str | None) -> Stored | None:
        """Give up a payment that waits for an opening, and free all it holds; None where it waits no more. Raises NotFound.

        One that has been cancelled stays so: asking again answers the same.
        """
        stored = await self.payment(payment_id, participant)
        cancelled = stored.status == CANCELLED or (stored.status == QUEUED and await self.worker.cancel(stored))
        return await self.payment(payment_id, participant) if cancelled else None

    # --- money and limits ---

    async def quote(self, participant: str, sell: str, buy: str, fixed: Money, market: str) -> Quote | Refusal:
        """Give a firm quote of the best provider with inventory."""
        return await self.quoting.quote(participant, sell, buy, fixed, market)

    async def headroom(self, instruction: Instruction, participant: str) -> dict[str, Any]:
        """Say what the debtor may still send over each lane open to the instruction, and which rule binds first."""
        return await self.dry_run.headroom(instruction, participant)

    # --- the world ---

    async def set_faults(self, rail: str, faults: Faults) -> None:
        """Switch a rail's faults on or off, in every worker and for good."""
        await self.store.advance(faults_fact(rail, faults))
        await self.worker.refresh()
        self.loops.nudge()

    async def set_participant_state(self, bic: str, rail: str, state: str) -> None:
        """Have a participant (BIC8) be active, suspended or offline on a rail, or wholly (states.WHOLE), in every worker."""
        await self.store.advance(state_fact(bic, rail, state))
        await self.worker.refresh()
        self.loops.nudge()

    async def close_rail(self, rail: str, closures: Sequence[Closure]) -> None:
        """Announce when a rail is closed besides its hours, in place of what was announced before, in every worker."""
        await self.store.advance(closures_fact(rail, closures))
        await self.worker.refresh()
        self.loops.nudge()

    async def take_rulebook(self, rulebook_id: str, overlays: Sequence[Mapping[str, Any]]) -> None:
        """Go by the rulebook that overlays make from now on, in every worker: stored first; no batch is judged by two.

        What is in flight stays as it was judged; counters keep what they hold (docs/scenarios.md).
        """
        await self.store.advance(rulebook_facts(rulebook_id, overlays))
        await self.worker.refresh()
        self.loops.nudge()

    async def link_persons(self, first: Identification, second: Identification) -> bool:
        """Count what is sent under two documents as one person's, in every worker; False where they are one person's already."""
        one, other = (
            self.world.known.persons.pseudonym(each.type, each.country, normalize(each.type, each.number))
            for each in (first, second)
        )
        linked = await self.store.link_persons(one, other)
        await self.worker.refresh()
        return linked

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
                    idle = self.worker.intake.empty and self.worker.has_sent_all
                    if idle and self.loops.resting and (due is None or due > self.world.clock.now()):
                        return True
                    self.loops.nudge()
                    await asyncio.sleep(0.002)
        except TimeoutError:
            return False

    async def events(self, after: str, participant: str | None, limit: int) -> Sequence[StoredEvent]:
        """Return committed events after a cursor."""
        return await self.store.stream(after, participant, limit)
