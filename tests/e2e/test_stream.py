"""The live stream: own events in order, taken up after a break where it broke."""

import asyncio
from itertools import islice

from builders import HARBOUR, LION, northbound
from serving import Served, a_new_person, body_of

from bayswitch import AsyncClient, Event


async def heard(client: AsyncClient, number: int, after: str | None = None) -> list[Event]:
    """The first `number` events after a place in the stream."""
    found: list[Event] = []
    stream = client.events(after)
    async with asyncio.timeout(10):
        async for event in stream:
            found.append(event)
            if len(found) == number:
                break
    await stream.aclose()  # type: ignore[attr-defined]
    return found


async def test_events_come_as_they_happen_and_go_on_after_a_break(own: Served) -> None:
    async with own.client() as client, own.operator() as operator:
        listening = asyncio.create_task(heard(client, 4))
        await asyncio.sleep(0.05)
        sent = [(await client.pay(body_of(northbound("1.00"))))["payment_id"] for _ in range(2)]
        await operator.move_clock(by_seconds=120)
        events = await listening
        assert {event.event for event in events} == {"payment"}
        assert {event.data["payment_id"] for event in events} == set(sent)
        assert [event.id for event in events] == [event.data["event_id"] for event in events]
        rest = await heard(client, 2, events[1].id)
        assert list(islice((event.id for event in events), 2, None)) == [event.id for event in rest]


async def test_a_participant_hears_only_what_is_its_own(own: Served) -> None:
    async with own.client() as client, own.client(LION) as lion, own.operator() as operator:
        mine = (await client.pay(body_of(northbound("1.00"))))["payment_id"]
        its = (await lion.pay(body_of(northbound("1.00", debtor_agent=LION))))["payment_id"]
        assert (await heard(lion, 1))[0].data["payment_id"] == its
        assert {event.data["payment_id"] for event in await heard(operator, 2)} == {mine, its}
        assert (await heard(own.operator(HARBOUR), 1))[0].data["payment_id"] == mine


async def test_a_wrong_cursor_is_told(own: Served) -> None:
    async with own.http() as http:
        for cursor in ("999999999-0", "x", "1", "-1-0", "1-0-0", "1-99999999999999999999", "9" * 30 + "-0"):
            answer = await http.get("/v1/events", headers={"Last-Event-ID": cursor})
            assert answer.status_code == 400 and answer.json()["name"] == "cursor-wrong"


async def test_a_cursor_that_no_event_has_is_told_and_one_that_one_has_is_not(served: Served) -> None:
    async with served.client() as client, served.http() as http:
        for _ in range(2):  # what is asked for after the first two events must be there, whichever test comes first
            await client.pay(body_of(northbound(person=a_new_person())), wait_seconds=10)
        known = (await heard(client, 2))[1].id
        transaction = int(str(known).partition("-")[0])
        for cursor in (f"{transaction + 1_000_000}-0", f"{transaction}-99999", "0-7"):
            answer = await http.get("/v1/events", headers={"Last-Event-ID": cursor})
            assert (answer.status_code, answer.json()["name"]) == (400, "cursor-wrong"), cursor
        assert (await heard(client, 1, known))[0].id != known
        assert (await heard(client, 2, "0-0"))[1].id == known
