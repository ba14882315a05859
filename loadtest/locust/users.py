"""The users: who sends what of the traffic file, and what each does besides. One class a kind; their weights are in the file's proportions.

Importing this imports Locust, which patches sockets: only what the locustfile loads does.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser, task
from locust.contrib.fasthttp import ResponseContextManager

from loadtest.answers import TURNED_AWAY, Verdict
from loadtest.locust.load import Load
from loadtest.malformed import JSON, PAYMENTS
from loadtest.traffic import Call, Mix, Ready

HOUSEHOLD = "household"
_SLOW_BYTES, _SLOW_SECONDS, _SLOW_PAUSE_SECONDS = 2_048, 3.0, 0.1  # about 20 kB/s: slower than a busy switch writes
_ID, _DATA = b"id: ", b"data: "


class Sender(FastHttpUser):
    """Sends calls of the file one after another, each after the answer to the one before."""

    abstract = True
    connection_timeout = 10.0
    network_timeout = 20.0  # an answer takes 8 s at most (docs/api.md)
    tag: ClassVar[str] = ""
    mix: ClassVar[Mix] = Mix()
    batch: ClassVar[int] = 0
    form: ClassVar[str] = "as-written"

    @classmethod
    def wanted(cls, ready: Ready) -> bool:
        """Whether a line is one of this user's."""
        return True

    @property
    def load(self) -> Load:
        """Return what the process' users share."""
        load: Load = self.environment.bayswitch
        return load

    def wait_time(self) -> float:
        """Think: twice the mean at most, never nothing."""
        given = self.load.given
        return float(self.load.chance.uniform(0, 2 * given.think_seconds))

    def next_call(self) -> Call:
        """Return the next call of this kind of user in this worker."""
        worker = self.environment.runner.worker_index
        return next(self.load.calls(self.tag, worker, self.wanted, self.mix, self.batch, self.form))

    @task
    def once(self) -> None:
        """Take a turn. The one task of every user: Locust adds a task of a subclass to those of its bases."""
        self.turn()

    def turn(self) -> None:
        """Send the next call; other users do something else."""
        self.send(self.next_call())

    def send(self, call: Call) -> tuple[Verdict, ...]:
        """Send a payment and hold the answer to what may be answered."""
        with self.asked(call, type(self).__name__) as response:
            if not response.status_code:
                return ()  # no answer: Locust counts the failure
            verdicts = self.load.judge(call, response.status_code, response.content or b"")
            wrong = [verdict.wrong for verdict in verdicts if verdict.wrong]
            if wrong:
                response.failure(wrong[0])
            else:
                if verdicts[0].outcome == TURNED_AWAY:
                    response.request_meta["name"] += " turned away"  # not among the latencies of what was served
                response.success()
            return verdicts

    def look(self, call: Call, path: str, body: dict[str, Any] | bytes, name: str, status: int, has: bytes) -> bytes:
        """Ask something else as the call's participant; the answer has a status and holds a text, else it is a failure."""
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        aside = call._replace(path=path, content_type=JSON, key="", body=content)
        with self.asked(aside, f"{type(self).__name__} {name}") as response:
            answer: bytes = response.content or b""
            if response.status_code == status and has in answer:
                response.success()
                return answer
            if response.status_code:
                response.failure(f"{name} answered {response.status_code}, or without {has.decode()}")
            return b""

    @contextmanager
    def asked(self, call: Call, name: str) -> Iterator[ResponseContextManager]:
        """Send a call as it is."""
        headers = {"Authorization": f"Bearer {self.load.given.key}", "Content-Type": call.content_type}
        if call.participant:
            headers["Bayswitch-Participant"] = call.participant
        if call.key:
            headers["Idempotency-Key"] = call.key
        with self.client.post(call.path, data=call.body, headers=headers, name=name, catch_response=True) as response:  # type: ignore[arg-type]
            yield response


class Northbound(Sender):
    """Persons of Hong Kong who send to the mainland."""

    weight, tag = 20, "no"

    @classmethod
    def wanted(cls, ready: Ready) -> bool:
        """Lines of households, north."""
        return ready.corridor == "HK>CN" and ready.sector == HOUSEHOLD


class Southbound(Sender):
    """Persons of the mainland who send to Hong Kong."""

    weight, tag = 20, "so"

    @classmethod
    def wanted(cls, ready: Ready) -> bool:
        """Lines of households, south."""
        return ready.corridor == "CN>HK" and ready.sector == HOUSEHOLD


class Macau(Sender):
    """Whoever pays from, to or in Macau."""

    weight, tag = 10, "mo"

    @classmethod
    def wanted(cls, ready: Ready) -> bool:
        """Lines with an agent in Macau."""
        return "MO" in ready.corridor


class Domestic(Sender):
    """Persons who pay at home, over one rail."""

    weight, tag = 10, "do"

    @classmethod
    def wanted(cls, ready: Ready) -> bool:
        """Lines of households within Hong Kong or the mainland."""
        return ready.corridor in ("HK>HK", "CN>CN") and ready.sector == HOUSEHOLD


class Firms(Sender):
    """Firms: trade over CHATS, CIPS and HVPS, and wages."""

    weight, tag = 15, "fi"

    @classmethod
    def wanted(cls, ready: Ready) -> bool:
        """Lines of all that are no households."""
        return ready.sector != HOUSEHOLD


class Messages(Sender):
    """An institution that speaks ISO 20022: the lines that have their pacs.008."""

    weight, tag, form = 5, "me", "xml"
    mix = Mix(replay=300, other_content=200, known_uetr=200)


class Batches(Sender):
    """An institution that hands in fifty at once, some of them wrong."""

    weight, tag, batch, form = 2, "ba", 50, "json"
    mix = Mix(replay=200, other_content=100, known_uetr=100, bad=100)


class Repeater(Sender):
    """A client whose answers get lost: it asks again under the same key, now and then with something else in it."""

    weight, tag = 6, "re"
    mix = Mix(replay=2_000, other_content=1_000, known_uetr=1_000)


class Careless(Sender):
    """A client that sends what does not parse."""

    weight, tag = 4, "ca"
    mix = Mix(bad=8_000)


class ExplainThenPay(Sender):
    """A wallet that asks what would become of a payment, and sends it then."""

    weight, tag, form = 4, "ex", "json"

    def turn(self) -> None:
        """Explain, then pay."""
        call = self.next_call()
        self.look(call, f"{PAYMENTS}/explain", call.body, "explain", 200, b'"status"')
        self.send(call)


class QuoteThenPay(Sender):
    """A wallet that shows its customer a firm price first, and pays under it."""

    weight, tag, form = 4, "qu", "json"

    @classmethod
    def wanted(cls, ready: Ready) -> bool:
        """Lines with a conversion."""
        return len(set(ready.currencies)) == 2

    def turn(self) -> None:
        """Ask for a quote of the line's conversion, then pay under it."""
        call = self.next_call()
        instruction = json.loads(call.body)
        asked = {
            "sell_currency": instruction["debtor"]["account"]["currency"],
            "buy_currency": instruction["settlement_currency"],
            "amount": instruction["instructed_amount"],
            # A conversion by an agent of the mainland is one of the onshore market (a lane's market).
            "market": "onshore" if call.participant[4:6] == "CN" else "offshore",
        }
        answer = self.look(call, "/v1/quotes", asked, "quote", 201, b'"quote_id"')
        if answer:
            instruction["quote_id"] = json.loads(answer)["quote_id"]
        self.send(call._replace(body=json.dumps(instruction, ensure_ascii=False).encode()))


class LookUp(Sender):
    """A wallet that asks who is behind a proxy, again and again."""

    weight, tag, form = 4, "lo", "json"

    @classmethod
    def wanted(cls, ready: Ready) -> bool:
        """Lines that call the creditor by a proxy."""
        return any(b'"proxy":' in piece for piece in ready.pieces)

    def turn(self) -> None:
        """Look the creditor of the next line up; nothing is paid."""
        call = self.next_call()
        creditor = json.loads(call.body)["creditor"]
        asked = {"proxy": creditor["account"]["proxy"], "name": creditor["name"]}
        self.look(call, "/v1/lookups", asked, "look-up", 200, b'"verified"')


class SlowReader(Sender):
    """A participant that reads the stream of events more slowly than they come, breaks off, and goes on where it was."""

    weight, tag = 2, "sl"
    _last = b""

    def turn(self) -> None:
        """Read for some seconds; no event may come twice or be no event."""
        headers = {"Authorization": f"Bearer {self.load.given.key}", "Accept": "text/event-stream"}
        if self._last:
            headers["Last-Event-ID"] = self._last.decode()
        name = type(self).__name__
        with self.client.get("/v1/events", headers=headers, stream=True, catch_response=True, name=name) as response:
            if response.status_code != 200:
                if response.status_code:
                    response.failure(f"the stream answered {response.status_code}")
                return
            wrong = self._read(response)
            if wrong:
                response.failure(wrong)
            else:
                response.success()

    def _read(self, response: ResponseContextManager) -> str:
        read = b""
        with gevent.Timeout(_SLOW_SECONDS, False):
            for chunk in response.iter_content(_SLOW_BYTES, decode_content=False):
                read += chunk
                gevent.sleep(_SLOW_PAUSE_SECONDS)
        whole, _, _ = read.rpartition(b"\n\n")
        seen: set[bytes] = {self._last} if self._last else set()
        for block in whole.split(b"\n\n"):
            lines = block.split(b"\n")
            found = next((line[len(_ID) :] for line in lines if line.startswith(_ID)), b"")
            if not found:
                continue  # a comment, or how long to wait before coming back
            if found in seen:
                return "an event came twice"
            data = next((line[len(_DATA) :] for line in lines if line.startswith(_DATA)), b"")
            if not data.startswith(b"{") or b'"payment_id"' not in data:
                return "an event without a payment"
            seen.add(found)
            self._last = found
        return ""


KINDS: tuple[type[Sender], ...] = (
    Northbound, Southbound, Macau, Domestic, Firms, Messages, Batches, Repeater, Careless, ExplainThenPay, QuoteThenPay, LookUp, SlowReader,
)  # fmt: skip
