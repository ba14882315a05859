"""The statuses of a payment and of a leg: one transition table each, final states with an empty row.

Nothing here moves a payment: the store changes a status only from the status this table believes it has.
"""

# Payment statuses.
ACCEPTED = "accepted"  # reserved and durable; regard it as sent
SUBMITTED = "submitted"  # handed to the rail, no word yet
QUEUED = "queued"  # closed hours, on request; surely not sent; quota and money held
IN_DOUBT = "in_doubt"  # the rail is silent past its deadline; everything stays reserved
SETTLED = "settled"  # the rail settled; the last word where the rail never reports credit
CREDITED = "credited"
REJECTED = "rejected"
CANCELLED = "cancelled"
BLOCKED = "blocked"  # the rail or an authority has frozen the money: everything stays reserved

# Events that move a payment.
SUBMIT, TIME_OUT, SETTLE, CREDIT, REJECT, RELEASE, CANCEL, BLOCK = (
    "submit", "time_out", "settle", "credit", "reject", "release", "cancel", "block",
)  # fmt: skip

PAYMENT_TABLE: dict[str, dict[str, str]] = {
    QUEUED: {RELEASE: ACCEPTED, CANCEL: CANCELLED, REJECT: REJECTED, BLOCK: BLOCKED},
    ACCEPTED: {
        SUBMIT: SUBMITTED,
        TIME_OUT: IN_DOUBT,
        SETTLE: SETTLED,
        CREDIT: CREDITED,
        REJECT: REJECTED,
        BLOCK: BLOCKED,
    },
    SUBMITTED: {TIME_OUT: IN_DOUBT, SETTLE: SETTLED, CREDIT: CREDITED, REJECT: REJECTED, BLOCK: BLOCKED},
    IN_DOUBT: {SETTLE: SETTLED, CREDIT: CREDITED, REJECT: REJECTED, BLOCK: BLOCKED},
    SETTLED: {CREDIT: CREDITED},
    CREDITED: {},
    REJECTED: {},
    CANCELLED: {},
    BLOCKED: {},
}

# Legs: what a rail carries for the payment.
LEG_HELD, LEG_SENT, LEG_SETTLED, LEG_CREDITED, LEG_REJECTED = "held", "sent", "settled", "credited", "rejected"
LEG_TABLE: dict[str, dict[str, str]] = {
    LEG_HELD: {SUBMIT: LEG_SENT, SETTLE: LEG_SETTLED, CREDIT: LEG_CREDITED, REJECT: LEG_REJECTED, CANCEL: LEG_REJECTED},
    LEG_SENT: {SETTLE: LEG_SETTLED, CREDIT: LEG_CREDITED, REJECT: LEG_REJECTED},
    LEG_SETTLED: {CREDIT: LEG_CREDITED},
    LEG_CREDITED: {},
    LEG_REJECTED: {},
}

# ISO 20022 ExternalPaymentTransactionStatus1Code shown for each status (design 2).
ISO_STATUS = {
    ACCEPTED: "ACSP", SUBMITTED: "ACSP", QUEUED: "PDNG", IN_DOUBT: "PDNG", SETTLED: "ACSC", CREDITED: "ACCC",
    REJECTED: "RJCT", CANCELLED: "CANC", BLOCKED: "BLCK",
}  # fmt: skip

# What the money of a payment is in each status; the ledger's pending transfers follow it.
PENDING, POSTED, VOIDED = "pending", "posted", "voided"
MONEY = {
    ACCEPTED: PENDING, SUBMITTED: PENDING, QUEUED: PENDING, IN_DOUBT: PENDING, BLOCKED: PENDING,
    SETTLED: POSTED, CREDITED: POSTED, REJECTED: VOIDED, CANCELLED: VOIDED,
}  # fmt: skip

POST, VOID, KEEP = "post", "void", "keep"  # what a move does to pending money


def money_moved(before: str, after: str) -> str:
    """Return what a move from one status to another does to the payment's money."""
    if MONEY[before] == MONEY[after]:
        return KEEP
    return POST if MONEY[after] == POSTED else VOID


def _leg_moved(event: str) -> tuple[str, str]:
    """Return from which statuses (joined by commas) and to which an event moves the payment's leg, "" = it does not."""
    moves = {status: row[event] for status, row in LEG_TABLE.items() if event in row}
    assert len(set(moves.values())) <= 1, event
    return ",".join(moves), next(iter(moves.values()), "")


# Both tables as rows: event, from, to, what that does to the money; the leg's from (several) and to.
MOVES = tuple(
    (event, at, to, money_moved(at, to), *_leg_moved(event))
    for at, row in PAYMENT_TABLE.items()
    for event, to in row.items()
)
FINAL = frozenset(status for status, row in PAYMENT_TABLE.items() if not row)


def diagram() -> str:
    """Draw the payment's table, a line a status: what moves it where; the README shows this text."""
    width = max(map(len, PAYMENT_TABLE))
    lines = []
    for status, row in PAYMENT_TABLE.items():
        moves = ", ".join(f"{event} → {to}" for event, to in row.items()) or "(final)"
        lines.append(f"{status:<{width}}  {ISO_STATUS[status]}  {moves}")
    return "\n".join(lines)
