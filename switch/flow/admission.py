"""From submissions to admissions: translate, decide, and put together what the store writes. No I/O; total.

A submission that cannot be judged because of a fault of ours is refused as `internal`, alone, and the fault is logged.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b

import structlog

from fx.quotes import Quote
from limits.claims import Refused
from limits.classification import Classification
from limits.rules import Judgement
from switch.flow.ports import NOTHING_FOUND, Admission, Finding
from switch.flow.submission import Submission, to_be_sealed
from switch.flow.world import World
from switch.payment.decide import Ask, View, decide, refusal_of
from switch.payment.explain import standing_document
from switch.payment.instruction import HIGH, QUEUE
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import INVENTORY, is_account
from switch.translate.facts import Translated, payee_alerted, translate

log = structlog.get_logger()


class Decider:
    """Decides the submissions of one world; remembers the JSON of what repeats."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._standing: dict[tuple[object, ...], tuple[Classification, str, str]] = {}

    def admissions(
        self, batch: Sequence[Submission], at: datetime, view: View, quotes: Mapping[str, tuple[Quote, str]]
    ) -> list[Admission]:
        """Judge what was received at `at`, on the law day of `view`; in the batch's order."""
        day, rulebook_id = view.rules.day, view.rulebook_id
        verdicts = self._verdicts(batch, at, view, quotes)
        findings = [self._finding(verdict) for verdict in verdicts]
        known = self._world.known
        if known.directory.has_alerts:  # rare: nobody else pays for it
            findings = [
                _with_alert(finding) if isinstance(verdict, Plan) and payee_alerted(s.instruction, known) else finding
                for s, verdict, finding in zip(batch, verdicts, findings, strict=True)
            ]
        sealed = self._world.sealer.seal_all(
            [
                (to_be_sealed(s.canonical, v.leg.creditor_account if isinstance(v, Plan) else ""), s.payment_id)
                for s, v in zip(batch, verdicts, strict=True)
            ]
        )
        day_text, admissions = day.isoformat(), []
        for s, secret, finding, verdict in zip(batch, sealed, findings, verdicts, strict=True):
            asked = s.instruction
            admissions.append(
                Admission(
                    s.payment_id, at, day, s.participant, s.identities(day_text), s.content_hash, s.uetr,
                    asked.instruction_id, asked.debtor_agent[:8], asked.creditor_agent[:8], rulebook_id, secret, finding,
                    verdict,
                )
            )  # fmt: skip
        return admissions

    def _verdicts(
        self, batch: Sequence[Submission], at: datetime, view: View, quotes: Mapping[str, tuple[Quote, str]]
    ) -> list[Plan | Refusal]:
        try:
            return self.judged(batch, at, view, quotes)
        except Exception:
            if len(batch) == 1:
                log.exception("could not judge", payment_id=batch[0].payment_id)
                return [Refusal("internal", {})]
            return [verdict for submission in batch for verdict in self._verdicts([submission], at, view, quotes)]

    def judged(
        self, batch: Sequence[Submission], at: datetime, view: View, quotes: Mapping[str, tuple[Quote, str]]
    ) -> list[Plan | Refusal]:
        """Translate and decide, one stage after the other: a stage's code stays in the processor's cache (a quarter faster)."""
        known, day = self._world.known, view.rules.day
        for submission in batch:
            if submission.passed_in is not None:
                submission.reconsider((self._world.generation, day))
        read = [s.refusal or translate(s.instruction, known, at, day) for s in batch]
        return self.decided(batch, read, view, quotes)

    def decided(
        self,
        batch: Sequence[Submission],
        read: Sequence[Translated | Refusal],
        view: View,
        quotes: Mapping[str, tuple[Quote, str]],
    ) -> list[Plan | Refusal]:
        """Decide submissions as they were translated."""
        asks = [
            found if isinstance(found, Refusal) else _ask(s, found, quotes)
            for s, found in zip(batch, read, strict=True)
        ]
        verdicts = [ask if isinstance(ask, Refusal) else decide(ask, view) for ask in asks]
        return [
            s.bound_first or verdict if isinstance(verdict, Refusal) else verdict
            for s, verdict in zip(batch, verdicts, strict=True)
        ]

    def judgement(self, submission: Submission, at: datetime, view: View) -> Judgement | None:
        """Return class and lanes alone, for explain; None where the instruction has no facts."""
        translated = translate(submission.instruction, self._world.known, at, view.rules.day)
        return None if isinstance(translated, Refusal) else view.rules.judge(translated.facts.profile)

    def _finding(self, verdict: Plan | Refusal) -> Finding:
        """Write what decide found, for the reader; what many payments have in common is written once."""
        if isinstance(verdict, Refusal):
            return NOTHING_FOUND
        # By identity: a class is long to hash, there is one for each profile, and the one known keeps it alive.
        key = (id(verdict.classification), verdict.lane.id, verdict.route)
        standing = self._standing.get(key)
        if standing is None:
            if len(self._standing) > 10_000:  # corridors and routes are few; a day of closing rails adds some
                self._standing.clear()
            text = json.dumps(standing_document(verdict))
            digest = blake2b(text.encode(), digest_size=8).hexdigest()
            standing = self._standing[key] = (verdict.classification, digest, text)
        own, price = "", verdict.price
        if price is not None:
            own = (
                f'"price": {{{_offered(price.provider, price.market, price.mid, price.as_of)}, "exchange_rate": "{price.rate}", '
                f'"spread_minor": {price.spread.amount_minor}, "sell_minor": {price.sell.amount_minor}, '
                f'"buy_minor": {price.buy.amount_minor}}}'
            )
        if verdict.charge is not None:
            comma = ", " if own else ""
            amount_minor, currency = verdict.charge
            own += f'{comma}"charge": {{"amount_minor": {amount_minor}, "currency": "{currency}"}}'
        return Finding(standing[1], standing[2], f"{{{own}}}")


@lru_cache(1_024)  # a minute has some tens
def _offered(provider: str, market: str, mid: Decimal, as_of: datetime) -> str:
    """Write what the prices of one provider have in common for a minute."""
    return f'"provider": "{provider}", "market": "{market}", "mid": "{mid}", "as_of": "{as_of.isoformat()}"'


def _with_alert(finding: Finding) -> Finding:
    """Add that the payee was under a suspicious-proxy alert: it warns and refuses nothing (docs/directory.md)."""
    return finding._replace(own=f'{finding.own[:-1]}{", " if finding.own != "{}" else ""}"alert": "suspicious-proxy"}}')


def _ask(submission: Submission, translated: Translated, quotes: Mapping[str, tuple[Quote, str]]) -> Ask | Refusal:
    instruction = submission.instruction
    quote_id, quote = instruction.quote_id, None
    if quote_id is not None:
        found = quotes.get(quote_id)
        if found is not None and found[0].participant == submission.participant:
            quote, used_by = found
            if used_by not in ("", submission.payment_id):
                return Refusal("quote-used", {"quote_id": quote_id}, "quote_id")
    return Ask(
        translated.facts, instruction.lane, instruction.allow_lanes, instruction.charge_bearer, translated.creditor_account,
        quote_id, quote, submission.passed_lanes, submission.empty_inventories, instruction.if_closed == QUEUE,
        translated.facts.accepted_at if instruction.instruction_priority == HIGH else None,
    )  # fmt: skip


def after_refusal(submission: Submission, refused: Refused, plan: Plan, view: View) -> Refusal | None:
    """Say what a refused claim means: the refusal, or None where the payment is decided again (see pass_over)."""
    rule = refused.claim.rule
    if rule == INVENTORY and submission.instruction.quote_id is None:
        return None
    if not is_account(refused.claim) and submission.instruction.allow_lanes:
        others = submission.passed_lanes | {plan.lane.id}
        if any(verdict.eligible and verdict.lane not in others for verdict in plan.lanes):
            return None
    return submission.bound_first or refusal_of(refused, plan, view.rules)


def pass_over(submission: Submission, refused: Refused, plan: Plan, view: View, generation: int) -> None:
    """Remember, once it is certain, what the next decision must do without: the empty inventory, or the lane.

    The rule that bound first is the one to be named, should no later lane take the payment.
    """
    submission.passed_in = (generation, view.rules.day)
    if refused.claim.rule == INVENTORY:
        submission.empty_inventories |= {refused.claim.counter}
    else:
        submission.bound_first = submission.bound_first or refusal_of(refused, plan, view.rules)
        submission.passed_lanes |= {plan.lane.id}
