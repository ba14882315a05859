"""What is wrong with a body, field by field and in words of the API; pydantic finds it, its own sentences name patterns.

Never says what was sent: only paths of fields, and names of those there are.
"""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from switch.payment.instruction import AMOUNT_AS_TEXT, WRITE_IT

ERRORS_MAX = 20  # more do not help the reader of one answer
FIELD_CHARACTERS_MAX = 80  # of a path: an unknown field's name is the sender's own text

_SAYS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "string_pattern_mismatch": lambda given: WRITE_IT.get(given["pattern"], "holds characters that are not taken"),
    "string_too_long": lambda given: f"has at most {given['max_length']} characters",
    "string_too_short": lambda given: f"has at least {given['min_length']} characters",
    "string_type": lambda _: "is a text: write it in quotes",
    "missing": lambda _: "is missing",
    "literal_error": lambda given: f"is {given['expected']}",
    "too_long": lambda given: f"has at most {given['max_length']} items",
    "too_short": lambda given: f"has at least {given['min_length']} items",
    "model_type": lambda _: 'is an object: {"name": value, …}',
    "value_error": lambda given: str(given["error"]),
}


def errors_of(error: ValidationError, model: type[BaseModel]) -> list[dict[str, str]]:
    """List what is wrong with a body that was read as `model`: field, what, kind."""
    found = error.errors(include_url=False, include_input=False)
    # A slip in a name is the cause, that the right name is missing its effect.
    found = sorted(found, key=lambda item: item["type"] != "extra_forbidden")[:ERRORS_MAX]
    return [{"field": field_path(item["loc"]), "what": _what(item, model), "kind": item["type"]} for item in found]


def sentence(errors: list[dict[str, str]]) -> str:
    """Say in one sentence what is wrong first, and how much else is."""
    first, more = errors[0], len(errors) - 1
    named = f"{first['field']}: {first['what']}" if first["field"] else first["what"]
    return f"{named}; and {more} more in `errors`." if more else f"{named}."


def field_path(steps: tuple[int | str, ...]) -> str:
    """Write where a field stands: instructed_amount.amount."""
    path = ".".join(str(step) for step in steps)
    return path if len(path) <= FIELD_CHARACTERS_MAX else path[: FIELD_CHARACTERS_MAX - 1] + "…"


def _what(item: Any, model: type[BaseModel]) -> str:
    kind, place = item["type"], item["loc"]
    if kind == "extra_forbidden":
        return _unknown(str(place[-1]), _fields(model, place[:-1]))
    if kind == "string_type" and place[-1] == "amount":
        return AMOUNT_AS_TEXT
    says = _SAYS.get(kind)
    return says(item.get("ctx", {})) if says is not None else str(item["msg"])


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name[:FIELD_CHARACTERS_MAX], known, 1, 0.5)
    return f"is no field here; did you mean {near[0]}?" if near else f"is no field here; there are {', '.join(known)}"


def _fields(model: type[BaseModel], steps: tuple[int | str, ...]) -> list[str]:
    """Name the fields of the part of a model at `steps`."""
    for step in steps:
        if isinstance(step, str) and step in model.model_fields:
            model = next(_models(model.model_fields[step].annotation), model)
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
