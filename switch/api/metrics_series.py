"""Every series of /metrics: its name, kind, labels, what it counts, and a question it answers. docs/metrics.md is printed from here.

Names follow Prometheus: base units, `_seconds`, `_total` for what only grows (the library puts it there), `_ratio`. A label has few
values, all of them words of the code or of the rulebook: never a payment, a participant, a person, or free text.
"""

from typing import NamedTuple

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
WORKER = "worker"  # the label of all that is one worker's own; what lacks it is the sandbox's, read from its store


class Series(NamedTuple):
    """One series as /metrics shows it; `labels` without that of the worker."""

    name: str  # without _total
    kind: str
    labels: tuple[str, ...]
    help: str  # one sentence, its unit named where the name does not say it
    question: str
    of_worker: bool = True

    @property
    def shown(self) -> str:
        """The name as a query writes it."""
        return f"{self.name}_total" if self.kind == COUNTER else self.name

    @property
    def all_labels(self) -> tuple[str, ...]:
        """Its labels as they are shown."""
        return (WORKER, *self.labels) if self.of_worker else self.labels


_GROUPS: dict[str, tuple[Series, ...]] = {
    "The door": (
        Series("bayswitch_http_answers", COUNTER, ("operation", "status"), "Answers by operation and HTTP status.", "Which call fails, and how?"),
        Series("bayswitch_http_answer_seconds", HISTOGRAM, ("operation", "status_class"), "Time from a call's head to its answer, before it is written out.", "How long does a call take, and are the failures the slow ones?"),
        Series("bayswitch_shed_payments", COUNTER, ("lane",), "Payments sent away with 503 because too much was waiting: alone, in bulk, or since the queue was full.", "Is the switch past its knee, and whom does it send away?"),
        Series("bayswitch_lapsed_payments", COUNTER, (), "Payments given up undecided, before they reserved anything: their callers had gone or waited too long.", "How much work came too late to be of use?"),
    ),
    "The pipeline": (
        Series("bayswitch_admissions", COUNTER, ("outcome",), "Submissions by outcome: accepted, refused, replayed, again (to be decided once more).", "How many payments a second does it take in?"),
        Series("bayswitch_refusals", COUNTER, ("reason", "rule"), "Refused payments by reason and the rule that bound; the rule is empty where none did.", "Which rule refuses, and how often?"),
        Series("bayswitch_payments", COUNTER, ("status",), "Payments by status reached after acceptance.", "How many payments a second are completed?"),
        Series("bayswitch_stage_seconds", HISTOGRAM, ("stage",), "Time a batch took in a stage: decide, accept, send, collect, finish, outbox.", "Which stage is slow?"),
        Series("bayswitch_stage_payments", HISTOGRAM, ("stage",), "Size of a batch in a stage; the sum is what has passed it (of outbox: events).", "Do batches fill up, and where does work wait?"),
        Series("bayswitch_stage_failures", COUNTER, ("stage", "exception"), "Batches that a stage did not carry out, by exception; they are tried again.", "Which stage fails, and at what?"),
        Series("bayswitch_loop_failures", COUNTER, ("loop", "exception"), "How often a loop failed and went on, by exception.", "Does something fail again and again?"),
        Series("bayswitch_in_hand_payments", GAUGE, ("place",), "Payments a worker holds now: waiting alone, waiting in bulk, deciding, unsent, sending, under way with a rail.", "Where does the backlog stand?"),
        Series("bayswitch_accept_batches", COUNTER, ("path",), "Batches accepted by the fast path of the counters, and by the exact one.", "Do hot counters force payment-by-payment evaluation?"),
        Series("bayswitch_queued_payments", GAUGE, (), "Payments that wait for the opening of their lane or rail; counted up to 10,000.", "How much will be released at the opening?", False),
    ),
    "Rails": (
        Series("bayswitch_rail_reports", COUNTER, ("rail", "status"), "Reports of rails by what they say.", "Which rail rejects?"),
        Series("bayswitch_rail_call_seconds", HISTOGRAM, ("rail", "call"), "Time one call of a rail took: send or inquire, of a batch.", "Does a rail answer slowly?"),
        Series("bayswitch_rail_call_failures", COUNTER, ("rail", "call", "exception"), "Calls of a rail that failed, by exception.", "Is a rail away?"),
        Series("bayswitch_rail_turn_seconds", HISTOGRAM, ("rail",), "Machine time from handing a payment to its rail until the last word was carried out; of one payment a batch sent, at most 64 at once.", "How long does a payment take after acceptance?"),
        Series("bayswitch_in_doubt_payments", GAUGE, (), "Payments past their deadline whose rail is asked for its last word.", "How many payments are in doubt?"),
        Series("bayswitch_in_doubt_oldest_seconds", GAUGE, (), "Business time since the deadline of the oldest of them; 0 where there is none.", "Does anybody have to decide (docs/life.md)?"),
        Series("bayswitch_stray_reports", COUNTER, (), "Reports for a UETR the store does not know.", "Does a rail confuse us with another?"),
        Series("bayswitch_reports_out_of_turn", COUNTER, (), "Reports that moved nothing: said twice, late, or carried out by another worker.", "Do rails repeat themselves, or workers do work twice?"),
        Series("bayswitch_reports_set_aside", COUNTER, (), "Reports that could not be carried out when they came, and are tried again.", "Is there a report the switch cannot digest?"),
        Series("bayswitch_exceptions", COUNTER, ("kind",), "Exception records by kind.", "Did a rail contradict itself?"),
        Series("bayswitch_returns", COUNTER, ("state",), "Returns by the state in which they were booked.", "How much comes back?"),
    ),
    "Limits": (
        Series("bayswitch_quota_used_ratio", GAUGE, ("rule", "currency"), "Used share of a quota that all payments of a scheme have in common, in its present window; above 1 where the last order overshot.", "Which quota will be exhausted today?", False),
        Series("bayswitch_quota_latched", GAUGE, ("rule", "currency"), "1 while such a quota is closed until its window ends.", "Is a market shut for the day?", False),
        Series("bayswitch_closed_counters", GAUGE, (), "Counters on the closed board: refused at memory speed.", "Is there a quota storm?"),
        Series("bayswitch_board_linked", GAUGE, (), "1 while the worker hears other workers' news (Valkey).", "Is Valkey away?"),
    ),
    "Outbox": (
        Series("bayswitch_outbox_streams", GAUGE, (), "Open event streams.", "Who listens?"),
        Series("bayswitch_outbox_lag_seconds", GAUGE, (), "Machine time since the slowest open stream had last been told all there was; absent without streams.", "Are events told late?"),
        Series("bayswitch_outbox_unread_events", GAUGE, (), "Events that stream has not been told yet, counted up to 10,000 once it lags more than a second; absent without streams.", "How many events does the slowest reader owe itself?"),
    ),
    "Stores and world": (
        Series("bayswitch_pool_connections", GAUGE, ("state",), "Connections to PostgreSQL: open, and idle of these.", "Is the pool large enough?"),
        Series("bayswitch_pool_waiters", GAUGE, (), "Tasks that wait for a connection.", "Does work wait for the pool?"),
        Series("bayswitch_store_readings_failed", COUNTER, ("reading",), "Readings for these gauges that the store did not answer in time; the gauge is then absent.", "Why is a gauge missing?"),
        Series("bayswitch_lease_age_seconds", GAUGE, (), "Machine time since the worker renewed its lease; after 10 s others take over.", "Is a worker about to be taken for dead?"),
        Series("bayswitch_world_generation", GAUGE, (), "Generation of clock, rulebook, participants and faults that the worker goes by.", "Do all workers go by the same world?"),
        Series("bayswitch_other_law", GAUGE, (), "1 while the sandbox goes by a rulebook or participants that are not this worker's: it accepts nothing.", "Why does a worker refuse work?"),
        Series("bayswitch_clock_rate", GAUGE, (), "Business seconds a machine second; 0 = the clock stands.", "Does the sandbox's clock run?"),
        Series("bayswitch_clock_offset_seconds", GAUGE, (), "Business time less machine time.", "Which day is it in the sandbox?"),
    ),
    "Process": (
        Series("bayswitch_build_info", GAUGE, ("version", "commit", "python"), "Always 1; its labels say which switch this is: version, commit (empty where the source lies in no repository), Python.", "Do all workers run the same code, and which was it?"),
        Series("bayswitch_gc_pause_seconds", HISTOGRAM, ("generation",), "Pauses of Python's garbage collector.", "Do pauses explain the tail?"),
        Series("bayswitch_loop_late_seconds", HISTOGRAM, (), "How late the event loop carried out a one-second timer.", "Is the process short of CPU?"),
        Series("bayswitch_process_cpu_seconds", COUNTER, (), "CPU time of the process.", "What does a payment cost?"),
        Series("bayswitch_process_resident_bytes", GAUGE, (), "Resident memory of the process; absent where the system does not say.", "Is memory flat?"),
        Series("bayswitch_snapshot_age_seconds", GAUGE, (), "How old the numbers of a worker are: another one answers for it.", "Is a worker silent?"),
    ),
}  # fmt: skip

SERIES: dict[str, Series] = {series.name: series for group in _GROUPS.values() for series in group}


def markdown() -> str:
    """Print the tables of docs/metrics.md."""
    lines: list[str] = []
    for title, group in _GROUPS.items():
        lines += [
            f"### {title}",
            "",
            "| series | kind | labels | what it is | what it answers |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| `{each.shown}` | {each.kind} | {', '.join(each.all_labels) or '—'} | {each.help} | {each.question} |"
            for each in group
        ]
        lines.append("")
    return "\n".join(lines)
