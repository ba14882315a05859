"""From submissions to admissions: translate, decide, and put together what the store writes. No I/O; total.

A submission that cannot be judged because of a fault of ours is refused as `internal`, alone, and the fault is logged.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime

import structlog

from fx.quotes import Quote
from limits.claims import Refused
from limits.rules import Judgement
from switch.flow.ports import Admission
from switch.flow.submission import Submission, to_be_sealed
from switch.flow.world import World
from switch.payment.decide import Ask, View, decide, refusal_of
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import INVENTORY, LEDGER, LIQUIDITY
from switch.translate.facts import translate

log = structlog.get_logger()


class Decider:
    """Decides the submissions of one world; remembers the JSON of what repeats."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._json: dict[tuple[object, ...], str] = {}

    def admission(
        self, submission: Submission, at: datetime, day: date, view: View, quotes: Mapping[str, tuple[Quote, str]]
    ) -> Admission:
        """Judge one submission received at `at` on law day `day`."""
        try:
            verdict = submission.refusal or self.judge(submission, at, day, view, quotes)
        except Exception:
            log.exception("could not judge", payment_id=submission.payment_id)
            verdict = Refusal("internal", {})
        instruction = submission.instruction
        account = verdict.leg.creditor_account if isinstance(verdict, Plan) else ""
        plain = to_be_sealed(submission.canonical, account)
        return Admission(
            submission.payment_id, at, day, submission.participant, submission.identities(day), submission.content_hash,
            submission.uetr, instruction.instruction_id, instruction.debtor_agent[:8], instruction.creditor_agent[:8],
            view.rulebook_id, self._world.sealer.seal(plain, submission.payment_id),
            self._decision(verdict), verdict,
        )  # fmt: skip

    def judge(
        self, submission: Submission, at: datetime, day: date, view: View, quotes: Mapping[str, tuple[Quote, str]]
    ) -> Plan | Refusal:
        """Translate and decide."""
        instruction = submission.instruction
        translated = translate(instruction, self._world.known, at, day)
        if isinstance(translated, Refusal):
            return translated
        quote = None
        if instruction.quote_id is not None:
            found = quotes.get(instruction.quote_id)
            if found is not None and found[0].participant == submission.participant:
                quote, used_by = found
                if used_by not in ("", submission.payment_id):
                    return Refusal("quote-used", {"quote_id": instruction.quote_id}, "quote_id")
        ask = Ask(
            translated.facts, instruction.lane, instruction.allow_lanes, instruction.charge_bearer, translated.creditor_account,
            instruction.quote_id, quote, submission.passed_lanes, submission.empty_inventories,
        )  # fmt: skip
        verdict = decide(ask, view)
        return submission.bound_first or verdict if isinstance(verdict, Refusal) else verdict

    def judgement(self, submission: Submission, at: datetime, day: date, view: View) -> Judgement | None:
        """Return class and lanes alone, for explain; None where the instruction has no facts."""
        translated = translate(submission.instruction, self._world.known, at, day)
        return None if isinstance(translated, Refusal) else view.rules.judge(translated.facts.profile)

    def _decision(self, verdict: Plan | Refusal) -> str:
        """Write what decide found, for the reader; what repeats between payments is written once."""
        if isinstance(verdict, Refusal):
            return "{}"
        key = (verdict.classification, verdict.lane.id, verdict.route)
        head = self._json.get(key)
        if head is None:
            if len(self._json) > 10_000:  # corridors and routes are few; a day of closing rails adds some
                self._json.clear()
            head = self._json[key] = json.dumps(_standing(verdict))[:-1]
        price = verdict.price
        if price is not None:
            head += (
                f', "price": {{"provider": "{price.provider}", "market": "{price.market}", "exchange_rate": "{price.rate}", '
                f'"mid": "{price.mid}", "as_of": "{price.as_of.isoformat()}", "spread_minor": {price.spread.amount_minor}, '
                f'"sell_minor": {price.sell.amount_minor}, "buy_minor": {price.buy.amount_minor}}}'
            )
        if verdict.charge is not None:
            head += f', "charge": {{"amount_minor": {verdict.charge.amount_minor}, "currency": "{verdict.charge.currency}"}}'
        return head + "}"


def _standing(plan: Plan) -> dict[str, object]:
    classification = plan.classification
    return {
        "classification": {
            "rule": classification.rule,
            "entries": [entry._asdict() for entry in classification.entries],
            "rmb_tag": classification.rmb_tag,
            "spared": list(classification.spared),
            "reference": classification.reference,
        },
        "lane": {
            "lane": plan.lane.id,
            "scheme": plan.lane.scheme,
            "assumed": plan.lane.assumed,
            "reference": plan.lane.reference,
        },
        "route": [
            {
                "rail": step.rail,
                "role": step.role,
                "passed_over": [{"rail": rail, "why": why} for rail, why in step.passed_over],
            }
            for step in plan.route
        ],
    }


def after_refusal(submission: Submission, refused: Refused, plan: Plan, view: View) -> Refusal | None:
    """Say what a refused claim means: the refusal, or None where the payment is decided again (see pass_over)."""
    rule = refused.claim.rule
    if rule == INVENTORY and submission.instruction.quote_id is None:
        return None
    if rule not in (LIQUIDITY, INVENTORY, LEDGER) and submission.instruction.allow_lanes:
        others = submission.passed_lanes | {plan.lane.id}
        if any(verdict.eligible and verdict.lane not in others for verdict in plan.lanes):
            return None
    return submission.bound_first or refusal_of(refused, plan, view.rules)


def pass_over(submission: Submission, refused: Refused, plan: Plan, view: View) -> None:
    """Remember, once it is certain, what the next decision must do without: the empty inventory, or the lane.

    The rule that bound first is the one to be named, should no later lane take the payment.
    """
    if refused.claim.rule == INVENTORY:
        submission.empty_inventories |= {refused.claim.counter}
    else:
        submission.bound_first = submission.bound_first or refusal_of(refused, plan, view.rules)
        submission.passed_lanes |= {plan.lane.id}
