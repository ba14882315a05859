"""The directory: proxies lead to accounts, accounts to names, per country and only once."""

import pytest

from switch.directory.directory import Directory, build_directory, known_entries
from switch.directory.entries import Entry
from switch.participants.registry import load_registry

ENTRY = Entry("HBAYHKH0", "900-888-777777", "HO Mei", "person", "HK", (("MBNO", "+852-61777777"),))


def test_a_proxy_leads_to_its_account_in_any_spelling() -> None:
    directory = Directory([ENTRY])
    assert directory.resolve("MBNO", "+852 6177 7777", "HK") == ENTRY
    assert directory.resolve("MBNO", "+852-61777777", "MO") is None
    assert directory.resolve("EMAL", "+852-61777777", "HK") is None


def test_an_account_is_known_by_agent_and_number_whatever_branch_and_spelling() -> None:
    directory = Directory([ENTRY])
    assert directory.account("HBAYHKH0XXX", "900888777777") == ENTRY
    assert directory.account("LIONHKH0", "900888777777") is None


def test_an_account_or_a_proxy_is_registered_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        Directory([ENTRY, ENTRY._replace(account="900888777777", proxies=())])
    with pytest.raises(ValueError, match="registered twice"):
        Directory([ENTRY, ENTRY._replace(account="1")])


def test_a_proxy_that_its_rail_does_not_take_is_not_registered() -> None:
    with pytest.raises(ValueError, match="not EMAL"):
        Directory([ENTRY._replace(country="MO", proxies=(("EMAL", "a@b.mo"),))])


def test_one_seed_makes_one_directory_and_another_seed_another() -> None:
    assert list(build_directory(7)) == list(build_directory(7)) != list(build_directory(8))


def test_a_sandbox_knows_packaged_and_given_entries_at_agents_that_take_part() -> None:
    directory = build_directory(1, [ENTRY])
    assert directory.account(ENTRY.agent, ENTRY.account) == ENTRY
    assert all(directory.account(entry.agent, entry.account) == entry for entry in known_entries())
    participants = load_registry().participants
    assert all(participants[entry.agent].country == entry.country for entry in directory)
    assert {entry.agent for entry in directory} == set(participants)
