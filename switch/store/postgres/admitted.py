"""A payment as the accepting transaction writes it: the values of the composite type `admitted` (schema/070_accepting.sql)."""

from typing import Any

from limits.counters import straight
from switch.flow.ports import ACCEPTED, Admission
from switch.payment.plan import Plan, Refusal, Transfer
from switch.payment.queueing import opening_detail
from switch.payment.reasons import code_of
from switch.payment.refusals import refusal_json
from switch.payment.status import LEG_HELD, QUEUED, REJECTED
from switch.store.postgres.rows import claims_text

Row = tuple[Any, ...]

# From lane to net_claims, and from standing_id to opens_at, of a payment that was refused: it holds nothing but its reason.
_UNPLANNED: Row = ("", 0, "", 0, "", "", "", "", None, False, False)
_UNDECIDED: Row = (None, None, None)


def row_of(position: int, item: Admission, verdict: Plan | Refusal) -> Row:
    """Write one payment, which stands at `position` of its batch, with all that belongs to it."""
    key, uetr, instruction = item.identities
    transfers: tuple[Transfer, ...] = ()
    opens_at = None
    if isinstance(verdict, Refusal):
        planned, decided = _UNPLANNED, _UNDECIDED
        status, code, detail = REJECTED, code_of(verdict), refusal_json(verdict)
    else:
        planned, transfers, opens_at = _planned(verdict), verdict.transfers, verdict.opens_at
        decided = (item.finding.standing_id, item.finding.own, claims_text(verdict.claims))
        status, code, detail = ACCEPTED, "", "{}"
        if opens_at is not None:
            status, detail = QUEUED, opening_detail(opens_at)
    return (
        item.payment_id, item.received_on, item.received_at, item.participant, status, code, detail,
        item.uetr, item.instruction_id, item.debtor_agent, item.creditor_agent, item.rulebook_id, position,
        *planned,
        key.key, uetr.key, instruction.key, item.content_hash,
        *decided, item.sealed, transfers, opens_at,
    )  # fmt: skip


def _planned(plan: Plan) -> Row:
    debit, settlement, leg = plan.debit, plan.settlement, plan.leg
    return (
        plan.lane.id, debit.amount_minor, debit.currency, settlement.amount_minor, settlement.currency, plan.quote_id,
        leg.rail, LEG_HELD, leg.expires_at, True, not all(map(straight, plan.claims)),
    )  # fmt: skip
