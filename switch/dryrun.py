"""The dry run: what would become of an instruction now, what its debtor may still send, which lanes were open to it.

It decides with the functions of the live switch, reads sums and reserves nothing. How the verdict is written down is
payment.explain, what would mend a refusal payment.remedy, how both read payment.texts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from fx.quotes import Quote
from limits.calendars import law_day
from limits.claims import REPORT, Claim, Sums
from limits.classification.nearly import nearly
from limits.counters import evaluate
from limits.facts import PaymentFacts, Profile
from switch.flow.admission import Decider, after_refusal, pass_over
from switch.flow.joint_reads import JointReads
from switch.flow.ports import Store, Stored
from switch.flow.submission import Answer, Submission
from switch.flow.world import World
from switch.payment.decide import Ask, View
from switch.payment.explain import (
    Explained,
    Ground,
    Known,
    explain,
    known_claims,
    known_of,
    money_document,
    remedy_document,
)
from switch.payment.foresight import Search, Seen, counts_others, foresee
from switch.payment.greatest import greatest, largest_minor
from switch.payment.instruction import QUEUE, Instruction
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import is_account, reservation
from switch.payment.refusals import not_their_agent
from switch.payment.remedy import DOCUMENTS_MAX, MENDABLE, Remedy, patched, remedies
from switch.payment.route import Router
from switch.payment.texts import verdict_texts
from switch.translate.facts import payee_alerted, translate

# Reads the sums of claims as they would be made at an instant.
ReadSums = Callable[[Sequence[Claim], datetime], Awaitable[Mapping[str, Sums]]]
Quotes = Mapping[str, tuple[Quote, str]]
# The reference of a document that is only supposed: whoever applies the change writes its issuer's own instead.
ANY_REFERENCE = "REFERENCE"
PROFILES_KEPT_MAX = 1_024  # profiles whose documents are remembered: real traffic has a few hundred
T = TypeVar("T")


class Foreseen(NamedTuple):
    """The verdict of the live switch's functions, and the sums its claims were judged by."""

    verdict: Plan | Refusal
    claims: tuple[Claim, ...]
    sums: Mapping[str, Sums]
    refused: bool
    facts: PaymentFacts | None  # None where the instruction has none


class DryRun:
    """Answers questions about instructions against one world; `decider` is its worker's."""

    def __init__(self, world: World, store: Store, decider: Decider) -> None:
        self._world = world
        self._store = store
        self._decider = decider
        self._reads = JointReads(store)
        self._profiles: dict[tuple[str, date, Profile], Known] = {}
        self.read_sums: ReadSums = self._stored_sums  # explain without a server reads what it was told instead

    async def explain(self, instruction: Instruction, participant: str) -> dict[str, Any]:
        """Say what would become of an instruction of a participant now, why, and what would let it pass."""
        case = await self._case(instruction, participant)
        explained = await self._explained(case)
        found: list[Remedy] = []
        if explained.refusal is not None and explained.refusal.reason in MENDABLE:
            found = await self._mended(case)
        return explained.document | {
            "alert": "suspicious-proxy" if payee_alerted(instruction, self._world.known) else None,
            "remedies": [remedy_document(remedy) for remedy in found],
            "texts": verdict_texts(explained.document, explained.refusal, found),
        }

    async def _case(self, instruction: Instruction, participant: str) -> "_Case":
        at = self._world.clock.now()
        quote_id = instruction.quote_id
        quotes: Quotes = await self._store.quotes([quote_id]) if quote_id else {}
        return _Case(self._world, instruction, participant, quotes, at, self._world.view(at))

    async def _explained(self, case: "_Case") -> Explained:
        submission, at, view = self._submission(case.instruction, case.participant), case.instant, case.view
        verdict, claims, sums, _, facts = await self._foreseen(submission, at, view, case.quotes)

        def reference_rate(base: str, quote: str, market: str) -> Decimal:
            return self._world.rates.mid(base, quote, market, at).mid

        known = self._known(view, facts.profile) if facts is not None else None
        ground = Ground(facts, known, view.rules, at, submission.bound_first)
        document, refusal = explain(verdict, claims, ground, sums, reference_rate)
        return Explained(document | {"at": at.isoformat(), "rulebook_id": view.rulebook_id}, refusal)

    def _known(self, view: View, profile: Profile) -> Known:
        """Return what the documents say of a profile under the law of the day; remembered."""
        key = (view.rulebook_id, view.rules.day, profile)
        found = self._profiles.get(key)
        if found is None:
            if len(self._profiles) >= PROFILES_KEPT_MAX:
                self._profiles.clear()
            near = [(row.row, row.why) for row in nearly(view.rules, profile)]
            found = self._profiles[key] = known_of(profile, view.rules.judge(profile), near)
        return found

    def _submission(self, instruction: Instruction, participant: str) -> Submission:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        submission = Submission(
            instruction, participant, "explain", self._world.sandbox, future, self._world.known.persons.key
        )
        submission.refusal = not_their_agent(instruction, participant)
        return submission

    async def _foreseen(self, submission: Submission, at: datetime, view: View, quotes: Quotes) -> Foreseen:
        """Decide as accept would, past refused lanes and empty inventories where the instruction allows."""
        translated = translate(submission.instruction, self._world.known, at, view.rules.day)
        facts = None if isinstance(translated, Refusal) else translated.facts
        read = submission.refusal or translated
        while True:
            [verdict] = self._decider.decided([submission], [read], view, quotes)
            if isinstance(verdict, Refusal):
                return Foreseen(verdict, (), {}, True, facts)
            claims = reservation(verdict)
            sums = await self.read_sums(claims, at)
            claims = known_claims(claims, sums)
            refused = evaluate(claims, sums)
            if refused is None or after_refusal(submission, refused, verdict, view) is not None:
                return Foreseen(verdict, claims, sums, refused is not None, facts)
            pass_over(submission, refused, verdict, view, self._world.generation)

    async def _stored_sums(self, claims: Sequence[Claim], at: datetime) -> Mapping[str, Sums]:
        return await self._reads.sums([claim.counter for claim in claims])

    # --- what would let it pass ---

    async def _mended(self, case: "_Case") -> list[Remedy]:
        """Search the changes that would let a refused instruction pass, and try each once more as the live switch would."""
        ask = case.ask(case.instruction, case.instant, case.view)
        if ask is None:
            return []
        seen = Seen()
        outcome = await self._searched(foresee(ask, case.view, seen))
        if isinstance(outcome.verdict, Plan):
            return []
        found = await self._searched(remedies(case, ask, case.view, outcome, seen))
        return [remedy for remedy in found if await self._passes(case, remedy)]

    async def _passes(self, case: "_Case", remedy: Remedy) -> bool:
        at = remedy.at or case.instant
        instruction = case.patched(remedy.patch) if remedy.patch else case.instruction
        submission = self._submission(instruction, case.participant)
        return not (await self._foreseen(submission, at, case.view_at(at), case.quotes)).refused

    async def _searched(self, search: Search[T], own: Callable[[Claim], bool] = lambda claim: True) -> T:
        """Run a search to its end, telling it the sums it wants: of all counters, or of those that are `own`."""
        try:
            wanted = next(search)
            while True:
                claims = [claim for claim in wanted.claims if own(claim)]
                wanted = search.send(await self.read_sums(claims, wanted.at) if claims else {})
        except StopIteration as done:
            found: T = done.value
            return found

    # --- what may still be sent ---

    async def headroom(self, instruction: Instruction, participant: str) -> dict[str, Any]:
        """Say what the debtor may still send over each lane open to the instruction, and which rule binds first.

        `refusal` instead where the instruction has no facts.
        """
        case = await self._case(instruction, participant)
        translated = translate(instruction, self._world.known, case.instant, case.view.rules.day)
        if isinstance(translated, Refusal):
            return {"lanes": [], "refusal": translated}
        eligible = case.view.rules.judge(translated.facts.profile).eligible
        return {"lanes": [await self._left(case, lane.id) for lane in eligible], "at": case.instant.isoformat()}

    async def _left(self, case: "_Case", lane: str) -> dict[str, Any]:
        named = case.instruction.model_copy(update={"lane": lane, "allow_lanes": False})
        case = case.of(named)
        document = (await self._explained(case)).document
        law = [claim for claim in document["claims"] if claim["headroom"] is not None and claim["effect"] != REPORT]
        return {
            "lane": lane,
            "status": document["status"],
            "greatest_amount": await self._greatest(case, lane),
            "binding": min(law, key=_room, default=None),
            "claims": law,
            "reason": document["reason"],
        }

    async def _greatest(self, case: "_Case", lane: str) -> dict[str, str] | None:
        """Return the greatest amount that passes over a lane, as far as its participant may know; null where none does.

        What others have left (the creditor, a sponsor, a provider) stays out of it: they may refuse a smaller one.
        """
        ask = case.ask(case.instruction, case.instant, case.view)
        if ask is None:
            return None
        rules, position = case.view.rules, f"position:{ask.facts.debtor_agent}:"

        def own(claim: Claim) -> bool:
            if is_account(claim):
                return claim.counter.startswith(position)
            return not counts_others(claim, lane, rules)

        instructed = ask.facts.instructed
        free = ask._replace(quote_id=None, quote=None)
        search = greatest(free, case.view, Seen(), largest_minor(instructed.currency))
        found = await self._searched(search, own)
        return money_document(instructed._replace(amount_minor=found.amount_minor)) if found else None

    def lanes(self, stored: Stored, instruction: Instruction) -> list[dict[str, Any]]:
        """Return every lane's verdict on a stored payment, judged again; empty under another rulebook."""
        if stored.rulebook_id != self._world.rulebook.id:
            return []
        translated = translate(instruction, self._world.known, stored.received_at, stored.received_on)
        if isinstance(translated, Refusal):
            return []
        judgement = self._world.view(stored.received_at).rules.judge(translated.facts.profile)
        return [verdict._asdict() for verdict in judgement.lanes]


class _Case:
    """One instruction in question, at the instant of the question and others (payment.remedy.Case)."""

    def __init__(
        self, world: World, instruction: Instruction, participant: str, quotes: Quotes, instant: datetime, view: View
    ) -> None:
        self._world = world
        self.instruction = instruction
        self.participant = participant
        self.quotes = quotes
        self.instant = instant
        self.view = view
        self.afresh = {"acceptance_date_time": None} if instruction.acceptance_date_time is not None else {}
        self._later = instruction.model_copy(update=self.afresh) if self.afresh else instruction

    def of(self, instruction: Instruction) -> "_Case":
        """Return the same question about another instruction."""
        return _Case(self._world, instruction, self.participant, self.quotes, self.instant, self.view)

    def ask(self, instruction: Instruction, at: datetime, view: View) -> Ask | None:
        """Return what decide would be asked of an instruction; None where it has no facts."""
        translated = translate(instruction, self._world.known, at, view.rules.day)
        if isinstance(translated, Refusal):
            return None
        quote, _ = self.quotes.get(instruction.quote_id or "", (None, ""))
        if quote is not None and quote.participant != self.participant:
            quote = None
        return Ask(
            translated.facts, instruction.lane, instruction.allow_lanes, instruction.charge_bearer,
            translated.creditor_account, instruction.quote_id, quote, queues=instruction.if_closed == QUEUE,
        )  # fmt: skip

    def view_at(self, at: datetime) -> View:
        """Return what a decision at another instant may look at: a view apart, so that the live one keeps its routes."""
        if at == self.instant:
            return self.view
        world, day = self._world, law_day(at)
        rules = self.view.rules if day == self.view.rules.day else world.rulebook.on(day)
        return self.view._replace(
            rules=rules, router=Router(world.rails, rules, world.registry.participants, world.standing)
        )

    def at(self, instant: datetime) -> tuple[Ask, View] | None:
        """Return what decide would be asked at another instant, afresh; None where the instruction has no facts then."""
        view = self.view_at(instant)
        ask = self.ask(self._later, instant, view)
        return (ask, view) if ask is not None else None

    def with_document(self, kind: str) -> dict[str, Any] | None:
        """Return the merge patch that adds a document of this type; None where the instruction holds no more."""
        given = [document.model_dump(exclude_none=True) for document in self.instruction.documents]
        if len(given) >= DOCUMENTS_MAX:
            return None
        return {"documents": [*given, {"type": kind, "reference": ANY_REFERENCE}]}

    def patched(self, patch: Mapping[str, Any]) -> Instruction:
        """Return the instruction with a merge patch applied."""
        document = self.instruction.model_dump(mode="json", exclude_none=True)
        return type(self.instruction).model_validate(patched(document, patch))

    def changed(self, patch: Mapping[str, Any]) -> tuple[Ask, View] | None:
        """Return what decide would be asked now of the instruction with a merge patch applied."""
        instruction = self.patched(patch)
        ask = self.ask(instruction, self.instant, self.view)
        return (ask, self.view) if ask is not None else None


def _room(claim: Mapping[str, Any]) -> tuple[Decimal, str]:
    """How many times this payment still fits under a rule: where that is least, the rule binds first."""
    left, claimed = Decimal(claim["headroom"]), Decimal(claim["claimed"])
    return (left / claimed if claimed else left), claim["rule"]
