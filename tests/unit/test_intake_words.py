"""What a 503 says of its call: no more than the worker that answers can know, in words that a client can tell apart."""

from loadtest.insistent import NOTHING_STORED
from switch.api.intake import _NOT_SAID
from switch.flow.submission import UNANSWERED, UNDECIDED


def test_who_was_not_decided_is_told_so_of_this_call_only() -> None:
    said = _NOT_SAID[UNDECIDED]
    assert "not by this call; ask again under the same key" in said and f"Of this call {NOTHING_STORED}" in said
    assert NOTHING_STORED not in _NOT_SAID[UNANSWERED]
