"""The door of a process that serves over HTTP: its socket, its server and their settings, whoever stands behind it."""

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


class CannotListen(Exception):
    """An address cannot be served; the text says why, and what to choose instead."""


def open_door(host: str, port: int) -> socket.socket:
    """Listen on an address; raises CannotListen where that cannot be."""
    try:
        return socket.create_server((host, port), backlog=2_048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(f"port {port} of {host} is taken; choose another with --port") from None
        raise CannotListen(
            f"{host}:{port} cannot be listened on ({error.strerror}); choose another with --host or --port"
        ) from None


class QuietServer(uvicorn.Server):
    """Uvicorn, but it keeps the signals it has heard: raised again they would cut short what is to be put in order after it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for heard in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(heard, self.handle_exit, heard, None)
        yield


def http_config(app: Callable[..., Any]) -> uvicorn.Config:
    """Say how an application is served, by `up`, by a rail of its own and by the yardstick of the door alike: nothing is done that nobody asked for."""
    return uvicorn.Config(
        app, interface="asgi3", loop="none", http="httptools", ws="none", log_level="warning", access_log=False, lifespan="off",
        proxy_headers=False, server_header=False, date_header=False, timeout_graceful_shutdown=5,
        timeout_keep_alive=75,  # longer than clients keep an idle connection: else one is ended just as a call is on its way
    )  # fmt: skip


def freeze_garbage() -> None:
    """Tune the collector once all that stays is there, for `up`, the bench in process and the yardstick of its door alike."""
    gc.collect()
    gc.freeze()  # what is there now stays for good: the collector need not look at it again
    gc.set_threshold(50_000, 20, 50)
