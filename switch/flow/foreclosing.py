"""Refusing before anything is written: what the closed board knows, and what tight counters say when they are asked.

One payment that a counter refuses has its whole batch rolled back and written a second time. So the counters that have
refused of late are read once for the batch, and what they have no room for goes to the store as refused. It changes no
verdict: what is read is what the store would judge by at that moment, and what fits is still the store's to admit.
"""

from collections.abc import Mapping, Sequence

from fx.quotes import Quote
from limits.counters import evaluate
from switch.flow.admission import Decider, after_refusal, pass_over
from switch.flow.board import Board
from switch.flow.ports import NOTHING_FOUND, Admission, Store
from switch.flow.submission import Submission
from switch.payment.decide import View
from switch.payment.plan import Plan, Refusal

Quotes = Mapping[str, tuple[Quote, str]]


class Foreclosing:
    """Refuses of a worker's batches what cannot be admitted, as far as that is known."""

    def __init__(self, store: Store, board: Board, decider: Decider) -> None:
        self._store, self._board, self._decider = store, board, decider

    async def refuse(
        self, batch: Sequence[Submission], admissions: list[Admission], view: View, generation: int, quotes: Quotes
    ) -> None:
        """Put refusals in the place of plans that cannot be admitted; `admissions` are those of `batch`, in its order."""
        board = self._board
        if board.entries:
            self._by_board(batch, admissions, view, generation, quotes)
        if board.tight:
            await self._by_reading(batch, admissions, view, generation)

    def _by_board(
        self, batch: Sequence[Submission], admissions: list[Admission], view: View, generation: int, quotes: Quotes
    ) -> None:
        """Refuse at memory speed what the closed board knows to be without headroom; with allow_lanes try the next."""
        refused_by = self._board.refused
        for i, item in enumerate(admissions):
            while isinstance(item.verdict, Plan):
                refused = refused_by(item.verdict.claims, generation, item.received_at)
                if refused is None:
                    break
                refusal = after_refusal(batch[i], refused, item.verdict, view)
                if refusal is not None:
                    admissions[i] = _refused(item, refusal)
                    break
                pass_over(batch[i], refused, item.verdict, view, generation)
                [item] = self._decider.admissions([batch[i]], item.received_at, view, quotes)
                admissions[i] = item

    async def _by_reading(
        self, batch: Sequence[Submission], admissions: list[Admission], view: View, generation: int
    ) -> None:
        """Read the counters of payments that claim on a tight one, and refuse what they have no room for.

        Left to the store: what may pass another lane, and what may latch a counter, which a refusal does, too.
        """
        is_tight, asked = self._board.is_tight, []
        for i, item in enumerate(admissions):
            plan = item.verdict
            if isinstance(plan, Plan) and is_tight(plan.claims) and not any(claim.latches for claim in plan.claims):
                asked.append((i, plan))
        if not asked:
            return
        sums = await self._store.sums({claim.counter for _, plan in asked for claim in plan.claims})
        for i, plan in asked:
            refused = evaluate(plan.claims, sums)
            refusal = after_refusal(batch[i], refused, plan, view) if refused is not None else None
            if refusal is not None:
                item = admissions[i]
                admissions[i] = _refused(item, refusal)
                self._board.learn(refused, generation, item.received_at)


def _refused(item: Admission, refusal: Refusal) -> Admission:
    return Admission(*item[:-2], NOTHING_FOUND, refusal)
