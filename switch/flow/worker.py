"""One worker of a sandbox: the steps that carry payments from answer to final status, each a call that can be made alone.

Loops (switch.flow.loops) make these calls in production, the simulation makes them in seeded order and drops the worker
to crash it. What a worker remembers can be lost: the store and the rails' books hold what counts.
"""

import asyncio
import heapq
from asyncio import Future, get_running_loop
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import count

import structlog

from fx.quotes import Quote
from limits.calendars import law_day
from limits.claims import Refused
from rails.port import CREDITED, PENDING, REJECTED, SETTLED, UNKNOWN, RailInstruction, RailReport, RailUnavailable
from switch.flow import ports
from switch.flow.admission import Decider, after_refusal, pass_over
from switch.flow.board import Board
from switch.flow.exceptions import late_acceptance, odd_report
from switch.flow.metrics import Metrics
from switch.flow.ports import Admission, Outcome, StaleWorld, Step, Store, Unfinished
from switch.flow.submission import Answer, Flight, Submission, opened, uetr_identity
from switch.flow.world import World
from switch.payment import status as statuses
from switch.payment.decide import View
from switch.payment.plan import Plan, Refusal
from switch.payment.refusals import refusal_json
from switch.payment.status import ISO_STATUS, is_final

log = structlog.get_logger()

BATCH_MAX = 1_024  # payments a transaction: past it latency grows and throughput does not
INQUIRY_BACKOFF = (1, 2, 4, 8, 16, 32, 60)  # business seconds between inquiries, then every last (facts messages 4.2)
UNSENT_GRACE = timedelta(
    seconds=1
)  # business time until a payment past its deadline and not yet sent is looked at again
STALE_TRIES = 5  # a world that moves on faster than a batch is decided five times over is being stopped by someone
_BY_OPERATOR = '{"decided_by": "operator"}'  # so that nobody looks for the rail's word
_SAID = {SETTLED: (statuses.SETTLED, statuses.CREDITED), CREDITED: (statuses.CREDITED,), REJECTED: (statuses.REJECTED,)}
_EVENT_OF = {SETTLED: statuses.SETTLE, CREDITED: statuses.CREDIT, REJECTED: statuses.REJECT}


class Worker:
    """Carries payments of one world; everything durable goes through `store` and the rails."""

    def __init__(self, world: World, store: Store, board: Board, metrics: Metrics, incarnation: int) -> None:
        self.world = world
        self.store = store
        self.board = board
        self.metrics = metrics
        self.incarnation = incarnation
        self.decider = Decider(world)
        self.waiting: deque[Submission] = deque()  # accepted by no one yet
        self.unsent: deque[tuple[Flight, RailInstruction]] = deque()
        self.sending: set[tuple[str, int]] = set()  # handed to a rail at this moment: neither unsent nor sent
        self.flights: dict[tuple[str, int], Flight] = {}
        self._heard: list[RailReport] = []  # reports taken from the rails, not yet carried out
        self._sent: deque[tuple[Flight, float]] = deque()  # sent, not yet marked submitted
        self._deadlines: list[tuple[datetime, int, tuple[str, int]]] = []
        self._inquiries: list[tuple[datetime, int, int, tuple[str, int]]] = []
        self._order = count()
        self._waiters: defaultdict[str, list[Future[str]]] = defaultdict(list)
        self.in_flight_keys: set[str] = set()
        self._unsure = False  # something may be ours in the store that we have not been told of

    # --- accept ---

    async def accept(self, batch: Sequence[Submission]) -> None:
        """Judge and store a batch; every submission gets its answer, or goes back to the queue to be decided again."""
        for _ in range(STALE_TRIES):
            try:
                await self._accept(batch)
                return
            except StaleWorld:
                await self.refresh()
            except ports.StoreUnavailable:
                self._unsure = True
                raise
        raise StaleWorld

    async def _accept(self, batch: Sequence[Submission]) -> None:
        at, generation = self.world.clock.now(), self.world.generation  # one world, before anything is awaited
        day = law_day(at)
        view = self.world.view(at)
        wanted = [s.instruction.quote_id for s in batch if s.instruction.quote_id is not None]
        quotes: Mapping[str, tuple[Quote, str]] = await self.store.quotes(wanted) if wanted else {}
        admission = self.decider.admission
        admissions = [admission(submission, at, day, view, quotes) for submission in batch]
        if self.board.entries:
            admissions = [self._by_board(*pair, day, view, quotes) for pair in zip(batch, admissions, strict=True)]
        by_id = {submission.payment_id: submission for submission in batch}

        def judge(item: Admission, refused: Refused) -> Refusal | None:
            assert isinstance(item.verdict, Plan)
            return after_refusal(by_id[item.payment_id], refused, item.verdict, view)

        outcomes = await self._stored(admissions, generation, judge)
        try:
            for submission, item, outcome in zip(batch, admissions, outcomes, strict=True):
                self._settle_outcome(submission, item, outcome, view)
        except BaseException:
            self._unsure = True  # they stand in the store, and some have not been taken up
            raise

    def _by_board(
        self, submission: Submission, item: Admission, day: date, view: View, quotes: Mapping[str, tuple[Quote, str]]
    ) -> Admission:
        """Refuse at memory speed what the closed board knows to be without headroom; with allow_lanes try the next."""
        while isinstance(item.verdict, Plan):
            refused = self.board.refused(item.verdict.claims, self.world.generation, item.received_at)
            if refused is None:
                break
            refusal = after_refusal(submission, refused, item.verdict, view)
            if refusal is not None:
                return item._replace(verdict=refusal, decision="{}")
            pass_over(submission, refused, item.verdict, view)
            item = self.decider.admission(submission, item.received_at, day, view, quotes)
        return item

    async def _stored(self, admissions: Sequence[Admission], generation: int, judge: ports.Judge) -> list[Outcome]:
        """Store a batch; on an error that is nobody's in particular, halve it until the culprit stands alone."""
        try:
            return await self.store.accept(admissions, generation, judge)
        except (StaleWorld, ports.StoreUnavailable):
            raise
        except Exception as error:
            if len(admissions) == 1:
                log.exception("could not store", payment_id=admissions[0].payment_id)
                return [await self._refused_internally(admissions[0], generation, judge, error)]
            half = len(admissions) // 2
            first = await self._stored(admissions[:half], generation, judge)
            try:
                return first + await self._stored(admissions[half:], generation, judge)
            except Exception:
                self._unsure = True  # the first half stands, and nobody will be told
                raise

    async def _refused_internally(
        self, item: Admission, generation: int, judge: ports.Judge, error: Exception
    ) -> Outcome:
        """Keep the culprit as refused; where even that cannot be stored it is the store that fails, and nobody is told a lie."""
        refused = item._replace(verdict=Refusal("internal", {}), decision="{}")
        try:
            return (await self.store.accept([refused], generation, judge))[0]
        except Exception:
            raise ports.StoreUnavailable(f"payment {item.payment_id} cannot be stored: {error}") from error

    def _settle_outcome(self, submission: Submission, item: Admission, outcome: Outcome, view: View) -> None:
        kind = outcome.kind
        self.metrics.outcomes[kind] += 1
        if kind == ports.AGAIN:
            assert isinstance(item.verdict, Plan)
            if outcome.refused is not None:  # None: another payment of the batch had the same quote
                pass_over(submission, outcome.refused, item.verdict, view)
            self.waiting.appendleft(submission)
            return
        self.in_flight_keys.discard(submission.payment_id)
        if kind == ports.ACCEPTED:
            assert isinstance(item.verdict, Plan)
            self._take_off(submission.payment_id, item.received_on, item.uetr, item.verdict, item.received_at)
            answer = Answer(submission.payment_id, statuses.ACCEPTED)
        elif kind == ports.REFUSED:
            self.board.learn(outcome.refused, self.world.generation, item.received_at)
            answer = Answer(submission.payment_id, statuses.REJECTED, outcome.refusal)
        else:
            answer = Answer(outcome.payment_id, "", replayed=True, same_content=outcome.same_content)
        if not submission.answer.done():
            submission.answer.set_result(answer)

    def _take_off(self, payment_id: str, received_on: date, uetr: str, plan: Plan, at: datetime) -> None:
        leg = plan.leg
        flight = Flight(payment_id, received_on, uetr, leg.rail, leg.n, leg.expires_at, plan.reports_credit)
        instruction = RailInstruction(
            uetr, leg.n, leg.debtor_agent, leg.creditor_agent, leg.creditor_account, leg.amount.amount_minor,
            leg.amount.currency, at, leg.expires_at,
        )  # fmt: skip
        self._fly(flight)
        self.unsent.append((flight, instruction))

    def _fly(self, flight: Flight) -> None:
        key = (flight.uetr, flight.leg)
        self.flights[key] = flight
        heapq.heappush(self._deadlines, (flight.deadline_at, next(self._order), key))

    # --- submit ---

    async def submit(self, machine_now: float) -> int:
        """Hand what was accepted to the rails, a batch a rail; sending again is harmless (same UETR)."""
        batches: defaultdict[str, list[tuple[Flight, RailInstruction]]] = defaultdict(list)
        for _ in range(min(len(self.unsent), BATCH_MAX * 2)):
            flight, instruction = self.unsent.popleft()
            batches[flight.rail].append((flight, instruction))
        self.sending = {(flight.uetr, flight.leg) for batch in batches.values() for flight, _ in batch}
        try:
            return sum(await asyncio.gather(*(self._send(rail, batch, machine_now) for rail, batch in batches.items())))
        finally:
            self.sending = set()

    async def _send(self, rail: str, batch: Sequence[tuple[Flight, RailInstruction]], machine_now: float) -> int:
        try:
            await self.world.rails[rail].send([instruction for _, instruction in batch])
        except BaseException as error:
            # Not known whether the rail has them: they stay with us and are sent again, under the same UETR. The
            # other rails do not wait for it.
            log.warning("could not send", rail=rail, payments=len(batch), error=repr(error))
            self.unsent.extend(batch)
            if not isinstance(error, Exception):
                raise
            return 0
        self._sent.extend([(flight, machine_now) for flight, _ in batch])
        return len(batch)

    async def mark_submitted(self, sent_before: float) -> int:
        """Record as submitted what was sent before this machine time and has no report yet."""
        steps: list[Step] = []
        at = self.world.clock.now()
        while self._sent and self._sent[0][1] <= sent_before and len(steps) < BATCH_MAX:
            flight, _ = self._sent.popleft()
            if (flight.uetr, flight.leg) in self.flights:
                steps.append(Step(flight.payment_id, flight.received_on, statuses.SUBMIT, at))
        if steps:
            await self.store.finish(steps)
        return len(steps)

    @property
    def sent_unmarked(self) -> bool:
        """Whether something was sent that may still have to be recorded as submitted."""
        return bool(self._sent)

    # --- finish ---

    async def collect(self) -> int:
        """Take due reports from every rail and carry them out."""
        now = self.world.clock.now()
        for rail in self.world.rails.values():
            self._heard.extend(await rail.reports(now, BATCH_MAX))
        handled = len(self._heard)
        if handled:
            await self.finish(self._heard)
            del self._heard[:handled]  # only now: what the store did not take is carried out again
        return handled

    async def finish(self, reports: Sequence[RailReport]) -> None:
        """Carry out reports; one payment's reports are taken in order, settled and credited together where both are there."""
        rest = list(reports)
        while rest:
            now, rest = _first_of_each(rest)
            await self._finish(now)

    async def _finish(self, reports: Sequence[RailReport]) -> None:
        steps: list[Step] = []
        of_step: dict[str, tuple[RailReport, Flight | None]] = {}
        for report in reports:
            flight = self.flights.get((report.uetr, report.leg))
            known = (flight.payment_id, flight.received_on) if flight else await self._known(report.uetr)
            if known is None:
                self.metrics.strays += 1
                continue
            payment_id, received_on = known
            code, detail = _rejection(report) if report.status == REJECTED else ("", "{}")
            steps.append(Step(payment_id, received_on, _EVENT_OF[report.status], report.at, code, detail))
            of_step[payment_id] = (report, flight)
        moved = {move.payment_id: move.status for move in await self.store.finish(steps)} if steps else {}
        for step in steps:
            report, flight = of_step[step.payment_id]
            status = moved.get(step.payment_id)
            if status is not None:
                self._landed(step.payment_id, status, flight)
            else:
                await self._out_of_turn(step, report)

    def _landed(self, payment_id: str, status: str, flight: Flight | None) -> None:
        self.metrics.finished[status] += 1
        if flight is not None and is_final(status, flight.reports_credit):
            self.flights.pop((flight.uetr, flight.leg), None)
        self.wake(payment_id, status)

    async def _known(self, uetr: str) -> tuple[str, date] | None:
        found = await self.store.by_identity(uetr_identity(uetr))
        return (found[0], found[1]) if found else None

    async def _out_of_turn(self, step: Step, report: RailReport) -> None:
        """A report the table has no move for: a duplicate is nothing, a late acceptance or a contradiction is an exception."""
        stored = await self.store.payment(step.payment_id)
        assert stored is not None
        flight = self.flights.get((report.uetr, report.leg))
        if flight is not None and (report.status != SETTLED or not flight.reports_credit):
            del self.flights[report.uetr, report.leg]  # the rail's last word: there is nothing more to ask about
        if stored.status in _SAID[report.status]:  # it was ours, and the reply that said so was lost
            self.wake(step.payment_id, stored.status)
        record = late_acceptance(stored, report) or odd_report(stored, report)
        if record is not None and await self.store.record_exception(record):
            self.metrics.exceptions[record.kind] += 1
            log.warning("exception record", payment_id=step.payment_id, kind=record.kind)

    # --- silence ---

    async def complete(self) -> int:
        """Put what is past its deadline in doubt, and ask the rails about what is in doubt."""
        now = self.world.clock.now()
        return await self._time_out(now) + await self._inquire(now)

    async def _time_out(self, now: datetime) -> int:
        steps: list[Step] = []
        keys: list[tuple[str, int]] = []
        if self._deadlines and self._deadlines[0][0] <= now:
            unsent = self.sending | {(flight.uetr, flight.leg) for flight, _ in self.unsent}
        while self._deadlines and self._deadlines[0][0] <= now and len(steps) < BATCH_MAX:
            deadline_at, _, key = heapq.heappop(self._deadlines)
            flight = self.flights.get(key)
            if flight is None:
                continue
            if key in unsent:  # not in doubt but late: an inquiry now would keep it out of the rail for good
                heapq.heappush(self._deadlines, (now + UNSENT_GRACE, next(self._order), key))
                continue
            steps.append(Step(flight.payment_id, flight.received_on, statuses.TIME_OUT, max(now, deadline_at)))
            keys.append(key)
        if not steps:
            return 0
        try:
            moved = {move.payment_id for move in await self.store.finish(steps)}
        except Exception:
            for key in keys:
                heapq.heappush(self._deadlines, (now, next(self._order), key))
            raise
        for step, key in zip(steps, keys, strict=True):
            # Also of what did not move: a payment that is settled waits for its credit, whose report may be lost.
            heapq.heappush(self._inquiries, (now, next(self._order), 0, key))
            if step.payment_id in moved:
                self.metrics.finished[statuses.IN_DOUBT] += 1
                self.wake(step.payment_id, statuses.IN_DOUBT)
        return len(steps)

    async def _inquire(self, now: datetime) -> int:
        asked: defaultdict[str, list[tuple[Flight, int]]] = defaultdict(list)
        while self._inquiries and self._inquiries[0][0] <= now:
            _, _, tries, key = heapq.heappop(self._inquiries)
            flight = self.flights.get(key)
            if flight is not None:
                asked[flight.rail].append((flight, tries))
        said: list[RailReport] = []
        for rail, flights in asked.items():
            said += await self._answers(rail, flights, now)
        if said:
            await self.finish(said)
        return sum(map(len, asked.values()))

    async def _answers(self, rail: str, flights: Sequence[tuple[Flight, int]], now: datetime) -> list[RailReport]:
        """Ask a rail about payments in doubt; what it cannot say yet, or does not answer at all, is asked again later."""
        keys = [(flight.uetr, flight.leg) for flight, _ in flights]
        try:
            answers = await self.world.rails[rail].inquire(keys, now)
        except RailUnavailable as error:
            log.warning("the rail does not answer", rail=rail, error=str(error))
            answers = [RailReport(rail, uetr, leg, PENDING, "", now) for uetr, leg in keys]
        said = []
        for (flight, tries), answer in zip(flights, answers, strict=True):
            # Asked again unless its final word is carried out first: a flight that has landed is dropped when popped.
            wait = INQUIRY_BACKOFF[min(tries, len(INQUIRY_BACKOFF) - 1)]
            key = (flight.uetr, flight.leg)
            heapq.heappush(self._inquiries, (now + timedelta(seconds=wait), next(self._order), tries + 1, key))
            if answer.status == UNKNOWN:
                said.append(answer._replace(status=REJECTED, reason_code="AG09"))
            elif answer.status != PENDING:
                said.append(answer)
        return said

    def next_due(self) -> datetime | None:
        """Return the business time at which this worker or a rail has something to do."""
        dues = [rail.next_due() for rail in self.world.rails.values()]
        dues += [heap[0][0] for heap in (self._deadlines, self._inquiries) if heap]
        return min((due for due in dues if due is not None), default=None)

    async def operate(self, stored: ports.Stored, event: str) -> None:
        """Carry out an operator's decision on a payment in doubt."""
        rejecting = event == statuses.REJECT
        code = "AB03" if rejecting else ""
        detail = refusal_json(Refusal("operator-rejected", {})) if rejecting else _BY_OPERATOR
        step = Step(stored.payment_id, stored.received_on, event, self.world.clock.now(), code, detail)
        if rejecting:  # what has not gone out yet stays here
            self.unsent = deque(item for item in self.unsent if item[0].payment_id != stored.payment_id)
        for moved in await self.store.finish([step]):
            # The flight goes on: we ask until the rail has its last word, which may be another than the operator's.
            self._landed(moved.payment_id, moved.status, None)

    # --- taking over ---

    async def register(self, lease_seconds: float) -> None:
        """Take or renew the lease; under another incarnation where one of ours may hold what we have not been told of.

        What the old one holds is then taken over as that of any worker that is gone; sending it again is harmless.
        """
        unsure, self._unsure = self._unsure, False  # what becomes unsure while we wait stays so
        incarnation = self.incarnation + 1 if unsure else self.incarnation
        try:
            await self.store.register(incarnation, lease_seconds)
        except BaseException:
            self._unsure = self._unsure or unsure
            raise
        self.incarnation = incarnation

    async def take_over(self, limit: int = BATCH_MAX) -> int:
        """Resume payments of workers that are gone: those sent or not are sent again, those in doubt asked about.

        Also asked about are those an operator has rejected: the rail may have paid, and never have said so.
        """
        try:
            taken = await self.store.take_over(self.incarnation, limit)
        except ports.StoreUnavailable:
            self._unsure = True
            raise
        now = self.world.clock.now()
        for item in taken:
            flight = Flight(
                item.payment_id, item.received_on, item.uetr, item.rail, item.leg, item.deadline_at,
                self.world.rails[item.rail].capabilities.reports_credit,
            )  # fmt: skip
            self._fly(flight)
            if item.status in (statuses.ACCEPTED, statuses.SUBMITTED):
                self.unsent.append((flight, self._instruction(item, now)))
            else:
                heapq.heappush(self._inquiries, (now, next(self._order), 0, (item.uetr, item.leg)))
        return len(taken)

    def _instruction(self, item: Unfinished, now: datetime) -> RailInstruction:
        instruction, account = opened(self.world.sealer.open(item.sealed, item.payment_id))
        debtor_agent = self.world.registry.participants[instruction.debtor_agent[:8]].settles_through
        return RailInstruction(
            item.uetr, item.leg, debtor_agent, instruction.creditor_agent[:8], account, item.settlement_minor,
            item.settlement_currency, now, item.deadline_at,
        )  # fmt: skip

    async def refresh(self) -> None:
        """Take up the world as the fence has it now."""
        generation = await self.store.generation()  # first: should it move on meanwhile, the fence will say so
        self.world.clock.restore(await self.store.world())
        self.world.generation = generation

    # --- waiting ---

    def wait_for(self, payment_id: str) -> "Future[str]":
        """Return a future of the payment's next status change."""
        future: Future[str] = get_running_loop().create_future()
        self._waiters[payment_id].append(future)
        return future

    def forget(self, payment_id: str, future: "Future[str]") -> None:
        """Give up waiting."""
        waiters = self._waiters.get(payment_id)
        if waiters and future in waiters:
            waiters.remove(future)
            if not waiters:
                del self._waiters[payment_id]

    def wake(self, payment_id: str, status: str) -> None:
        """Tell who waits, here and at other workers."""
        self.wake_here(payment_id, status)
        self.board.news(payment_id, ISO_STATUS[status])

    def wake_here(self, payment_id: str, status: str) -> None:
        """Tell who waits at this worker."""
        for future in self._waiters.pop(payment_id, ()):
            if not future.done():
                future.set_result(status)


def _first_of_each(reports: Sequence[RailReport]) -> tuple[list[RailReport], list[RailReport]]:
    """Split off one report a payment; a settled one followed by its credit becomes the credit."""
    first: dict[tuple[str, int], RailReport] = {}
    rest: list[RailReport] = []
    for report in reports:
        key = (report.uetr, report.leg)
        known = first.get(key)
        credit_follows = known is not None and known.status == SETTLED and report.status == CREDITED
        if known is None or (credit_follows and not any((r.uetr, r.leg) == key for r in rest)):
            first[key] = report
        else:
            rest.append(report)
    return list(first.values()), rest


def _rejection(report: RailReport) -> tuple[str, str]:
    """Keep a rail's rejection as a refusal: its code (the books hold no rejection without one) and its detail."""
    code = report.reason_code or "NARR"
    return code, refusal_json(Refusal("rail-rejected", {"rail": report.rail, "code": code}))
