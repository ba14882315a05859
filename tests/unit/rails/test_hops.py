"""Hops: each gives up before the one that waits for it."""

import pytest

from rails.catalogue import load_catalogue
from rails.hops import read_hops

GOOD = {"client": 24, "source_rail": 22, "switch": 20, "destination_rail": 18, "creditor_agent": 15, "least": 5}


def test_every_rail_of_the_house_has_hops_that_shrink_and_says_that_they_are_assumed() -> None:
    for rail, row in load_catalogue().items():
        hops = read_hops(row["hops"])
        assert hops.client > hops.source_rail > hops.switch > hops.destination_rail > hops.creditor_agent, rail
        assert "hops" in row["assumed"], rail
        assert (hops.least is None) == (row["way"] in ("rtgs", "netted")), rail


def test_margins_lead_from_the_switch_s_deadline_to_the_creditor_agent_s() -> None:
    hops = read_hops(GOOD)
    assert hops.switch - hops.rail_margin - hops.agent_margin == hops.creditor_agent


@pytest.mark.parametrize(
    "fault", [{"switch": 22}, {"creditor_agent": 18}, {"creditor_agent": 0}, {"least": 20}, {"least": 0}]
)
def test_hops_that_do_not_shrink_are_refused(fault: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        read_hops(GOOD | fault)
