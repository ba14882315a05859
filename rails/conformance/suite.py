"""The table of cases in their order, and the run over them: each by itself, so that one failure hides no other."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import httpx

from rails.channel import trusted
from rails.conformance import cases, recall_cases
from rails.conformance.prober import ANSWER_SECONDS_MAX, Exchange, Failed, Prober, Skipped, Target

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
EXCHANGES_MAX = 40  # of a case in the report; a case with more keeps the first and the last


class Case(NamedTuple):
    """One case: what is promised, why the switch needs it, and what to do where it fails."""

    id: str
    title: str
    why: str
    what_to_do: str
    run: Callable[[Prober], Awaitable[None]]


class Finding(NamedTuple):
    """What came of a case; `expected` and `came` where it failed, `came` alone where it was skipped."""

    case: Case
    outcome: str  # passed | failed | skipped
    expected: str
    came: str
    exchanges: tuple[Exchange, ...]
    advice: str = ""  # where it is another than the case's

    @property
    def what_to_do(self) -> str:
        """Say what to do about what came."""
        return self.advice or self.case.what_to_do


class Report(NamedTuple):
    """A run of the suite."""

    url: str
    rail: str  # as the rail calls itself
    at: datetime  # machine time
    findings: tuple[Finding, ...]
    not_run: int = 0  # cases that were wanted and not come to, since the rail does not say what it can do

    @property
    def behaves(self) -> bool:
        """Whether no case failed."""
        return all(finding.outcome != FAILED for finding in self.findings)

    def count(self, outcome: str) -> int:
        """Count the findings with an outcome."""
        return sum(finding.outcome == outcome for finding in self.findings)


CASES = (
    Case(
        "capabilities", "It says what it can do",
        "The switch asks at its start, and refuses a rail that does not carry what it is to carry.",
        "Serve GET /capabilities as the JSON document of docs/rails.md.", cases.capabilities,
    ),
    Case(
        "key", "Without the key nothing is taken and nothing is said",
        "Anyone could pay otherwise.",
        "Compare the header Authorization with `Bearer KEY` before anything else, for every path; answer 401.", cases.key_required,
    ),
    Case(
        "taken", "An ordinary instruction is taken, and known from then on",
        "200 says: it is durably mine. From then on only the rail knows whether the money has moved.",
        "Write the instruction to your book, commit, then answer 200 with a pacs.002 (ACTC) that names its UETR and InstrId.", cases.taken,
    ),
    Case(
        "final", "The report of an ordinary instruction comes by its deadline, and an inquiry says the same",
        "Past the deadline the payment is in doubt: its money and quota stay held.",
        "Put a pacs.002 with ACSC, ACCC or RJCT among the reports as soon as you know; answer a pacs.028 from the same book.",
        cases.final_by_the_deadline,
    ),
    Case(
        "sent-again", "The same instruction sent again is the one it is",
        "The switch sends again whenever an answer is lost. A second payment would be made of it.",
        "Know a leg by UETR and InstrId alone. MsgId, CreDtTm and Expires-At differ from one sending to the next: they do not make "
        "another payment. Answer as the first time.", cases.sent_again,
    ),
    Case(
        "other-amount", "Another amount under a known UETR is refused, and the first stands",
        "Nobody could say what was paid otherwise (facts messages 4.2: same UETR, other content is DU03).",
        "Keep a digest of what a leg asks; answer RJCT DU03 where it differs, and touch nothing.", cases.other_amount,
    ),
    Case(
        "other-account", "Another account under a known UETR is refused, and the first stands",
        "Money would go where it was not sent.",
        "The digest covers agents, account, amount and currency.", cases.other_account,
    ),
    Case(
        "unknown", "What was never received is RJCT AG09, and stays so",
        "On AG09 the switch gives money and quota back. Were the instruction processed when it arrives late, it would be paid for nothing.",
        "Write the UETR and InstrId asked about to your book as never to be processed, commit, then answer AG09.", cases.never_seen,
    ),
    Case(
        "reports-again", "Reports come at least once, after a cursor",
        "A report whose answer is lost on its way must not be lost for good.",
        "Keep reports for an hour at least; give what comes after the cursor in the query, and from the beginning for none or an unknown one. "
        "Name the next cursor in Report-Cursor.", cases.reports_again,
    ),
    Case(
        "reports-limit", "Pages of reports follow each other without a gap",
        "Under load the switch reads page by page.",
        "Give `limit` reports at most; the cursor stands behind the last one given.", cases.limit_of_reports,
    ),
    Case(
        "currency", "A currency that is not carried is refused with an ISO code, and the rest of the message is taken",
        "One bad transaction must not stop a hundred.",
        "Answer RJCT AM03 for the transaction in the pacs.002, and ACTC for the others.", cases.currency_not_carried,
    ),
    Case(
        "expired", "A five-step rail does not settle what reaches it after its deadline",
        "The switch relies on the rail's timer: its payment has been ended by then.",
        "Compare Expires-At with the time; answer or report RJCT AB05.", cases.expired,
    ),
    Case(
        "ended", "What the switch has ended is never settled after that",
        "Every party that was told the payment is reserved is told that it is not (facts messages 4.2).",
        "POST /pacs002 with RJCT: reject what has not settled, keep out what has not come, commit, then answer as a pacs.028. A rail "
        "that cannot answers with the truth, or 404.", cases.ended,
    ),
    Case(
        "full-message", "A hundred transactions are taken, and answered within two seconds",
        "The switch sends up to a hundred in a message and waits two seconds.",
        "Write the whole message in one transaction.", cases.full_message,
    ),
    Case(
        "at-once", "Messages at the same time, one of them several times over, give one truth for each leg",
        "Eight messages are on their way at the same time, and repetitions among them.",
        "Let a unique key over UETR and leg decide who was first, not a look before the write.", cases.at_once,
    ),
    Case(
        "two-contents-at-once", "Of two contents under one UETR at the same time exactly one stands",
        "Who looks first and writes then takes both.",
        "Write the digest under the same unique key, and compare what is there when the write finds it taken.",
        cases.same_leg_different_content_at_once,
    ),
    Case(
        "no-message", "What cannot be read is refused with 4xx and an admi.002",
        "On 5xx the switch takes the rail for gone; on 200 for taken.",
        "Check before you act. Resolve no entities and fetch nothing. Answer 400 with an admi.002.", cases.bodies_that_are_no_message,
    ),
    Case(
        "clock", "It is told the business time, or has a clock of its own",
        "Deadlines and hours are business time: a sandbox's clock may stand, jump or run fast.",
        "`clock: business`: refuse a request without Business-Time with 400. `clock: own`: do not look at it.", cases.clock_header,
    ),
    Case(
        "recall", "A recall is answered, and a granted one brings its money",
        "The debtor is told what comes back, and the books wait for it.",
        "Answer POST /camt056 with a camt.029: PDCR until it is known, RJCR with a reason, or ACCR with the RtrId of the pacs.004 in "
        "RsltnRltdInf/EndToEndId. Put that pacs.004 (FOCR) among the returns.", recall_cases.recalled,
    ),
    Case(
        "recall-twice", "However often it is recalled, no more comes back than was paid",
        "A switch asks again, and two cases may be opened for one payment.",
        "Add up what has been given back of a leg; answer RJCR ARDT where all of it has.", recall_cases.recalled_twice,
    ),
    Case(
        "recall-unknown", "What was never paid is not given back",
        "Money would come from nowhere.",
        "Look the leg up; answer RJCR NOOR where it did not settle.", recall_cases.recalled_unknown,
    ),
    Case(
        "returns-again", "Returns come at least once, after a cursor",
        "As with reports.",
        "Serve GET /returns as GET /reports, with pacs.004.", recall_cases.returns_again,
    ),
)  # fmt: skip


async def run(target: Target, now: datetime, new_uetr: Callable[[], str], chosen: Sequence[str] = ()) -> Report:
    """Run the cases, or those `chosen` by id, against a rail; `now` is the business time it begins with, UTC.

    What the rail can do is asked first in any case: where it does not say, nothing else is asked.
    """
    findings: list[Finding] = []
    wanted = [case for case in CASES if not chosen or case.id in chosen or case is CASES[0]]
    limits = httpx.Limits(max_connections=20, max_keepalive_connections=20)
    async with httpx.AsyncClient(
        base_url=target.url.rstrip("/"), timeout=ANSWER_SECONDS_MAX, limits=limits, trust_env=False, verify=trusted()
    ) as client:
        prober = Prober(target, client, now, new_uetr)
        for case in wanted:
            findings.append(await _tried(case, prober))
            if prober.document is None:
                break
    rail = prober.document.rail if prober.document is not None else "unknown"
    return Report(target.url, rail, now, tuple(findings), len(wanted) - len(findings))


async def _tried(case: Case, prober: Prober) -> Finding:
    prober.exchanges = []
    outcome, expected, came, advice = PASSED, "", "", ""
    try:
        await case.run(prober)
    except Failed as failed:
        outcome, expected, came, advice = FAILED, failed.expected, failed.came, failed.what_to_do
    except Skipped as skipped:
        outcome, came = SKIPPED, str(skipped)
    kept = prober.exchanges
    if len(kept) > EXCHANGES_MAX:
        kept = kept[: EXCHANGES_MAX // 2] + kept[-EXCHANGES_MAX // 2 :]
    return Finding(case, outcome, expected, came, tuple(kept), advice)
