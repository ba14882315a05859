"""The proxy's own process (`python -m switch.chaos.serving CONFIGURATION`), so that it does not slow what it tests.

One JSON command a line on standard input, one JSON answer a line on standard output; it ends with its input.
"""

import asyncio
import json
import sys
from random import Random
from typing import Any

import uvloop

from switch.chaos.proxy import Proxy, Weather


async def _obey(proxies: dict[str, Proxy], commands: asyncio.StreamReader) -> None:
    while line := await commands.readline():
        print(json.dumps(_done(proxies, json.loads(line))), flush=True)


def _done(proxies: dict[str, Proxy], command: dict[str, Any]) -> dict[str, Any]:
    """Carry out one command: set, cut, arm, disarm, or tell."""
    proxy = proxies[command["store"]]
    match command["do"]:
        case "set":
            proxy.set(Weather(**command["weather"]))
        case "cut":
            proxy.cut(command["how"], command["share"])
        case "arm":
            proxy.armed.extend([command["how"]] * int(command["times"]))
        case "disarm":
            proxy.disarm(command["how"])
        case "tell":
            pass
        case other:
            raise ValueError(f"the proxy does not know {other!r}")
    return proxy.told()


async def _serve(told: dict[str, Any]) -> None:
    chance = Random(told["seed"])
    proxies = {name: Proxy(place["path"], place["frontend"], chance) for name, place in told["stores"].items()}
    ports = {name: await proxy.open() for name, proxy in proxies.items()}
    print(json.dumps(ports), flush=True)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    await _obey(proxies, commands)  # until whoever started it closes the pipe, or dies
    for proxy in proxies.values():
        await proxy.close()


if __name__ == "__main__":
    uvloop.run(_serve(json.loads(sys.argv[1])))
