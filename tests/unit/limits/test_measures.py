"""What a rule claims: on whose counter, in which window, towards which ceiling."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from limits_builders import NOON, NORTH, SOUTH, facts

from fx.money import Money
from limits.calendars import law_day
from limits.claims import REPORT, SUSPEND, Claim, Sums
from limits.counters import admit, evaluate
from limits.facts import Amounts, PaymentFacts
from limits.measures import LaneLaw, Law, Use, claimers, claims_made, document_claimer, documents_claimed
from limits.own_limits import faults
from limits.reading import read_rule
from limits.rules import load_rulebook
from limits.values import Rule, suspended_until, value_of

SOURCE = {"assumed": True, "reason": "of the test"}
DOCUMENT: Mapping[str, Any] = {
    "id": "r", "kind": "limit", "description": "d", "unit": "CNY", "scope": "person", "basis": "gross",
    "window": {"period": "calendar-year", "zone": "UTC+8", "instant": "received"}, "admission": "whole", "effect": "refuse",
    "gives_back": False, "measure": {"amount": "debit"}, "enforced_by": "SAFE", "approved_by": "SAFE", "at_exhaustion": "Wait.",
    "values": [{"since": date(2016, 1, 1), "value": "1000", **SOURCE}],
}  # fmt: skip


def a_rule(**changes: Any) -> Rule:
    return read_rule("r.yaml", {**DOCUMENT, **changes})


def claims_of(
    rule: Rule, given: PaymentFacts, paid: str = "100", use: Use | None = None, direction: str = "southbound"
) -> tuple[Claim, ...]:
    day = law_day(given.at)
    row = next(row for row in reversed(rule.values) if row.since <= day)
    law = Law({rule.id: rule}, {rule.id: row.value})
    compiled = LaneLaw(tuple(claimers(law, rule, use or Use("r", "", ""), direction, day)), ())
    makers = compiled.concerning(given).claimers
    money = Money(int(Decimal(paid) * 100), "CNY")
    return claims_made(makers, given, Amounts(money, money), lambda *_: Decimal(1))


def at(instant: str) -> PaymentFacts:
    return facts(SOUTH, at=datetime.fromisoformat(instant).astimezone(UTC))


@pytest.mark.parametrize(
    ("scope", "whose"),
    [
        ("person", "p1"), ("person-institution", "p1@{agent}"), ("person-direction", "p1@southbound"),
        ("person-channel", "p1@southbound.bank"), ("creditor", "p2"), ("account", "account-1"), ("card", "account-1"),
        ("creditor-account", "account-2"), ("institution", "{agent}"), ("market", "market"), ("link", "market"), ("group", "g1"),
    ],
)  # fmt: skip
def test_each_scope_has_its_own_counter(scope: str, whose: str) -> None:
    given = facts(SOUTH)
    given = given._replace(
        debtor_id="p1", creditor_id="p2", debtor_account="account-1", creditor_account="account-2", group="g1",
        profile=given.profile._replace(wealth_channel="bank"),
    )  # fmt: skip
    enforced_by = "SAFE" if scope in ("person", "person-direction", "person-channel", "creditor") else "PBoC"
    [claim] = claims_of(a_rule(scope=scope, enforced_by=enforced_by), given)
    assert claim.counter == f"r|{whose.format(agent=given.debtor_agent)}|{law_day(given.at).year}"


def test_the_way_home_of_a_net_scheme_gives_back_on_the_counter_of_the_way_out() -> None:
    rule = a_rule(basis="net-remittance", scope="market", window={**DOCUMENT["window"], "period": "outstanding"})
    [out], [home] = claims_of(rule, facts(SOUTH)), claims_of(rule, facts(NORTH), use=Use("r", "", "", down=True))
    assert (out.counter, out.delta, home.counter, home.delta) == ("r|market|all", 10_000, "r|market|all", -10_000)
    assert not out.gross, "what goes out frees its room only when it has come home for good"
    assert evaluate((home,), {}) is None


def test_a_day_may_begin_at_another_hour_and_the_hour_itself_belongs_to_the_new_day() -> None:
    rule = a_rule(window={**DOCUMENT["window"], "period": "calendar-day", "begins": "05:00"})
    [late], [early] = (claims_of(rule, at(f"2026-03-03T{time}+08:00")) for time in ("04:59:59.999", "05:00:00.000"))
    assert (late.counter, early.counter) == (
        "r|{}|2026-03-02".format(late.counter.split("|")[1]),
        late.counter.replace("-02", "-03"),
    )


@pytest.mark.parametrize(("instant", "window"), [("received", "2026-03-03"), ("accepted", "2026-03-02")])
def test_at_midnight_the_rule_says_which_instant_counts(instant: str, window: str) -> None:
    """Accepted by the debtor agent a millisecond before midnight, received by the switch a millisecond after."""
    rule = a_rule(window={"period": "calendar-day", "zone": "UTC+8", "instant": instant})
    received = at("2026-03-03T00:00:00.001+08:00")
    [claim] = claims_of(rule, received._replace(accepted_at=received.at - timedelta(milliseconds=2)))
    assert claim.counter.endswith(f"|{window}")


def test_where_the_debtor_agent_says_nothing_the_instant_of_receipt_counts() -> None:
    rule = a_rule(window={"period": "calendar-day", "zone": "UTC+8", "instant": "accepted"})
    [claim] = claims_of(rule, at("2026-03-03T00:00:00.001+08:00"))
    assert claim.counter.endswith("|2026-03-03")


def test_who_exceeded_a_year_is_shut_out_of_the_next_one_and_not_of_the_one_after() -> None:
    rule = a_rule(effect=SUSPEND, suspends=1, admission="while_open")
    [_, first] = claims_of(rule, at("2026-12-31T12:00:00+08:00"), "1500")
    refused, sums = admit((first,), {})
    assert refused is None and sums[first.counter].up_posted == 150_000, "the one that crosses the line is paid"
    within_year = admit(claims_of(rule, at("2026-12-31T23:59:59.999+08:00"), "0.01"), sums)[0]
    next_year = admit(claims_of(rule, at("2027-01-01T00:00:00+08:00"), "0.01"), sums)[0]
    assert within_year is not None and next_year is not None
    assert next_year.claim.delta == 0 and next_year.claim.counter == first.counter
    assert suspended_until(value_of(rule, rule.values[0]), "2026") == date(2027, 12, 31)
    assert admit(claims_of(rule, at("2028-01-01T00:00:00+08:00"), "0.01"), sums)[0] is None


def test_a_year_used_to_the_last_fen_suspends_nobody() -> None:
    rule = a_rule(effect=SUSPEND, suspends=1, admission="while_open")
    claims = claims_of(rule, at("2027-01-01T00:00:00+08:00"))
    assert evaluate(claims, {claims[0].counter: Sums(up_posted=100_000)}) is None
    assert evaluate(claims, {claims[0].counter: Sums(up_posted=100_001)}) is not None


def test_a_person_in_a_penalty_state_has_the_penalty_s_ceiling_and_no_other_person() -> None:
    rule = a_rule(penalty={"state": "watch-list", "value": "0"})
    given = facts(SOUTH)
    listed = given._replace(profile=given.profile._replace(debtor_states=frozenset({"watch-list"})))
    assert [claim.ceiling for claim in (*claims_of(rule, given), *claims_of(rule, listed))] == [100_000, 0]


def test_a_value_keyed_by_institution_is_each_one_s_own_and_none_for_who_is_not_named() -> None:
    given = facts(SOUTH)
    values = [{"since": date(2016, 1, 1), "value": {given.debtor_agent: "5"}, **SOURCE}]
    rule = a_rule(scope="institution", keyed_by="institution", values=values)
    assert [claim.ceiling for claim in claims_of(rule, given)] == [500]
    assert claims_of(rule, given._replace(debtor_agent="NOBOCNS0")) == ()


def test_of_two_channels_each_has_its_share() -> None:
    values = [{"since": date(2016, 1, 1), "value": {"one": "30", "two": "15"}, **SOURCE}]
    rule = a_rule(scope="person-channel", keyed_by="channels", values=values)
    given = facts(SOUTH)
    both = given.profile._replace(wealth_channels=frozenset({"bank", "broker"}), wealth_channel="bank")
    one = given.profile._replace(wealth_channels=frozenset({"bank"}), wealth_channel="bank")
    assert [claims_of(rule, given._replace(profile=each))[0].ceiling for each in (one, both)] == [3_000, 1_500]


def test_a_coefficient_is_of_the_group_s_equity_rounded_down_and_of_nothing_where_there_is_none() -> None:
    values = [{"since": date(2016, 1, 1), "value": {"coefficient": "0.5", "of": "group-equity"}, **SOURCE}]
    rule = a_rule(scope="group", values=values)
    given = facts(SOUTH)._replace(group="g1", group_equity=Money(1_001, "CNY"))
    assert [claims_of(rule, each)[0].ceiling for each in (given, given._replace(group_equity=None))] == [500, 0]


def test_an_institution_s_own_limit_may_lower_the_law_s_and_never_raise_it() -> None:
    given = facts(SOUTH)
    rule = a_rule(scope="person-institution", enforced_by="institution")
    for own, ceiling in (("400", 40_000), ("4000", 100_000)):
        assert claims_of(rule, given._replace(own_limits={"r": own}))[0].ceiling == ceiling


@pytest.mark.parametrize(
    ("changes", "amount", "what"),
    [
        ({}, "1000.01", "the law's own limit is lower"),
        ({"scope": "person", "enforced_by": "SAFE"}, "5", "is not one institution's"),
        ({}, "5.001", "2 decimals"),
    ],
)
def test_a_limit_that_is_not_an_institution_s_to_set_is_told(
    changes: Mapping[str, Any], amount: str, what: str
) -> None:
    rule = a_rule(**{"scope": "person-institution", "enforced_by": "institution"} | changes)
    [fault] = faults({"r": rule}, {"HARBHKH0": {"r": amount}})
    assert what in fault and "HARBHKH0 limits r" in fault
    assert faults({"r": rule}, {"HARBHKH0": {"s": "5"}}) and not faults({"r": rule}, {})


def test_where_the_law_sets_no_limit_an_institution_may_set_its_own() -> None:
    values = [{"since": date(2016, 1, 1), "value": None, **SOURCE}]
    rule = a_rule(scope="person-institution", enforced_by="institution", values=values)
    assert claims_of(rule, facts(SOUTH)) == ()
    assert claims_of(rule, facts(SOUTH)._replace(own_limits={"r": "7"}))[0].ceiling == 700


@pytest.mark.parametrize(
    "changes", [{"state": "advisory"}, {"state": "draft", "approvals": ["HKMA", "PBoC"], "approved_by": ["HKMA"]}]
)
def test_what_is_not_approved_counts_and_never_refuses(changes: Mapping[str, Any]) -> None:
    [claim] = claims_of(a_rule(**changes), facts(SOUTH), "5000")
    assert claim.effect == REPORT and claim.ceiling is None and claim.delta == 500_000


def test_a_draft_with_all_its_approvals_is_law() -> None:
    rule = a_rule(state="draft", approvals=["HKMA", "PBoC"], approved_by=["PBoC", "HKMA"])
    assert evaluate(claims_of(rule, facts(SOUTH), "5000"), {}) is not None


def test_a_dated_value_may_count_on_another_scope() -> None:
    values = [
        {"since": date(2003, 1, 1), "value": "1000", "scope": "card", **SOURCE},
        {"since": date(2018, 1, 1), "value": "1000", **SOURCE},
    ]
    rule = a_rule(values=values)
    [before], [after] = (
        claims_of(rule, at("2017-12-31T23:59:59.999+08:00")),
        claims_of(rule, at("2018-01-01T00:00:00+08:00")),
    )
    given = facts(SOUTH)
    assert before.counter == f"r|{given.debtor_account}|2017" and after.counter == f"r|{given.debtor_id}|2018"


def test_an_invoice_is_given_once_and_a_school_s_notice_as_often_as_it_is_needed() -> None:
    rules = load_rulebook().on(law_day(NOON))
    given = facts(NORTH)._replace(documents=(("invoice", "d1"), ("tuition-notice", "d2")))
    [claim] = documents_claimed(rules.documents, given)
    assert claim.counter == "documents.once|d1|all"
    refused, sums = admit((claim,), {})
    assert refused is None and evaluate((claim,), sums) is not None
    assert (
        evaluate(documents_claimed(rules.documents, given._replace(documents=(("invoice", "d1"),) * 2)), {}) is not None
    )


def test_a_rule_on_documents_is_none_before_its_day() -> None:
    rule = load_rulebook().on(law_day(NOON))
    assert rule.documents
    assert load_rulebook().on(date(2014, 4, 30)).documents == ()
    assert document_claimer(Law({}, {}), a_rule()) is None
