"""Every magic value, run once: no reason, no code of a rail's refusal and no delay lacks one, and each gives what its table says."""

from datetime import timedelta

import pytest
from builders import KAPOK, northbound, southbound
from driver import Driver

from fx.money import format_amount
from rails.addressing import check_proxy
from rails.magic import MAGIC, Magic
from rails.port import REJECTED
from switch.payment.instruction import Instruction
from switch.payment.magic import (
    ACCOUNT_NUMBERS,
    AMOUNT,
    MOBILES,
    REASON_NUMBERS,
    VALUES,
    MagicValue,
    of_name,
    of_proxy,
    rows,
)
from switch.payment.plan import Refusal
from switch.payment.reasons import REASONS, problem
from switch.store.memory import MemoryStore

RAIL_MAGIC = {f"MAGIC-{magic.name}": magic for magic in MAGIC}
LONG = timedelta(days=3).total_seconds()
IDS = [value.name for value in VALUES]
# What rules.md 4.1 lists as real refusals, and by which code each is refused.
REAL_REFUSALS = {
    "NAME-DIFFERS": "BE01", "NOT-ENGLISH": "RR10", "NOT-ENROLLED": "BE23", "NOT-PARTICIPATING": "CNOR",
    "WALLET-UNVERIFIED": "AC14", "WALLET-TIER": "AM14", "WALLET-FULL": "AM14", "SPONSOR-LIMIT": "AM23",
}  # fmt: skip


def test_no_reason_and_no_magic_account_lacks_a_value_and_no_number_is_given_twice() -> None:
    assert REASON_NUMBERS.keys() == REASONS.keys()
    assert ACCOUNT_NUMBERS.keys() == {magic.name for magic in MAGIC}
    numbers = [value.number for value in VALUES]
    assert len(numbers) == len(set(numbers)) and all(100 <= number < 1_000 for number in numbers)


def test_every_real_refusal_of_the_facts_has_one_by_name_and_code() -> None:
    assert {name: RAIL_MAGIC[f"MAGIC-{name}"].reason_code for name in REAL_REFUSALS} == REAL_REFUSALS


def test_every_row_has_a_sentence() -> None:
    assert len(list(rows())) == len(VALUES)
    assert all(text.endswith(".") or "{" in text for _, _, text in rows())


def asked_by_name(value: MagicValue) -> Instruction:
    return northbound(creditor__name=value.name)


def asked_by_amount(value: MagicValue) -> Instruction:
    return northbound(format_amount(20_000 + value.number, "HKD"), creditor__name=AMOUNT)


def asked_by_mobile(value: MagicValue) -> Instruction:
    return northbound(creditor__account={"proxy": {"type": "MBNO", "value": value.mobile("CN")}})


def asked_by_mail(value: MagicValue) -> Instruction:
    return southbound(creditor__account={"proxy": {"type": "EMAL", "value": value.mail}})


@pytest.mark.parametrize("value", VALUES, ids=IDS)
async def test_each_gives_what_its_table_says(value: MagicValue) -> None:
    driver = await Driver(MemoryStore()).start()
    payment_ids = []
    for ask in (asked_by_name, asked_by_amount, asked_by_mobile, asked_by_mail):
        answer = await driver.pay(ask(value))
        if value.reason:
            assert answer.refusal is not None and answer.refusal.reason == value.reason, ask.__name__
            said = problem(answer.refusal)
            assert said.code == REASONS[value.reason].code and "—" not in said.text and "{" not in said.text
            stored = await driver.stored(answer.payment_id)
            assert (stored.status, stored.code) == ("rejected", said.code)
        else:
            assert answer.refusal is None, (ask.__name__, answer.refusal)
            payment_ids.append(answer.payment_id)
    if value.account:
        await driver.wait()
        await driver.wait(LONG)
        expected = ended(RAIL_MAGIC[value.account])
        for payment_id in payment_ids[:3]:  # the fourth goes over HK FPS, whose timer rejects what is late
            stored = await driver.stored(payment_id)
            assert (stored.status, stored.code) == expected, value.name
        assert (await driver.stored(payment_ids[3])).status in (expected[0], REJECTED)


def ended(magic: Magic) -> tuple[str, str]:
    if not magic.received:
        return "rejected", "AG09"
    if magic.reason_code:
        return "rejected", magic.reason_code
    return ("blocked" if magic.blocked else "credited"), ""


@pytest.mark.parametrize(
    "magic",
    [magic for magic in MAGIC if magic.after or magic.past_deadline or not magic.heard],
    ids=lambda magic: magic.name,
)
async def test_a_delay_is_that_delay_and_a_silence_is_silent(magic: Magic) -> None:
    driver = await Driver(MemoryStore()).start()
    payment_id = await driver.accepted(northbound(creditor__name=f"MAGIC-{magic.name}"))
    await driver.wait()
    if not magic.heard:
        assert all(rail.next_due() is None for rail in driver.world.rails.values()), "a report is to come"
        return
    [leg] = await driver.store.legs(payment_id)
    accepted_at = (await driver.stored(payment_id)).received_at
    due = accepted_at + magic.after if magic.after else driver.world.rails[leg.rail].next_due()
    assert due is not None and driver.world.rails[leg.rail].next_due() == due
    await driver.wait((due - accepted_at).total_seconds() - 0.001)
    assert (await driver.stored(payment_id)).status in ("accepted", "submitted", "in_doubt")
    await driver.wait(0.001)
    await driver.wait(60)
    assert (await driver.stored(payment_id)).status == "credited"


def test_names_that_are_somebodys_are_left_alone_and_misspelt_ones_are_not() -> None:
    assert of_name("LI Magic", 1) is of_name("EARVIN MAGIC JOHNSON", 1) is of_name("陳大文", 1) is None
    assert of_name("MAGIC-REJECT-DS0A", 1) == "MAGICREJECTDS0A" and of_name("magic-after-42s", 1) == "MAGICAFTER42S"
    for wrong in (
        "MAGIC-REFUSE-LANE-CLOSD",
        "MAGIC-SILNT",
        AMOUNT,
        "magic",
        "Magician Li",
        "MAGIC\u9b54",
        "ＭＡＧＩＣ-SILNT",
    ):
        refusal = of_name(wrong, 1)
        assert isinstance(refusal, Refusal) and refusal.reason == "name-mismatch", wrong


@pytest.mark.parametrize(
    "name",
    [
        "Magic-Silent",
        "MAGIC SILENT",
        "MAGICSILENT",
        "MAGIC_SILENT",
        " magic - silent ",
        "ＭＡＧＩＣ－ＳＩＬＥＮＴ",
        "magic–silent",
    ],
)
def test_a_magic_name_is_known_however_it_is_written(name: str) -> None:
    assert of_name(name, 1) == "MAGIC-SILENT"


def test_a_refusal_asked_for_in_small_letters_is_given() -> None:
    refusal = of_name("magic-refuse-lane-closed", 1)
    assert isinstance(refusal, Refusal) and refusal.reason == "lane-closed"
    assert of_name("Magic Amount", 128) == refusal


def test_mobiles_of_the_table_are_of_the_form_their_country_has_and_others_are_no_magic() -> None:
    for value in VALUES:
        for country in MOBILES:
            assert check_proxy("MBNO", value.mobile(country), country) is None
            assert of_proxy("MBNO", value.mobile(country)) is not None
    assert of_proxy("MBNO", "+86-13800100099") is of_proxy("MBNO", "+852-61909999") is of_proxy("SHID", "101") is None


async def test_a_magic_name_refuses_with_the_tables_detail_and_holds_nothing() -> None:
    driver = await Driver(MemoryStore()).start()
    before = await driver.counters()
    answer = await driver.pay(northbound(creditor__name="MAGIC-REFUSE-PERSON-QUOTA", debtor_agent=KAPOK))
    assert answer.refusal is not None and answer.refusal.detail["headroom"] == "HKD 1250.00"
    assert await driver.counters() == before
