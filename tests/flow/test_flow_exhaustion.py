"""The storm of exhausted allowances is one: carried through the real pipeline, nine of ten of its payments are refused for a quota."""

from collections import Counter
from datetime import date

from driver import Driver

from switch.cli.traffic import drawn_day
from switch.payment.instruction import Instruction

_PERSONS = 100


async def _refusals(memory: Driver, shape: str) -> tuple[Counter[str], int]:
    lines = drawn_day(7, _PERSONS, date(2026, 3, 5), shape=shape)
    answers = [memory.submit(Instruction.model_validate(line["instruction"])).answer for line in lines]
    await memory.accept()
    refused = [answer.result().refusal for answer in answers]
    return Counter(each.reason for each in refused if each is not None), len(lines)


async def test_nine_of_ten_payments_of_an_exhaustion_storm_are_refused_for_the_persons_quota(memory: Driver) -> None:
    refused, sent = await _refusals(memory, "exhaustion")
    assert set(refused) == {"person-quota"}
    assert 0.87 <= refused["person-quota"] / sent <= 0.94


async def test_an_ordinary_day_is_no_storm(memory: Driver) -> None:
    refused, sent = await _refusals(memory, "ordinary")
    assert refused["person-quota"] / sent < 0.2
