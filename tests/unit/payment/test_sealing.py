"""Sealing: a batch is sealed as each by itself, under nonces of its own, and opens for its payment alone."""

from collections.abc import Callable
from itertools import count

import pytest
from cryptography.exceptions import InvalidTag

from switch.flow.sealing import Sealer


def counting() -> Callable[[int], bytes]:
    """Bytes that never come twice."""
    numbers = count(1)
    return lambda length: b"".join(next(numbers).to_bytes(4, "big") for _ in range(length // 4))


def test_a_batch_is_sealed_as_each_by_itself() -> None:
    batch = [(b"one", "p1"), (b"two", "p2"), (b"", "p3")]
    at_once, one_by_one = Sealer(b"k" * 32, counting()), Sealer(b"k" * 32, counting())
    assert at_once.seal_all(batch) == [one_by_one.seal(plain, payment_id) for plain, payment_id in batch]


def test_no_two_of_a_batch_share_a_nonce() -> None:
    sealed = Sealer(b"k" * 32, counting()).seal_all([(b"same", "p")] * 100)
    assert len({each[:12] for each in sealed}) == 100


def test_what_is_sealed_for_one_payment_does_not_open_for_another() -> None:
    sealer = Sealer(b"k" * 32, counting())
    [sealed] = sealer.seal_all([(b"one", "p1")])
    assert sealer.open(sealed, "p1") == b"one"
    with pytest.raises(InvalidTag):
        sealer.open(sealed, "p2")


def test_an_empty_batch_seals_nothing() -> None:
    assert Sealer(b"k" * 32, counting()).seal_all([]) == []
