"""What commands read from their user: files, instants, amounts. Whatever is wrong becomes one line that says what to write."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
import yaml
from pydantic import ValidationError

from limits.documents import RulebookError
from limits.rulebook import parse
from limits.rules import Rulebook, load_rulebook
from limits.trial import blamed, try_overlays
from switch.api.faults import errors_of, sentence
from switch.api.rail_models import FaultFile, FaultSetting

_OVERLAY = 'write a rule and its value: `payment-connect.northbound.day: {value: "20000"}` (docs/scenarios.md)'
_ROW = re.compile(r"^values\[\d+\]\.")


def read_json_object(file: Path, hint: str) -> dict[str, Any]:
    """Read a JSON object; raises BadParameter where the file holds none."""
    try:
        document = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise typer.BadParameter(f"{file.name} is not JSON: {error}", param_hint=hint) from error
    if not isinstance(document, dict):
        raise typer.BadParameter(f"{file.name} holds no JSON object", param_hint=hint)
    return document


def read_overlay(overlay: Path, hint: str = "--overlay") -> dict[str, Any]:
    """Read a scenario's file, days as texts; raises BadParameter that names file and line."""
    try:
        changes = parse(overlay.name, overlay.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{overlay.name} is not UTF-8: {error}; {_OVERLAY}", param_hint=hint) from error
    except RulebookError as error:
        where = "" if error.key == "document" else f": {error.key}:"
        raise typer.BadParameter(f"{overlay.name}{where} {error.text}; {_OVERLAY}", param_hint=hint) from error
    if not isinstance(changes, dict) or not changes:
        found = "is empty" if not changes else f"holds no mapping but {type(changes).__name__} at its top"
        raise typer.BadParameter(f"{overlay.name} {found}; {_OVERLAY}", param_hint=hint)
    return changes


def read_rulebook(overlay: Path | None, hint: str = "--overlay") -> Rulebook:
    """Read the law, with a scenario's overlay on it where one is given; raises BadParameter that names file and key."""
    return load_rulebook() if overlay is None else read_overlays([overlay], hint)[1]


def read_overlays(files: Sequence[Path], hint: str = "--overlay") -> tuple[list[dict[str, Any]], Rulebook]:
    """Read scenarios laid on the law in turn, and the rulebook they make; raises BadParameter that names file and key."""
    overlays = [read_overlay(file, hint) for file in files]
    try:
        return overlays, try_overlays(overlays)
    except RulebookError as error:
        n = blamed(overlays, error)
        name = ", ".join(file.name for file in files) if n is None else files[n].name
        key = error.key  # of the overlay itself, or of the document that the overlay makes of a rule's
        if not error.file.startswith("scenario "):
            key = f"{error.file.removesuffix('.yaml')}.{re.sub(_ROW, '', key)}"
        raise typer.BadParameter(f"{name}: {key}: {error.text}", param_hint=hint) from error


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


def read_faults(file: Path, hint: str = "--faults") -> dict[str, FaultSetting]:
    """Read faults by rail from YAML, in the API's form; raises BadParameter that names file and field."""
    try:
        found = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
        return FaultFile.model_validate(found if found is not None else {}).rails
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"{file.name} is no YAML: {error}", param_hint=hint) from error
    except ValidationError as error:
        raise typer.BadParameter(f"{file.name}: {sentence(errors_of(error, FaultFile))}", param_hint=hint) from error
