"""What is looked at before a load: a switch answers at the URL under the key, the traffic can be sent, the folder written.

Whatever is wrong is one sentence and exit status 2, before anything is drawn, started or sent. It measures nothing.
"""

import json
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import typer

from bayswitch import BayswitchError, Client, Problem

_LINES_LOOKED_AT = 1_000  # of a file of traffic; what is wrong further on the generator says
_REFUSED = (401, 403)
_EXAMPLE = "http://127.0.0.1:8080"


def check_switch(url: str, key: str) -> None:
    """Ask a switch whether it is ready and takes the operator's key; raises BadParameter."""
    _check_url(url)
    with Client(url, _sendable(key), attempts=1, timeout_seconds=5.0) as client:
        try:
            ready = client.ready()
        except BayswitchError:
            raise typer.BadParameter(
                f"no switch answers at {url}; start it with `bayswitch up`", param_hint="--url"
            ) from None
        if not ready:
            raise typer.BadParameter(
                f"the switch at {url} takes no payments now (/readyz says why)", param_hint="--url"
            )
        try:
            client.quotas()
        except Problem as problem:
            if problem.status not in _REFUSED:
                raise typer.BadParameter(f"the switch at {url} answered {problem}", param_hint="--url") from None
            raise typer.BadParameter(
                f"the key was refused by {url}; `bayswitch up` says which it takes", param_hint="--key"
            ) from None
        except BayswitchError as error:
            raise typer.BadParameter(f"{url} is no bayswitch: {error}", param_hint="--url") from None


class Business(NamedTuple):
    """The business instant at which a load begins, and the rails that take nothing then."""

    at: str
    closed: tuple[str, ...]


def read_business(url: str, key: str) -> Business:
    """Ask a switch for its clock and for each rail of its participants; raises BayswitchError."""
    with Client(url, key) as client:
        rails = {rail for each in client.participants()["participants"] for rail in each["rails"]}
        closed = (rail for rail in sorted(rails) if not any(client.maintenance(rail)["open"].values()))
        return Business(client.clock()["now"], tuple(closed))


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        whole = parts.scheme == "http" and bool(parts.hostname) and parts.path in ("", "/") and parts.port != 0
    except ValueError:  # a port that is none
        whole = False
    if not whole:
        raise typer.BadParameter(f"{url!r} is not of the form http://HOST:PORT, as {_EXAMPLE}", param_hint="--url")


def _sendable(key: str) -> str:
    if not key or not key.isascii() or not key.isprintable():
        raise typer.BadParameter("a key has Latin letters, digits and signs only", param_hint="--key")
    return key


def check_traffic(file: Path) -> None:
    """Read the first lines of a file of traffic; raises BadParameter naming file and line."""
    sends = False
    number = 0
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if number > _LINES_LOOKED_AT:
                    break
                if line.strip():
                    sends |= _is_payment(json.loads(line))
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read ({error.strerror})", param_hint="--traffic") from None
    except ValueError as error:
        what = f"{file}, line {number}: no line of traffic ({error}); write the file with `bayswitch traffic`"
        raise typer.BadParameter(what, param_hint="--traffic") from None
    if not sends:
        what = f"{file} holds no payment; write the file with `bayswitch traffic`"
        raise typer.BadParameter(what, param_hint="--traffic")


def _is_payment(line: object) -> bool:
    if not isinstance(line, dict):
        raise ValueError("not a JSON object")
    if "instruction" not in line:
        return False  # an action of a hand-written day
    instruction = line["instruction"]
    wanted = ("instructed_amount", "debtor_agent", "creditor_agent")
    if not isinstance(instruction, dict) or (missing := [name for name in wanted if not instruction.get(name)]):
        raise ValueError(f"its instruction has no {', '.join(missing) if isinstance(instruction, dict) else 'fields'}")
    return True


def make_folder(folder: Path) -> None:
    """Make the folder of the results; raises BadParameter."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        what = f"{folder} cannot be written ({error.strerror}); name a folder of your own"
        raise typer.BadParameter(what, param_hint="--out") from None
