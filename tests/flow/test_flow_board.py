"""What the closed board may refuse: the first that binds and nothing behind it, under the payment's own ceiling."""

from builders import HARBOUR, NOON, northbound
from driver import Driver, plan_of

from limits.claims import REPORT, Claim, Refused
from switch.dryrun import DryRun
from switch.flow.board import Board
from switch.payment.instruction import Instruction
from switch.payment.reasons import problem

DAY, YEAR = "payment-connect.northbound.day", "payment-connect.northbound.year"
CLOSED = Claim("a.year", "a.year|p|2026", 5, 100, None)
OPEN = Claim("a.day", "a.day|p|2026-03-05", 5, 10, None)


async def both(driver: Driver, instruction: Instruction) -> list[tuple[str, str, str]]:
    """Reason, code and rule as explain gives them, and as the live switch does."""
    said = (await DryRun(driver.world, driver.store, driver.worker.decider).explain(instruction, HARBOUR))["reason"]
    answer = await driver.pay(instruction)
    assert answer.refusal is not None
    return [
        (said["name"], said["code"], said["rule"]),
        (answer.refusal.reason, problem(answer.refusal).code, answer.refusal.detail["rule"]),
    ]


async def test_a_used_document_does_not_hide_the_day_that_binds_before_it(driver: Driver) -> None:
    papers = [{"type": "invoice", "reference": "R1", "issuer": "A"}]
    await driver.accepted(northbound("1.00", documents=papers, person=2))
    assert (await driver.pay(northbound("1.00", documents=papers, person=3))).refusal is not None
    await driver.accepted(northbound("10000.00"))
    explained, live = await both(driver, northbound("5000.00", documents=papers))
    assert explained == live == ("person-quota", "RR04", DAY)


async def test_a_closed_year_does_not_hide_the_day_that_a_payment_is_too_large_for(driver: Driver) -> None:
    """The year's counter stands on the board; the payment is above the day's cap, which is asked first."""
    year = next(claim for claim in plan_of(driver, northbound("1.00")).claims if claim.rule == YEAR)
    driver.worker.board.learn(Refused(year, 0), driver.world.generation, NOON)
    explained, live = await both(driver, northbound("10001.00"))
    assert explained == live == ("person-quota", "RR04", DAY)
    await driver.accepted(northbound("1.00"))  # what stands behind the first is the counters' to judge


def board_with(*learnt: Claim, headroom: int = 0) -> Board:
    board = Board(lambda: 0.0)
    for claim in learnt:
        board.learn(Refused(claim, headroom), 1, NOON)
    return board


def test_the_first_that_may_bind_is_refused_and_what_stands_behind_another_is_not() -> None:
    board = board_with(CLOSED)
    assert board.refused([OPEN, CLOSED], 1, NOON) is None
    assert board.refused([CLOSED, OPEN], 1, NOON) == Refused(CLOSED, 0)
    for unbound in (
        OPEN._replace(effect=REPORT), OPEN._replace(ceiling=None), OPEN._replace(forced=True), OPEN._replace(delta=-5),
    ):  # fmt: skip
        assert board.refused([unbound, CLOSED], 1, NOON) == Refused(CLOSED, 0), unbound
    for binding in (OPEN._replace(delta=-5, floor=0), OPEN._replace(delta=0)):
        assert board.refused([binding, CLOSED], 1, NOON) is None, binding


def test_a_counter_closed_under_one_ceiling_is_judged_under_the_payment_s_own() -> None:
    """Kinds of accounts, an institution's own limit and the watch list give payments on one counter other ceilings."""
    here, there = board_with(CLOSED, headroom=-10), Board(lambda: 0.0)
    here.linked = True
    here.learn(Refused(CLOSED, -10), 1, NOON)
    there.hear(here.outgoing.pop())
    for board in (here, there):
        assert board.refused([CLOSED], 1, NOON) == Refused(CLOSED, -10)
        assert board.refused([CLOSED._replace(ceiling=110)], 1, NOON) == Refused(CLOSED._replace(ceiling=110), 0)
        assert board.refused([CLOSED._replace(ceiling=111)], 1, NOON) is None
        assert board.refused([CLOSED._replace(ceiling=None)], 1, NOON) is None


def test_a_look_at_an_older_window_closes_nothing() -> None:
    """It is a claim of nothing: whoever claims something of that window has no business there any more."""
    assert board_with(CLOSED._replace(delta=0), headroom=-1).entries == {}
