"""JSON -> XML -> JSON: an equal instruction, so an equal decision, for every corridor."""

from datetime import timedelta, timezone

import pytest
from corridors import AT, HEADER, INSTRUCTIONS
from hypothesis import given
from hypothesis import strategies as st

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


TEXT = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]), min_size=1)


@given(name=TEXT.filter(lambda text: len(text) <= 140), remittance=TEXT.filter(lambda text: len(text) <= 140))
def test_any_text_comes_back_whole_or_is_refused(name: str, remittance: str) -> None:
    instruction = INSTRUCTIONS["payment-connect-northbound-hkd-funded"]
    debtor = instruction.debtor.model_copy(update={"name": name})
    changed = instruction.model_copy(update={"debtor": debtor, "remittance_information": remittance})
    try:
        read = parse_instructions(instruction_to_pacs008(changed, message_id="M", created_at=AT))
    except MessageError as error:
        assert error.code == "RR10"
        assert any(letter in "\ufffe\uffff" or "\x80" <= letter <= "\x9f" for letter in name + remittance)
    else:
        assert read.instructions == [changed]


@pytest.mark.parametrize("country", ["HK", "MO", "CN", "GB"])
@pytest.mark.parametrize("kind", ["HKID", "PRCID", "BIR", "HRP", "PASSPORT", "USCC", "BRN", "LEI"])
def test_no_type_of_identification_turns_into_another(kind: str, country: str) -> None:
    choice, scheme = scheme_of(kind, country)
    code, proprietary = (scheme, None) if choice == "Cd" else (None, scheme)
    assert type_of(kind in PERSON_ID_TYPES, code, proprietary, country) == kind


def test_times_are_written_in_utc() -> None:
    hong_kong = timezone(timedelta(hours=8))
    assert iso_time(AT.astimezone(hong_kong)) == "2026-03-03T01:00:00.000Z"
