"""Every packaged drill holds on a sandbox of its own and a second time on the same; one with a wrong expectation fails."""

from datetime import date, datetime

import pytest
from serving import DEV_KEY, Served

from bayswitch import Problem
from switch.api.drill_models import DrillDocument
from switch.drills import drill
from switch.drills.story import StoryError

MUST = {
    "salary-day", "limit-reached", "southbound-closed", "silent-rail", "late-accept", "recall-accepted", "fx-expired", "lunar-new-year",
}  # fmt: skip


@pytest.mark.parametrize("name", drill.names())
async def test_a_drill_holds(own: Served, name: str) -> None:
    player = drill.make_player(own.url, DEV_KEY)
    try:
        outcome = await drill.run(drill.read_drill(name), player)
    finally:
        await player.close()
    assert not outcome.unmet, "\n".join(map(str, outcome.unmet))
    assert outcome.expected >= 3 and outcome.document()["met"]


def test_the_drills_that_were_asked_for_are_there_and_more() -> None:
    assert set(drill.names()) >= MUST and len(drill.names()) >= len(MUST) + 4


async def test_a_drill_is_played_over_http_again_and_again_and_mends_what_it_broke(own: Served) -> None:
    async with own.operator() as operator:
        before = datetime.fromisoformat((await operator.clock())["now"])
        first, second = [await operator.run_drill("silent-rail") for _ in range(2)]
        assert first["met"] and second["met"], (first["unmet"], second["unmet"])
        assert DrillDocument.model_validate(first).met
        assert first["day"] < second["day"] and datetime.fromisoformat(second["clock"]["from"]) > before
        assert all(step["met"] is not False for step in second["steps"])
        assert (await operator.faults("ibps"))["rules"] == []
        listed = await operator.drills()
        assert {each["drill"] for each in listed["drills"]} == set(drill.names())
        with pytest.raises(Problem) as refused:
            await operator.run_drill("no-such-drill")
        assert refused.value.status == 404
    async with own.client() as client:
        with pytest.raises(Problem) as refused:
            await client.run_drill("silent-rail")
        assert refused.value.status == 403


WRONG = """
title: Wrong
tell: Expects what does not come.
day: {business: [HK, CN]}
steps:
  - {step: paid, at: "10:00:00", from: mei-ling.lion, to: wei.banyan, amount: 100.00 HKD, way: HKD>CNY, for: GIFT, expect: @@}
  - {at: "10:30:00", action: look, of: paid, expect: {status: ACCC}}
  - {at: "10:31:00", action: state, of: paid, status: rejected, expect: {reason: state}}
"""


@pytest.mark.parametrize(
    ("expect", "missed"),
    [
        ("{status: ACCC}", []),
        ("{status: RJCT}", ["status"]),
        ("{status: ACCC, history: [ACSP, PDNG, ACCC]}", ["history"]),
        ("{status: ACCC, debit: 100.01 HKD, exception: contradiction}", ["debit", "exception"]),
    ],
)
async def test_a_drill_with_a_wrong_expectation_fails(own: Served, expect: str, missed: list[str]) -> None:
    player = drill.make_player(own.url, DEV_KEY)
    outcome = await drill.run(drill.read_drill("wrong", WRONG.replace("@@", expect)), player)
    await player.close()
    assert [miss.what for miss in outcome.unmet] == missed
    assert outcome.document()["met"] is not bool(missed)


async def test_an_action_that_is_refused_or_not_refused_unexpectedly_fails(own: Served) -> None:
    text = WRONG.replace("@@", "{status: ACCC}").replace(
        "expect: {reason: state}", "tell: No refusal is expected here."
    )
    player = drill.make_player(own.url, DEV_KEY)
    outcome = await drill.run(drill.read_drill("wrong", text), player)
    assert [(miss.what, miss.got) for miss in outcome.unmet] == [("refused", "state")]
    text = WRONG.replace("@@", "{status: ACCC}").replace("status: rejected", "status: returned")
    outcome = await drill.run(drill.read_drill("wrong", text), player)
    assert [(miss.what, miss.expected) for miss in outcome.unmet] == [("reason", "state")]
    await player.close()


def test_a_day_of_the_kind_wanted_is_later_than_the_sandboxs() -> None:
    new_year = drill.read_drill("lunar-new-year")
    assert drill.day_of(new_year, date(2026, 1, 1)) == date(2026, 2, 14)  # a make-up workday, a Saturday
    assert drill.day_of(drill.read_drill("fx-expired"), date(2026, 3, 5)) == date(2026, 3, 6)
    with pytest.raises(drill.NoSuchDay):
        drill.day_of(
            new_year._replace(
                day={"business": ["HK"], "days_off_follow": {"calendar": "HK", "at_least": 30, "months": [1]}}
            ),
            date(2026, 1, 1),
        )


@pytest.mark.parametrize(
    "text",
    [
        "title: x\ntell: y\nsteps: []",
        WRONG.replace("expect: @@", "expects: {}"),
        WRONG.replace("business", "sunny").replace("@@", "{}"),
    ],
)
def test_a_drill_that_says_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(StoryError):
        drill.lines_of(drill.read_drill("wrong", text), date(2026, 3, 6))
