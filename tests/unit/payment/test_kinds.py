"""What is remembered of a kind of instructions changes no answer: not the facts, not which guard speaks first."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limits.calendars import law_day
from switch.flow.world import World
from switch.payment.instruction import Instruction
from switch.payment.plan import Refusal
from switch.translate import kinds
from switch.translate.facts import Known, Translated, translate
from switch.translate.kinds import Kinds
from tests.builders import BANYAN, HARBOUR, KAPOK, NOON, a_firm, a_person, a_world, northbound


@pytest.fixture(scope="module")
def world() -> World:
    return a_world()


def afresh(known: Known, instruction: Instruction) -> Translated | Refusal:
    """The answer of who has seen no instruction before."""
    return translate(instruction, known._replace(kinds=Kinds()), NOON, law_day(NOON))


PASSPORTS = [{"type": "PASSPORT", "number": "K1234567", "country": country} for country in ("GB", "US", "XX")]
# What an instruction may differ in, wrong values among them: what is categorical, and what is its own.
CHANGES: dict[str, list[Any]] = {
    "debtor_agent": [HARBOUR, KAPOK, "NOBDHKH0"],
    "creditor_agent": [BANYAN, "NOBDCNG0"],
    "debtor__account__currency": ["HKD", "CNY", "EUR", None],
    "settlement_currency": ["CNY", "HKD", "EUR"],
    "instructed_amount__currency": ["HKD", "CNY", "USD"],
    "instructed_amount__amount": ["1.00", "0.00", "1.005"],
    "purpose_code": ["GIFT", "GDDS", "ZZZZ", None],
    "debtor__identification": [a_person(1), a_firm(1), a_person(1) | {"number": "A1234560"}, *PASSPORTS, None],
    "creditor__identification": [a_person(1), a_person(2, "CN"), *PASSPORTS],
    "creditor__name": ["CHAN Tai Man", "MAGIC-REFUSE-LANE-CLOSED"],
    "creditor__sector": ["household", "corporation"],
    "creditor__residency": ["CN", "HK", "ZZ"],
    "debtor__account__type": ["card", "wallet-1"],
    "acceptance_date_time": ["2026-03-05T11:59:00+08:00", "2027-03-05T11:59:00+08:00"],
    "documents": [[{"type": "invoice", "reference": "R-1"}]],
    "venue": ["card-cash"],
}
change = st.fixed_dictionaries({}, optional={field: st.sampled_from(values) for field, values in CHANGES.items()})


@settings(max_examples=300, deadline=None)
@given(st.lists(change, min_size=2, max_size=6))
def test_the_first_of_its_kind_and_a_later_one_are_answered_alike(many: list[dict[str, Any]]) -> None:
    known = a_world().known._replace(kinds=Kinds())
    for changes in (*many, *many):
        asked = northbound(instruction_id="I", **changes)
        assert translate(asked, known, NOON, law_day(NOON)) == afresh(known, asked)


@pytest.mark.parametrize("field", CHANGES)
def test_two_that_differ_in_one_field_are_not_taken_for_one(field: str, world: World) -> None:
    known = world.known._replace(kinds=Kinds())
    for value in CHANGES[field] * 2:
        asked = northbound(instruction_id="I", **{field: value})
        assert translate(asked, known, NOON, law_day(NOON)) == afresh(known, asked)


def test_a_kind_is_of_its_law_day(world: World) -> None:
    joined = law_day(NOON)
    earlier = joined - timedelta(days=3_650)
    for day in (joined, earlier, joined):
        found = translate(northbound(), world.known, NOON, day)
        assert isinstance(found, Translated)
        assert found.facts.profile.debtor_agent_schemes == world.known.participants[HARBOUR].schemes_on(day)


def test_kinds_of_other_participants_are_forgotten(world: World) -> None:
    known = world.known
    translate(northbound(), known, NOON, law_day(NOON))
    svf = {**known.participants, HARBOUR: known.participants[HARBOUR]._replace(kind="svf")}
    for participants, kind in ((svf, "svf"), (known.participants, "bank")):
        found = translate(northbound(), known._replace(participants=participants), NOON, law_day(NOON))
        assert isinstance(found, Translated) and found.facts.profile.debtor_agent_kind == kind


def test_a_flood_of_kinds_is_forgotten_and_answered_alike(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "KINDS_MAX", 3)
    known = world.known._replace(kinds=Kinds())
    for n in range(10):
        asked = northbound(venue=f"nowhere-{n}")
        assert translate(asked, known, NOON, law_day(NOON)) == afresh(known, asked)
