"""The client of the bayswitch sandbox: what a wallet team installs. It imports nothing of the switch."""

from bayswitch.client import AsyncClient, Client
from bayswitch.events import Event
from bayswitch.problems import BayswitchError, Problem, Unreachable, Unreadable
from bayswitch.requests import new_key

__all__ = ["AsyncClient", "BayswitchError", "Client", "Event", "Problem", "Unreachable", "Unreadable", "new_key"]
