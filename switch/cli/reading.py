"""What commands read from their user: files, instants, amounts. Whatever is wrong becomes one line that says what to write."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer


def read_json_object(file: Path, hint: str) -> dict[str, Any]:
    """Read a JSON object; raises BadParameter where the file holds none."""
    try:
        document = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise typer.BadParameter(f"{file.name} is not JSON: {error}", param_hint=hint) from error
    if not isinstance(document, dict):
        raise typer.BadParameter(f"{file.name} holds no JSON object", param_hint=hint)
    return document


def read_instant(text: str, hint: str) -> datetime:
    """Read an instant with its offset; raises BadParameter where it has none."""
    example = "2026-03-05T10:00:00+08:00"
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no instant; write it as {example}", param_hint=hint) from error
    if instant.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no time or no offset; write it as {example}", param_hint=hint)
    return instant.astimezone(UTC)
