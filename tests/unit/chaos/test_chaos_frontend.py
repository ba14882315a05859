"""Where a COMMIT stands in what a client sends, however the bytes arrive."""

import struct

import pytest

from switch.chaos.frontend import Frontend

STARTUP = struct.pack("!ii", 23, 196608) + b"user\0bayswitch\0"
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
CANCEL = struct.pack("!iiii", 16, 80877102, 7, 8)


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


BEGIN, COMMIT = message(b"Q", b"BEGIN;\0"), message(b"Q", b"COMMIT;\0")
LONG = message(b"d", b"COMMIT;\0" * 10_000)  # data of a COPY that only looks so
INSERT = message(b"Q", b"INSERT INTO words VALUES ('" + b"COMMIT; " * 40 + b"')\0")
SYNC = message(b"S", b"")
PREPARED = (
    message(b"P", b"over\0commit\0\0\0")
    + message(b"B", b"gate\0over\0\0\0\0\0\0\0")
    + message(b"E", b"gate\0\0\0\0\0")
    + SYNC
)


def commits(pieces: list[bytes], start: bytes = STARTUP) -> tuple[bytes, list[bytes]]:
    """All that is passed on, and what of it is told to be a COMMIT."""
    reader = Frontend()
    found = [piece for data in (start, *pieces) for piece in reader.feed(data)]
    return b"".join(piece.data for piece in found), [piece.data for piece in found if piece.commit]


@pytest.mark.parametrize("size", [1, 3, 7, 64, 1_000, 1_000_000])
def test_a_commit_is_found_and_nothing_is_lost_or_changed_however_the_bytes_arrive(size: int) -> None:
    stream = BEGIN + LONG + INSERT + SYNC + COMMIT + BEGIN + COMMIT
    passed, found = commits([stream[n : n + size] for n in range(0, len(stream), size)])
    assert passed == STARTUP + stream
    assert found == [COMMIT, COMMIT]


def test_what_only_speaks_of_commits_is_none() -> None:
    words = [INSERT, LONG, BEGIN, message(b"Q", b"ROLLBACK;\0"), message(b"Q", b"SELECT 'COMMIT'\0"), SYNC]
    assert commits(words)[1] == []


def test_a_prepared_commit_is_found_where_it_is_carried_out() -> None:
    passed, found = commits([PREPARED])
    assert passed == STARTUP + PREPARED
    assert found == [message(b"E", b"gate\0\0\0\0\0")]


CALL = message(b"P", b"s\0CALL accept_batch($1)\0\0\0")
CALLED = message(b"B", b"\0s\0" + bytes(6_000)) + message(b"E", b"\0\0\0\0\0")


@pytest.mark.parametrize("size", [1, 64, 1_000_000])
def test_a_call_commits_by_its_sync_and_no_other_sync_does(size: int) -> None:
    stream = CALL + SYNC + CALLED + SYNC + SYNC + message(b"B", b"\0other\0\0\0") + message(b"E", b"\0\0\0\0\0") + SYNC
    start = len(CALL + SYNC + CALLED)
    reader, passed, places = Frontend(), 0, []
    list(reader.feed(STARTUP))
    for n in range(0, len(stream), size):
        for piece in reader.feed(stream[n : n + size]):
            places += [(passed, piece.data)] if piece.commit else []
            passed += len(piece.data)
    assert passed == len(stream) and places == [(start, SYNC)]


def test_within_a_transaction_a_call_commits_nothing_before_the_commit_does() -> None:
    back_to = message(b"Q", b"ROLLBACK TO one\0")
    assert commits([CALL, BEGIN, CALLED, SYNC, back_to, CALLED, SYNC, COMMIT])[1] == [COMMIT]
    assert commits([CALL, BEGIN, message(b"Q", b"ROLLBACK;\0"), CALLED, SYNC])[1] == [SYNC]


def test_a_call_as_a_simple_query_commits_by_itself() -> None:
    asked = message(b"Q", b"call tidy()\0")
    assert commits([asked, BEGIN, asked, COMMIT])[1] == [asked, COMMIT]


def test_what_comes_before_the_startup_is_no_message() -> None:
    assert commits([COMMIT], SSL_REQUEST + STARTUP)[1] == [COMMIT]
    assert commits([], CANCEL) == (CANCEL, [])
