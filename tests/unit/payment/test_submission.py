"""What a submission is known by: its ids are functions of what came in, and nothing else."""

import re
from datetime import date
from uuid import UUID

from builders import HARBOUR, LION, PEARL, a_submission, northbound, southbound
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.flow.submission import key_identity, payment_id_of, uetr_identity
from switch.payment.instruction import Instruction

UETR_V4 = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")
DAY = date(2026, 3, 5)


@settings(derandomize=True)
@given(st.text(), st.text(), st.text())
def test_a_payment_id_is_a_uuid_of_version_5_and_gives_a_uetr_of_version_4(
    sandbox: str, participant: str, key: str
) -> None:
    found = payment_id_of(sandbox, participant, key)
    assert UUID(found).version == 5 and found == payment_id_of(sandbox, participant, key)
    derived = f"{found[:14]}4{found[15:]}"
    assert UETR_V4.fullmatch(derived)


async def test_a_uetr_is_derived_from_the_key_where_none_is_given() -> None:
    one, again, other = (a_submission(northbound(), key) for key in ("k", "k", "l"))
    assert UETR_V4.fullmatch(one.uetr) and one.uetr == again.uetr != other.uetr
    given_uetr = "6f0d53a2-9d8c-4c1b-8a55-000000000001"
    assert a_submission(northbound(uetr=given_uetr)).uetr == given_uetr


async def test_each_part_of_the_key_makes_another_payment() -> None:
    ids = {
        payment_id_of("main", HARBOUR, "k"), payment_id_of("other", HARBOUR, "k"), payment_id_of("main", LION, "k"),
        payment_id_of("main", HARBOUR, "l"),
    }  # fmt: skip
    assert len(ids) == 4


async def test_three_identities_of_sixteen_bytes() -> None:
    submission = a_submission(northbound(instruction_id="X"), "k")
    key, uetr, instruction = submission.identities(DAY)
    assert [identity.kind for identity in (key, uetr, instruction)] == [1, 2, 3]
    assert {len(bytes.fromhex(identity.key)) for identity in (key, uetr, instruction)} == {16}
    assert key == key_identity(submission.payment_id) and uetr == uetr_identity(submission.uetr)
    assert uetr.key == UUID(submission.uetr).hex
    assert submission.identities(date(2026, 3, 6))[2] != instruction
    assert a_submission(southbound(instruction_id="X"), "k").identities(DAY)[2] != instruction  # another agent's
    branch = northbound(instruction_id="X", debtor_agent=f"{HARBOUR}XXX")
    assert a_submission(branch, "k").identities(DAY)[2] == instruction  # a branch is its bank


async def test_content_is_the_same_however_it_is_written() -> None:
    plain = northbound(instruction_id="X")
    document = plain.model_dump(mode="json")
    reordered = Instruction.model_validate(dict(reversed(document.items())))
    spelt_out = Instruction.model_validate(document | {"allow_lanes": False, "documents": [], "uetr": None})
    hashes = {a_submission(one, "k").content_hash for one in (plain, reordered, spelt_out)}
    assert len(hashes) == 1
    other = northbound(instruction_id="X", remittance_information="rent")
    assert a_submission(other, "k").content_hash not in hashes


async def test_what_is_sealed_is_read_back_as_it_came() -> None:
    for instruction in (northbound(debtor__name="陳大文 O'Brien"), southbound(debtor_agent=PEARL)):
        submission = a_submission(instruction)
        assert Instruction.model_validate_json(submission.canonical) == instruction
