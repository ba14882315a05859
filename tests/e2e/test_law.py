"""The law over HTTP: of a day, of a rule, between two days; the same as the rulebook says, readable by participants."""

from datetime import date
from typing import Any

import pytest
from serving import Served

from switch.api import law_models as models


async def read(served: Served, path: str, status: int = 200) -> Any:
    async with served.http() as http:
        answer = await http.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_participant_reads_the_law_of_any_day(served: Served) -> None:
    found = await read(served, "/v1/rulebook?on=2018-04-30")
    models.RulebookDocument.model_validate(found)
    assert found["rules"] == served.sandbox.world.rulebook.show(date(2018, 4, 30))
    values = {row["rule"]: row["value"] for row in found["rules"]}
    assert values["stock-connect.shanghai.northbound.day"] == "13000000000.00"
    today = await read(served, "/v1/rulebook")
    assert {row["rule"]: row["value"] for row in today["rules"]}[
        "stock-connect.shanghai.northbound.day"
    ] == "52000000000.00"


async def test_a_rule_tells_its_whole_history_with_sources(served: Served) -> None:
    found = await read(served, "/v1/rulebook/same-name.macau.day")
    models.HistoryDocument.model_validate(found)
    assert [row["value"] for row in found["history"]] == ["CNY 50000.00", "CNY 80000.00"]
    assert all(row["reference"] and row["quote"] for row in found["history"])


async def test_what_changed_on_1_may_2018_is_the_four_links(served: Served) -> None:
    found = await read(served, "/v1/rulebook/diff?from=2018-04-30&to=2018-05-01")
    models.DifferenceDocument.model_validate(found)
    assert len(found["changes"]) == 4 and {each["on"] for each in found["changes"]} == {"2018-05-01"}


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/rulebook?on=soon", 400, "on is a law day"),
        ("/v1/rulebook?at=2018-04-30", 400, "is no query parameter here"),
        ("/v1/rulebook/diff?from=2018-04-30", 400, "to is a law day"),
        ("/v1/rulebook/diff?from=2018-05-01&to=2018-04-30", 400, "the earlier day comes first"),
        ("/v1/rulebook/no.such.rule", 404, "no such rule or lane"),
    ],
)
async def test_a_wrong_question_is_told(served: Served, path: str, status: int, says: str) -> None:
    assert says in (await read(served, path, status))["detail"]
