"""The name a look-up shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.directory.directory import build_directory
from switch.directory.masking import HIDDEN, masked_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("CHAN Tai Man", "CHAN T*** M***"),
        ("CHAN TAI MAN", "CHAN T*** M***"),
        ("Tai Man CHAN", "T*** M*** CHAN"),
        ("Peter CHAN Tai Man", "P*** CHAN T*** M***"),
        ("LI Xiaoming", "LI X***"),
        ("Jose da Silva", "J*** d*** S***"),  # which is the family name cannot be told
        ("CHAN NG Siu Fong", "C*** N*** S*** F***"),  # nor here
        ("Madonna", "M***"),
        ("MADONNA", "M***"),
        ("陳大文", "陳***"),
        ("陳文", "陳***"),
        ("歐陽震華", "歐陽***"),
        ("欧阳", "欧***"),
        ("黃 小 明", "黃***"),
    ],
)
def test_of_a_person_the_family_name_is_shown_and_initials(name: str, shown: str) -> None:
    assert masked_name(name, "person") == shown


def test_a_firm_s_name_is_shown() -> None:
    assert masked_name("Harbour Tutors Ltd", "firm") == "Harbour Tutors Ltd"


def test_no_given_name_of_the_directory_can_be_read_in_what_is_shown() -> None:
    for entry in build_directory(1):
        if entry.kind == "person":
            shown = masked_name(entry.name, entry.kind)
            assert HIDDEN in shown and not set(entry.name.split()[1:]) & set(shown.split()), entry


@given(st.text(min_size=1, max_size=40))
def test_whatever_the_name_at_most_one_word_is_shown_whole(name: str) -> None:
    words = masked_name(name, "person").split()
    assert sum(not word.endswith(HIDDEN) for word in words) <= 1
