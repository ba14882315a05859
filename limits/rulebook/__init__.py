"""The packaged law: one YAML document a rule, a lane, a group of classification rows; and their reader.

`rules/` holds dated values, `lanes/` the legal ways, `classification/` the rows, `rmb-tags.yaml` and `safe-codes.yaml`
the two tables beside them. This is the only place of `limits` that reads files; what they mean is limits.rules.
"""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from limits.documents import Document, RulebookError


class _Loader(yaml.CSafeLoader):
    """YAML that refuses a key given twice (PyYAML would silently keep the last)."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    loader.flatten_mapping(node)
    pairs = [(loader.construct_object(key, deep=True), value) for key, value in node.value]  # type: ignore[no-untyped-call]
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise RulebookError(str(node.start_mark.name), str(key), "is given twice")
    return {key: loader.construct_object(value, deep=True) for key, value in pairs}  # type: ignore[no-untyped-call]


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse_document(name: str, text: str) -> Document:
    """Read one YAML document; raises RulebookError naming the file where it is no mapping or no YAML."""
    loader = _Loader(text)
    loader.name = name
    try:
        document = loader.get_single_data()
    except yaml.YAMLError as error:
        raise RulebookError(name, "document", f"is not YAML: {error}") from error
    finally:
        loader.dispose()  # type: ignore[no-untyped-call]
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
