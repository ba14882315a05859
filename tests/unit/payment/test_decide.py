"""decide: table by table, what becomes of a payment that nothing has been reserved for yet."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from builders import (
    BANYAN,
    HARBOUR,
    KAPOK,
    LION,
    LOTUS,
    NOON,
    PEAK,
    PEARL,
    PRAIA,
    RULEBOOK,
    YUEXIU,
    a_firm,
    a_person,
    a_world,
    ask_of,
    domestic,
    northbound,
    southbound,
    trade,
)

from fx.money import Money
from fx.providers import Provider, Spreads, Tier
from fx.quotes import firm
from limits.claims import Refused
from switch.flow.world import World
from switch.payment.decide import decide, refusal_of
from switch.payment.instruction import Instruction
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import inventory, reservation
from switch.payment.reasons import problem


@pytest.fixture(scope="module")
def world() -> World:
    return a_world()


def verdict(world: World, instruction: Instruction, at: datetime = NOON, **ask: Any) -> Plan | Refusal:
    asked, view = ask_of(world, instruction, at, **ask)
    return decide(asked, view)


def plan(world: World, instruction: Instruction, at: datetime = NOON, **ask: Any) -> Plan:
    found = verdict(world, instruction, at, **ask)
    assert isinstance(found, Plan), found
    return found


def refusal(world: World, instruction: Instruction, at: datetime = NOON, **ask: Any) -> Refusal:
    found = verdict(world, instruction, at, **ask)
    assert isinstance(found, Refusal), found
    assert "—" not in problem(found).text, f"a sentence with a hole: {problem(found).text}"
    return found


# --- class and lane ---


def same_name(amount: str = "100.00", **changes: Any) -> Instruction:
    """RMB to the debtor's own mainland account: Payment Connect and the RMB 80,000 lane are both open to it."""
    own: dict[str, Any] = {
        "creditor__name": "CHAN Tai Man",
        "creditor__identification": a_person(1),
        "creditor__residency": "HK",
    }
    return northbound(amount, "CNY", **own | changes)


def tuition(**changes: Any) -> Instruction:
    """A mainland household pays a Hong Kong school against its notice."""
    school: dict[str, Any] = {
        "creditor__name": "Harbour Tutors Ltd",
        "creditor__identification": a_firm(9),
        "creditor__sector": "education",
        "purpose_code": "EDUC",
        "documents": [{"type": "tuition-notice", "reference": "T-1"}],
    }
    return southbound(**school | changes)


def payroll(**changes: Any) -> Instruction:
    """A Hong Kong employer pays staff in the mainland; the bank has vetted the payroll."""
    return northbound(
        debtor__name="Lion Rock Design Ltd", debtor__identification=a_firm(1), debtor__sector="corporation",
        purpose_code="SALA", documents=[{"type": "payroll", "reference": "P-1"}], **changes,
    )  # fmt: skip


LANES = [
    (northbound(), "payment-connect.northbound", "personal-transfer"),
    (northbound(currency="CNY"), "payment-connect.northbound", "personal-transfer"),
    (northbound(debtor_agent=KAPOK), "payment-connect.northbound", "personal-transfer"),
    (southbound(), "payment-connect.southbound", "personal-transfer"),
    (southbound(settlement_currency="CNY"), "payment-connect.southbound", "personal-transfer"),
    (southbound(creditor_agent=KAPOK), "payment-connect.southbound", "personal-transfer"),
    (same_name(), "payment-connect.northbound", "own-account"),
    (same_name(lane="same-name.hong-kong"), "same-name.hong-kong", "own-account"),
    (same_name(creditor_agent=YUEXIU), "same-name.hong-kong", "own-account"),  # in no scheme, but on HVPS
    (tuition(), "payment-connect.southbound.documented", "study"),
    (tuition(documents=None), "payment-connect.southbound", "study.undocumented"),
    (payroll(), "payment-connect.northbound.payroll", "wages"),
    (trade(), "trade.northbound", "goods"),
    (trade(currency="HKD"), "trade.northbound", "goods"),
    (domestic(), "domestic.hong-kong", "domestic"),
    (domestic(creditor_agent=HARBOUR), "domestic.hong-kong", "domestic"),
]


@pytest.mark.parametrize(("instruction", "lane", "rule"), LANES, ids=range(len(LANES)))
def test_a_payment_takes_the_first_lane_open_to_its_facts(
    world: World, instruction: Instruction, lane: str, rule: str
) -> None:
    found = plan(world, instruction)
    assert (found.lane.id, found.classification.rule) == (lane, rule)
    [taken] = [verdict for verdict in found.lanes if verdict.lane == lane]
    assert taken.eligible and len(found.lanes) > 10  # every lane has its verdict


NO_LANE = [
    (northbound(debtor_agent=PEAK), "payment-connect.northbound"),  # its bank is not in the scheme
    (northbound(creditor_agent=YUEXIU), "payment-connect.northbound"),
    (northbound(debtor__identification=a_person(1, "CN")), "payment-connect.northbound"),  # the card opens the lane
    (northbound(settlement_currency="HKD"), "payment-connect.northbound"),
    (southbound(debtor__identification={"type": "PASSPORT", "number": "K1234567", "country": "GB"}), "southbound"),
]


@pytest.mark.parametrize(("instruction", "lane"), NO_LANE, ids=range(len(NO_LANE)))
def test_a_payment_no_lane_is_open_to_is_refused_and_told_why(
    world: World, instruction: Instruction, lane: str
) -> None:
    found = refusal(world, instruction)
    assert (found.reason, problem(found).code) == ("no-lane", "AG03") and lane in found.detail["why"]


def test_what_no_row_fits_is_refused_and_never_guessed(world: World) -> None:
    """One person with two residencies is a contradiction in the facts."""
    found = refusal(world, same_name(creditor__residency="CN"))
    assert (found.reason, problem(found).code, found.field) == ("unclassified", "AG03", "purpose_code")
    assert (found.detail["debtor_residency"], found.detail["creditor_residency"]) == ("HK", "CN")


def test_before_the_wallet_joined_no_lane_is_open_to_it(world: World) -> None:
    eve = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
    assert refusal(world, northbound(debtor_agent=KAPOK), at=eve).reason == "no-lane"
    assert plan(world, northbound(debtor_agent=KAPOK), at=eve + timedelta(days=1)).lane.scheme == "payment-connect"


def test_before_the_scheme_began_there_was_no_such_lane(world: World) -> None:
    assert refusal(world, northbound(), at=datetime(2025, 6, 21, 4, 0, tzinfo=UTC)).reason == "no-lane"


@pytest.mark.parametrize(
    ("lane", "why"),
    [
        ("no-such-lane", "there is no such lane"),
        ("same-name.hong-kong", "debtor and creditor must be the same person; they are not"),
        ("trade.northbound", "debtor kind must be firm; it is person"),
    ],
)
def test_a_lane_asked_for_must_be_open_to_the_facts(world: World, lane: str, why: str) -> None:
    found = refusal(world, northbound(lane=lane, currency="CNY", amount="100.00"))
    assert (found.reason, found.field, found.detail["why"]) == ("lane-not-eligible", "lane", why)


def test_a_lane_that_was_passed_is_not_taken_again(world: World) -> None:
    first = plan(world, same_name(allow_lanes=True))
    assert first.lane.id == "payment-connect.northbound"
    second = plan(world, same_name(allow_lanes=True), passed_lanes=frozenset({first.lane.id}))
    assert second.lane.id == "same-name.hong-kong"
    last = refusal(world, same_name(allow_lanes=True), passed_lanes=frozenset({first.lane.id, second.lane.id}))
    assert last.reason == "no-lane"


def test_the_lane_named_comes_first_and_the_others_after_it_where_they_are_allowed(world: World) -> None:
    named = same_name(lane="same-name.hong-kong", allow_lanes=True)
    assert plan(world, named).lane.id == "same-name.hong-kong"
    night = datetime(2026, 3, 5, 14, 0, tzinfo=UTC)  # 22:00: HVPS has opened for the next day
    saturday = datetime(2026, 3, 7, 4, 0, tzinfo=UTC)
    assert plan(world, named, at=night).lane.id == "same-name.hong-kong"
    assert plan(world, named, at=saturday).lane.id == "payment-connect.northbound"  # the RTGS are closed
    alone = same_name(lane="same-name.hong-kong")
    assert refusal(world, alone, at=saturday).reason == "rail-closed"


def test_without_leave_a_closed_first_lane_is_not_replaced_by_another_law(world: World) -> None:
    """Tuition at night: Payment Connect is closed both ways of it, and nothing else may be tried unasked."""
    found = refusal(world, tuition(), at=datetime(2026, 3, 5, 16, 0, tzinfo=UTC))
    assert (found.reason, found.detail["lane"]) == ("lane-closed", "payment-connect.southbound.documented")


def test_where_all_lanes_refuse_the_first_one_s_reason_is_told(world: World) -> None:
    at = datetime(2026, 3, 5, 16, 0, tzinfo=UTC)
    found = refusal(world, tuition(allow_lanes=True), at=at)
    assert found.detail["lane"] == "payment-connect.southbound.documented"


# --- hours ---


def on_5_march(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-05T{text}+08:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("local", "opens_at"),
    [
        ("00:00:00", "2026-03-05T07:00:00"),
        ("06:59:59.999", "2026-03-05T07:00:00"),
        ("07:00:00", None),
        ("22:59:59.999", None),
        ("23:00:00", "2026-03-06T07:00:00"),
        ("23:59:59.999", "2026-03-06T07:00:00"),
    ],
)
def test_southbound_is_open_from_seven_to_eleven(world: World, local: str, opens_at: str | None) -> None:
    found = verdict(world, southbound(), at=on_5_march(local))
    if opens_at is None:
        assert isinstance(found, Plan)
        return
    assert isinstance(found, Refusal) and (found.reason, problem(found).code) == ("lane-closed", "TM01")
    assert datetime.fromisoformat(found.detail["opens_at"]) == datetime.fromisoformat(f"{opens_at}+08:00")
    assert found.detail["rule"] == "payment-connect.southbound.hours" and "07:00" in found.detail["hours"]


@pytest.mark.parametrize("local", ["00:00:00", "03:30:00", "23:30:00"])
def test_northbound_takes_payments_around_the_clock(world: World, local: str) -> None:
    assert plan(world, northbound(), at=on_5_march(local)).lane.id == "payment-connect.northbound"


def test_a_closed_rail_says_when_it_opens(world: World) -> None:
    saturday = datetime(2026, 3, 7, 4, 0, tzinfo=UTC)
    found = refusal(world, trade(), at=saturday)
    assert (found.reason, problem(found).code) == ("rail-closed", "ED06")
    opens_at = datetime.fromisoformat(found.detail["opens_at"])
    assert opens_at > saturday and world.rails[found.detail["rail"]].is_open(opens_at, "CNY")


def test_a_closed_link_says_when_both_its_rails_are_open_again(world: World) -> None:
    """HVPS opens on Sunday at 20:30, CHATS on Monday at 08:30: on Sunday evening nothing could be carried yet."""
    monday = datetime.fromisoformat("2026-03-09T08:30+08:00")
    saturday, sunday_night, friday = (
        datetime(2026, 3, 7, 4, 0, tzinfo=UTC), datetime(2026, 3, 8, 13, 0, tzinfo=UTC), datetime(2026, 3, 6, 9, 20, tzinfo=UTC),
    )  # fmt: skip
    for at, closed in ((saturday, "hk-chats"), (sunday_night, "hk-chats"), (friday, "hvps")):
        found = refusal(world, trade(currency="HKD", creditor_agent=YUEXIU), at=at)
        assert (found.detail["rail"], datetime.fromisoformat(found.detail["opens_at"])) == (closed, monday)
        assert found.detail["opens_at"].endswith("+08:00")
        assert isinstance(verdict(world, trade(currency="HKD"), at=monday.astimezone(UTC)), Plan)


@pytest.mark.parametrize(
    ("local", "closed"), [("08:29:59", "hk-chats"), ("08:30:00", None), ("17:14:59", None), ("17:15:00", "hvps")]
)
def test_a_link_of_two_rtgs_is_open_while_both_are(world: World, local: str, closed: str | None) -> None:
    monday = datetime.fromisoformat(f"2026-03-09T{local}+08:00").astimezone(UTC)
    found = verdict(world, trade(currency="HKD", creditor_agent=YUEXIU), at=monday)
    assert (found.detail["rail"] if isinstance(found, Refusal) else None) == closed


# --- routing ---


def test_a_link_names_a_rail_on_either_side(world: World) -> None:
    found = plan(world, northbound())
    assert [(step.rail, step.role) for step in found.route] == [("hk-fps", "debit"), ("ibps", "credit")]
    assert (found.leg.rail, found.leg.debtor_agent, found.leg.creditor_agent) == ("ibps", HARBOUR, PEARL)
    assert found.leg.amount == found.settlement and found.leg.creditor_account == "6222000000000000017"


def test_the_rail_not_needed_is_said_to_be_in_reserve(world: World) -> None:
    [step] = plan(world, domestic()).route
    assert (step.rail, step.role) == ("hk-fps", "domestic")
    assert step.passed_over == (("hk-chats", "kept in reserve behind the one taken"),)


_RESERVE = "kept in reserve behind the one taken"


def mainland(amount: str, **changes: Any) -> Instruction:
    """A gift within the mainland."""
    return southbound(
        amount, creditor__residency="CN", creditor_agent=BANYAN, settlement_currency="CNY",
        creditor__account__number="6222000000000000099", **changes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "rail", "passed_over"),
    [
        ("999999.99", "ibps", (("beps", _RESERVE), ("hvps", _RESERVE))),
        ("1000000.00", "ibps", (("beps", _RESERVE), ("hvps", _RESERVE))),
        ("1000000.01", "beps", (("hvps", _RESERVE), ("ibps", "above its cap ibps.transaction"))),
        ("500000000.00", "beps", (("hvps", _RESERVE), ("ibps", "above its cap ibps.transaction"))),
        (
            "500000000.01",
            "hvps",
            (("ibps", "above its cap ibps.transaction"), ("beps", "above its cap beps.transaction")),
        ),
    ],
)
def test_above_a_rail_s_cap_the_next_one_is_taken_and_why_is_said(
    world: World, amount: str, rail: str, passed_over: tuple[tuple[str, str], ...]
) -> None:
    [step] = plan(world, mainland(amount)).route
    assert (step.rail, step.passed_over) == (rail, passed_over)


def test_above_the_cap_of_the_only_open_rail_the_cap_is_told_and_when_another_carries_it(world: World) -> None:
    saturday = datetime(2026, 3, 7, 4, 0, tzinfo=UTC)  # HVPS is closed
    found = refusal(world, mainland("500000000.01"), at=saturday)
    assert (found.reason, problem(found).code) == ("rail-cap-closed", "AM13")
    assert (found.detail["rail"], found.detail["opens_at"]) == ("hvps", "2026-03-08T20:30:00+08:00")
    assert "CNY 500,000,000.00 a payment" in problem(found).text
    assert (found.detail["rule"], found.detail["ceiling"]) == ("beps.transaction", "CNY 500000000.00")
    assert found.detail["source"]
    [step] = plan(world, mainland("1000000.00"), at=saturday).route
    assert step.rail == "ibps" and [rail for rail, why in step.passed_over if why.startswith("closed until")] == [
        "hvps"
    ]


def test_a_rail_an_agent_has_not_joined_is_passed_over(world: World) -> None:
    found = plan(world, domestic(creditor_agent=KAPOK))
    [step] = found.route
    assert step.rail == "hk-fps"
    assert step.passed_over == (("hk-chats", "not joined by KAPOHKH0"),)


def test_a_link_whose_agents_share_no_rail_is_refused(world: World) -> None:
    without = {name: p._replace(rails={}) if name == PEARL else p for name, p in world.registry.participants.items()}
    bare = a_world()
    bare.registry = bare.registry._replace(participants=without)
    found = refusal(bare, northbound())
    assert (found.reason, problem(found).code) == ("no-rail", "AGNT")
    assert found.detail["why"] == "ibps not joined by PEARCNG0"


def test_a_wallet_settles_through_its_sponsor_s_position(world: World) -> None:
    """Kapok Wallet's payments move Lion Rock Bank's position and still claim the wallet's own quota."""
    north, own = plan(world, northbound(debtor_agent=KAPOK)), plan(world, northbound(debtor_agent=LION))
    assert north.transfers == own.transfers and north.leg.debtor_agent == LION
    assert north.transfers[0].debit_account == "position:LIONHKH0:hk-fps:HKD"
    [wallet] = [claim.counter for claim in north.claims if claim.rule == "payment-connect.northbound.day"]
    [bank] = [claim.counter for claim in own.claims if claim.rule == "payment-connect.northbound.day"]
    assert "@KAPOHKH0|" in wallet and "@LIONHKH0|" in bank
    south = plan(world, southbound(creditor_agent=KAPOK))
    assert (south.leg.creditor_agent, south.transfers[1].credit_account) == (KAPOK, "position:LIONHKH0:hk-fps:HKD")


def test_a_payment_between_a_wallet_and_its_sponsor_moves_one_position_out_and_in(world: World) -> None:
    found = plan(world, domestic(debtor_agent=KAPOK, creditor_agent=LION))
    [transfer] = found.transfers
    assert transfer.debit_account == transfer.credit_account == "position:LIONHKH0:hk-fps:HKD"
    assert {claim.delta for claim in reservation(found)} == {10000, -10000}


def test_the_deadline_is_the_rail_s_own_after_receipt(world: World) -> None:
    for build, rail in ((northbound, "ibps"), (southbound, "hk-fps"), (trade, "hvps")):
        found = plan(world, build())
        assert (found.leg.rail, found.leg.expires_at) == (rail, NOON + world.rails[rail].capabilities.deadline)


def test_routes_are_looked_at_anew_every_minute(world: World) -> None:
    """What is remembered of a minute must not outlive it: HVPS closes at 17:15."""
    for _ in range(3):
        assert isinstance(verdict(world, trade(creditor_agent=YUEXIU), at=on_5_march("17:14:59.999")), Plan)
        assert isinstance(verdict(world, trade(creditor_agent=YUEXIU), at=on_5_march("17:15:00")), Refusal)


# --- price ---


def test_the_best_price_wins_and_its_lines_stand_apart(world: World) -> None:
    """HKD 100 at 0.9: Sampan takes 12 points below HKD 5,000, Lantern 18."""
    found = plan(world, northbound("100.00"))
    assert found.price is not None
    assert (found.price.provider, found.price.spread, found.settlement) == (
        "sampan-fx", Money(12, "HKD"), Money(89_89, "CNY"),
    )  # fmt: skip
    assert (found.debit, found.rate, found.price.market) == (Money(100_00, "HKD"), found.price.rate, "offshore")
    above = plan(world, northbound("5000.00"))
    assert above.price is not None and above.price.provider == "lantern-fx"


def test_an_amount_in_the_creditor_s_currency_fixes_what_arrives(world: World) -> None:
    found = plan(world, northbound(instructed_amount={"currency": "CNY", "amount": "90.00"}))
    assert found.settlement == Money(90_00, "CNY")
    assert found.debit == Money(100_13, "HKD")  # 100.00 at mid, and 12 points of what is sold, rounded up


def test_southbound_converts_onshore_and_northbound_offshore(world: World) -> None:
    assert plan(world, southbound()).settlement == Money(107_87, "HKD")  # (100.00 − 0.12) × 1.08
    assert plan(world, northbound()).settlement == Money(89_89, "CNY")  # (100.00 − 0.12) × 0.90


def test_one_currency_is_not_priced(world: World) -> None:
    found = plan(world, northbound(currency="CNY"))
    assert found.price is None and found.rate is None and found.debit == found.settlement == Money(100_00, "CNY")


def providers(**bps: int) -> tuple[Provider, ...]:
    table = {name: Spreads("HKD", (Tier(None, points),)) for name, points in bps.items()}
    return tuple(
        Provider(name, name, frozenset({"HKD", "CNY"}), {("HKD", "CNY"): spreads, ("CNY", "HKD"): spreads}, 600, True)
        for name, spreads in table.items()
    )


@pytest.mark.parametrize(
    ("bps", "empty", "winner"),
    [
        ({"beta": 10, "alpha": 10}, (), "alpha"),  # a tie goes by name
        ({"beta": 10, "alpha": 30}, (), "beta"),
        ({"beta": 10, "alpha": 10}, ("alpha",), "beta"),
        ({"alpha": 1, "beta": 2, "gamma": 3}, ("alpha", "beta"), "gamma"),
    ],
)
def test_the_best_provider_with_an_inventory_wins_and_a_tie_goes_by_name(
    bps: dict[str, int], empty: tuple[str, ...], winner: str
) -> None:
    world = a_world()
    world.providers = providers(**bps)
    accounts = frozenset(inventory(name, "offshore", "CNY") for name in empty)
    found = plan(world, northbound(), empty_inventories=accounts)
    assert found.price is not None and found.price.provider == winner


def test_when_every_inventory_is_empty_there_is_no_rate() -> None:
    world = a_world()
    world.providers = providers(alpha=10)
    accounts = frozenset({inventory("alpha", "offshore", "CNY")})
    found = refusal(world, northbound(), empty_inventories=accounts)
    assert (found.reason, found.detail) == ("no-rate", {"currency": "CNY"})
    assert isinstance(verdict(world, northbound(currency="CNY"), empty_inventories=accounts), Plan)


def test_an_amount_too_small_to_buy_anything_says_so(world: World) -> None:
    assert refusal(world, northbound("0.01")).reason == "amount-too-small"


# --- charges ---


def test_the_debtor_pays_the_charge_unless_the_creditor_bears_it(world: World) -> None:
    for bearer in ("DEBT", "SHAR", "SLEV"):
        found = plan(world, trade("100.00", charge_bearer=bearer))
        assert (found.debit, found.settlement, found.charge) == (
            Money(150_00, "CNY"), Money(100_00, "CNY"), Money(50_00, "CNY"),
        )  # fmt: skip


def test_a_charge_the_creditor_bears_is_taken_off_in_the_currency_that_arrives(world: World) -> None:
    same = plan(world, trade("100.00", charge_bearer="CRED"))
    assert (same.debit, same.settlement, same.charge) == (
        Money(100_00, "CNY"),
        Money(50_00, "CNY"),
        Money(50_00, "CNY"),
    )
    other = plan(world, trade("100.00", currency="HKD", charge_bearer="CRED"))
    assert (other.debit, other.settlement, other.charge) == (
        Money(100_00, "HKD"), Money(39_89, "CNY"), Money(50_00, "CNY"),
    )  # fmt: skip
    assert other.leg.amount == other.settlement


@pytest.mark.parametrize(("amount", "arrives"), [("50.01", 1), ("50.00", None), ("49.99", None)])
def test_a_charge_leaves_the_creditor_something_or_the_payment_is_refused(
    world: World, amount: str, arrives: int | None
) -> None:
    found = verdict(world, trade(amount, charge_bearer="CRED"))
    if arrives is None:
        assert isinstance(found, Refusal) and problem(found).code == "AM06"
        assert (found.reason, found.detail) == ("charge-takes-all", {"charge": "CNY 50.00", "amount": f"CNY {amount}"})
    else:
        assert isinstance(found, Plan) and found.settlement == Money(arrives, "CNY")


def test_a_lane_without_a_charge_takes_none(world: World) -> None:
    assert plan(world, northbound(charge_bearer="CRED")).charge is None


# --- quotes ---


def quote_of(world: World, instruction: Instruction, **price: Any) -> Any:
    found = plan(world, instruction).price
    assert found is not None
    [provider] = [p for p in world.providers if p.name == found.provider]
    return firm("q", HARBOUR, found._replace(**price), provider, NOON)


def test_a_firm_quote_is_taken_at_its_own_price_whatever_the_rate_is_now(world: World) -> None:
    quote = quote_of(world, northbound(), buy=Money(99_99, "CNY"))
    found = plan(world, northbound(quote_id="q"), quote=quote)
    assert (found.settlement, found.quote_id, found.price) == (Money(99_99, "CNY"), "q", quote.price)


def test_a_quote_that_is_not_known_is_refused(world: World) -> None:
    found = refusal(world, northbound(quote_id="q"))
    assert (found.reason, found.field) == ("quote-unknown", "quote_id")


@pytest.mark.parametrize(("seconds", "taken"), [(599.999, True), (600, False), (601, False)])
def test_a_quote_holds_until_it_expires(world: World, seconds: float, taken: bool) -> None:
    found = verdict(
        world, northbound(quote_id="q"), at=NOON + timedelta(seconds=seconds), quote=quote_of(world, northbound())
    )
    assert isinstance(found, Plan) == taken
    if not taken:
        assert isinstance(found, Refusal) and (found.reason, problem(found).code) == ("quote-expired", "TM01")


@pytest.mark.parametrize(
    "instruction",
    [
        northbound("100.01", quote_id="q"),  # another amount
        northbound(instructed_amount={"currency": "CNY", "amount": "100.00"}, quote_id="q"),  # the other side
        southbound(quote_id="q"),  # the other way
    ],
    ids=["amount", "side", "way"],
)
def test_a_quote_for_another_conversion_is_refused(world: World, instruction: Instruction) -> None:
    found = refusal(world, instruction, quote=quote_of(world, northbound("100.00")))
    assert (found.reason, found.field) == ("quote-mismatch", "quote_id")


def test_a_quote_of_the_other_market_is_refused(world: World) -> None:
    """Payment Connect northbound converts offshore; an onshore price draws on another inventory."""
    found = refusal(world, northbound(quote_id="q"), quote=quote_of(world, northbound(), market="onshore"))
    assert (found.reason, found.field) == ("quote-mismatch", "quote_id")


def test_a_quote_may_be_taken_from_its_other_side(world: World) -> None:
    """It was given for HKD 100 sold; the instruction fixes what arrives, which is the same conversion."""
    quote = quote_of(world, northbound("100.00"))
    other = northbound(instructed_amount={"currency": "CNY", "amount": "89.89"}, quote_id="q")
    assert plan(world, other, quote=quote).debit == Money(100_00, "HKD")


def test_a_quote_on_a_payment_without_a_conversion_is_not_used(world: World) -> None:
    found = plan(world, northbound(currency="CNY", quote_id="q"))
    assert found.quote_id == "" and found.price is None


# --- Macau ---


def to_macau(**changes: Any) -> Instruction:
    return domestic(
        creditor__residency="MO", creditor_agent=LOTUS, creditor__account__number="904777000001", **changes
    )  # fmt: skip


def test_hong_kong_dollars_cross_to_macau_over_the_linked_rtgs(world: World) -> None:
    found = plan(world, to_macau())
    assert found.lane.id == "hk-macau.rtgs" and [step.rail for step in found.route] == ["hk-chats", "mo-rtgs"]


def test_the_instant_link_to_macau_is_off_unless_a_scenario_switches_it_on(world: World) -> None:
    saturday = datetime(2026, 3, 7, 4, 0, tzinfo=UTC)
    assert refusal(world, to_macau(), at=saturday).reason == "rail-closed"
    on = RULEBOOK.scenario({"lanes": {"hk-macau.instant": {"active": True}}}, "instant link")
    instant = a_world(rulebook=on)
    found = plan(instant, to_macau(), at=saturday)
    assert found.lane.id == "hk-macau.instant" and found.lane.assumed
    assert [step.rail for step in found.route] == ["hk-fps", "mo-easy-transfer"]


def easy_transfer(amount: str, currency: str = "MOP", at: datetime = NOON) -> Instruction:
    return domestic(
        amount, currency, debtor__identification=a_person(1, "MO"), debtor__residency="MO", debtor_agent=LOTUS,
        creditor__residency="MO", creditor_agent=PRAIA, creditor__account__number="905777000001",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "amount", "currency", "found"),
    [
        (date(2022, 3, 7), "5000.00", "MOP", "domestic.macau"),
        (date(2022, 3, 7), "5000.01", "MOP", "rail-cap"),  # a cap on one payment until the second phase
        (date(2022, 3, 7), "100.00", "HKD", "domestic.macau.rtgs"),  # it carries patacas only
        (date(2026, 3, 5), "20000.00", "MOP", "domestic.macau"),
        (date(2026, 3, 5), "100.00", "HKD", "domestic.macau"),
    ],
)
def test_easy_transfer_has_the_limits_of_the_day(
    world: World, day: date, amount: str, currency: str, found: str
) -> None:
    at = datetime(day.year, day.month, day.day, 4, 0, tzinfo=UTC)
    decided = verdict(world, easy_transfer(amount, currency), at=at)
    assert (decided.reason if isinstance(decided, Refusal) else decided.lane.id) == found


# --- what a refused claim says ---


def bound(world: World, instruction: Instruction, rule: str, headroom: int) -> Refusal:
    found = plan(world, instruction)
    [claim] = [claim for claim in reservation(found) if claim.rule == rule and claim.delta > 0]
    said = refusal_of(Refused(claim, headroom), found, world.view(NOON).rules)
    assert "—" not in problem(said).text and "  " not in problem(said).text, problem(said).text
    return said


@pytest.mark.parametrize(
    ("instruction", "rule", "reason", "shown"),
    [
        (northbound("1500.00"), "payment-connect.northbound.day", "person-quota", "HKD 1,250.00 is left"),
        (northbound(), "payment-connect.northbound.year", "person-quota", "HKD 200,000.00 a calendar year"),
        (southbound(), "mainland.fx-purchase.year", "person-quota", "branch of your bank with documents"),
        (same_name(lane="same-name.hong-kong"), "same-name.hong-kong.day", "person-quota", "CNY 80,000.00 a day"),
        (easy_transfer("100.00"), "easy-transfer.day", "person-quota", "a day"),
        (
            northbound(),
            "liquidity",
            "liquidity",
            "Agent HBAYHKH0 has HKD 1,250.00 of prefunded position left on hk-fps",
        ),
        (northbound(), "inventory", "no-rate", "No provider has enough CNY left"),
    ],
    ids=range(7),
)
def test_a_refused_claim_names_its_rule_its_source_what_is_left_and_what_to_do(
    world: World, instruction: Instruction, rule: str, reason: str, shown: str
) -> None:
    said = bound(world, instruction, rule, 1_250_00)
    assert said.reason == reason and shown in problem(said).text, problem(said).text
    if rule not in ("liquidity", "inventory"):
        assert said.detail["rule"] == rule and said.detail["source"] and said.detail["what_to_do"]
        assert said.detail["headroom"].endswith(" 1250.00") and said.detail["since"] <= "2026-03-05"


def test_what_a_sponsor_has_left_is_not_told_to_who_settles_through_it(world: World) -> None:
    said = bound(world, northbound(debtor_agent=KAPOK), "liquidity", 1_250_00)
    assert (said.reason, problem(said).code) == ("sponsor-liquidity", "AM23")
    assert LION in problem(said).text and "1250" not in str(said.detail) and "1,250" not in problem(said).text


def test_headroom_below_nothing_is_told_as_nothing(world: World) -> None:
    said = bound(world, northbound(), "payment-connect.northbound.day", -5_00)
    assert said.detail["headroom"] == "HKD 0.00"


def test_claims_come_in_the_order_in_which_one_binds(world: World) -> None:
    rules = [claim.rule for claim in reservation(plan(world, northbound()))]
    assert rules == [
        "payment-connect.northbound.day", "payment-connect.northbound.year", "mainland.large-value.cross-border.day",
        "liquidity", "inventory", "ledger", "ledger", "ledger",
    ]  # fmt: skip


def test_what_is_free_of_quota_claims_none(world: World) -> None:
    assert plan(world, domestic()).claims == ()
    assert [claim.rule for claim in plan(world, trade()).claims] == ["mainland.large-value.firm.day"], "only reported"
    assert "mainland.fx-purchase.year" not in {claim.rule for claim in plan(world, tuition()).claims}
    assert "payment-connect.northbound.day" not in {claim.rule for claim in plan(world, payroll()).claims}
