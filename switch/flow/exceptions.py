"""Exception records: what a rail says after a payment has ended. The payment's final status never changes."""

import json
from collections.abc import Sequence

from limits.claims import Claim
from rails.port import CREDITED, REJECTED, SETTLED, RailReport
from switch.flow.ports import ExceptionRecord, Stored, StoredTransfer
from switch.payment import status as statuses
from switch.payment.plan import Transfer
from switch.payment.postings import suspense

LATE_ACCEPTANCE, CONTRADICTION = "late-acceptance", "contradiction"
_SUSPENSE_N = 100  # transfer numbers from here on belong to exception records


def late_acceptance(stored: Stored, transfers: Sequence[StoredTransfer], report: RailReport) -> ExceptionRecord | None:
    """The rail paid although we had ended the payment: the creditor agent has the money, suspense bears it, usage is forced."""
    if stored.status != statuses.REJECTED or report.status not in (SETTLED, CREDITED) or not transfers:
        return None
    [creditor] = [booked.transfer.credit_account for booked in transfers if booked.transfer.line == "principal"]
    account = suspense(report.rail, stored.settlement_currency)
    transfer = Transfer(_SUSPENSE_N, account, creditor, stored.settlement_minor, stored.settlement_currency, "suspense")
    return ExceptionRecord(
        stored.payment_id, stored.received_on, LATE_ACCEPTANCE, report.at, _detail(report), (transfer,), _used(stored)
    )


def odd_report(stored: Stored, report: RailReport) -> ExceptionRecord | None:
    """The rail rejects what it had settled or credited: kept for an operator, moves nothing."""
    if report.status != REJECTED or statuses.MONEY[stored.status] != statuses.POSTED:
        return None
    return ExceptionRecord(stored.payment_id, stored.received_on, CONTRADICTION, report.at, _detail(report), (), ())


def _used(stored: Stored) -> tuple[Claim, ...]:
    """The law's claims again, forced: the person did send the money."""
    return tuple(claim._replace(ceiling=None, forced=True) for claim in stored.claims if claim.delta > 0)


def _detail(report: RailReport) -> str:
    return json.dumps(
        {"rail": report.rail, "said": report.status, "reason_code": report.reason_code, "at": report.at.isoformat()}
    )
