"""Exception records: what a rail says that does not go with its payment. The payment's final status never changes."""

import json
from collections.abc import Sequence

from limits.claims import Claim
from rails.port import BLOCKED, CREDITED, REJECTED, SETTLED, RailReport
from switch.flow.ports import ExceptionRecord, Stored, StoredLeg, StoredTransfer
from switch.payment import status as statuses
from switch.payment.plan import Transfer
from switch.payment.postings import suspense

LATE_ACCEPTANCE, CONTRADICTION = "late-acceptance", "contradiction"
WRONG_AMOUNT, WRONG_RAIL = "wrong-amount", "wrong-rail"  # such a report is not carried out: the leg's own rail is asked
_SUSPENSE_N = 100  # transfer numbers from here on belong to exception records

# In which statuses a report says what has been carried out already: it is a duplicate, or comes in another order.
SAID = {
    SETTLED: (statuses.SETTLED, statuses.CREDITED),
    CREDITED: (statuses.CREDITED,),
    REJECTED: (statuses.REJECTED,),
    BLOCKED: (statuses.BLOCKED,),
}


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
    """The rail says another end than the one the payment has: kept for an operator, moves nothing."""
    if stored.status in SAID[report.status]:
        return None
    return _record(stored, CONTRADICTION, report)


def misdirected(stored: Stored, legs: Sequence[StoredLeg], report: RailReport) -> ExceptionRecord | None:
    """The report is of a rail that carries no leg of the payment, or of another amount than its leg's: it proves nothing."""
    if not any((leg.rail, leg.n) == (report.rail, report.leg) for leg in legs):
        return _record(stored, WRONG_RAIL, report)
    wrong_currency = report.currency not in ("", stored.settlement_currency)
    if wrong_currency or report.amount_minor not in (None, stored.settlement_minor):
        return _record(stored, WRONG_AMOUNT, report)
    return None


def _record(stored: Stored, kind: str, report: RailReport) -> ExceptionRecord:
    return ExceptionRecord(stored.payment_id, stored.received_on, kind, report.at, _detail(report), (), ())


def _used(stored: Stored) -> tuple[Claim, ...]:
    """The law's claims again, forced: the person did send the money."""
    return tuple(claim._replace(ceiling=None, forced=True) for claim in stored.claims if claim.delta > 0)


def _detail(report: RailReport) -> str:
    said: dict[str, str | int] = {
        "rail": report.rail,
        "said": report.status,
        "reason_code": report.reason_code,
        "at": report.at.isoformat(),
    }
    if report.amount_minor is not None:
        said |= {"amount_minor": report.amount_minor} | ({"currency": report.currency} if report.currency else {})
    return json.dumps(said)
