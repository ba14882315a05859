"""When the debtor agent took it, account types and hashes of documents: what a message may say of them, JSON may, too."""

import pytest
from corridors import AT, INSTRUCTIONS
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rails.messages import MessageError, build_pacs008
from switch.payment.instruction import Instruction
from switch.translate.messages import instruction_to_pacs008, iso_time, parse_instructions, transfer_of

PLAIN = INSTRUCTIONS["northbound-to-an-e-cny-wallet"]
PAPERS = INSTRUCTIONS["southbound-tuition-accepted-earlier"]
VERSIONS = ("pacs.008.001.08", "pacs.008.001.13")


def parts(*choices: str) -> st.SearchStrategy[str]:
    return st.sampled_from(choices)


@st.composite
def instants(draw: st.DrawFn) -> str:
    """An instant as somebody may write it: often right, often not."""
    day = f"{draw(parts('2026', '2024', '1999', '20', '12026'))}-{draw(parts('02', '12', '00', '13', '2'))}"
    day += f"-{draw(parts('01', '28', '29', '30', '31', '32', '00'))}"
    time = f"{draw(parts('00', '23', '24', '9'))}:{draw(parts('00', '59', '60'))}:{draw(parts('00', '59', '60'))}"
    fraction = draw(parts("", ".0", ".999999", ".9999999", "."))
    return f"{day}{draw(parts('T', ' '))}{time}{fraction}{draw(parts('Z', '+08:00', '-14:00', '+14:01', '', '+24:00', 'z'))}"


def taken(instant: str) -> Instruction | None:
    try:
        return Instruction.model_validate(PLAIN.model_dump() | {"acceptance_date_time": instant})
    except ValidationError:
        return None


@given(instants(), parts(*VERSIONS))
def test_what_json_takes_as_an_instant_a_message_takes_and_nothing_else(instant: str, version: str) -> None:
    said = PLAIN.model_copy(update={"acceptance_date_time": instant})
    body = build_pacs008([transfer_of(said)], message_id="M", created_at=iso_time(AT), definition=version)
    try:
        read = parse_instructions(body).instructions
    except MessageError as error:
        assert error.code == "FF01" and "AccptncDtTm" in error.field and taken(instant) is None
    else:
        assert read == [taken(instant)]


@pytest.mark.parametrize(
    "instant", ["2024-02-29T23:59:59.999999-14:00", "2026-03-05T12:00:00+08:00", "2099-12-31T00:00:00Z"]
)
def test_such_an_instant_is_taken(instant: str) -> None:
    assert taken(instant) is not None


@pytest.mark.parametrize(
    "instant", ["2026-02-29T00:00:00Z", "2026-03-05T12:00:00", "2026-03-05", "1999-12-31T00:00:00Z"]
)
def test_such_an_instant_is_not(instant: str) -> None:
    assert taken(instant) is None


def test_each_version_has_the_instant_in_its_own_place() -> None:
    bodies = [
        build_pacs008([transfer_of(PLAIN)], message_id="M", created_at=iso_time(AT), definition=version)
        for version in VERSIONS
    ]
    assert [b"<AddtlDtTm><AccptncDtTm>" in body for body in bodies] == [False, True]
    for body, other in zip(bodies, reversed(VERSIONS), strict=True):
        with pytest.raises(MessageError) as caught:
            parse_instructions(
                body.replace(VERSIONS[0].encode(), b"?")
                .replace(VERSIONS[1].encode(), b"?")
                .replace(b"?", other.encode())
            )
        assert caught.value.code == "FF01"


HASH = b'<DocumentHash Of="2">' + b"0c" * 32


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        (HASH, HASH.replace(b'"2"', b'"4"'), "DocumentHash/@Of"),
        (HASH, HASH.replace(b'"2"', b'"0"'), "DocumentHash"),
        (HASH, HASH.replace(b'"2"', b'"3"'), "DocumentHash"),
        (HASH, HASH.replace(b' Of="2"', b""), "DocumentHash"),
        (HASH, HASH[:-1], "DocumentHash"),
        (HASH, HASH.replace(b"0c0c", b"0C0C"), "DocumentHash"),
        (b"<Prtry>class-2<", b"<Prtry>class-4<", "DbtrAcct/Tp/Prtry"),
        (b"<Prtry>class-2</Prtry>", b"<Cd>CACC</Cd>", "DbtrAcct/Tp"),
    ],
)  # fmt: skip
def test_a_hash_of_no_document_or_an_unknown_account_type_is_refused(before: bytes, after: bytes, field: str) -> None:
    body = instruction_to_pacs008(PAPERS, message_id="M", created_at=AT)
    assert before in body
    with pytest.raises(MessageError) as caught:
        parse_instructions(body.replace(before, after))
    assert caught.value.code in ("FF01", "CH21") and field in caught.value.field, caught.value


@pytest.mark.parametrize("digits", ["0c" * 31, "0C" * 32, "0c" * 32 + "\n", "xy" * 32])
def test_json_takes_a_hash_in_one_form_only(digits: str) -> None:
    paper = {"type": "invoice", "reference": "1", "hash": digits}
    with pytest.raises(ValidationError):
        Instruction.model_validate(PLAIN.model_dump() | {"documents": [paper]})
