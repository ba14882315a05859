"""The load's catalogue of bad input: the switch answers each entry with the status the catalogue owes it, and stores nothing of it."""

import pytest
from builders import northbound
from serving import DEV_KEY, Served, a_new_person, body_of

from loadtest.answers import Answers
from loadtest.malformed import Bad, catalogue
from loadtest.traffic import BAD, Call, Marks

CATALOGUE = catalogue(body_of(northbound(person=a_new_person())))


def test_the_catalogue_has_every_door_and_no_entry_twice() -> None:
    assert len({bad.name for bad in CATALOGUE}) == len(CATALOGUE) > 35
    assert {bad.status for bad in CATALOGUE} == {400, 413, 415}
    assert len({bad.path for bad in CATALOGUE}) == 3


@pytest.mark.parametrize("bad", CATALOGUE, ids=lambda bad: bad.name)
async def test_bad_input_is_answered_as_the_catalogue_says(served: Served, bad: Bad) -> None:
    headers = {"Authorization": f"Bearer {DEV_KEY}", "Content-Type": bad.content_type}
    if bad.keyed:
        headers["Idempotency-Key"] = f"catalogue {bad.name}"
    async with served.http(None) as http:
        answer = await http.post(bad.path, content=bad.body, headers=headers)
    marks = Marks(BAD, (bad.status,), payments=0, bad=bad.name)
    [verdict] = Answers().judge(
        Call("", "", bad.path, bad.content_type, bad.body, marks), answer.status_code, answer.content
    )
    assert not verdict.wrong, answer.text
