"""The yardstick of the door: a FastAPI endpoint with the switch's body model that does nothing with it, served as `up` serves.

`python -m switch.bench.trivial` prints its URL and serves until its standard input ends. It stores nothing and decides nothing.
"""

import asyncio
import socket
import sys

import uvicorn
import uvloop
from fastapi import FastAPI
from fastapi.responses import Response

from switch.door import freeze_garbage, http_config
from switch.payment.instruction import Instruction

_ANSWER = (
    b'{"payment_id":"00000000-0000-5000-8000-000000000000","status":"accepted","iso_status":"ACSP",'
    b'"uetr":"00000000-0000-4000-8000-000000000000","instruction_id":"N"}'
)


def create_app() -> FastAPI:
    """Make the application: one endpoint, its body read by FastAPI as anyone would have it read."""
    app = FastAPI()

    @app.post("/v1/payments", status_code=202)
    async def pay(instruction: Instruction) -> Response:
        return Response(_ANSWER, 202, media_type="application/json")

    return app


async def serve(door: socket.socket) -> None:
    """Serve with the settings of switch.door until standard input ends."""
    server = uvicorn.Server(http_config(create_app()))
    freeze_garbage()
    print(f"http://127.0.0.1:{door.getsockname()[1]}", flush=True)
    serving = asyncio.create_task(server.serve([door]))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.should_exit = True
    await serving


def main() -> int:
    """Serve; 0 when told to end."""
    with socket.create_server(("127.0.0.1", 0), backlog=2_048) as door:
        uvloop.run(serve(door))
    return 0


if __name__ == "__main__":
    sys.exit(main())
