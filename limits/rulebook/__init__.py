"""The packaged law: one YAML document a rule, a lane, a group of classification rows; and their reader.

Dated values lie here, `lanes/` holds the legal ways, `classification/` the rows and the table of SAFE codes,
`rmb-tags.yaml` the message tags. Of the law only this package, the calendars and the statistics read files; what they mean is limits.rules.
"""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from limits.documents import Document, RulebookError


class _GivenTwice(Exception):
    """A key stands twice in one mapping; PyYAML would silently keep the last."""


class _Loader(yaml.CSafeLoader):
    """YAML that refuses a key given twice, and leaves a day that is none as the text it is, for its reader to name."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    loader.flatten_mapping(node)
    pairs = [(loader.construct_object(key, deep=True), value) for key, value in node.value]
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise _GivenTwice(key)
    return {key: loader.construct_object(value, deep=True) for key, value in pairs}


def _day(loader: _Loader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return loader.construct_scalar(node)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _day)


def parse(name: str, text: str) -> Any:
    """Read YAML, whatever it holds; raises RulebookError naming the file, and the line where it is none."""
    try:
        return yaml.load(text, _Loader)
    except _GivenTwice as error:
        raise RulebookError(name, str(error), "is given twice") from error
    except yaml.MarkedYAMLError as error:
        lines = len(text.splitlines())  # the end of a text is told as the line after it
        at = f", line {min(error.problem_mark.line + 1, lines)}" if error.problem_mark else ""
        raise RulebookError(name, "document", f"is not YAML{at}: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RulebookError(name, "document", f"is not YAML: {error}") from error


def parse_document(name: str, text: str) -> Document:
    """Read one YAML document; raises RulebookError naming the file where it is no mapping or no YAML."""
    document = parse(name, text)
    if not isinstance(document, dict):
        raise RulebookError(name, "document", "must be a mapping")
    return document


def read_documents() -> dict[str, Document]:
    """Read the packaged law: path below this folder ("lanes/domestic.macau.yaml") to document."""
    return {name: parse_document(name, entry.read_text("utf-8")) for name, entry in sorted(_walk(files(__name__), ""))}


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".yaml"):
            yield f"{prefix}{entry.name}", entry
