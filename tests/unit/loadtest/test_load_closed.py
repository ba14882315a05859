"""The closed model: as many calls in flight as asked, judged by their bodies; and a file that holds no calls is named."""

import asyncio
from pathlib import Path

import pytest

from loadtest.closed import Closed
from loadtest.null_server import ANSWER, Nothing
from loadtest.wire import JSON, PAYMENTS, Plain, Requests, address_of, read_calls

_CALL = Plain("HBAYHKH0", "k", PAYMENTS, JSON, b"{}")


@pytest.mark.parametrize("pipeline", [1, 4])
async def test_every_call_is_answered_and_counted(pipeline: int) -> None:
    server = await asyncio.get_running_loop().create_server(Nothing, "127.0.0.1", 0)
    address = address_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    run = Closed([Requests(address, "key").post(_CALL)] * 500, 0.0, 5.0, pipeline)
    await run.run(address, 8)
    server.close()
    document = run.document(0.1)
    assert document["statuses"] == {"202": 500} and document["payments"]["accepted"] == 500
    assert document["ran_out"] and document["unanswered"] == 0
    assert sum(document["by_second"]) == 500 and document["per_second"] == 100


class _Ending(Nothing):
    """Says with every answer that the connection ends with it, and ends it."""

    def on_message_complete(self) -> None:
        assert self._transport is not None
        self._transport.write(ANSWER.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        self._transport.close()


async def test_a_connection_that_its_server_ends_is_replaced() -> None:
    server = await asyncio.get_running_loop().create_server(_Ending, "127.0.0.1", 0)
    address = address_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    run = Closed([Requests(address, "key").post(_CALL)] * 40, 0.0, 5.0)
    await run.run(address, 4)
    server.close()
    assert run.statuses == {202: 40} and run.lost == 0


def test_a_request_has_no_header_without_a_value() -> None:
    bare = Requests(address_of("http://127.0.0.1:1"), "key").post(_CALL._replace(participant="", key=""))
    assert b"Bayswitch-Participant" not in bare and b"Idempotency-Key" not in bare and b"Prefer" not in bare
    assert b"Prefer: wait=8\r\n" in Requests(address_of("http://127.0.0.1:1"), "key").post(_CALL, "wait=8")


def test_a_line_that_is_no_call_is_named(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text('{"participant": "A", "key": "1", "body": "{}"}\n{"key": "2"}\n')
    with pytest.raises(ValueError, match="line 2 is no call"):
        list(read_calls(file))
