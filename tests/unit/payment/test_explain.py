"""The document of explain: what it shows, what it hides, and single changes worked out by hand."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from builders import HARBOUR, KAPOK, NOON, RULEBOOK, a_firm, a_person, a_world, northbound, southbound

from fx.providers import Provider, Spreads, Tier
from limits.calendars import law_day
from limits.claims import Claim, Sums
from rails.identifiers import fictional
from switch.main import make_worker
from switch.participants.persons import Pair
from switch.payment.greatest import largest_minor
from switch.payment.instruction import Instruction
from switch.payment.postings import INVENTORY, LIQUIDITY, is_account
from switch.payment.remedy import patched
from switch.sandbox import Sandbox
from switch.store.memory import MemoryStore
from switch.translate.facts import Translated, translate

NOTHING: Mapping[str, Sums] = {}
DAY, YEAR = "payment-connect.northbound.day", "payment-connect.northbound.year"
QUOTA = "mainland.fx-purchase.year"
OWN: dict[str, Any] = {
    "creditor__identification": a_person(1), "creditor__name": "CHAN Tai Man", "creditor__residency": "HK",
}  # fmt: skip
SCHOOL: dict[str, Any] = {
    "creditor": {
        "name": "Harbour College", "identification": a_firm(3), "residency": "HK", "sector": "education",
        "account": {"number": "900777000009"},
    }, "purpose_code": "EDUC",
}  # fmt: skip


def a_sandbox(
    sums: Mapping[str, Sums] | Callable[[Claim], Sums] = NOTHING, at: datetime = NOON, **changes: Any
) -> Sandbox:
    """A sandbox whose counters hold these sums: by rule in the window of `at` alone, or as a function of the claim."""
    world, store = a_world(at, rulebook=changes.get("rulebook")), MemoryStore()
    if "providers" in changes:
        world.providers = changes["providers"]
    sandbox = Sandbox(world, store, make_worker(world, store, incarnation=1))
    first: dict[str, Sums] = {}

    async def told(claims: Sequence[Claim], then: datetime) -> dict[str, Sums]:
        if callable(sums):
            return {claim.counter: sums(claim) for claim in claims}
        for claim in claims if then == at else ():
            first[claim.counter] = sums.get(claim.rule, Sums())
        return {c.counter: first.get(c.counter, Sums()) for c in claims if not is_account(c) or c.rule in sums}

    sandbox.dry_run.read_sums = told
    return sandbox


async def explained(sandbox: Sandbox, instruction: Instruction) -> dict[str, Any]:
    return await sandbox.explain(instruction, instruction.debtor_agent[:8])


def kinds(document: Mapping[str, Any]) -> list[str]:
    return [each["kind"] for each in document["remedies"]]


# --- what is shown ---


async def test_the_facts_are_told_without_name_number_or_pseudonym() -> None:
    instruction = northbound("100.00")
    sandbox = a_sandbox()
    document = await explained(sandbox, instruction)
    facts = document["facts"]
    assert facts["debtor_document"] == "HKID:HK" and facts["purpose_code"] == "GIFT" and facts["same_name"] is False
    assert facts["instructed_amount"] == {"currency": "HKD", "amount": "100.00"}
    assert facts["received_at"] == "2026-03-05T12:00:00+08:00"
    said = json.dumps(document, ensure_ascii=False)
    identification = instruction.debtor.identification
    assert identification is not None and instruction.debtor.account.number is not None
    for secret in (
        identification.number,
        instruction.debtor.name,
        instruction.creditor.name,
        instruction.debtor.account.number,
    ):
        assert secret not in said
    person = sandbox.world.known.persons.person_id("HKID", "HK", identification.number)
    assert person not in said


async def test_a_claim_shows_used_held_left_source_and_the_end_of_its_window() -> None:
    document = await explained(a_sandbox({DAY: Sums(up_posted=875_000)}), northbound("100.00"))
    claim = next(each for each in document["claims"] if each["rule"] == DAY)
    assert (claim["used"], claim["headroom"], claim["ceiling"], claim["claimed"]) == (
        "8750.00",
        "1250.00",
        "10000.00",
        "100.00",
    )
    assert claim["window_ends"] == "2026-03-06T00:00:00+08:00" and claim["counted_in"] == "2026-03-05"
    assert claim["since"] == "2025-06-22" and claim["confidence"] == "V1" and "HKMA" in claim["reference"]
    assert claim["enforced_by"] == "institution" and claim["scope"] == "person-institution"
    assert claim["held"] is None, "a gross rule keeps one sum for what is held and what is settled"


async def test_a_cap_lowered_below_use_leaves_nothing_and_never_less() -> None:
    sandbox = a_sandbox({DAY: Sums(up_posted=1_100_000)})
    asked = northbound("100.00")
    for document in (await explained(sandbox, asked), (await sandbox.headroom(asked, HARBOUR))["lanes"][0]):
        claim = next(each for each in document["claims"] if each["rule"] == DAY)
        assert (claim["used"], claim["ceiling"], claim["headroom"]) == ("11000.00", "10000.00", "0.00")
        assert document["reason"]["rule"] == DAY and document["reason"]["headroom"] == "HKD 0.00"
    assert document["binding"]["rule"] == DAY


@pytest.mark.parametrize(("build", "mainland"), [(northbound, False), (southbound, True)])
async def test_what_is_known_of_a_person_is_told_to_mainland_agents_alone(
    build: Callable[..., Instruction], mainland: bool
) -> None:
    sandbox, asked = a_sandbox(), build("100.00")
    known, day = sandbox.world.known, law_day(NOON)
    found = translate(asked, known, NOON, day)
    assert isinstance(found, Translated)
    person, one, other = found.facts.debtor_id, found.facts.debtor_account, found.facts.creditor_account
    told = known.persons.put(person, "watch-list", day)
    told |= known.persons.register(person, Pair(build.__name__, "bank", one, other))
    sandbox.world.known = known._replace(persons=known.persons.taking({}, told))
    facts = (await explained(sandbox, asked))["facts"]
    assert facts["paired"] and facts["wealth_channel"] == "bank", "of these two accounts: the sender's own pair"
    assert (facts["debtor_states"], facts["wealth_channels"]) == (
        (["watch-list"], ["bank"]) if mainland else (None, None)
    )


async def test_what_counts_on_the_creditor_s_side_or_only_reports_hides_its_use() -> None:
    document = await explained(
        a_sandbox(lambda claim: Sums(up_posted=1, down_posted=10**9 if is_account(claim) else 0)), northbound("100.00")
    )
    [report] = [claim for claim in document["claims"] if claim["scope"] == "creditor-agent"]
    assert (report["used"], report["held"], report["headroom"]) == (None, None, None)
    assert report["claimed"] is not None and report["reference"]


async def test_a_rule_on_the_creditor_s_counter_refuses_without_showing_what_is_left() -> None:
    """The large-value report, made a cap by a scenario: what others paid to the creditor stays theirs."""
    rule = "mainland.large-value.cross-border.day"
    rulebook = RULEBOOK.scenario({rule: {"effect": "refuse", "value": "1000"}}, "cap")
    document = await explained(a_sandbox({rule: Sums(up_posted=90_000)}, rulebook=rulebook), northbound("900.00"))
    assert document["reason"]["rule"] == rule and "headroom" not in document["reason"]
    assert "amount" not in kinds(document), "an exact amount would give away what others paid"


async def test_the_rows_that_nearly_applied_say_what_failed() -> None:
    document = await explained(a_sandbox(), northbound("100.00"))
    assert document["classification"]["rule"] == "personal-transfer" and document["classification"]["reference"]
    assert document["nearly"] and all(row["row"] and row["failed"] for row in document["nearly"])
    assert document["classification"]["rule"] not in [row["row"] for row in document["nearly"]]


async def test_an_unclassified_instruction_still_tells_its_facts_and_the_near_rows() -> None:
    document = await explained(
        a_sandbox(), northbound("100.00", creditor__identification=a_person(1), creditor__name="CHAN Tai Man")
    )
    assert document["reason"]["name"] == "unclassified" and document["classification"] is None
    assert document["facts"]["same_name"] and "own-account" in [row["row"] for row in document["nearly"]]


async def test_a_fault_of_the_instruction_has_no_facts_and_no_remedies() -> None:
    document = await explained(a_sandbox(), northbound("0.00"))
    assert document["reason"]["name"] == "amount-zero"
    assert document["facts"] is None and document["remedies"] == [] and document["texts"]["en"]["person"]


# --- single changes ---


async def test_less_and_later_by_hand() -> None:
    document = await explained(a_sandbox({DAY: Sums(up_posted=875_000)}), northbound("1500.00"))
    later, less = document["remedies"]
    assert (later["kind"], later["at"], later["patch"], later["binding"]) == (
        "instant",
        "2026-03-06T00:00:00.000+08:00",
        {},
        DAY,
    )
    assert less["patch"] == {"instructed_amount": {"currency": "HKD", "amount": "1250.00"}} and less["binding"] == DAY
    assert "HKD 250.00 less" in less["text"]["en"] and "少 250.00 港元" in less["text"]["zh-Hant"]


async def test_where_several_limits_bind_the_tightest_decides_how_much_less() -> None:
    used = {DAY: Sums(up_posted=500_000), YEAR: Sums(up_posted=19_900_000)}
    document = await explained(a_sandbox(used), northbound("6000.00"))
    assert document["reason"]["rule"] == DAY
    [later, less] = sorted(document["remedies"], key=lambda each: each["kind"], reverse=True)
    assert less["patch"]["instructed_amount"]["amount"] == "1000.00" and less["binding"] == YEAR
    assert later["at"] == "2027-01-01T00:00:00.000+08:00" and later["binding"] == YEAR


async def test_a_year_is_waited_for_last_and_a_day_first() -> None:
    used = {YEAR: Sums(up_posted=19_900_000)}
    assert kinds(await explained(a_sandbox(used), northbound("6000.00"))) == ["amount", "instant"]
    assert kinds(await explained(a_sandbox({DAY: Sums(up_posted=900_000)}), northbound("6000.00"))) == [
        "instant",
        "amount",
    ]


async def test_no_single_change_is_said_where_an_amount_is_above_every_window_and_nothing_is_left() -> None:
    document = await explained(a_sandbox({DAY: Sums(up_posted=1_000_000)}), northbound("10000.01"))
    assert document["remedies"] == [] and "No single change" in document["texts"]["en"]["person"]


async def test_after_hours_the_opening_is_told_to_the_millisecond() -> None:
    late = NOON + timedelta(hours=11, milliseconds=7)
    document = await explained(a_sandbox(at=late), southbound("100.00"))
    [later] = document["remedies"]
    assert later["at"] == "2026-03-06T07:00:00.000+08:00" and later["binding"] == "payment-connect.southbound.hours"


async def test_a_tuition_notice_lets_a_school_be_paid_beyond_the_quota() -> None:
    document = await explained(a_sandbox({QUOTA: Sums(up_posted=5_000_000)}), southbound("1000.00", **SCHOOL))
    [paper, *_] = document["remedies"]
    assert paper["kind"] == "document" and paper["patch"] == {
        "documents": [{"type": "tuition-notice", "reference": "REFERENCE"}]
    }


async def test_a_document_is_asked_for_by_how_many_are_given_not_by_their_names() -> None:
    """Each has two names or three; only eight papers are all that an instruction holds."""
    sandbox = a_sandbox({QUOTA: Sums(up_posted=5_000_000)})
    papers = [{"type": "contract", "reference": f"C-{n}", "issuer": "Harbour College"} for n in range(8)]
    seven = await explained(sandbox, southbound("1000.00", **SCHOOL, documents=papers[:7]))
    eight = await explained(sandbox, southbound("1000.00", **SCHOOL, documents=papers))
    assert "document" in kinds(seven) and "document" not in kinds(eight)


async def test_another_lane_is_named_where_one_takes_the_payment() -> None:
    document = await explained(a_sandbox(), northbound("41000.00", "CNY", **OWN))
    [lane, *_] = document["remedies"]
    assert lane["kind"] == "lane" and lane["patch"] == {"lane": "same-name.hong-kong"} and lane["binding"] is None


async def test_what_was_taken_before_is_taken_anew_later() -> None:
    taken = northbound("6000.00", acceptance_date_time="2026-03-05T11:00:00+08:00")
    document = await explained(a_sandbox({DAY: Sums(up_posted=900_000)}), taken)
    [later, _] = document["remedies"]
    assert later["kind"] == "instant" and later["patch"] == {"acceptance_date_time": None}


async def test_too_little_to_be_exchanged_says_from_how_much_it_is_enough() -> None:
    tiny = southbound("0.01")
    document = await explained(a_sandbox(providers=(_dear(),)), tiny)
    [more] = document["remedies"]
    assert document["reason"]["name"] == "amount-too-small" and more["kind"] == "amount"
    amount = Decimal(more["patch"]["instructed_amount"]["amount"])
    assert amount > Decimal("0.01") and more["binding"] == "amount-too-small"
    assert "at least" in more["text"]["en"] and "最少" in more["text"]["zh-Hant"]
    for step, status in ((Decimal("0.00"), "ACSP"), (Decimal("0.01"), "RJCT")):
        assert (await explained(a_sandbox(providers=(_dear(),)), southbound(str(amount - step))))["status"] == status


def _dear() -> Provider:
    """A provider that keeps nearly half of a small conversion, next to nothing of a middling one, and some of a large one."""
    spreads = Spreads("CNY", (Tier(600_000, 4_900), Tier(900_000, 10), Tier(None, 100)))
    pairs = {("CNY", "HKD"): spreads, ("HKD", "CNY"): spreads}
    return Provider("dear-fx", "Dear FX", frozenset({"CNY", "HKD"}), pairs, 30, True)


async def test_a_better_spread_above_a_size_makes_a_larger_amount_pass_where_a_smaller_one_does_not() -> None:
    """The creditor's CNY are fixed: 5,999.99 cost far more than 6,000.00 do. Halving over all amounts would miss it."""
    sandbox = a_sandbox({DAY: Sums(up_posted=332_000)}, providers=(_dear(),))  # HKD 6,680 are left

    async def status(amount: str) -> str:
        asked = northbound(amount, "CNY", debtor__account__currency="HKD")
        said: str = (await explained(sandbox, asked))["status"]
        return said

    document = await explained(sandbox, northbound("9500.00", "CNY", debtor__account__currency="HKD"))
    [less] = [each for each in document["remedies"] if each["kind"] == "amount"]
    amount = Decimal(less["patch"]["instructed_amount"]["amount"])
    assert 6_000 < amount < 6_010
    assert (await status(str(amount)), await status(str(amount + Decimal("0.01")))) == ("ACSP", "RJCT")
    assert await status("5999.99") == "RJCT"


async def test_what_a_sponsor_or_a_provider_has_left_is_given_away_by_no_amount() -> None:
    wallet = northbound("100.00", debtor_agent=KAPOK)

    def poor(claim: Claim) -> Sums:
        return (
            Sums(down_posted=5_000) if claim.rule == LIQUIDITY else Sums(down_posted=10**9 if is_account(claim) else 0)
        )

    document = await explained(a_sandbox(poor), wallet)
    assert document["reason"]["name"] == "sponsor-liquidity" and document["remedies"] == []

    def empty(claim: Claim) -> Sums:
        return (
            Sums(down_posted=5_000) if claim.rule == INVENTORY else Sums(down_posted=10**9 if is_account(claim) else 0)
        )

    document = await explained(a_sandbox(empty), northbound("100.00"))
    assert document["reason"]["name"] == "no-rate" and document["remedies"] == []


async def test_an_agent_s_own_position_may_be_told() -> None:
    def poor(claim: Claim) -> Sums:
        return (
            Sums(down_posted=5_000) if claim.rule == LIQUIDITY else Sums(down_posted=10**9 if is_account(claim) else 0)
        )

    document = await explained(a_sandbox(poor), northbound("100.00"))
    [less] = document["remedies"]
    assert document["reason"]["name"] == "liquidity" and less["patch"]["instructed_amount"]["amount"] == "50.00"


async def test_where_every_lane_was_tried_the_rule_that_bound_first_is_named() -> None:
    used = {DAY: Sums(up_posted=1_000_000), "same-name.hong-kong.day": Sums(up_posted=8_000_000)}
    document = await explained(a_sandbox(used), northbound("100.00", "CNY", allow_lanes=True, **OWN))
    assert document["reason"]["rule"] == DAY


# --- headroom ---


async def left(sandbox: Sandbox, instruction: Instruction) -> dict[str, Any]:
    found = await sandbox.headroom(instruction, instruction.debtor_agent[:8])
    return {lane["lane"]: lane["greatest_amount"] for lane in found["lanes"]}


async def test_the_greatest_amount_is_exact_lane_by_lane() -> None:
    sandbox = a_sandbox({DAY: Sums(up_posted=875_000)})
    assert await left(sandbox, northbound("1.00")) == {
        "payment-connect.northbound": {"currency": "HKD", "amount": "1250.00"}
    }
    found = await left(a_sandbox(), northbound("1.00", "CNY", **OWN))
    assert found["same-name.hong-kong"] == {"currency": "CNY", "amount": "80000.00"}
    assert Decimal(found["payment-connect.northbound"]["amount"]) < 10_000


async def test_nothing_left_is_no_amount_and_no_limit_is_the_largest_an_instruction_writes() -> None:
    assert await left(a_sandbox({DAY: Sums(up_posted=1_000_000)}), northbound("1.00")) == {
        "payment-connect.northbound": None
    }
    assert largest_minor("HKD") == 10**15 - 1 and largest_minor("JPY") == 10**13 - 1 and largest_minor("KWD") == 10**15


async def test_headroom_gives_nothing_of_others_away() -> None:
    def poor(claim: Claim) -> Sums:
        others = claim.rule == INVENTORY or (claim.counter.startswith("position:") and HARBOUR not in claim.counter)
        return Sums(down_posted=5_000 if others else 10**12 if is_account(claim) else 0)

    assert await left(a_sandbox(poor), northbound("1.00")) == {
        "payment-connect.northbound": {"currency": "HKD", "amount": "10000.00"}
    }


def test_a_merge_patch_takes_out_sets_and_goes_within() -> None:
    document = {"a": {"b": 1, "c": 2}, "d": [1], "e": "x"}
    assert patched(document, {"a": {"b": None}, "d": [2, 3], "e": None, "f": {"g": 1}}) == {
        "a": {"c": 2}, "d": [2, 3], "f": {"g": 1},
    }  # fmt: skip
    assert document == {"a": {"b": 1, "c": 2}, "d": [1], "e": "x"}


async def test_a_rule_that_is_only_advisory_shows_what_it_would_do_and_never_refuses() -> None:
    rulebook = RULEBOOK.scenario({DAY: {"value": "50"}, "state": "advisory"}, "lower")
    document = await explained(a_sandbox(rulebook=rulebook), northbound("100.00"))
    assert document["status"] == "ACSP"
    [advised] = [claim for claim in document["claims"] if claim["state"] == "advisory"]
    assert (advised["ceiling"], advised["used"], advised["headroom"]) == ("50.00", "0.00", "50.00")
    assert "left" not in document["texts"]["en"]["person"] or "50.00 a day" not in document["texts"]["en"]["person"]


async def test_after_a_year_that_was_exceeded_the_one_after_the_next_is_waited_for() -> None:
    """Card cash: a year above its limit closes the year that follows it (Huifa [2017] 29)."""

    def exceeded(claim: Claim) -> Sums:
        if is_account(claim):
            return Sums(down_posted=10**12)
        return Sums(up_posted=10**9 if claim.counter.endswith("|2025") else 0)

    drawn = southbound(
        "500.00", venue="card-cash", purpose_code="OTHR", debtor__account__type="card",
        debtor__account__number=fictional.card(1), creditor__name="LI Xiaoming",
        creditor__identification=a_person(1, "CN"), creditor__residency="CN",
    )  # fmt: skip
    document = await explained(a_sandbox(exceeded), drawn)
    assert document["reason"]["name"] == "suspended"
    [later] = document["remedies"]
    assert (later["at"], later["binding"]) == ("2027-01-01T00:00:00.000+08:00", "card-cash.year")
    looks = [claim for claim in document["claims"] if claim["counted_in"] == "2025"]
    assert [claim["window_ends"] for claim in looks] == [None]
