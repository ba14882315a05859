"""What a rail's rejection tells: the code's meaning and what to do, whatever code it is."""

from rails.magic import MAGIC
from switch.payment.plan import Refusal
from switch.payment.rail_codes import MEANINGS
from switch.payment.reasons import problem


def told(code: str) -> str:
    return problem(Refusal("rail-rejected", {"rail": "hvps", "code": code})).text


def test_a_rejection_tells_what_its_code_means_and_what_to_do() -> None:
    assert (
        told("AC07") == "hvps rejected the payment. The creditor's account is closed. Ask the creditor for another one."
    )
    assert "ZZ99" in told("ZZ99") and told("ZZ99").endswith(".")


def test_every_code_that_the_magic_table_rejects_with_has_its_meaning() -> None:
    assert {magic.reason_code for magic in MAGIC if magic.reason_code} <= MEANINGS.keys()
