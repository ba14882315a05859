"""Every program that bench, load, audit, demo and chaos start with `python -m` is there: a wrong name would show only hours into a run."""

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STARTERS = ("switch/bench", "switch/cli", "switch/chaos", "switch/child.py", "loadtest")
# Given as an argument to a function that starts them, so that no "-m" stands before the name.
BY_NAME = {"switch/bench/doors.py": ("_program",)}


def started(source: str, callers: tuple[str, ...] = ()) -> Iterator[str]:
    """List what stands after "-m" in a list, a tuple or a call, and what `callers` are given, where it is a text."""
    for node in ast.walk(ast.parse(source)):
        words: list[ast.expr] = []
        if isinstance(node, ast.List | ast.Tuple):
            words = node.elts
        elif isinstance(node, ast.Call):
            words = node.args
            if isinstance(node.func, ast.Attribute) and node.func.attr in callers:
                yield from (str(word.value) for word in words if isinstance(word, ast.Constant))
        for flag, name in pairwise(words):
            if isinstance(flag, ast.Constant) and flag.value == "-m" and isinstance(name, ast.Constant):
                yield str(name.value)


def programs() -> set[str]:
    files = [
        file for each in STARTERS for file in ([ROOT / each] if each.endswith(".py") else (ROOT / each).rglob("*.py"))
    ]
    return {
        name
        for file in files
        for name in started(file.read_text("utf-8"), BY_NAME.get(file.relative_to(ROOT).as_posix(), ()))
    }


def is_a_program(name: str) -> bool:
    """Whether `python -m name` finds something to run: a module, or a package with a __main__ (not imported: Locust patches)."""
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:
        return False
    if spec is None or spec.submodule_search_locations is None:
        return spec is not None
    return any((Path(folder) / "__main__.py").exists() for folder in spec.submodule_search_locations)


def test_every_program_that_is_started_is_there() -> None:
    names = programs()
    assert {"loadtest.audit.grown", "loadtest.null_server", "switch.cli", "switch.chaos.serving"} <= names
    assert [name for name in sorted(names) if not is_a_program(name)] == []


@pytest.mark.parametrize("name", ["loadtest.grown", "loadtest.none.grown", "switch.bench"])
def test_a_program_that_is_not_there_is_noticed(name: str) -> None:
    found = list(started(f'run([python, "-m", "{name}", "--json"])'))
    assert found == [name]
    assert not is_a_program(name)
