"""What can go wrong for a caller: the switch says no (Problem, RFC 9457), or nobody answers (Unreachable).

It decides nothing: whether to try again stands in `client`.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import httpx

RETRY_AFTER_SECONDS_MAX = 30.0  # a switch that asks for longer is told no patience by the caller's own time-out


class BayswitchError(Exception):
    """Base of what this package raises."""


class Unreachable(BayswitchError):
    """No answer after all tries. What was asked may have happened: ask again with the same idempotency key."""


class Unreadable(BayswitchError):
    """An answer of success that is not what the surface promises: something else than the switch answers there."""


class Problem(BayswitchError):
    """An answer of 400 or above. `members` is the whole problem document; the properties read its known members."""

    def __init__(
        self, status: int, members: Mapping[str, Any], headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.status = status
        self.members = members
        self._headers = headers
        faults = "; ".join(f"{field}: {what}" for field, what in self.errors)
        super().__init__(" · ".join(str(part) for part in (status, self.code, self.title, self.detail, faults) if part))

    @property
    def title(self) -> str:
        """Give the short sentence that is the same for all problems of this type."""
        return str(self.members.get("title", ""))

    @property
    def detail(self) -> str | None:
        """Give the sentence about this occurrence, with what to do."""
        return self._text("detail")

    @property
    def type(self) -> str:
        """Give the URI of the problem's type."""
        return str(self.members.get("type", "about:blank"))

    @property
    def instance(self) -> str | None:
        """Give the URI of this occurrence."""
        return self._text("instance")

    @property
    def payment_id(self) -> str | None:
        """Give the refused payment's id; None where nothing was stored."""
        return self._text("payment_id")

    @property
    def code(self) -> str | None:
        """Give the ISO 20022 reason code, as AM04."""
        return self._text("code")

    @property
    def rule(self) -> str | None:
        """Give the rule that binds, as payment-connect.northbound.day."""
        return self._text("rule")

    @property
    def source(self) -> Any:
        """Give the rule's source as the switch words it."""
        return self.members.get("source")

    @property
    def headroom(self) -> Any:
        """Give what is left under the rule, amounts as strings in major units."""
        return self.members.get("headroom")

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Give each field of the body that is wrong, with what is wrong; empty where it is not the form."""
        found = self.members.get("errors")
        rows = found if isinstance(found, list) else []
        return [(str(row.get("field", "")), str(row.get("what", ""))) for row in rows if isinstance(row, dict)]

    @property
    def retry_after_seconds(self) -> float | None:
        """Give the header Retry-After in seconds, at most 30; None without one, 1 where it is a date."""
        value = self._headers.get("retry-after")
        if value is None:
            return None
        return min(float(value), RETRY_AFTER_SECONDS_MAX) if value.strip().isdecimal() else 1.0

    def _text(self, name: str) -> str | None:
        value = self.members.get(name)
        return None if value is None else str(value)


def problem_of(response: httpx.Response) -> Problem:
    """Read a problem from a response whose body has been read; a body in another form gives the status phrase."""
    try:
        members = response.json()
    except ValueError:  # a proxy's page
        members = None
    if not isinstance(members, dict):
        members = {"title": _phrase(response.status_code)}
    return Problem(response.status_code, members, response.headers)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
