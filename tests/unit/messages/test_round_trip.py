"""JSON -> XML -> JSON: an equal instruction, so an equal decision, for every corridor."""

from datetime import timedelta, timezone
from typing import Any

import pytest
from corridors import AT, HEADER, INSTRUCTIONS
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fx.money import Money
from rails.messages import MessageError, build_pacs008, read_pacs008
from rails.messages.identification import scheme_of, type_of
from switch.payment.instruction import PERSON_ID_TYPES, Instruction
from switch.translate.messages import instruction_of, instruction_to_pacs008, iso_time, parse_instructions, transfer_of


def test_there_is_an_instruction_for_every_corridor() -> None:
    assert len(INSTRUCTIONS) >= 12


def test_an_instruction_comes_back_as_it_went(instruction: Instruction) -> None:
    body = instruction_to_pacs008(instruction, message_id="MSG-1", created_at=AT, header=HEADER)
    read = parse_instructions(body)
    assert read.instructions == [instruction]
    assert (read.msg_id, read.header, read.refused) == ("MSG-1", HEADER, [])


def test_a_bare_document_says_the_same_as_a_wrapped_one(instruction: Instruction) -> None:
    read = parse_instructions(instruction_to_pacs008(instruction, message_id="MSG-1", created_at=AT))
    assert read.instructions == [instruction]
    assert read.header is None


def test_version_13_says_the_same_as_version_08(instruction: Instruction) -> None:
    body = build_pacs008(
        [transfer_of(instruction)], message_id="M", created_at=iso_time(AT), definition="pacs.008.001.13"
    )
    read = parse_instructions(body)
    assert (read.instructions, read.definition) == ([instruction], "pacs.008.001.13")


def test_a_message_keeps_the_order_of_its_transactions() -> None:
    instructions = list(INSTRUCTIONS.values())
    body = build_pacs008([transfer_of(each) for each in instructions], message_id="M", created_at=iso_time(AT))
    assert parse_instructions(body).instructions == instructions


def test_a_known_debited_amount_stands_in_the_interbank_amount_and_changes_nothing() -> None:
    instruction = INSTRUCTIONS["payment-connect-northbound-creditor-side-fixed"]
    body = instruction_to_pacs008(instruction, message_id="M", created_at=AT, debited=Money(98_765, "HKD"))
    (transfer,) = read_pacs008(body).transfers
    assert (transfer.interbank_amount, transfer.interbank_currency) == ("987.65", "HKD")
    assert instruction_of(transfer) == instruction


PLAIN = INSTRUCTIONS["payment-connect-northbound-hkd-funded"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=35)
IDENTIFIER = st.text("aB9/-?:().,'+ é\n_", min_size=1, max_size=12)


def taken(document: dict[str, Any]) -> Instruction | None:
    try:
        return Instruction.model_validate(document)
    except ValidationError:
        return None


@given(instruction_id=IDENTIFIER, end_to_end_id=IDENTIFIER, name=TEXT, remittance=TEXT, quote_id=TEXT)
def test_what_json_may_say_a_message_may_say_too_and_nothing_else(
    instruction_id: str, end_to_end_id: str, name: str, remittance: str, quote_id: str
) -> None:
    changes = {
        "instruction_id": instruction_id, "end_to_end_id": end_to_end_id, "remittance_information": remittance,
        "quote_id": quote_id, "debtor": PLAIN.debtor.model_copy(update={"name": name}),
    }  # fmt: skip
    asked = taken(PLAIN.model_copy(update=changes).model_dump())
    try:
        read = parse_instructions(
            instruction_to_pacs008(PLAIN.model_copy(update=changes), message_id="M", created_at=AT)
        ).instructions
    except MessageError as error:
        assert asked is None and error.code in ("RR10", "FF01")
    else:
        assert read == [asked]


@pytest.mark.parametrize("side", ["debtor", "creditor"])
def test_the_word_for_no_number_is_no_number_in_json_either(side: str) -> None:
    document = PLAIN.model_dump()
    document[side]["account"]["number"] = "NOTPROVIDED"
    with pytest.raises(ValidationError, match="leave the field out"):
        Instruction.model_validate(document)


@pytest.mark.parametrize("country", ["HK", "MO", "CN", "GB"])
@pytest.mark.parametrize("kind", ["HKID", "PRCID", "BIR", "HRP", "PASSPORT", "USCC", "BRN", "LEI"])
def test_no_type_of_identification_turns_into_another(kind: str, country: str) -> None:
    choice, scheme = scheme_of(kind, country)
    code, proprietary = (scheme, None) if choice == "Cd" else (None, scheme)
    assert type_of(kind in PERSON_ID_TYPES, code, proprietary, country) == kind


def test_times_are_written_in_utc() -> None:
    hong_kong = timezone(timedelta(hours=8))
    assert iso_time(AT.astimezone(hong_kong)) == "2026-03-03T01:00:00.000Z"
