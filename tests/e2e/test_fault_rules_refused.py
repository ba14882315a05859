"""A fault that could hit nobody, or is not said as the API says things, is refused with what is wrong, and changes nothing."""

import pytest
from serving import Served


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"outage": "yes"}, "outage"),
        ({"rules": [{"outage": "yes"}]}, "outage"),
        ({"rules": [{"match": {"participant": "PEARCNG0"}, "rejected": 1}]}, "PEARCNG0 is not on hk-fps"),
        ({"rules": [{"rejected": 1, "reason_code": "wrong"}]}, "such as AC03"),
    ],
)
async def test_it_is_refused_and_nothing_is_set(served: Served, setting: dict[str, object], said: str) -> None:
    async with served.http(None) as operator:
        path = "/v1/sandbox/rails/hk-fps/faults"
        before = (await operator.get(path)).json()
        answer = await operator.post(path, json=setting)
        assert answer.status_code == 400 and said in answer.text, answer.text
        assert (await operator.get(path)).json() == before
