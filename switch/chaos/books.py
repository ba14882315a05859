"""Reads what the judge needs: the switch's books by SQL of its own, and what the generator has kept of its calls."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from switch.chaos.judge import Admission, Answered, Attempt, Row
from switch.queries import queries

_DOOR_SHUT = {0, 409, 429, 500, 502, 503, 504}  # no answer yet: the call is made again
# What no attempt works on after, as docs/workers.md has it. Not in it: 503 where the store has not said, 5xx, a lost connection.
_LET_GO = {
    (409, "in-flight"), (429, "too-many-requests"), (503, "busy"), (503, "unavailable, nothing stored"), (0, "nobody there"),
}  # fmt: skip
_queries = partial(queries, __package__, "books")


async def rows(connection: Any) -> list[Row]:
    """Read every payment."""
    return [
        Row(row["payment_id"], row["instruction_id"], row["committed_ms"], row["day"], row["refused"], *_why(row))
        for row in await connection.fetch(_queries()["payments"])
    ]


def _why(row: Any) -> tuple[str, str, int, int]:
    if not row["refused"]:
        return "", "", 0, 0
    told = json.loads(row["detail"])
    detail = told.get("detail", {})
    return told["reason"], detail.get("rule", ""), _minor(detail.get("ceiling", "")), _minor(detail.get("asked", ""))


def _minor(said: str) -> int:
    """Read an amount as a refusal says it: "HKD 10000.00"."""
    digits = said.rpartition(" ")[2].replace(".", "")
    return int(digits) if digits else 0


async def admissions(connection: Any, owners: Mapping[str, str]) -> list[Admission]:
    """Read every admitted claim; `owners` says whose allowance an instruction uses."""
    return [
        Admission(owners.get(row["instruction_id"], ""), row["rule"], row["day"], row["minor"], row["committed_ms"], row["voided_ms"])
        for row in await connection.fetch(_queries()["admissions"])
    ]  # fmt: skip


async def unfinished(connection: Any) -> int:
    """Count payments that something must still become of."""
    return int(await connection.fetchval(_queries()["unfinished"]))


def read_kept(path: Path) -> list[dict[str, Any]]:
    """Read what the generator has kept, a call a line (loadtest.insistent)."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def answered(kept: Sequence[Mapping[str, Any]]) -> list[Answered]:
    """Return the calls as the judge wants them: only answers that end a call are answers."""
    found = []
    for call in kept:
        payment_id = call["told"].get("payment_id", "")
        ends = [(status, payment_id, what) for *_, status, what in call["attempts"] if status not in _DOOR_SHUT]
        attempts = tuple(Attempt(sent, (status, what) in _LET_GO) for sent, *_, status, what in call["attempts"])
        found.append(Answered(call["key"], attempts, tuple(ends)))
    return found
