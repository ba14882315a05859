"""The insistent client: it asks again under the same key, at the other door, until it has an answer, and keeps every attempt."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from loadtest.insistent import Door, Due, Run
from loadtest.wire import JSON, PAYMENTS, Plain

ACCEPTED = {"payment_id": "p-1", "iso_status": "ACSP"}


@asynccontextmanager
async def door(*answers: tuple[int, dict[str, Any]] | None) -> AsyncIterator[tuple[str, list[str]]]:
    """A switch that gives these answers in turn, None: it hangs up; and the keys it has heard."""
    left, heard = list(answers), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:-2])
                await reader.readexactly(int(fields["Content-Length"]))
                heard.append(fields["Idempotency-Key"])
                answer = left.pop(0)
                if answer is None:
                    break
                body = json.dumps(answer[1]).encode()
                writer.write(f"HTTP/1.1 {answer[0]} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


async def made(urls: list[str], patience: float = 5.0) -> dict[str, Any]:
    """What became of one call."""
    call = Plain("HBAYHKH0", "k-1", PAYMENTS, JSON, b"{}")
    run = Run([Door(url, "key") for url in urls], [Due(0, 0, call)], time.time(), patience)
    await run.run()
    [kept] = run.kept
    return kept


async def test_it_asks_again_at_the_other_door_until_it_is_answered() -> None:
    busy = (503, {"name": "busy"})
    async with door(None, (202, ACCEPTED)) as (one, first), door(busy) as (other, second):
        kept = await made([one, other])
    assert (kept["status"], kept["told"]) == (202, {"payment_id": "p-1"})
    assert [(attempt.door, attempt.status, attempt.what) for attempt in kept["attempts"]] == [
        (0, 0, "connection lost"), (1, 503, "busy"), (0, 202, ""),
    ]  # fmt: skip
    assert first == ["k-1", "k-1"] and second == ["k-1"]


async def test_of_a_503_is_kept_whether_it_says_that_nothing_was_stored() -> None:
    told = [
        {"name": "unavailable", "detail": detail}
        for detail in ("and will not be: nothing was stored.", "has not said yet.")
    ]
    async with door(*((503, each) for each in told), (202, ACCEPTED)) as (one, _):
        kept = await made([one])
    assert [attempt.what for attempt in kept["attempts"]] == ["unavailable, nothing stored", "unavailable", ""]


async def test_a_refusal_is_an_answer() -> None:
    refused = {"name": "person-quota", "code": "RR04", "payment_id": "p-2", "rule": "r", "detail": "x"}
    async with door((422, refused)) as (one, _):
        kept = await made([one])
    assert kept["status"] == 422 and len(kept["attempts"]) == 1
    assert kept["told"] == {"name": "person-quota", "code": "RR04", "payment_id": "p-2", "rule": "r"}


async def test_whom_nobody_answers_gives_up_when_patience_ends() -> None:
    async with door() as (gone, _):
        pass
    kept = await made([gone], patience=0.2)
    assert kept["status"] == 0 and kept["told"] == {} and len(kept["attempts"]) >= 2
    assert {attempt.what for attempt in kept["attempts"]} == {"nobody there"}
