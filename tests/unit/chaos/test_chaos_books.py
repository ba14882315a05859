"""What the generator has kept reaches the judge: the answers that end a call, and after which attempts nobody works on."""

from typing import Any

from loadtest.insistent import NOTHING_STORED
from switch.api.intake import _NOT_SAID
from switch.chaos.books import answered
from switch.chaos.judge import Answered, Attempt
from switch.flow.submission import UNANSWERED, UNDECIDED


def kept(*attempts: tuple[int, str], payment_id: str = "") -> list[dict[str, Any]]:
    """One call whose attempts, a second apart, came to these: status and what was said."""
    rows = [[n * 1_000, n * 1_000 + 20, 0, status, what] for n, (status, what) in enumerate(attempts)]
    return [{"key": "k", "attempts": rows, "told": {"payment_id": payment_id} if payment_id else {}}]


def test_an_attempt_is_let_go_only_where_its_answer_says_that_nobody_works_on_it() -> None:
    let_go = [
        (503, "busy"),
        (503, "unavailable, nothing stored"),
        (409, "in-flight"),
        (429, "too-many-requests"),
        (0, "nobody there"),
    ]
    not_known = [(503, "unavailable"), (500, "internal-error"), (0, "connection lost"), (0, "no answer in time")]
    for end, is_let_go in [*((end, True) for end in let_go), *((end, False) for end in not_known)]:
        [call] = answered(kept(end, (422, "person-quota"), payment_id="p"))
        assert call == Answered("k", (Attempt(0, is_let_go), Attempt(1_000)), ((422, "p", "person-quota"),)), end


def test_the_switch_says_of_one_503_alone_that_nothing_was_stored() -> None:
    assert NOTHING_STORED in _NOT_SAID[UNDECIDED] and NOTHING_STORED not in _NOT_SAID[UNANSWERED]
