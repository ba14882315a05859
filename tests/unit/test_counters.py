"""The pure functions of counters: headroom, verdicts, and what each step does to the sums."""

from fractions import Fraction

import pytest

from limits.claims import WHILE_OPEN, WINDOW, Claim, Refused, Sums
from limits.counters import (
    Change,
    adjust_changes,
    admit,
    changed,
    evaluate,
    headroom,
    post_changes,
    void_changes,
)

UP = Claim("rule", "k", 10, ceiling=100, floor=-50, gives_back=True)
DOWN = UP._replace(delta=-10)
BUSY = Sums(up_pending=20, up_posted=40, down_pending=7, down_posted=15, version=3)


def test_an_up_sees_pending_and_posted_ups_and_only_posted_downs() -> None:
    assert headroom(UP, BUSY) == 100 - (20 + 40 - 15)


def test_a_down_sees_pending_and_posted_downs_and_only_posted_ups() -> None:
    assert headroom(DOWN, BUSY) == 40 - 7 - 15 + 50


@pytest.mark.parametrize(("used", "fits"), [(99, True), (100, True), (101, False)])
@pytest.mark.parametrize("admission", ["whole", "while_open"])
def test_a_claim_of_nothing_asks_whether_the_ceiling_was_kept(used: int, fits: bool, admission: str) -> None:
    look = UP._replace(delta=0, admission=admission)
    refused, sums = admit((look,), {"k": Sums(up_posted=used)})
    assert (refused is None) is fits and all(state.up_posted == used for state in sums.values())


@pytest.mark.parametrize("claim", [UP._replace(ceiling=None), DOWN._replace(floor=None)])
def test_without_a_bound_in_its_direction_a_claim_has_no_end_of_headroom(claim: Claim) -> None:
    assert headroom(claim, BUSY) is None
    assert evaluate((claim,), {"k": BUSY._replace(latched=WINDOW)}) is None


def test_a_latched_counter_has_no_headroom_upwards_and_the_same_downwards() -> None:
    latched = BUSY._replace(latched=WINDOW)
    assert headroom(UP, latched) == 0
    assert headroom(UP._replace(ceiling=10), latched) == 10 - 45
    assert headroom(DOWN, latched) == headroom(DOWN, BUSY)


def test_headroom_is_negative_after_an_overshoot() -> None:
    assert headroom(UP, Sums(up_pending=101)) == -1


def test_the_first_claim_in_the_tuple_that_does_not_fit_is_named() -> None:
    fits, over, more = UP, UP._replace(counter="l", delta=101), UP._replace(counter="m", delta=500)
    assert evaluate((fits, over, more), {}) == Refused(over, 100)
    assert evaluate((fits, more, over), {}) == Refused(more, 100)


def test_a_payment_is_admitted_with_all_its_claims_or_none() -> None:
    over = UP._replace(counter="l", delta=101)
    assert admit((UP, over), {})[1] == {}
    assert admit((UP, over._replace(delta=100)), {})[1] == {"k": Sums(10), "l": Sums(100)}


def test_a_reservation_keeps_the_version_for_whoever_writes_it() -> None:
    assert admit((UP, DOWN), {"k": BUSY})[1] == {"k": Sums(30, 40, 17, 15, "", 3)}


def test_a_gross_claim_upwards_is_posted_at_once_and_downwards_waits() -> None:
    gross = (UP._replace(gross=True), DOWN._replace(gross=True))
    assert admit(gross, {})[1] == {"k": Sums(0, 10, 10, 0)}
    assert post_changes(gross) == {"k": Change(0, 0, -10, 10)}
    assert void_changes(gross) == {"k": Change(0, -10, -10, 0)}


def test_a_while_open_claim_overshoots_downwards_too() -> None:
    down = DOWN._replace(admission=WHILE_OPEN, delta=-500)
    assert evaluate((down,), {"k": Sums(down_pending=49)}) is None
    assert evaluate((down,), {"k": Sums(down_pending=50)}) == Refused(down, 0)


def test_a_latching_claim_downwards_closes_nothing_at_its_floor() -> None:
    down = DOWN._replace(latches=WINDOW, admission=WHILE_OPEN)
    refused, after = admit((down,), {"k": Sums(down_pending=50)})
    assert (refused, after) == (Refused(down, 0), {})
    assert not admit((down,), {"k": Sums(down_pending=49)})[1]["k"].latched


def test_a_refused_payment_closes_each_counter_it_found_without_headroom_where_that_may_be_carried() -> None:
    first, second = UP._replace(delta=101), UP._replace(counter="l", latches=WINDOW, latches_on_carry=True)
    assert admit((first, second._replace(latches_on_carry=False)), {"l": Sums(100)}) == (Refused(first, 100), {})
    assert admit((first, second), {"l": Sums(100)}) == (Refused(first, 100), {"l": Sums(100, latched=WINDOW)})


def test_post_and_void_move_what_a_claim_reserved() -> None:
    held = {"k": Sums(up_pending=10, down_pending=10)}
    assert changed(held, post_changes((UP, DOWN))) == {"k": Sums(0, 10, 0, 10)}
    assert changed(held, void_changes((UP, DOWN))) == {"k": Sums()}


def test_a_share_given_back_while_pending_is_neither_posted_nor_voided_again() -> None:
    claims, third = (UP, DOWN), Fraction(1, 3)
    after = changed(admit(claims, {})[1], adjust_changes(claims, third))
    assert after == {"k": Sums(7, 0, 7, 0)}
    assert changed(after, post_changes(claims, third)) == {"k": Sums(0, 7, 0, 7)}
    assert changed(after, void_changes(claims, third)) == {"k": Sums()}


def test_a_return_comes_out_of_posted_where_the_rule_gives_back() -> None:
    kept = UP._replace(counter="l", gives_back=False)
    settled = {"k": Sums(up_posted=10, down_posted=10), "l": Sums(up_posted=10)}
    changes = adjust_changes((UP, DOWN, kept), Fraction(1, 2), posted=True)
    assert changed(settled, changes) == {"k": Sums(0, 5, 0, 5)}


def test_a_step_on_a_counter_that_is_not_there_is_our_own_error() -> None:
    with pytest.raises(KeyError):
        changed({}, post_changes((UP,)))


def test_a_step_that_takes_out_more_than_there_is_is_our_own_error() -> None:
    with pytest.raises(AssertionError):
        changed({"k": Sums(up_pending=9)}, {"k": Change(up_pending=-10)})
