"""A day of traffic: one seed gives one file, what is in it could be sent, and its figures are those of their sources."""

from collections import Counter
from datetime import date, datetime
from hashlib import sha256
from random import Random

import pytest

from limits.lab.parameters import Amounts, load_parameters
from limits.lab.people import Agent, Registered, Surroundings
from limits.lab.traffic import day_of_traffic, read, write
from rails import identifiers
from switch.cli.traffic import drawn_day
from switch.directory.directory import build_directory
from switch.directory.names import match_name
from switch.main import DEFAULT_SEED
from switch.payment.instruction import Instruction

DAY = date(2026, 3, 6)
DIGEST = "8327b7ad8a656f0d"  # of the file drawn below


@pytest.fixture(scope="module")
def lines() -> list[dict[str, object]]:
    return drawn_day(7, 300, DAY)


def test_one_seed_gives_one_file_byte_for_byte() -> None:
    assert write(drawn_day(7, 40, DAY)) == write(drawn_day(7, 40, DAY))


def test_another_seed_gives_another_day() -> None:
    assert write(drawn_day(7, 40, DAY)) != write(drawn_day(8, 40, DAY))


def test_every_machine_draws_the_same_file() -> None:
    """Whoever changes how lines are drawn, or from what, writes the new digest here and says so in the changelog."""
    agents = (
        Agent("AAAAHKH0", "HK", "bank", frozenset({"payment-connect"})),
        Agent("BBBBCNG0", "CN", "bank", frozenset({"payment-connect"})),
        Agent("CCCCMOM0", "MO", "bank", frozenset()),
    )
    registered = (Registered("BBBBCNG0", "6200000000000000001", "LI Xiaoming", "person", "CN", "+86-13800000001"),)
    surroundings = Surroundings(agents, registered, dict.fromkeys(("HKID", "PRCID", "BIR", "USCC", "BRN"), str))
    text = write(day_of_traffic(Random(1), 50, DAY, surroundings, load_parameters()))
    assert sha256(text.encode()).hexdigest()[:16] == DIGEST


def test_payments_come_in_order_within_their_day(lines: list[dict[str, object]]) -> None:
    instants = [datetime.fromisoformat(str(line["at"])) for line in lines]
    assert instants == sorted(instants)
    assert {instant.date() for instant in instants} == {DAY}


def test_so_many_persons_make_so_many_payments(lines: list[dict[str, object]]) -> None:
    assert len(lines) == 300 * load_parameters().payments_per_100_persons // 100


def test_every_instruction_is_one_the_api_takes(lines: list[dict[str, object]]) -> None:
    for line in lines:
        Instruction.model_validate(line["instruction"])


def test_no_two_payments_share_an_identity(lines: list[dict[str, object]]) -> None:
    instructions = [Instruction.model_validate(line["instruction"]) for line in lines]
    assert len({each.uetr for each in instructions}) == len(instructions)
    assert len({each.instruction_id for each in instructions}) == len(instructions)


def test_documents_are_right_but_for_the_share_that_is_meant_to_be_wrong() -> None:
    given = [Instruction.model_validate(line["instruction"]).debtor.identification for line in drawn_day(3, 1000, DAY)]
    wrong = [each for each in given if each and identifiers.check(each.type, each.number, each.country)]
    share = load_parameters().mishaps.identification
    assert 0 < len(wrong) <= 3 * share * len(given) // 10_000


def test_registered_payees_are_called_by_their_registered_name_but_for_a_few() -> None:
    directory = build_directory(DEFAULT_SEED)
    verdicts: Counter[str] = Counter()
    for line in drawn_day(3, 1000, DAY):
        instruction = Instruction.model_validate(line["instruction"])
        account = instruction.creditor.account
        if account.proxy is not None:
            entry = directory.resolve(account.proxy.type, account.proxy.value, instruction.creditor_agent[4:6])
            assert entry is not None and entry.agent == instruction.creditor_agent
        else:
            entry = directory.account(instruction.creditor_agent, account.number or "")
        if entry is not None:
            verdicts[match_name(instruction.creditor.name, entry.name)] += 1
    assert verdicts["match"] > 200
    assert 0 < verdicts["no"] < verdicts.total() // 20


def test_every_kind_of_payment_is_there(lines: list[dict[str, object]]) -> None:
    corridors = {
        (each.debtor_agent[4:6], each.creditor_agent[4:6])
        for each in (Instruction.model_validate(line["instruction"]) for line in lines)
    }
    assert {
        ("HK", "CN"),
        ("CN", "HK"),
        ("MO", "CN"),
        ("HK", "MO"),
        ("MO", "HK"),
        ("HK", "HK"),
        ("CN", "CN"),
        ("MO", "MO"),
    } <= corridors


def test_a_file_read_is_the_file_written(lines: list[dict[str, object]]) -> None:
    assert read(write(lines)) == lines


@pytest.mark.parametrize("text", ["{", '{"instruction": {}}\n', '{"at": "noon"}\n', "[]\n"])
def test_what_is_no_line_of_traffic_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        read(text)


@pytest.mark.parametrize("name", [name for name, table in load_parameters().amounts.items() if table.mean])
def test_the_mean_of_a_table_is_its_sources(name: str) -> None:
    table = load_parameters().amounts[name]
    assert table.mean is not None
    assert abs(table.table_mean() - table.mean) * 100 <= 2 * table.mean


def test_what_is_drawn_has_the_mean_of_its_table() -> None:
    table = load_parameters().amounts["northbound"]
    chance = Random(5)
    mean = sum(table.draw_minor(chance) for _ in range(20_000)) // 20_000
    assert abs(mean - table.table_mean() * 100) < table.table_mean() * 5


def test_the_extremes_of_a_table_can_be_drawn() -> None:
    class Edge(Random):
        def __init__(self, place: int) -> None:
            super().__init__(0)
            self.place = place

        def randrange(self, *_: int) -> int:  # type: ignore[override]
            return self.place

    table = Amounts((10, 20, 30, 40, 50, 60, 70), None)
    assert table.draw_minor(Edge(0)) == 1000
    assert 6990 <= table.draw_minor(Edge(999_999)) < 7000


def test_a_figure_without_source_does_not_load(tmp_path) -> None:  # type: ignore[no-untyped-def]
    text = (
        "payments: {per_100_persons: 190}\n"
        "population: {assumed: true, reason: x}\nhours: {assumed: true, reason: x}\n"
        "mishaps_in_10000: {assumed: true, reason: x}\nhabits_percent: {assumed: true, reason: x}\namounts: {}\nkinds: {}\n"
    )
    path = tmp_path / "traffic.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match="payments: neither a reference"):
        load_parameters(path)
