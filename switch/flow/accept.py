"""The first step of a payment: judge a batch of submissions in one world, store it in one transaction, answer each.

A submission gets its answer here, or goes back to the intake to be decided again. What was accepted is handed to the flights.
"""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from fx.quotes import Quote
from limits.claims import Refused
from rails.port import RailInstruction
from switch.flow import ports
from switch.flow.admission import Decider, after_refusal, pass_over
from switch.flow.board import Board
from switch.flow.flights import Flight, Flights
from switch.flow.foreclosing import Foreclosing
from switch.flow.intake import Intake
from switch.flow.metrics import Metrics
from switch.flow.ports import NOTHING_FOUND, Admission, Outcome, StaleWorld, Store, StoreUnavailable
from switch.flow.queue import Queue
from switch.flow.submission import Answer, Submission
from switch.flow.takeover import refresh
from switch.flow.world import World
from switch.payment import status as statuses
from switch.payment.decide import View
from switch.payment.plan import Plan, Refusal
from switch.translate.messages import transfer_of

log = structlog.get_logger()

DECIDED_AT_ONCE = (
    64  # payments, about three milliseconds: longer would let the stores idle, shorter leaves the cache cold
)
STALE_TRIES = 5  # a world that moves on faster than a batch is decided five times over is being stopped by someone


class Acceptor:
    """Answers batches that were taken from the intake."""

    def __init__(
        self,
        world: World,
        store: Store,
        board: Board,
        metrics: Metrics,
        flights: Flights,
        queue: Queue,
        intake: Intake,
    ) -> None:
        self.decider = Decider(world)
        self._world, self._store, self._board, self._metrics, self._flights = world, store, board, metrics, flights
        self._queue, self._intake = queue, intake
        self._foreclosing = Foreclosing(store, board, self.decider)
        self._capabilities = {name: rail.capabilities for name, rail in world.rails.items()}

    async def accept(self, batch: Sequence[Submission]) -> None:
        """Judge and store a batch; every submission gets its answer, or goes back to the intake to be decided again."""
        for _ in range(STALE_TRIES):
            try:
                await self._accept(batch)
                return
            except StaleWorld:
                await refresh(self._world, self._store)
            except StoreUnavailable:
                self._flights.unsure = True
                raise
        raise StaleWorld

    async def _accept(self, batch: Sequence[Submission]) -> None:
        world = self._world
        at, generation = world.clock.now(), world.generation  # one world, before anything is awaited
        view = world.view(at)
        wanted = [s.instruction.quote_id for s in batch if s.instruction.quote_id is not None]
        quotes: Mapping[str, tuple[Quote, str]] = await self._store.quotes(wanted) if wanted else {}
        admissions: list[Admission] = []
        for start in range(0, len(batch), DECIDED_AT_ONCE):
            chunk = batch[start : start + DECIDED_AT_ONCE]
            with self._metrics.decide.over(chunk):
                admissions += self.decider.admissions(chunk, at, view, quotes)
            await asyncio.sleep(0)  # PostgreSQL waits for the next statement of the batch before
        if self._board.entries or self._board.tight:
            await self._foreclosing.refuse(batch, admissions, view, generation, quotes)
        by_id = {submission.payment_id: submission for submission in batch}

        def judge(item: Admission, refused: Refused) -> Refusal | None:
            assert isinstance(item.verdict, Plan)
            return after_refusal(by_id[item.payment_id], refused, item.verdict, view)

        with self._metrics.accept.over(admissions):
            outcomes = await self._stored(admissions, generation, judge)
        self._metrics.judged(outcomes)
        try:
            for submission, item, outcome in zip(batch, admissions, outcomes, strict=True):
                self._carry_out(submission, item, outcome, view, generation)
        except BaseException:
            self._flights.unsure = True  # they stand in the store, and some have not been taken up
            raise

    # --- store ---

    async def _stored(self, admissions: Sequence[Admission], generation: int, judge: ports.Judge) -> list[Outcome]:
        """Store a batch; on an error that is nobody's in particular, halve it until the culprit stands alone."""
        try:
            return await self._store.accept(admissions, generation, judge)
        except (StaleWorld, StoreUnavailable):
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
                self._flights.unsure = True  # the first half stands, and nobody will be told
                raise

    async def _refused_internally(
        self, item: Admission, generation: int, judge: ports.Judge, error: Exception
    ) -> Outcome:
        """Keep the culprit as refused; where even that cannot be stored it is the store that fails, and nobody is told a lie."""
        refused = item._replace(verdict=Refusal("internal", {}), finding=NOTHING_FOUND)
        try:
            return (await self._store.accept([refused], generation, judge))[0]
        except Exception:
            raise StoreUnavailable(f"payment {item.payment_id} cannot be stored: {error}") from error

    # --- answer ---

    def _carry_out(
        self, submission: Submission, item: Admission, outcome: Outcome, view: View, generation: int
    ) -> None:
        kind = outcome.kind
        if kind == ports.AGAIN:
            assert isinstance(item.verdict, Plan)
            if outcome.refused is not None:  # None: another payment of the batch had the same quote
                pass_over(submission, outcome.refused, item.verdict, view, generation)
            self._intake.again(submission)
            return
        self._intake.in_flight_keys.discard(submission.payment_id)
        if kind == ports.ACCEPTED:
            assert isinstance(item.verdict, Plan)
            if item.verdict.opens_at is None:
                self._take_off(submission, item, item.verdict)
                answer = Answer(item.payment_id, statuses.ACCEPTED, rail=item.verdict.route[-1].rail)
            else:
                self._queue.learn(item.verdict.opens_at)
                answer = Answer(item.payment_id, statuses.QUEUED, opens_at=item.verdict.opens_at)
        elif kind == ports.REFUSED:
            self._board.learn(outcome.refused, self._world.generation, item.received_at)
            answer = Answer(item.payment_id, statuses.REJECTED, outcome.refusal)
        else:
            answer = Answer(outcome.payment_id, "", replayed=True, same_content=outcome.same_content)
        if not submission.answer.done():
            submission.answer.set_result(answer)

    def _take_off(self, submission: Submission, item: Admission, plan: Plan) -> None:
        leg, uetr = plan.leg, item.uetr
        rail = self._capabilities[leg.rail]
        flight = Flight(item.payment_id, item.received_on, uetr, leg.rail, leg.n, leg.expires_at)
        instruction = RailInstruction(
            uetr, leg.n, leg.debtor_agent, leg.creditor_agent, leg.creditor_account, leg.amount.amount_minor,
            leg.amount.currency, item.received_at, leg.expires_at - rail.hops.rail_margin,
            transfer_of(submission.instruction) if rail.carries_messages else None,
        )  # fmt: skip
        self._flights.depart(flight, instruction)
