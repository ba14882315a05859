"""The dry run: what would become of an instruction now, what its debtor may still send, which lanes were open to it.

It decides with the functions of the live switch, reads sums and reserves nothing. How the verdict is written down is
payment.explain.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from fx.quotes import Quote
from limits.calendars import law_day
from limits.claims import REPORT, Claim, Sums
from limits.counters import evaluate
from switch.flow.admission import Decider, after_refusal, pass_over
from switch.flow.ports import Store, Stored
from switch.flow.submission import Answer, Submission
from switch.flow.world import World
from switch.payment.decide import View
from switch.payment.explain import explain, known_claims
from switch.payment.instruction import Instruction
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import reservation
from switch.payment.refusals import not_their_agent
from switch.translate.facts import translate

ReadSums = Callable[[Sequence[Claim]], Awaitable[Mapping[str, Sums]]]


class DryRun:
    """Answers questions about instructions against one world; `decider` is its worker's."""

    def __init__(self, world: World, store: Store, decider: Decider) -> None:
        self._world = world
        self._store = store
        self._decider = decider
        self.read_sums: ReadSums = self._stored_sums  # explain without a server reads what it was told instead

    async def explain(self, instruction: Instruction, participant: str) -> dict[str, Any]:
        """Say what would become of an instruction of a participant now, and why."""
        at = self._world.clock.now()
        view = self._world.view(at)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        submission = Submission(
            instruction, participant, "explain", self._world.sandbox, future, self._world.known.persons.key
        )
        submission.refusal = not_their_agent(instruction, participant)
        judgement = self._decider.judgement(submission, at, view)
        verdict, sums = await self._foreseen(submission, at, view)

        def reference_rate(base: str, quote: str, market: str) -> Decimal:
            return self._world.rates.mid(base, quote, market, at).mid

        return explain(verdict, judgement, sums, view.rules, reference_rate) | {
            "at": at.isoformat(),
            "rulebook_id": view.rulebook_id,
        }

    async def _foreseen(
        self, submission: Submission, at: datetime, view: View
    ) -> tuple[Plan | Refusal, Mapping[str, Sums]]:
        """Decide as accept would, past refused lanes and empty inventories where the instruction allows."""
        quote_id = submission.instruction.quote_id
        quotes: Mapping[str, tuple[Quote, str]] = await self._store.quotes([quote_id]) if quote_id else {}
        while True:
            [verdict] = self._decider.judged([submission], at, view, quotes)
            if isinstance(verdict, Refusal):
                return verdict, {}
            sums = await self.read_sums(reservation(verdict))
            refused = evaluate(known_claims(verdict, sums), sums)
            if refused is None or after_refusal(submission, refused, verdict, view) is not None:
                return verdict, sums
            pass_over(submission, refused, verdict, view, self._world.generation)

    async def _stored_sums(self, claims: Sequence[Claim]) -> Mapping[str, Sums]:
        return await self._store.sums([claim.counter for claim in claims])

    async def headroom(self, instruction: Instruction, participant: str) -> dict[str, Any]:
        """Say what the debtor may still send over each lane open to the instruction, and which rule binds first.

        `refusal` instead where the instruction has no facts.
        """
        at = self._world.clock.now()
        view = self._world.view(at)
        translated = translate(instruction, self._world.known, at, law_day(at))
        if isinstance(translated, Refusal):
            return {"lanes": [], "refusal": translated}
        lanes = [
            await self._left(instruction, lane.id, participant)
            for lane in view.rules.judge(translated.facts.profile).eligible
        ]
        return {"lanes": lanes, "at": at.isoformat()}

    async def _left(self, instruction: Instruction, lane: str, participant: str) -> dict[str, Any]:
        named = instruction.model_copy(update={"lane": lane, "allow_lanes": False})
        document = await self.explain(named, participant)
        law = [claim for claim in document["claims"] if claim["headroom"] is not None and claim["effect"] != REPORT]
        return {
            "lane": lane,
            "status": document["status"],
            "binding": min(law, key=_room, default=None),
            "claims": law,
            "reason": document["reason"],
        }

    def lanes(self, stored: Stored, instruction: Instruction) -> list[dict[str, Any]]:
        """Return every lane's verdict on a stored payment, judged again; empty under another rulebook."""
        if stored.rulebook_id != self._world.rulebook.id:
            return []
        translated = translate(instruction, self._world.known, stored.received_at, stored.received_on)
        if isinstance(translated, Refusal):
            return []
        judgement = self._world.view(stored.received_at).rules.judge(translated.facts.profile)
        return [verdict._asdict() for verdict in judgement.lanes]


def _room(claim: Mapping[str, Any]) -> tuple[Decimal, str]:
    """How many times this payment still fits under a rule: where that is least, the rule binds first."""
    left, claimed = Decimal(claim["headroom"]), Decimal(claim["claimed"])
    return (left / claimed if claimed else left), claim["rule"]
