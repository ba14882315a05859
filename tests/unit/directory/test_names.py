"""Payee names: what counts as the same name, a slip, another person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.directory.names import describe_mismatch, match_name

MATCHES = [
    ("CHAN Tai Man", "Tai Man Chan"),
    ("Chan Taiman", "CHAN Tai-Man"),
    ("chan tai man", "CHAN TAI MAN"),
    ("Mr. LI Xiao Ming", "Xiaoming Li"),
    ("陳大文", "陈大文"),
    ("陳 大文", "陈大文"),
    ("ＣＨＡＮ Tai Man", "CHAN Tai Man"),
    ("José da Silva", "Jose da Silva"),
    ("O'Brien Mary", "Mary OBrien"),
    ("Delta Machinery Company Limited", "Delta Machinery Co Ltd"),
    ("Peter CHAN Tai Man", "CHAN Tai Man, Peter"),
]
CLOSE = [
    ("CHAN Tai Nan", "CHAN Tai Man"),
    ("CHAN Tia Man", "CHAN Tai Man"),
    ("Tai Mann Chan", "CHAN Tai Man"),
    ("Peter CHAN Tai Man", "CHAN Tai Man"),
    ("Chan Peter Tai Man", "Peter Chan Tai Man"),
    ("广州珠江大学", "广州珠海大学"),
    ("Pearl Rivr Univresity Press", "Pearl River University Press"),
]
OTHERS = [
    ("WONG Siu Ming", "CHAN Tai Man"),
    ("Peter Chan", "CHAN Tai Man"),
    ("Li Na", "Li Ma"),
    ("李小明", "李小红"),
    ("陈大文", "CHAN Tai Man"),
    ("CHAN Tii Nan", "CHAN Tai Man"),
    ("...", "CHAN Tai Man"),
]


@pytest.mark.parametrize(("given_name", "registered"), MATCHES)
def test_the_same_name_in_another_dress_matches(given_name: str, registered: str) -> None:
    assert match_name(given_name, registered) == "match"


@pytest.mark.parametrize(("given_name", "registered"), CLOSE)
def test_a_slip_of_the_pen_is_close(given_name: str, registered: str) -> None:
    assert match_name(given_name, registered) == "close"


@pytest.mark.parametrize(("given_name", "registered"), OTHERS)
def test_another_name_does_not_match(given_name: str, registered: str) -> None:
    assert match_name(given_name, registered) == "no"


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_names_compare_the_same_both_ways_and_each_matches_itself(one: str, other: str) -> None:
    assert match_name(one, one) == "match"
    assert match_name(one, other) == match_name(other, one)


def test_a_refusal_says_what_differs_and_tells_no_word_of_either_name() -> None:
    assert describe_mismatch("WONG Tai Man", "CHAN Tai Man") == "word 1 of 3 not in the name registered"
    assert describe_mismatch("WONG Fai Man", "CHAN Tai Man") == "words 1, 2 of 3 not in the name registered"
    assert "Chinese characters" in describe_mismatch("陈大文", "CHAN Tai Man")
    for said in (describe_mismatch("李小明", "李小红"), describe_mismatch("Man", "CHAN Tai Man")):
        assert "differ" in said and not any(word in said for word in ("李", "小", "CHAN", "Man"))
