"""Judges a run: what was answered against what the books say. Pure; times are machine milliseconds since the epoch.

Four promises: what was answered 202 is in the books as that call's (lost), nothing is there twice (double), no allowance was
exceeded (beyond), and a refusal that names a rule was true (false refusals). Own reckoning: it shares no code with the switch.

A refusal is true if at some instant at which it can have been judged the allowance used and what was asked together went
over a ceiling then in force. It can have been judged until its transaction committed, and from a second (so old may a closed
board be) before the earliest attempt of its key that may have been under way then: what was let go, nobody judged. Used is
what the books admitted of that person's allowance of that day: each admission from its commit on, until VISIBLE_MS after the
commit of what voided it. Where there is no such instant, it was false.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

STALE_MS = 1_000  # a closed board may be so old (design 3)
VISIBLE_MS = (
    250  # a commit's time is taken before its record is on disk; only then others see it (assumed for slow disks)
)
ACCEPTED_STATUS = 202
QUOTA = "person-quota"  # the one reason this traffic may be refused for


class Attempt(NamedTuple):
    """One try of a call. `let_go`: what it came to says that the switch kept nothing of it and does not work on it."""

    sent_ms: int
    let_go: bool = False


class Answered(NamedTuple):
    """One call of the generator: its key, each attempt, and each answer that ended it."""

    key: str
    attempts: tuple[Attempt, ...]
    answers: tuple[tuple[int, str, str], ...]  # status, payment_id, name of the problem


class Row(NamedTuple):
    """One payment in the books. `refused`: at the door; then `reason`, `rule`, `ceiling` and `asked` say why."""

    payment_id: str
    instruction_id: str
    committed_ms: int
    day: str  # on which it was received
    refused: bool = False
    reason: str = ""
    rule: str = ""
    ceiling_minor: int = 0
    asked_minor: int = 0


class Admission(NamedTuple):
    """A claim on an allowance: whose, of which rule and window, from when, and until when it counted (None: it still does)."""

    owner: str
    rule: str
    window: str
    minor: int
    committed_ms: int
    voided_ms: int | None = None


class Ceiling(NamedTuple):
    """A ceiling that came into force some time between two instants, machine milliseconds."""

    asked_ms: int
    sure_ms: int
    minor: int


class Verdict(NamedTuple):
    """What is wrong with a run, each as one sentence."""

    lost: list[str]
    double: list[str]
    beyond: list[str]
    false_refusals: list[str]
    unanswered: list[str]

    @property
    def holds(self) -> bool:
        """Return whether nothing is wrong."""
        return not any(self)


class Run(NamedTuple):
    """What is judged. `owners` and `instructions` are the traffic's, by key."""

    answered: Sequence[Answered]
    rows: Sequence[Row]
    admissions: Sequence[Admission]
    ceilings: Sequence[Ceiling]
    varied_rule: str  # whose ceilings those are
    owners: Mapping[str, str]
    instructions: Mapping[str, str]


def judge(run: Run) -> Verdict:
    """Judge a run."""
    by_id = {row.payment_id: row for row in run.rows}
    return Verdict(
        list(lost(run, by_id)),
        list(double(run.answered, run.rows, set(run.instructions.values()))),
        list(beyond(run.admissions, run.ceilings, run.varied_rule)),
        list(false_refusals(run, by_id)),
        [f"{call.key} was never answered" for call in run.answered if not call.answers],
    )


def lost(run: Run, by_id: Mapping[str, Row]) -> Iterator[str]:
    """List what was answered as accepted and is not so in the books, or is another call's payment there."""
    for call in run.answered:
        for status, payment_id, _ in call.answers:
            if status != ACCEPTED_STATUS:
                continue
            row = by_id.get(payment_id)
            if row is None:
                yield f"{call.key} was accepted as {payment_id}, which is not in the books"
            elif not _is_of(row, call, run):
                yield f"{call.key} was accepted as {payment_id}, which is another's: instruction {row.instruction_id}"
            elif row.refused:
                yield f"{call.key} was accepted as {payment_id}, which the books refused: {row.reason}"


def double(answered: Iterable[Answered], rows: Iterable[Row], sent: set[str]) -> Iterator[str]:
    """List what stands twice: one instruction under two payments, one key with two, two keys with one; and what nobody has sent."""
    by_instruction: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_instruction[row.instruction_id].append(row.payment_id)
    for instruction_id, ids in by_instruction.items():
        if len(ids) > 1:
            yield f"instruction {instruction_id} stands as {' and '.join(ids)}"
        if instruction_id not in sent:
            yield f"payment {ids[0]} has instruction {instruction_id}, which nobody sent"
    by_key: defaultdict[str, set[str]] = defaultdict(set)
    by_payment: defaultdict[str, set[str]] = defaultdict(set)
    for call in answered:
        for payment_id in {payment_id for _, payment_id, _ in call.answers if payment_id}:
            by_key[call.key].add(payment_id)
            by_payment[payment_id].add(call.key)
    for key, known in by_key.items():
        if len(known) > 1:
            yield f"key {key} was answered as {' and '.join(sorted(known))}"
    for payment_id, keys in by_payment.items():
        if len(keys) > 1:
            yield f"payment {payment_id} answers the keys {' and '.join(sorted(keys))}"


def beyond(admissions: Iterable[Admission], ceilings: Sequence[Ceiling], rule: str) -> Iterator[str]:
    """List allowances that were exceeded: admitted over the highest ceiling that can have been in force at the commit.

    A closed board that is old may refuse, and never admits: what is admitted goes by the law its own transaction has read.
    """
    for (owner, window), group in _by_allowance(each for each in admissions if each.rule == rule).items():
        for one in group:
            used = _used(group, one.committed_ms, 0)
            highest = max(_in_force(ceilings, one.committed_ms - VISIBLE_MS, one.committed_ms))
            if used > highest:
                yield f"{owner} had {used} of {highest} of {rule} on {window}"
                break


def false_refusals(run: Run, by_id: Mapping[str, Row]) -> Iterator[str]:
    """List refusals that were not true, and other answers this traffic should never get."""
    keys = {instruction: key for key, instruction in run.instructions.items()}
    sent: defaultdict[str, list[int]] = defaultdict(list)  # what was not let go
    for call in run.answered:
        sent[call.key] += [attempt.sent_ms for attempt in call.attempts if not attempt.let_go]
        for status, payment_id, name in call.answers:
            row = by_id.get(payment_id)
            if status == ACCEPTED_STATUS:
                continue
            if row is None or not row.refused:
                yield f"{call.key} was answered {status} {name}, and the books hold {'it' if row else 'nothing of it'}"
            elif not _is_of(row, call, run):
                yield f"{call.key} was refused as {payment_id}, which is another's: instruction {row.instruction_id}"
    groups = _by_allowance(each for each in run.admissions if each.rule == run.varied_rule)
    for row in run.rows:
        if row.refused and row.instruction_id in keys:
            key = keys[row.instruction_id]
            since = min([*sent[key], row.committed_ms]) - STALE_MS
            what = _untrue(row, groups.get((run.owners[key], row.day), []), run, since)
            if what:
                yield f"{key} was refused as {row.payment_id}: {what}"


def _is_of(row: Row, call: Answered, run: Run) -> bool:
    return row.instruction_id == run.instructions.get(call.key)


def _untrue(row: Row, group: Sequence[Admission], run: Run, since: int) -> str:
    """Say why a refusal was not true, "" where it was."""
    if row.reason != QUOTA or row.rule != run.varied_rule:
        return f"{row.reason} {row.rule}, which this traffic gives no reason for"
    until = row.committed_ms
    if row.ceiling_minor not in _in_force(run.ceilings, since, until):
        return f"it names a ceiling of {row.ceiling_minor}, which was not in force"
    # Used only grows at commits: of all instants the greatest is at the begin or at one of them.
    instants = [since, *(each.committed_ms for each in group if since < each.committed_ms <= until)]
    used = max(_used(group, instant, VISIBLE_MS) for instant in instants)
    if used + row.asked_minor > row.ceiling_minor:
        return ""
    return f"{used} of {row.ceiling_minor} were used at most, {row.asked_minor} were asked"


def _used(group: Iterable[Admission], instant: int, lag_ms: int) -> int:
    return sum(
        each.minor
        for each in group
        if each.committed_ms <= instant and (each.voided_ms is None or each.voided_ms + lag_ms > instant)
    )


def _in_force(ceilings: Sequence[Ceiling], since: int, until: int) -> set[int]:
    """Return every ceiling that can have been in force between two instants."""
    settled = [each for each in ceilings if each.sure_ms <= since]
    open_ones = [each for each in ceilings if each.sure_ms > since and each.asked_ms <= until]
    return {each.minor for each in open_ones} | {max(settled, key=lambda each: each.sure_ms).minor}


def _by_allowance(admissions: Iterable[Admission]) -> dict[tuple[str, str], list[Admission]]:
    groups: defaultdict[tuple[str, str], list[Admission]] = defaultdict(list)
    for each in admissions:
        groups[each.owner, each.window].append(each)
    return groups
