"""What goes to PostgreSQL for counters: a batch's totals, and queries that ask no clock."""

from limits.claims import REPORT, WINDOW, Claim, ClaimSet
from switch.store.postgres.counters import totals
from switch.store.postgres.queries import queries

UP = Claim("rule", "k", 10, ceiling=100, floor=-50)
DOWN = UP._replace(delta=-4)


def total(*claims: Claim) -> list[object]:
    return totals([ClaimSet(str(number), (claim,)) for number, claim in enumerate(claims)])["k"]


def test_ups_and_downs_are_added_up_apart() -> None:
    assert total(UP, DOWN, UP._replace(gross=True), UP) == [20, 10, 4, "", 100, -50]


def test_the_strictest_bounds_of_the_batch_stand() -> None:
    assert total(UP, UP._replace(ceiling=60), UP._replace(ceiling=None))[4] == 60
    assert total(DOWN, DOWN._replace(floor=-9), DOWN._replace(floor=None))[5] == -9


def test_a_claim_that_never_blocks_counts_without_a_bound() -> None:
    counted = [10, 0, 4, "", None, None]
    assert total(UP._replace(effect=REPORT), DOWN._replace(effect=REPORT)) == counted
    assert total(UP._replace(forced=True), DOWN._replace(forced=True)) == counted


def test_a_latching_claim_makes_the_test_strict_even_where_it_is_forced() -> None:
    assert total(UP._replace(latches=WINDOW))[3:5] == [WINDOW, 100]
    assert total(UP._replace(latches=WINDOW, forced=True))[3:5] == [WINDOW, 100]
    assert total(UP._replace(latches=WINDOW, effect=REPORT))[3:5] == ["", None]
    assert total(DOWN._replace(latches=WINDOW))[3] == ""


def test_claims_on_many_counters_stay_apart() -> None:
    rows = totals([ClaimSet("a", (UP, UP._replace(counter="l"))), ClaimSet("b", (UP,))])
    assert {key: row[0] for key, row in rows.items()} == {"k": 20, "l": 10}


def test_no_query_of_counters_asks_the_clock() -> None:
    assert {"hold", "read", "write", "change"} <= set(queries("counters"))
    assert not [name for name, query in queries("counters").items() if "now()" in query or "clock_timestamp" in query]
