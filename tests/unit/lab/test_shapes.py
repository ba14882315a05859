"""Shapes of a day: each presses on what it says, one seed gives one file, and the ordinary day is what it was."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from random import Random

import pytest
import yaml

from limits.lab.parameters import load_parameters
from limits.lab.shapes import ORDINARY, Shapes, Tail
from limits.lab.traffic import Line, write
from switch.cli.traffic import drawn_day
from switch.payment.instruction import Instruction

DAY = date(2026, 3, 5)
PERSONS = 400
NAMES = Shapes().names()


@cache
def _day(shape: str) -> list[Line]:
    return drawn_day(7, PERSONS, DAY, shape=shape)


def _share(shape: str, holds: Callable[[Line], bool]) -> float:
    lines = _day(shape)
    return sum(holds(line) for line in lines) / len(lines)


def _of_first_hundredth(shape: str) -> float:
    often = Counter(line["instruction"]["debtor"]["identification"]["number"] for line in _day(shape)).most_common()
    return sum(count for _, count in often[: PERSONS // 100]) / len(_day(shape))


def _within(begin: str, end: str) -> Callable[[Line], bool]:
    return lambda line: begin <= line["at"][11:16] < end


def _for_wages(line: Line) -> bool:
    return bool(line["instruction"].get("category_purpose") == "SALA")


@pytest.mark.parametrize("shape", NAMES)
def test_every_shape_draws_instructions_the_api_takes_in_their_order(shape: str) -> None:
    lines = _day(shape)
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert len({line["instruction"]["uetr"] for line in lines}) == len(lines)
    for line in lines[::7]:
        Instruction.model_validate(line["instruction"])


def test_an_ordinary_day_is_what_it_is_without_a_shape() -> None:
    assert write(drawn_day(7, 40, DAY, shape=ORDINARY)) == write(drawn_day(7, 40, DAY))


@pytest.mark.parametrize("shape", NAMES)
def test_one_seed_gives_one_file_of_each_shape(shape: str) -> None:
    text = write(drawn_day(7, 60, DAY, shape=shape))
    assert text == write(drawn_day(7, 60, DAY, shape=shape))
    assert text != write(drawn_day(8, 60, DAY, shape=shape))


def test_a_heavy_tail_gathers_payments_at_few_persons() -> None:
    assert _of_first_hundredth("heavy-tail") > 0.25 > 2 * _of_first_hundredth(ORDINARY)


def test_hot_agents_take_most_payments_of_their_countries() -> None:
    def first_two(line: Line) -> bool:
        return {line["instruction"]["debtor_agent"], line["instruction"]["creditor_agent"]} <= {
            hongkong,
            mainland,
            macau,
        }

    agents = Counter(line["instruction"]["debtor_agent"] for line in _day("hot-agents"))
    hongkong, mainland, macau = (
        max((bic for bic in agents if bic[4:6] == country), key=lambda bic: agents[bic])
        for country in ("HK", "CN", "MO")
    )
    assert _share("hot-agents", first_two) > 0.75 > 2 * _share(ORDINARY, first_two)


def test_wages_are_paid_in_the_morning_of_a_salary_day() -> None:
    assert _share("salary-day", _for_wages) > 2 * _share(ORDINARY, _for_wages)
    assert _share("salary-day", _within("09:00", "09:30")) > 0.25 > 5 * _share(ORDINARY, _within("09:00", "09:30"))


def test_the_doors_open_to_a_burst() -> None:
    for begin, end, more in (("08:30", "08:35", 20), ("09:30", "09:35", 5)):
        assert _share("market-open", _within(begin, end)) > max(0.04, more * _share(ORDINARY, _within(begin, end)))


def test_a_storm_is_of_persons_who_cannot_afford_a_fourth_payment() -> None:
    lines = _day("exhaustion")
    smallest = min(int(float(line["instruction"]["instructed_amount"]["amount"])) for line in lines)
    assert smallest * 4 > 10_000  # payment-connect.northbound.day in HKD; CNY is worth more
    assert {line["instruction"]["purpose_code"] for line in lines} <= {"GIFT", "ALLW"}


def test_a_tail_draws_the_nth_place_as_often_as_its_law_says() -> None:
    chance, tail = Random(1), Tail(load_parameters(shape="heavy-tail").shape.tail.exponent)  # type: ignore[union-attr]
    drawn = Counter(tail.draw(chance, 100) for _ in range(60_000))
    assert set(drawn) <= set(range(100))
    for n in (1, 3, 9):
        assert drawn[0] / drawn[n] == pytest.approx((n + 1) ** 1.1, rel=0.15)
    assert {tail.draw(chance, 1) for _ in range(5)} == {0}  # a shorter list after a longer one


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"tail": "1.1"}, "neither a reference"),
        ({"tail": "1.1", "assumed": True}, "neither a reference"),
        ({"tial": "1.1", "assumed": True, "reason": "r"}, "tial means nothing"),
        ({"kinds_percent": {"nothing": 5}, "assumed": True, "reason": "r"}, "no kind nothing"),
        (
            {
                "bursts": [{"kinds": ["nothing"], "at": "09:00", "minutes": 1, "percent": 1}],
                "assumed": True,
                "reason": "r",
            },
            "no kind nothing",
        ),
    ],
)
def test_a_slip_in_a_shape_is_named(tmp_path: Path, row: dict[str, object], told: str) -> None:
    path = tmp_path / "shapes.yaml"
    path.write_text(yaml.safe_dump({"mine": row}))
    with pytest.raises(ValueError, match=told):
        load_parameters(shape="mine", shapes=Shapes(path))


def test_a_shape_that_is_none_and_too_many_persons_are_told() -> None:
    with pytest.raises(ValueError, match="there are ordinary, heavy-tail"):
        drawn_day(7, 10, DAY, shape="strange")
    with pytest.raises(ValueError, match="numbers fewer"):
        drawn_day(7, 90_000, DAY, shape="exhaustion")
