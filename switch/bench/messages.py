"""The row `messages`: pacs.008 read to instructions, checked, answered with a pacs.002; one core, no database, CPU time."""

import time
from itertools import islice

from switch.bench.load import START_AT, instructions, templates
from switch.bench.setting import Bench, Round, Turn
from switch.payment.status import ACCEPTED
from switch.translate.messages import TransactionOutcome, instruction_to_pacs008, pacs002_for, parse_instructions

MESSAGES = 2_000  # different messages, read again and again for the measured seconds


def messages(bench: Bench, turn: Turn) -> Round:
    """Read and answer messages of one transaction each; the rate is that of one core's CPU time."""
    load = islice(instructions(templates(bench.settings.persons), bench.seed("messages", turn)), MESSAGES)
    bodies = [instruction_to_pacs008(each, message_id=each.instruction_id, created_at=START_AT) for _, _, each in load]
    _answer(bodies)
    answered, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < bench.settings.seconds:
        _answer(bodies)
        answered += len(bodies)
    return Round(answered / spent, [], {"messages": answered, "cpu_us": {"python": round(1e6 * spent / answered, 1)}})


def _answer(bodies: list[bytes]) -> None:
    for body in bodies:
        read = parse_instructions(body)
        said = [TransactionOutcome(i.instruction_id, i.end_to_end_id, i.uetr, ACCEPTED) for i in read.instructions]
        pacs002_for(
            said, message_id=read.msg_id, created_at=START_AT, from_bic="BAYSHKH0", to_bic="HBAYHKH0", original=read
        )
