"""Rules.md 4.1's refusals without magic: a payee bank that takes a name only as registered, and remarks in Latin letters only."""

import pytest
from builders import BANYAN, NOON, PEARL, a_world, domestic, northbound

from limits.calendars import law_day
from switch.directory.lookups import Asked, look_up
from switch.flow.world import World
from switch.participants.registry import load_registry, read_registry
from switch.payment.plan import Refusal
from switch.payment.reasons import problem
from switch.translate.facts import Translated, translate

WEI, LIHUA, XIAOMING = "6200078880000000001", "6200078880000000003", "6200068880000000001"


@pytest.fixture(scope="module")
def world() -> World:
    return a_world()


def judged(world: World, agent: str, number: str, name: str, remarks: str | None = None) -> Translated | Refusal:
    asked = northbound(
        creditor_agent=agent, creditor__account__number=number, creditor__name=name, remittance_information=remarks
    )
    return translate(asked, world.known, NOON, law_day(NOON))


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (WEI, "Wei ZHANG"),
        (WEI, "ZHANGWEI"),
        (WEI, "ZHANG We"),
        (WEI, "ZHANG Wei Peter"),
        (LIHUA, "黃麗華"),
        (LIHUA, "黄 丽华"),
    ],
)
def test_a_strict_bank_refuses_the_name_written_otherwise(world: World, number: str, name: str) -> None:
    found = judged(world, BANYAN, number, name)
    assert isinstance(found, Refusal)
    assert (found.reason, problem(found).code, found.field) == ("name-mismatch", "BE01", "creditor.name")
    assert "as registered" in problem(found).text and "ZHANG" not in problem(found).text, "no word of it is told"


@pytest.mark.parametrize(
    ("number", "name"), [(WEI, "ZHANG Wei"), (WEI, "zhang  WEI "), (WEI, "ＺＨＡＮＧ Wei"), (LIHUA, "黄丽华")]
)
def test_a_strict_bank_takes_the_name_as_registered_whatever_its_case_and_width(
    world: World, number: str, name: str
) -> None:
    assert isinstance(judged(world, BANYAN, number, name), Translated)


def test_a_lenient_bank_takes_the_same_name_written_otherwise(world: World) -> None:
    for name in ("Xiaoming Li", "LI XIAO MING", "LI Xiaomin"):
        assert isinstance(judged(world, PEARL, XIAOMING, name, "给妈妈的生活费"), Translated)


@pytest.mark.parametrize("remarks", ["给妈妈的生活费", "for mother 妈妈", "для мамы"])
def test_a_strict_bank_refuses_remarks_in_other_letters_from_abroad(world: World, remarks: str) -> None:
    found = judged(world, BANYAN, WEI, "ZHANG Wei", remarks)
    assert isinstance(found, Refusal)
    assert (found.reason, problem(found).code, found.field) == ("remarks-not-latin", "RR10", "remittance_information")


def test_a_strict_bank_takes_latin_remarks_and_any_at_home(world: World) -> None:
    assert isinstance(judged(world, BANYAN, WEI, "ZHANG Wei", "José's rent, CNY 10 (May) №7"), Translated)
    at_home = domestic(remittance_information="房租")
    strict = {bic: each._replace(names="strict") for bic, each in world.known.participants.items()}
    assert isinstance(translate(at_home, world.known._replace(participants=strict), NOON, law_day(NOON)), Translated)


def test_an_account_the_directory_does_not_know_passes_unchecked(world: World) -> None:
    assert isinstance(judged(world, BANYAN, "6200077770000000001", "Guoqiang LIN"), Translated)


def test_a_look_up_says_beforehand_what_a_strict_bank_refuses(world: World) -> None:
    agents = {bic: each.country for bic, each in world.known.participants.items()}
    for agent, number, name, goes_on in (
        (BANYAN, WEI, "Wei ZHANG", False),
        (BANYAN, WEI, "zhang wei", True),
        (PEARL, XIAOMING, "Xiaoming LI", True),
    ):
        asked = Asked(agent, None, number, name)
        found = look_up(world.known.directory, asked, agents, frozenset([BANYAN])).comparison
        assert found is not None and (found.verdict, found.goes_on) == ("match", goes_on)


def test_strictness_is_data_of_a_participant_and_one_of_two_words() -> None:
    assert {bic for bic, each in load_registry().participants.items() if each.names == "strict"} == {BANYAN}
    row = {
        "bic": "HBAYHKH0",
        "name": "A",
        "country": "HK",
        "kind": "bank",
        "rails": {},
        "schemes": {},
        "names": "harsh",
    }
    with pytest.raises(ValueError, match="strict or lenient"):
        read_registry({"participants": [row], "funding": {}, "inventory": {}}, {})
