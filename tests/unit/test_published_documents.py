"""What the documents say of the code is what the code says of itself."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rails.identifiers import check
from rails.messages.codes import load_codes
from switch.api.models import PersonLink
from switch.cli import app
from switch.cli.assumptions import assumptions, markdown
from switch.payment.reasons import table
from switch.payment.status import diagram

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_the_status_table_as_it_is() -> None:
    assert f"<!-- status table -->\n```\n{diagram()}\n```\n<!-- end of status table -->" in (
        ROOT / "README.md"
    ).read_text("utf-8")


def test_the_list_of_assumptions_is_the_one_in_the_data() -> None:
    assert markdown() in (ROOT / "docs" / "assumptions.md").read_text("utf-8")


@pytest.mark.parametrize("assumption", assumptions(), ids=lambda item: f"{item.file}:{item.key}")
def test_an_assumption_says_why(assumption: object) -> None:
    assert getattr(assumption, "why", ""), assumption


@pytest.mark.parametrize("name", ["payment", "tuition"])
def test_an_example_is_accepted(name: str) -> None:
    file = str(ROOT / "docs" / "examples" / f"{name}.json")
    said = CliRunner().invoke(app, ["explain", file, "--at", "2026-03-05T10:00:00+08:00", "--json"])
    assert said.exit_code == 0, said.output


def test_the_example_of_a_person_s_documents_is_taken() -> None:
    text = (ROOT / "docs" / "examples" / "persons.json").read_text("utf-8")
    for document in PersonLink.model_validate_json(text).documents:
        assert check(document.type, document.number, document.country) is None


def test_the_example_of_what_is_used_refuses_the_first_example() -> None:
    examples = ROOT / "docs" / "examples"
    used = ["--used", str(examples / "used.json")]
    said = CliRunner().invoke(
        app, ["explain", str(examples / "payment.json"), "--at", "2026-03-05T10:00:00+08:00", *used]
    )
    assert said.exit_code == 1 and "HKD 1,250.00 is left" in " ".join(said.output.split())


def test_the_rulebook_shows_hours_and_amounts_as_people_read_them() -> None:
    said = CliRunner().invoke(app, ["rulebook", "show", "--on", "2026-03-05"])
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in said.output.splitlines() if line[:1].strip()}
    assert rows["payment-connect.southbound.hours"].startswith("07:00-23:00")
    assert rows["payment-connect.northbound.year"].startswith("HKD 200,000.00 calendar-year")
    assert rows["hk-fps.transaction"].startswith("no limit")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--at", "2026-03-05"], "no offset"),
        (["--at", "noon"], "no instant"),
        (["--at", "2026-03-05T10:00:00+08:00", "--used", "README.md"], "not JSON"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_status_two(arguments: list[str], says: str) -> None:
    file = str(ROOT / "docs" / "examples" / "payment.json")
    given = [str(ROOT / word) if word == "README.md" else word for word in arguments]
    said = CliRunner().invoke(app, ["explain", file, *given])
    assert said.exit_code == 2 and says in " ".join(said.output.split()), said.output


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert links and all((ROOT / link).exists() for link in links)


def test_the_table_of_reasons_is_the_one_in_the_code() -> None:
    assert table() in (ROOT / "docs" / "reasons.md").read_text("utf-8")


def test_the_purpose_codes_taken_are_listed() -> None:
    assert f"\n{', '.join(sorted(load_codes().purposes))}\n" in (ROOT / "docs" / "messages.md").read_text("utf-8")
