"""A .sql file gives its queries by name, whichever package of the switch it lies in."""

import pytest

from switch.queries import queries, split
from switch.store.postgres import queries as of_the_store


def test_a_file_splits_into_its_named_queries() -> None:
    assert split("-- about\n\n-- name: one\nSELECT 1\n\n-- name: two\n-- why\nSELECT 2;\n") == {
        "one": "SELECT 1",
        "two": "-- why\nSELECT 2;",
    }


def test_two_queries_of_one_name_are_our_own_error() -> None:
    with pytest.raises(AssertionError):
        split("-- name: one\nSELECT 1\n-- name: one\nSELECT 2")


@pytest.mark.parametrize(
    ("package", "file", "some"),
    [
        ("switch.bench", "yardsticks", {"make_sample", "activity", "size"}),
        ("switch.chaos", "books", {"payments", "admissions", "unfinished"}),
        ("switch.store.postgres", "payments", {"accept_batch", "finish"}),
    ],
)
def test_each_package_has_its_own_files_read_once(package: str, file: str, some: set[str]) -> None:
    found = queries(package, file)
    assert some <= found.keys() and all(found.values())
    assert queries(package, file) is found


def test_the_store_names_only_its_file() -> None:
    assert of_the_store.queries("payments") is queries("switch.store.postgres", "payments")
