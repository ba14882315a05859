"""Every way the switch says no: each name used is in the table, each code is ISO's, each sentence can be said."""

import ast
import json
import os
import re
from pathlib import Path
from string import Formatter

import pytest

from rails.magic import MAGIC
from switch.api.described import HEADROOM_REASONS, PAYMENT_REASONS, QUOTE_REASONS, examples
from switch.api.models import ProblemDocument
from switch.api.problems import DOOR
from switch.payment.plan import Refusal
from switch.payment.reasons import REASONS, problem
from switch.payment.refusals import refusal_from, refusal_json

SWITCH = Path(__file__).parents[3] / "switch"
FOLDER = os.environ.get("ISO20022_XSD", "")
CODES = Path(FOLDER).parent / "codes" / "external_status_reason_code.json"
needs_codes = pytest.mark.skipif(
    not (FOLDER and CODES.exists()),
    reason="SKIPPED: ISO's external code sets are not here; set ISO20022_XSD to the schemas' folder beside `codes`",
)
# The codes used, as of the set of facts messages 3.2; the test below holds each against ISO's own list where that is.
USED = frozenset(
    [
        "AB03",
        "AB04",
        "AB07",
        "AB08",
        "AG10",
        "AG11",
        "AC01",
        "AG01",
        "AG03",
        "AGNT",
        "AM01",
        "AM03",
        "AM04",
        "AM06",
        "AM12",
        "AM14",
        "AM02",
        "AM13",
        "AM23",
        "BE01",
        "BE23",
        "CH20",
        "CH21",
        "CURR",
        "DT04",
        "DT05",
        "DU03",
        "DUPL",
        "DU05",
        "ED06",
        "FF06",
        "FF07",
        "NARR",
        "RC03",
        "RC04",
        "RR04",
        "RR05",
        "RR10",
        "RR12",
        "TM01",
    ]
)
# What the rails say of themselves: time-out, closed, wrong currency, never received, no reason given, and magic accounts'.
RAILS = frozenset({"AB05", "ED06", "AM03", "AG09", "NARR", "MS03"} | {magic.reason_code for magic in MAGIC}) - {""}


def names_in(path: Path) -> set[str]:
    """The names of reasons a module gives to `Refusal(...)`, those given through a variable or a table included."""
    tree = ast.parse(path.read_text("utf-8"))
    found = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Refusal":
            function = next(
                (
                    node
                    for node in ast.walk(tree)
                    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                    and any(inner is call for inner in ast.walk(node))
                ),
                tree,
            )
            if call.args:
                found |= strings_of(call.args[0], function)
    return found


def strings_of(value: ast.expr, function: ast.AST) -> set[str]:
    """The texts an expression may be: itself, or what its variable is set to within the function."""
    if isinstance(value, ast.Constant):
        return {value.value}
    if isinstance(value, ast.Name):
        sets = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == value.id for t in node.targets)
        ]
        found = [node.value for given in sets for node in ast.walk(given) if isinstance(node, ast.Constant)]
        return {text for text in found if isinstance(text, str) and "-" in text}
    return set()


def used_names() -> dict[str, set[str]]:
    return {str(path.relative_to(SWITCH)): names_in(path) for path in sorted(SWITCH.rglob("*.py"))}


def test_every_reason_named_in_code_is_in_the_table() -> None:
    used = {name: file for file, names in used_names().items() for name in names}
    assert len(used) > 25, "the search finds too little to mean anything"
    assert used.keys() - REASONS.keys() == set()


def test_every_reason_of_the_table_is_given_somewhere() -> None:
    used = {name for names in used_names().values() for name in names}
    assert REASONS.keys() - used == set()


def test_an_operation_is_documented_with_the_reasons_its_modules_give() -> None:
    used = used_names()
    assert used["translate/facts.py"] | used["translate/kinds.py"] == HEADROOM_REASONS
    assert used["api/allowances.py"] | used["quoting.py"] == QUOTE_REASONS
    assert REASONS.keys() - PAYMENT_REASONS == used["api/desks/transfers.py"] | {
        "rail-rejected",
        "switch-time-out",
        "operator-rejected",
    }


def test_every_problem_has_an_example_that_says_all_it_should() -> None:
    shown = examples()
    assert shown.keys() == DOOR.keys() | PAYMENT_REASONS
    for name, example in shown.items():
        problem_document = ProblemDocument.model_validate(example["value"])
        assert problem_document.name == name and problem_document.type == f"urn:bayswitch:problem:{name}"
        assert "—" not in problem_document.detail and "{" not in problem_document.detail, problem_document.detail
        assert problem_document.what_to_do
    quota = shown["person-quota"]["value"]
    assert quota["rule"] and quota["source"] and quota["headroom"] == "HKD 1250.00" and quota["payment_id"]


def test_the_search_sees_what_it_should(tmp_path: Path) -> None:
    """A planted name that is in no table is found, given directly, by a variable or from a table of names."""
    module = tmp_path / "planted.py"
    module.write_text(
        "def f(x):\n    name = 'planted-one'\n    if x:\n        name = {'A': 'planted-two'}.get(x, 'planted-three')\n"
        "    return Refusal(name, {})\ndef g():\n    return Refusal('planted-four', {})\n"
    )
    assert names_in(module) == {"planted-one", "planted-two", "planted-three", "planted-four"}


def test_the_codes_of_the_table_are_those_listed() -> None:
    assert {reason.code for reason in REASONS.values()} == USED


@needs_codes
def test_each_code_is_in_iso_s_own_list() -> None:
    iso = json.loads(CODES.read_text("utf-8"))["codes"]
    assert (USED | RAILS) - iso.keys() == set()


@pytest.mark.parametrize("name", REASONS)
def test_a_sentence_is_complete_when_its_detail_is_given(name: str) -> None:
    row = REASONS[name]
    fields = {field for _, field, _, _ in Formatter().parse(row.sentence) if field}
    found = problem(Refusal(name, {field: f"<{field}>" for field in fields}, "a.b"))
    assert (found.name, found.code, found.http_status, found.field) == (name, row.code, row.http_status, "a.b")
    assert all(f"<{field}>" in found.text for field in fields) and "{" not in found.text and "—" not in found.text


@pytest.mark.parametrize("name", REASONS)
def test_a_refusal_without_its_detail_can_still_be_said(name: str) -> None:
    assert problem(Refusal(name, {})).text


@pytest.mark.parametrize("name", REASONS)
def test_a_sentence_ends_and_its_http_status_is_a_client_s_error(name: str) -> None:
    sentence = REASONS[name].sentence
    assert re.search(r"[.}]$", sentence) and not sentence.startswith(" ")
    assert 400 <= REASONS[name].http_status < 500


def test_a_rail_s_own_code_stands_before_the_row_s() -> None:
    assert problem(Refusal("rail-rejected", {"rail": "ibps", "code": "AC03"})).code == "AC03"


@pytest.mark.parametrize("name", REASONS)
def test_a_refusal_is_kept_and_read_back(name: str) -> None:
    refusal = Refusal(name, {"what": 'a "quoted" name, 陳大文'}, "creditor.name")
    assert refusal_from(refusal_json(refusal)) == refusal


def test_a_refusal_is_written_as_json_writes_it() -> None:
    detail = {"what": 'a "quoted" \\ name\n\t\x00\x7f\u2028, 陳大文 \U0001f600', "é": ""}
    expected = {"reason": "person-quota", "field": "a.b", "detail": detail}
    assert refusal_json(Refusal("person-quota", detail, "a.b")) == json.dumps(expected, ensure_ascii=False)
    assert refusal_json(Refusal("internal", {})) == '{"reason": "internal", "field": "", "detail": {}}'


def test_a_detail_that_holds_no_refusal_reads_as_none() -> None:
    assert refusal_from("{}") is None
