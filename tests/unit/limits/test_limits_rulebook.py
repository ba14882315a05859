"""The law of a day, past law for past days, and scenarios that leave the baseline alone."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits_builders import NOON, NORTH, SOUTH, amounts, documents, facts, no_rate, with_fault

from limits.claims import REPORT
from limits.documents import RulebookError
from limits.rules import Lane, Rulebook, load_rulebook

TODAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook()


def ceiling(rulebook: Rulebook, rule: str, day: date, currency: str | None = None) -> int | None:
    value = rulebook.on(day).rule(rule)
    return value.amounts[currency] if currency else value.amount_minor


@pytest.mark.parametrize(
    ("rule", "day", "currency", "expected"),
    [
        ("payment-connect.northbound.day", date(2025, 6, 22), None, 10_000_00),
        ("payment-connect.northbound.year", date(2025, 6, 22), None, 200_000_00),
        ("mainland.fx-purchase.year", date(2007, 2, 1), None, 50_000_00),
        ("same-name.hong-kong.day", date(2005, 11, 30), None, 50_000_00),
        ("same-name.hong-kong.day", date(2005, 12, 1), None, 80_000_00),
        ("same-name.macau.day", date(2019, 12, 17), None, 50_000_00),
        ("same-name.macau.day", date(2019, 12, 18), None, 80_000_00),
        ("easy-transfer.day", date(2021, 12, 6), "MOP", 10_000_00),
        ("easy-transfer.day", date(2023, 9, 24), "MOP", 10_000_00),
        ("easy-transfer.day", date(2023, 9, 25), "MOP", 20_000_00),
        ("easy-transfer.day", date(2023, 9, 25), "HKD", 20_000_00),
        ("mainland.large-value.cross-border.day", date(2017, 7, 1), None, 200_000_00),
        ("mainland.remitter-verification", date(2026, 1, 1), None, 5_000_00),
        ("hong-kong.wire", TODAY, None, 8_000_00),
    ],
)
def test_a_past_day_has_the_law_of_its_day(
    rulebook: Rulebook, rule: str, day: date, currency: str | None, expected: int
) -> None:
    assert ceiling(rulebook, rule, day, currency) == expected


@pytest.mark.parametrize(
    ("rule", "day"),
    [
        ("payment-connect.northbound.day", date(2025, 6, 21)),
        ("mainland.fx-purchase.year", date(2007, 1, 31)),
        ("easy-transfer.day", date(2021, 12, 5)),
        ("mainland.remitter-verification", date(2025, 12, 31)),
    ],
)
def test_a_rule_does_not_hold_the_day_before_it_begins(rulebook: Rulebook, rule: str, day: date) -> None:
    with pytest.raises(KeyError):
        rulebook.on(day).rule(rule)


def test_easy_transfer_took_hong_kong_dollars_from_its_second_phase_on(rulebook: Rulebook) -> None:
    assert "HKD" not in rulebook.on(date(2023, 9, 24)).rule("easy-transfer.day").amounts


def test_easy_transfers_cap_on_a_payment_ended_with_the_second_phase(rulebook: Rulebook) -> None:
    before = rulebook.on(date(2023, 9, 24)).rail_cap("mo-easy-transfer", "MOP")
    assert before is not None and (before.amount_minor, before.currency, before.rule) == (
        5_000_00,
        "MOP",
        "easy-transfer.payment",
    )
    assert rulebook.on(date(2023, 9, 25)).rail_cap("mo-easy-transfer", "MOP") is None
    assert rulebook.on(date(2023, 9, 25)).rule("easy-transfer.payment").until is None  # a row says that there is none


def test_a_rail_has_a_cap_only_where_the_law_sets_one(rulebook: Rulebook) -> None:
    rules = rulebook.on(TODAY)
    assert rules.rail_cap("hk-fps", "HKD") is None
    assert rules.rail_cap("hvps", "CNY") is None
    assert rules.rail_cap("ibps", "HKD") is None
    cap = rules.rail_cap("ibps", "CNY")
    assert cap is not None and cap.amount_minor == 1_000_000_00 and cap.assumed


def test_days_of_one_version_of_the_law_share_their_judgements(rulebook: Rulebook) -> None:
    rules, tomorrow = rulebook.on(TODAY), rulebook.on(TODAY + timedelta(days=1))
    assert rules.judge(NORTH) is tomorrow.judge(NORTH)  # the same version of the law
    assert rules.judge(NORTH) is not rulebook.on(date(2025, 6, 21)).judge(NORTH)


def test_another_day_is_another_window_of_the_day_and_the_same_of_the_year(rulebook: Rulebook) -> None:
    keys = []
    for day in (TODAY, TODAY + timedelta(days=1)):
        rules = rulebook.on(day)
        (lane,) = rules.judge(NORTH).eligible
        claims = rules.claims(lane, facts(), amounts("HKD 1.00", "CNY 0.90"), no_rate)
        keys.append([claim.counter for claim in claims])
    assert keys[0][0] != keys[1][0] and keys[0][1] == keys[1][1]  # another day, the same year


def test_only_so_many_profiles_are_remembered(rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limits.rules.PROFILES_MAX", 100)
    rules = Rulebook(documents()).on(TODAY)
    for n in range(110):
        rules.judge(NORTH._replace(venue=f"v{n}"))
    assert 0 < len(rules._judgements) <= 100
    assert rules.judge(NORTH) == rulebook.on(TODAY).judge(NORTH)


def test_a_lane_of_another_law_is_an_error(rulebook: Rulebook) -> None:
    (lane,) = rulebook.on(TODAY).judge(NORTH).eligible
    strange: Lane = lane._replace(market="onshore")
    with pytest.raises(KeyError):
        rulebook.on(TODAY).claims(strange, facts(), amounts("HKD 1.00", "CNY 0.90"), no_rate)


def test_a_threshold_that_only_reports_has_no_ceiling_to_block_with(rulebook: Rulebook) -> None:
    for profile in (NORTH, SOUTH):
        rules = rulebook.on(TODAY)
        for lane in rules.judge(profile).eligible:
            claims = rules.claims(
                lane, facts(profile), amounts(f"{profile.debit_currency} 999999.00", "CNY 1.00"), lambda *_: Decimal(1)
            )
            reporting = [claim for claim in claims if claim.effect == REPORT]
            assert reporting and all(claim.ceiling is None for claim in reporting)


def test_northbound_each_institution_has_its_own_allowance(rulebook: Rulebook) -> None:
    rules = rulebook.on(TODAY)
    (lane,) = rules.judge(NORTH).eligible
    one, other = (
        rules.claims(lane, facts(debtor_agent=agent), amounts("HKD 1.00", "CNY 0.90"), no_rate)[0].counter
        for agent in ("HARBHKH0", "LIONHKH0")
    )
    assert one != other


def test_southbound_two_banks_share_one_allowance(rulebook: Rulebook) -> None:
    rules = rulebook.on(TODAY)
    (lane,) = rules.judge(SOUTH).eligible
    one, other = (
        {
            claim.rule: claim.counter
            for claim in rules.claims(
                lane, facts(SOUTH, debtor_agent=agent), amounts("CNY 1.00", "HKD 1.00"), lambda *_: Decimal("0.14")
            )
        }
        for agent in ("PEARCNG0", "BANYCNS0")
    )
    assert one["mainland.fx-purchase.year"] == other["mainland.fx-purchase.year"]


def test_the_quota_that_asks_for_documents_refuses_in_the_lane_that_takes_none(rulebook: Rulebook) -> None:
    rules = rulebook.on(TODAY)
    (lane,) = rules.judge(SOUTH).eligible
    claims = rules.claims(lane, facts(SOUTH), amounts("CNY 1.00", "HKD 1.00"), lambda *_: Decimal("0.14"))
    quota = next(claim for claim in claims if claim.rule == "mainland.fx-purchase.year")
    assert quota.effect == "refuse"
    assert rules.rule("mainland.fx-purchase.year").effect == "require_documents"


def test_a_gross_rule_writes_nothing_at_post_and_gives_nothing_back(rulebook: Rulebook) -> None:
    rules = rulebook.on(TODAY)
    (lane,) = rules.judge(NORTH).eligible
    claims = rules.claims(lane, facts(), amounts("HKD 1.00", "CNY 0.90"), no_rate)
    assert all(claim.gross and not claim.gives_back for claim in claims)


@settings(deadline=None, max_examples=40)  # each example builds a rulebook
@given(
    amount_minor=st.integers(1, 10**12),
    rate=st.decimals("0.01", "50", places=4),
)
def test_conversion_rounds_up_by_less_than_a_cent(rulebook: Rulebook, amount_minor: int, rate: Decimal) -> None:
    rules = rulebook.scenario({"payment-connect.reference-rate": {"value": str(rate)}}, "a rate").on(TODAY)
    profile = NORTH._replace(debit_currency="CNY")
    lane = rules.judge(profile).eligible[0]
    text = f"CNY {amount_minor // 100}.{amount_minor % 100:02}"
    claim = rules.claims(lane, facts(profile), amounts(text, text), no_rate)[0]
    exact = Decimal(amount_minor) * rate
    assert exact <= claim.delta < exact + 1


# --- Scenarios ---


def test_a_scenario_leaves_the_baseline_alone(rulebook: Rulebook) -> None:
    before, shown = rulebook.id, rulebook.show(TODAY)
    scenario = rulebook.scenario(
        {"payment-connect.northbound.day": {"value": "10000.01", "since": TODAY}}, "one cent more"
    )
    assert ceiling(scenario, "payment-connect.northbound.day", TODAY) == 10_000_01
    assert ceiling(scenario, "payment-connect.northbound.day", TODAY - timedelta(days=1)) == 10_000_00
    assert ceiling(rulebook, "payment-connect.northbound.day", TODAY) == 10_000_00
    assert (rulebook.id, rulebook.show(TODAY)) == (before, shown)
    assert scenario.id != before


def test_a_scenario_says_that_it_is_one(rulebook: Rulebook) -> None:
    scenario = rulebook.scenario({"payment-connect.northbound.day": {"value": "1"}}, "less")
    value = scenario.on(TODAY).rule("payment-connect.northbound.day")
    assert value.assumed and value.reference == "assumed: scenario less"


def test_one_overlay_gives_one_rulebook(rulebook: Rulebook) -> None:
    overlay = {
        "payment-connect.northbound.day": {"value": "20000", "since": "2026-01-01"},
        "lanes": {"hk-macau.instant": {"active": True}},
    }
    once, again = rulebook.scenario(overlay, "more"), rulebook.scenario(overlay, "more")
    assert once == again and once.id == again.id and hash(once) == hash(again)
    assert once != rulebook
    assert load_rulebook([{"name": "more", **overlay}]) == once


def test_overlays_are_applied_in_the_order_given() -> None:
    rules = load_rulebook(
        [
            {"payment-connect.northbound.day": {"value": "1", "since": date(2026, 1, 1)}},
            {"payment-connect.northbound.day": {"value": "2", "since": date(2026, 2, 1)}},
        ]
    )
    found = [
        ceiling(rules, "payment-connect.northbound.day", date(2026, month, 1) - timedelta(days=1))
        for month in (1, 2, 3)
    ]
    assert found == [10_000_00, 1_00, 2_00]


def test_a_scenario_can_lift_a_cap(rulebook: Rulebook) -> None:
    rules = rulebook.scenario({"payment-connect.northbound.day": {"value": None, "since": TODAY}}, "none").on(TODAY)
    (lane,) = rules.judge(NORTH).eligible
    claims = rules.claims(lane, facts(), amounts("HKD 50000.00", "CNY 45000.00"), no_rate)
    assert "payment-connect.northbound.day" not in [claim.rule for claim in claims]
    assert rules.rule("payment-connect.northbound.day").amount_minor is None


@pytest.mark.parametrize(
    ("overlay", "key"),
    [
        ({"no.such-rule": {"value": "1"}}, "no.such-rule"),
        ({"lanes": {"no-such-lane": {"active": True}}}, "lanes.no-such-lane"),
        ({"payment-connect.northbound.day": {"value": "1", "unit": "CNY"}}, "payment-connect.northbound.day.unit"),
        ({"payment-connect.northbound.day": {"scope": "person"}}, "scope"),
        ({"payment-connect.northbound.day": {"until": date(2025, 1, 1)}}, "payment-connect.northbound.day.until"),
        ({"rules": {"payment-connect.northbound.day": {}}}, "rules.payment-connect.northbound.day"),
        ({"payment-connect.northbound.day": {"since": TODAY}}, "payment-connect.northbound.day.value"),
        ({"lanes": {"hk-macau.instant": {"active": "yes"}}}, "lanes.hk-macau.instant.active"),
        ({"payment-connect.northbound.day": {"value": 1.5}}, "values[0].value"),
        ({"lanes/hk-macau.instant": {"value": "1"}}, "lanes/hk-macau.instant"),
        ({"rmb-tags": {"value": "1"}}, "rmb-tags"),
    ],
)
def test_a_scenario_that_changes_what_is_not_there_is_refused(
    rulebook: Rulebook, overlay: dict[str, object], key: str
) -> None:
    with pytest.raises(RulebookError) as caught:
        rulebook.scenario(overlay, "wrong")
    assert caught.value.key == key


def test_a_lane_can_be_switched_off_and_on_again(rulebook: Rulebook) -> None:
    off = rulebook.scenario({"lanes": {"payment-connect.northbound": {"active": False}}}, "off")
    assert off.on(TODAY).judge(NORTH).eligible == ()
    assert (
        off.scenario({"lanes": {"payment-connect.northbound": {"active": True}}}, "on").on(TODAY).judge(NORTH).eligible
    )


# --- What is shown ---


def test_rulebook_show_has_what_design_10_names(rulebook: Rulebook) -> None:
    rows = rulebook.show(TODAY)
    assert {"rule", "value", "currency", "window", "basis", "effect", "since", "reference", "assumed"} <= set(rows[0])
    row = next(row for row in rows if row["rule"] == "payment-connect.northbound.day")
    assert (row["value"], row["currency"], row["window"], row["basis"], row["effect"], row["since"]) == (
        "10000.00", "HKD", "calendar-day", "gross", "refuse", "2025-06-22",
    )  # fmt: skip
    assert row["reference"] == "Payment Connect, HKMA, 2025-06-22"
    assert {row["currency"] for row in rows if row["rule"] == "easy-transfer.day"} == {"MOP", "HKD"}
    hours = next(row for row in rows if row["rule"] == "payment-connect.southbound.hours")
    assert (hours["value"], hours["currency"], hours["hours"]) == ("07:00-23:00", None, "daily 07:00–23:00")


def test_rulebook_show_leaves_out_what_is_not_yet_law(rulebook: Rulebook) -> None:
    assert "payment-connect.northbound.day" not in {row["rule"] for row in rulebook.show(date(2025, 6, 21))}


def test_only_a_lane_with_hours_is_ever_closed(rulebook: Rulebook) -> None:
    rules = rulebook.on(TODAY)
    (lane,) = rules.judge(NORTH).eligible
    assert rules.hours(lane, NOON) == (True, None, "", "")
    (south,) = rules.judge(SOUTH).eligible
    closed = rules.hours(south, datetime.fromisoformat("2026-03-02T23:30:00+08:00"))
    assert closed == (
        False,
        datetime.fromisoformat("2026-03-03T07:00:00+08:00"),
        "payment-connect.southbound.hours",
        "daily 07:00–23:00",
    )


# --- What has ended ---


def test_a_rule_that_ended_binds_until_its_last_day_and_not_after() -> None:
    ended = Rulebook(with_fault("payment-connect.northbound.day.yaml", ("values", 0, "until"), TODAY))
    lane = ended.on(TODAY).judge(NORTH).eligible[0]
    after = ended.on(TODAY + timedelta(days=1))
    asked = amounts("HKD 1.00", "CNY 0.90")
    assert "payment-connect.northbound.day" in [
        claim.rule for claim in ended.on(TODAY).claims(lane, facts(), asked, no_rate)
    ]
    assert "payment-connect.northbound.day" not in [claim.rule for claim in after.claims(lane, facts(), asked, no_rate)]
    with pytest.raises(KeyError):
        after.rule("payment-connect.northbound.day")


def test_a_scenario_can_bring_back_what_has_ended() -> None:
    ended = Rulebook(with_fault("payment-connect.northbound.day.yaml", ("values", 0, "until"), date(2026, 1, 31)))
    back = ended.scenario({"payment-connect.northbound.day": {"value": "1", "since": TODAY}}, "back")
    found = [
        back.on(day).rule("payment-connect.northbound.day").amount_minor
        for day in (date(2026, 1, 31), date(2026, 2, 1), TODAY)
    ]
    assert found == [10_000_00, None, 1_00]


def test_a_lane_that_ended_says_when() -> None:
    ended = Rulebook(with_fault("lanes/payment-connect.northbound.yaml", ("values", 0, "until"), TODAY))
    assert ended.on(TODAY).judge(NORTH).eligible
    judgement = ended.on(TODAY + timedelta(days=1)).judge(NORTH)
    assert judgement.eligible == ()
    assert ("payment-connect.northbound", False, f"ended on {TODAY}", "day") in judgement.lanes


def test_a_value_ends_the_day_before_the_next_begins(rulebook: Rulebook) -> None:
    assert rulebook.on(date(2019, 12, 17)).rule("same-name.macau.day").until == date(2019, 12, 17)
