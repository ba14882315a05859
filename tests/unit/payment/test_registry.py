"""Participants' own limits and the groups of firms, as they are read."""

from typing import Any

import pytest
from builders import HARBOUR, KAPOK, a_firm

from fx.money import Money
from rails.identifiers import check
from switch.participants.registry import Firm, Participant, load_registry, own_limits, read_registry

WALLET: dict[str, Any] = {"bic": KAPOK, "name": "Kapok", "country": "HK", "kind": "svf", "rails": {}, "schemes": {}}
RULE = "payment-connect.northbound.day"


def read(limits: Any, *groups: dict[str, Any]) -> Any:
    data = {"participants": [WALLET | {"limits": limits}], "funding": {}, "inventory": {}}
    return read_registry(data, {"groups": list(groups)})


def a_group(name: str, *firms: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "equity": {"currency": "CNY", "amount": "1000.5"}, "members": list(firms)}


def test_a_participant_s_own_limits_are_told_by_rule_and_of_who_has_none_nothing() -> None:
    assert own_limits(read({RULE: "5000"})) == {KAPOK: {RULE: "5000"}}
    assert own_limits(read({})) == {} and load_registry().participants[HARBOUR].limits == {}
    assert Participant._field_defaults["limits"] == {}, "a default that somebody has written into"


@pytest.mark.parametrize("limits", [{RULE: 5000}, {RULE: "-1"}, {RULE: "5,000"}, {RULE: ""}, {"Day": "1"}, {7: "1"}])
def test_what_is_not_written_as_a_limit_is_refused_with_the_participant_s_name(limits: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match=f"{KAPOK} limits"):
        read(limits)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bic": "KAPOCNH0"}, "not of HK"),
        ({"member_ids": {"hk-fps": "80"}}, "three digits"),
        ({"member_ids": {"cnaps": "999108100045"}}, "check digit"),
        ({"member_ids": {"swift": "1"}}, "use one of hk-fps, cnaps"),
    ],
    ids=str,
)
def test_what_names_a_participant_has_the_form_its_rail_gives_it(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_registry({"participants": [WALLET | changes], "funding": {}, "inventory": {}}, {})


def test_another_limit_or_group_is_another_registry() -> None:
    registries = [read({}), read({RULE: "5000"}), read({RULE: "4999"}), read({}, a_group("one", a_firm(1)))]
    assert len({each.id for each in registries}) == len(registries)


def test_a_firm_is_found_in_its_group_however_its_number_is_printed() -> None:
    firm = a_firm(1, "CN")
    registry = read({}, a_group("one", firm | {"number": f" {firm['number'].lower()}"}))
    [(found, group)] = registry.groups_by_firm().items()
    assert found == Firm("USCC", "CN", firm["number"]) and (group.name, group.equity) == ("one", Money(1000_50, "CNY"))


def test_a_firm_of_two_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="leave it in one"):
        read({}, a_group("one", a_firm(1)), a_group("two", a_firm(1))).groups_by_firm()


def test_the_packaged_groups_have_members_with_right_numbers_on_both_sides_of_the_border() -> None:
    registry = load_registry()
    assert len(registry.groups) == 2 and registry.groups_by_firm()
    for group in registry.groups:
        assert {firm.country for firm in group.members} == {"HK", "CN"}
        assert [check(firm.type, firm.number, firm.country) for firm in group.members] == [None] * len(group.members)
