"""The texts of a decision: every reason in every language, with the same placeholders, and nothing left unfilled."""

import re
from string import Formatter
from typing import Any

import pytest

from fx.money import EXPONENTS, Money
from limits.values import ENFORCERS
from switch.payment.instruction import Instruction
from switch.payment.plan import Refusal
from switch.payment.reasons import REASONS, problem
from switch.payment.remedy import AMOUNT, DOCUMENT, DOCUMENT_TYPES, INSTANT, LANE, Remedy
from switch.payment.texts import LANGUAGES, read_document, remedy_texts, verdict_texts, words

# What fills a sentence besides the placeholders of the reason's own: made from the detail.
_MADE = {"window_words", "field"}
_OTHERS = [language for language in LANGUAGES if language != "en"]
_CHINESE = re.compile("[\u4e00-\u9fff]")


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field}


def leaves(document: dict[str, Any], path: str = "") -> dict[str, str]:
    """Every sentence of a language by its path."""
    found: dict[str, str] = {}
    for name, value in document.items():
        found |= leaves(value, f"{path}{name}.") if isinstance(value, dict) else {f"{path}{name}": value}
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_text(language: str) -> None:
    assert read_document(language)["reasons"].keys() == REASONS.keys()


@pytest.mark.parametrize("language", _OTHERS)
def test_each_language_says_the_same_with_the_same_placeholders(language: str) -> None:
    english, other = leaves(read_document("en")), leaves(read_document(language))
    assert english.keys() == other.keys()
    assert {name: placeholders(text) for name, text in english.items()} == {
        name: placeholders(text) for name, text in other.items()
    }


@pytest.mark.parametrize("name", REASONS)
def test_a_text_asks_for_nothing_that_the_refusal_does_not_say(name: str) -> None:
    known = placeholders(REASONS[name].sentence) | _MADE
    for language in LANGUAGES:
        asked = placeholders(read_document(language)["reasons"][name])
        assert asked <= known, f"{language}: {asked - known} is no detail of {name}"


@pytest.mark.parametrize("language", _OTHERS)
def test_the_chinese_is_chinese_and_neither_script_holds_the_other_s_characters(language: str) -> None:
    document = read_document(language)
    text = "".join(document["reasons"].values()) + "".join(leaves(document["person"]).values())
    for sentence in document["reasons"].values():
        assert _CHINESE.search(sentence) and sentence.endswith("。"), sentence
    traditional, simplified = (
        "額匯貨幣帳戶於證處經關閉為與對業銀還從這個餘須",
        "额汇货币账户于证处经关闭为与对业银还从这个余须",
    )
    assert not set(simplified if language == "zh-Hant" else traditional) & set(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_currency_document_and_enforcer_has_a_name(language: str) -> None:
    said = words(language)
    assert said.money.keys() == EXPONENTS.keys() and said.documents.keys() == set(DOCUMENT_TYPES)
    assert said.enforcers.keys() >= ENFORCERS


def explained(refusal: Refusal) -> dict[str, Any]:
    """As payment.explain writes the refusal of an instruction that has no facts."""
    found = problem(refusal)
    reason = {"code": found.code, "name": found.name, "text": found.text}
    return {"status": "RJCT", "reason": reason, "classification": None, "facts": None, "claims": [], "route": []}


@pytest.mark.parametrize("name", REASONS)
def test_a_refusal_with_its_detail_leaves_nothing_unsaid(name: str) -> None:
    fields = placeholders(REASONS[name].sentence)
    detail = {field: f"<{field}>" for field in fields} | {"window": "calendar-day"}
    refusal = Refusal(name, detail, "some.field")
    for text in verdict_texts(explained(refusal), refusal, []).values():
        for said in text.values():
            assert "{" not in said and said
        assert "—" not in text["person"], text["person"]


def test_amounts_and_instants_are_written_as_the_language_writes_them() -> None:
    detail = {
        "rule": "a.rule", "ceiling": "HKD 10000.00", "headroom": "CNY 1250.50", "window": "calendar-day",
        "asked": "HKD 12000.00", "since": "2025-06-22", "source": "Title, body, day",
    }  # fmt: skip
    refusal = Refusal("person-quota", detail)
    texts = verdict_texts(explained(refusal), refusal, [])
    assert "HKD 10,000.00 a day" in texts["en"]["person"] and "CNY 1,250.50" in texts["en"]["person"]
    assert "每日上限 10,000.00 港元" in texts["zh-Hant"]["person"] and "1,250.50 元人民幣" in texts["zh-Hant"]["person"]
    assert "每日上限 10,000.00 港元" in texts["zh-Hans"]["person"] and "1,250.50 元人民币" in texts["zh-Hans"]["person"]
    for text in texts.values():
        assert (
            "HKD 10,000.00" in text["analyst"] and "Title, body, day" in text["analyst"] and "a.rule" in text["analyst"]
        )
    closed = Refusal("rail-closed", {"rail": "hk-chats", "opens_at": "2026-03-06T08:30:00+08:00"})
    texts = verdict_texts(explained(closed), closed, [])
    assert "2026-03-06 08:30 Hong Kong time" in texts["en"]["person"]
    assert "2026年3月6日 08:30" in texts["zh-Hant"]["person"] and "北京时间" in texts["zh-Hans"]["person"]


def test_a_refusal_that_no_single_change_mends_says_so_and_a_fault_of_the_instruction_does_not() -> None:
    quota, fault = Refusal("person-quota", {}), Refusal("amount-zero", {})
    for language, words_of_it in (("en", "No single change"), ("zh-Hant", "單改一項"), ("zh-Hans", "只改一项")):
        assert words_of_it in verdict_texts(explained(quota), quota, [])[language]["person"]
        assert words_of_it not in verdict_texts(explained(fault), fault, [])[language]["person"]


@pytest.mark.parametrize(
    ("remedy", "says"),
    [
        (Remedy(AMOUNT, {}, amount=Money(125_000, "HKD"), difference=Money(25_000, "HKD")), ["HKD 1,250.00", "1,250.00 港元"]),
        (Remedy(DOCUMENT, {}, subject="tuition-notice"), ["a tuition notice", "學費通知書", "学费通知书"]),
        (Remedy(LANE, {}, subject="same-name.macau", scheme="same-name"), ["same-name remittance", "同名匯款", "同名汇款"]),
        (Remedy(LANE, {}, subject="x.y", scheme="of-tomorrow"), ["of-tomorrow", "x.y"]),
    ],
    ids=["amount", "document", "lane", "a scheme without a name"],
)  # fmt: skip
def test_a_change_is_said_in_each_language(remedy: Remedy, says: list[str]) -> None:
    said = " ".join(remedy_texts(remedy).values())
    assert all(each in said for each in says) and "{" not in said and "—" not in said


def test_the_kinds_of_change_all_have_sentences() -> None:
    for language in LANGUAGES:
        said = words(language)
        for group in (said.person, said.analyst):
            kinds = {name.removeprefix("remedy.") for name in group if name.startswith("remedy.")}
            assert kinds == {AMOUNT, "more", INSTANT, DOCUMENT, LANE}


def test_a_planted_placeholder_and_a_missing_text_are_seen() -> None:
    assert placeholders("{rule} and {planted}") - (placeholders(REASONS["person-quota"].sentence) | _MADE) == {
        "planted"
    }
    assert leaves({"a": {"b": "x"}}).keys() != leaves({"a": {"c": "x"}}).keys()


def test_the_languages_of_documents_are_those_that_the_instruction_knows() -> None:
    assert "documents" in Instruction.model_fields and len(DOCUMENT_TYPES) >= 7
