"""What camt.029 says of recalls, of each and of all together: one mapping for messages and JSON."""

from datetime import UTC, datetime

import pytest

from fx.money import Money
from switch.payment.recalling import RecallRefused, Standing, confirmation, confirmation_of_all, judged

NOON = datetime(2026, 3, 5, 4, tzinfo=UTC)
PAID = Standing("settled", NOON, Money(100_00, "CNY"), 0, "")


@pytest.mark.parametrize(
    ("state", "back", "word"),
    [
        ("requested", 0, "PDCR"), ("pending", 0, "PDCR"), ("accepted", 0, "IPAY"), ("rejected", 0, "RJCR"),
        ("returned", 99, "PECR"), ("returned", 100, "CNCL"),
    ],
)  # fmt: skip
def test_each_recall_has_its_word(state: str, back: int, word: str) -> None:
    assert confirmation(state, 100, back) == word


@pytest.mark.parametrize(
    ("words", "of_all"),
    [
        (["RJCR", "PDCR"], "PDCR"), (["CNCL", "PDCR"], "PDCR"), (["IPAY", "CNCL"], "IPAY"), (["CNCL", "RJCR"], "PECR"),
        (["PECR", "CNCL"], "PECR"), (["IPAY", "RJCR"], "PECR"), (["CNCL", "CNCL"], "CNCL"), (["IPAY"], "IPAY"),
        (["RJCR"], "RJCR"),
    ],
)  # fmt: skip
def test_all_recalls_have_one_word(words: list[str], of_all: str) -> None:
    assert confirmation_of_all(words) == of_all


def said(standing: Standing, reason: str = "DUPL", now: datetime = NOON) -> str:
    verdict = judged(standing, reason, None, "CN", now)
    assert isinstance(verdict, RecallRefused)
    return verdict.code


@pytest.mark.parametrize("status", ["in_doubt", "submitted", "accepted", "queued", "rejected", "blocked", "cancelled"])
def test_noor_is_never_said_of_a_payment_that_is_known(status: str) -> None:
    assert said(PAID._replace(status=status, settled_at=None)) == "NARR"


def test_too_late_is_no_legal_decision_and_what_has_come_back_is_already_returned() -> None:
    later = datetime(2026, 6, 1, tzinfo=UTC)
    assert said(PAID, now=later) == "NARR"
    assert said(PAID._replace(returned_minor=100_00)) == "ARDT"
    assert said(PAID._replace(returned_minor=100_00), now=later) == "ARDT"
    verdict = judged(PAID, "DUPL", None, "CN", later)
    assert isinstance(verdict, RecallRefused) and "if it is the true one" in verdict.text
