"""The transition tables, pair by pair, against the same tables drawn by hand."""

import pytest

from switch.payment.status import (
    FINAL,
    ISO_STATUS,
    LEG_TABLE,
    MONEY,
    MOVES,
    PAYMENT_TABLE,
    diagram,
)

# Drawn by hand from design 2: a dot is no move.
PAYMENTS = """
            submit     time_out  settle   credit    reject    release   cancel     block
queued      .          .         .        .         rejected  accepted  cancelled  blocked
accepted    submitted  in_doubt  settled  credited  rejected  .         .          blocked
submitted   .          in_doubt  settled  credited  rejected  .         .          blocked
in_doubt    .          .         settled  credited  rejected  .         .          blocked
settled     .          .         .        credited  .         .         .          .
credited    .          .         .        .         .         .         .          .
rejected    .          .         .        .         .         .         .          .
cancelled   .          .         .        .         .         .         .          .
blocked     .          .         .        .         .         .         .          .
"""
LEGS = """
            submit     time_out  settle   credit    reject    release   cancel     block
held        sent       .         settled  credited  rejected  .         rejected   .
sent        .          .         settled  credited  rejected  .         .          .
settled     .          .         .        credited  .         .         .          .
credited    .          .         .        .         .         .         .          .
rejected    .          .         .        .         .         .         .          .
"""


def pairs(drawing: str) -> list[tuple[str, str, str | None]]:
    """(status, event, status after or None) of each place of a drawing."""
    head, *rows = (line.split() for line in drawing.strip().splitlines())
    return [(row[0], event, None if to == "." else to) for row in rows for event, to in zip(head, row[1:], strict=True)]


@pytest.mark.parametrize(("status", "event", "to"), pairs(PAYMENTS))
def test_a_payment_moves_as_drawn(status: str, event: str, to: str | None) -> None:
    assert PAYMENT_TABLE[status].get(event) == to


@pytest.mark.parametrize(("status", "event", "to"), pairs(LEGS))
def test_a_leg_moves_as_drawn(status: str, event: str, to: str | None) -> None:
    assert LEG_TABLE[status].get(event) == to


@pytest.mark.parametrize(("table", "drawing"), [(PAYMENT_TABLE, PAYMENTS), (LEG_TABLE, LEGS)])
def test_the_drawing_has_every_status_and_event_of_the_table(table: dict[str, dict[str, str]], drawing: str) -> None:
    drawn = pairs(drawing)
    assert {status for status, _, _ in drawn} == table.keys()
    assert {event for row in table.values() for event in row} <= {event for _, event, _ in drawn}
    assert {to for row in table.values() for to in row.values()} <= table.keys()


def test_only_four_statuses_are_final() -> None:
    assert {"credited", "rejected", "cancelled", "blocked"} == FINAL


def test_no_payment_comes_back_to_a_status_it_has_left() -> None:
    def reached(status: str, path: tuple[str, ...]) -> None:
        assert status not in path, path
        for to in PAYMENT_TABLE[status].values():
            reached(to, (*path, status))

    for status in PAYMENT_TABLE:
        reached(status, ())


@pytest.mark.parametrize(("status", "event", "to"), [pair for pair in pairs(PAYMENTS) if pair[2]])
def test_money_that_is_no_longer_pending_never_changes(status: str, event: str, to: str) -> None:
    assert MONEY[status] == "pending" or MONEY[to] == MONEY[status]


@pytest.mark.parametrize("event", ["submit", "time_out", "settle", "credit", "reject", "release", "cancel", "block"])
def test_an_event_leads_to_one_status_wherever_it_comes_from(event: str) -> None:
    froms = tuple(status for status, row in PAYMENT_TABLE.items() if event in row)
    assert froms and len({PAYMENT_TABLE[status][event] for status in froms}) == 1
    assert froms == tuple(status for status, found, to in pairs(PAYMENTS) if found == event and to)


def test_the_rows_the_store_goes_by_are_the_two_tables() -> None:
    drawn = [(event, status, to) for status, event, to in pairs(PAYMENTS) if to]
    assert sorted(move[:3] for move in MOVES) == sorted(drawn)
    for event, status, to, money, leg_statuses, leg_to in MOVES:
        assert (money == "keep") == (MONEY[status] == MONEY[to])
        assert (money == "post") == (MONEY[status] == "pending" and MONEY[to] == "posted")
        for leg, row in LEG_TABLE.items():
            assert row.get(event) == (leg_to if leg in leg_statuses.split(",") else None), (event, leg)


def test_each_status_is_shown_as_its_iso_code() -> None:
    assert ISO_STATUS == {
        "accepted": "ACSP", "submitted": "ACSP", "queued": "PDNG", "in_doubt": "PDNG", "settled": "ACSC",
        "credited": "ACCC", "rejected": "RJCT", "cancelled": "CANC", "blocked": "BLCK",
    }  # fmt: skip


def test_the_diagram_has_a_line_for_each_status_and_every_move() -> None:
    lines = {line.split()[0]: line for line in diagram().splitlines()}
    assert lines.keys() == PAYMENT_TABLE.keys()
    for status, event, to in pairs(PAYMENTS):
        assert (f"{event} → {to}" in lines[status]) == (to is not None)
    assert {status for status, line in lines.items() if "(final)" in line} == FINAL
