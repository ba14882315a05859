"""Prepared calls out of a traffic file, for every generator of load: each line can be sent again and again, each time as a new payment.

Reads JSON lines `{"at", "instruction", "key"?, "via"?, "message"?, "expect"?}` (`bayswitch traffic` writes them; `message` is the pacs.008 of a
line that goes as one, since only the switch maps fields to messages), memory-mapped, and renews what must be new: instruction id, UETR, key,
message id, references of documents. One seed, file and share give the same calls, byte for byte. It sends nothing and judges no
answer: what may be answered stands in the marks of a call, and answers.py compares.
"""

import json
import mmap
import re
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from loadtest.malformed import BATCH, JSON, MESSAGES, PAYMENTS, XML, Bad, catalogue

PAYMENT, REPLAY, OTHER_CONTENT, KNOWN_UETR, BAD, MANY = (
    "payment",
    "replay",
    "other-content",
    "known-uetr",
    "bad",
    "batch",
)
FORMS = ("as-written", "json", "xml")
IN_ALL = 10_000  # what the shares of a mix are shares of
AGAIN_AFTER = 256  # calls between a payment and its repetition: long enough that the first is answered as a rule
LINES_KEPT_MAX = 20_000  # lines kept ready, about 30 MB; those of a longer file are made ready each time they come
RUN_LENGTH_MAX = 12  # of the name of a run: with share and number an id stays within ISO's 35 characters
_SMALL_MINOR = (100, 4_000)  # amounts that use up no allowance soon, in minor units

# What a line as `bayswitch traffic` writes it looks like; others are read as JSON and written so.
_WRITTEN = re.compile(rb'\{"at":"[^"]*","instruction":(\{.*\})(?:,"via":"json")?\}\s*')
_IN_XML = re.compile(
    rb"<(?P<what>MsgId|BizMsgIdr|InstrId|UETR|Inf)>(?P<text>[^<]*)<"
    rb'|<(?:IntrBkSttlmAmt|InstdAmt) Ccy="[A-Z]{3}">(?P<amount>[^<]*)<'
)
_ID, _UETR, _AMOUNT = range(3)
_SLOT = {b"MsgId": _ID, b"BizMsgIdr": _ID, b"InstrId": _ID, b"Inf": _ID, b"UETR": _UETR}
_IN_JSON = ((b'"instruction_id":"', _ID), (b'"uetr":"', _UETR), (b'"reference":"', _ID))
_AMOUNT_IN_JSON = re.compile(rb'"instructed_amount":\{"currency":"[A-Z]{3}","amount":"([^"]*)"')


class TrafficError(ValueError):
    """The file cannot be sent; says which line and why."""


class Marks(NamedTuple):
    """What a call is and what may be answered: `names` the only reasons it may be refused for (none = any of a payment's).

    `again`: a repetition of it follows. A batch has the marks of its `items`. 429 and 503 may always come.
    """

    kind: str
    statuses: tuple[int, ...]
    names: tuple[str, ...] = ()
    instruction_id: str = ""
    uetr: str = ""
    corridor: str = ""  # countries of the agents: "HK>CN"
    payments: int = 1
    again: bool = False
    items: "tuple[Marks, ...]" = ()
    bad: str = ""  # which of the catalogue
    key: str = ""  # of an item of a batch that came ready made


class Call(NamedTuple):
    """One prepared call: acting participant ("" = the instruction's own), idempotency key ("" = none is sent), and the body."""

    participant: str
    key: str
    path: str
    content_type: str
    body: bytes
    marks: Marks


class Mix(NamedTuple):
    """Shares of all calls, in 10,000, that are not new payments."""

    replay: int = 0  # the same again: the same answer
    other_content: int = 0  # the same key with another amount: 422
    known_uetr: int = 0  # a new key and id with a UETR that is known: 422
    bad: int = 0  # bad input: 4xx


class Ready(NamedTuple):
    """A line made ready: its body in pieces, the places to fill in, and who pays whom."""

    pieces: tuple[bytes, ...]
    places: tuple[tuple[int, int], ...]  # place in `pieces`, slot
    amount: bytes
    debtor_agent: str
    creditor_agent: str
    sector: str  # the debtor's: household, corporation, ...
    currencies: tuple[str, str]  # debited, received by the creditor
    is_message: bool

    @property
    def corridor(self) -> str:
        """Return the countries of the two agents, as in HK>CN."""
        return f"{self.debtor_agent[4:6]}>{self.creditor_agent[4:6]}"


class _Sent(NamedTuple):
    """A payment that comes again: as what, after which call, and all that made it."""

    due: int
    kind: str
    ready: Ready
    instruction_id: str
    uetr: str
    amount: bytes


class Traffic:
    """The calls of one share of a file: of several generators with the same file and seed no two send the same payment.

    `share` (index, count): every count-th line, from index on. `wanted` leaves lines out by who pays whom. `form`: as written, or all
    as JSON, or only those with a message, as XML. `run` goes into the ids (by default the seed): another run against the same sandbox needs
    another one, else all it sends is a replay. Raises TrafficError.
    """

    def __init__(
        self,
        path: Path,
        seed: int,
        *,
        share: tuple[int, int] = (0, 1),
        run: str = "",
        mix: Mix | None = None,
        form: str = "as-written",
        small_amounts: bool = False,
        wanted: Callable[[Ready], bool] | None = None,
        again_after: int = AGAIN_AFTER,
    ) -> None:
        run = run or f"s{seed}"
        if len(run) > RUN_LENGTH_MAX or not run.isalnum() or not run.isascii():
            raise TrafficError(f"run {run}: 1 to {RUN_LENGTH_MAX} Latin letters and digits")
        if form not in FORMS:
            raise TrafficError(f"form {form}: one of {', '.join(FORMS)}")
        self._mix = mix or Mix()
        repeated = self._mix.replay + self._mix.other_content + self._mix.known_uetr
        # Each repetition needs a payment before it, so at most half of all calls can be one.
        if min(self._mix) < 0 or 2 * repeated + self._mix.bad > IN_ALL:
            raise TrafficError(f"{self._mix}: shares in {IN_ALL}, repetitions at most half of what is not bad input")
        self._path, self._share, self._form, self._wanted = path, share, form, wanted
        self._prefix = f"{run}-{share[0]}-"
        self._small_amounts = small_amounts
        self._again_after = again_after
        self._drawn_of = max(IN_ALL - repeated, 1)
        self._chance = Random(f"{seed}/{run}/{share[0]}/{share[1]}")
        self._kept: dict[int, Ready | None] = {}
        self._again: deque[_Sent] = deque()
        self._called = 0
        self._file = path.open("rb")
        try:
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            self._file.close()
            raise TrafficError(f"{path} is empty; write it with `bayswitch traffic`") from None
        self._starts = _line_starts(self._map)
        if len(self._starts) <= share[0]:
            raise TrafficError(f"{path} has {len(self._starts)} lines: too few for {share[1]} shares")
        self._bad = self._catalogue() if self._mix.bad else ()

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()
        self._file.close()

    def __len__(self) -> int:
        """Return how many lines the file has, those of other shares too."""
        return len(self._starts)

    def has_lines(self) -> bool:
        """Whether the share has a line that is wanted."""
        return next(self._lines(1), None) is not None

    def calls(self, passes: int = 0) -> Iterator[Call]:
        """Yield calls of one payment each, so many times through the file; 0: without end."""
        lines = self._lines(passes)
        for ready in lines:
            again = self._again
            while again and again[0].due <= self._called:
                self._called += 1
                yield self._repetition(again.popleft())
            kind = self._drawn()
            while kind is BAD:
                self._called += 1
                yield self._bad_call()
                kind = self._drawn()
            self._called += 1
            yield self._payment(ready, kind)

    def batches(self, size: int, passes: int = 0) -> Iterator[Call]:
        """Yield calls of `/v1/payments/batch` with `size` items each (at most 1,000), what comes over at the end in a smaller one."""
        items: list[Call] = []
        for call in self.calls(passes):
            if call.path == PAYMENTS and (call.marks.kind != BAD or call.marks.bad in _GOES_IN_BATCHES):
                items.append(call)
            if len(items) == size:
                yield _batch(items)
                items = []
        if items:
            yield _batch(items)

    # --- one call ---

    def _drawn(self) -> str:
        """Draw what the next call is; a kind of repetition means: a new payment, and that repetition of it later."""
        mix = self._mix
        place = self._chance.randrange(self._drawn_of)
        for kind, share in zip((REPLAY, OTHER_CONTENT, KNOWN_UETR, BAD), mix, strict=True):
            place -= share
            if place < 0:
                return kind
        return PAYMENT

    def _payment(self, ready: Ready, kind: str) -> Call:
        n = self._called
        instruction_id, uetr = f"{self._prefix}{n}", self._uetr()
        amount = self._small_amount() if self._small_amounts else ready.amount
        again = kind is not PAYMENT
        if again:
            self._again.append(_Sent(n + self._again_after, kind, ready, instruction_id, uetr, amount))
        marks = Marks(PAYMENT, _STATUSES[ready.is_message], (), instruction_id, uetr, ready.corridor, 1, again)
        return _call(ready, instruction_id, instruction_id, uetr, amount, marks)

    def _repetition(self, sent: _Sent) -> Call:
        kind, ready, instruction_id, uetr, amount = sent.kind, sent.ready, sent.instruction_id, sent.uetr, sent.amount
        statuses, names = _AGAIN[kind]
        if ready.is_message:
            statuses = _STATUSES[True]
        key = instruction_id
        if kind == OTHER_CONTENT:
            amount = b"1" + amount
        elif kind == KNOWN_UETR:
            key = instruction_id = f"{self._prefix}{self._called}"
        marks = Marks(kind, statuses, names, instruction_id, uetr, ready.corridor, 1)
        return _call(ready, key, instruction_id, uetr, amount, marks)

    def _bad_call(self) -> Call:
        bad = self._bad[self._chance.randrange(len(self._bad))]
        key = f"{self._prefix}{self._called}" if bad.keyed and bad.path == PAYMENTS else ""
        return Call("", key, bad.path, bad.content_type, bad.body, Marks(BAD, (bad.status,), payments=0, bad=bad.name))

    def _uetr(self) -> str:
        digits = f"{self._chance.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def _small_amount(self) -> bytes:
        minor = self._chance.randrange(*_SMALL_MINOR)
        return b"%d.%02d" % (minor // 100, minor % 100)

    # --- the lines ---

    def _lines(self, passes: int) -> Iterator[Ready]:
        """Yield the share's lines made ready, in the file's order."""
        index, count = self._share
        done = 0
        while not passes or done < passes:
            found = False
            for n in range(index, len(self._starts), count):
                ready = self._kept[n] if n in self._kept else self._line(n)
                if ready is not None:
                    found = True
                    yield ready
            if not found and not passes:
                raise TrafficError(f"{self._path} has no line that is wanted in share {index} of {count}")
            done += 1

    def _line(self, n: int) -> Ready | None:
        start = self._starts[n]
        end = self._starts[n + 1] if n + 1 < len(self._starts) else len(self._map)
        try:
            ready = _made_ready(self._map[start:end], self._form)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrafficError(f"line {n + 1} of {self._path} is no line of traffic: {error}") from error
        if ready is not None and self._wanted is not None and not self._wanted(ready):
            ready = None
        if len(self._kept) < LINES_KEPT_MAX:
            self._kept[n] = ready
        return ready

    def _catalogue(self) -> tuple[Bad, ...]:
        for n in range(len(self._starts)):
            end = self._starts[n + 1] if n + 1 < len(self._starts) else len(self._map)
            line = json.loads(self._map[self._starts[n] : end])
            if "instruction" in line:
                return catalogue(line["instruction"])
        raise TrafficError(f"{self._path} has no instruction")


_STATUSES = {False: (201, 202, 422), True: (200,)}  # by JSON, by message
_AGAIN = {
    REPLAY: ((201, 202, 409, 422), ()),
    OTHER_CONTENT: ((409, 422), ("same-key-other-content", "same-message-other-content")),
    KNOWN_UETR: ((409, 422), ("duplicate-uetr",)),
}
# Bad input that is JSON all the same, so that it can stand among good items.
_GOES_IN_BATCHES = frozenset(
    {"a number for an amount", "a negative amount", "no debtor", "an unknown field", "a list", "null"}
)


def _line_starts(mapped: mmap.mmap) -> "array[int]":
    starts, at, size = array("Q"), 0, len(mapped)
    while at < size:
        end = mapped.find(b"\n", at)
        end = size if end < 0 else end
        if mapped[at:end].strip():
            starts.append(at)
        at = end + 1
    return starts


def _made_ready(line: bytes, form: str) -> Ready | None:
    """Make a line ready; None where it is an action, or has no message and only messages are wanted."""
    written = _WRITTEN.fullmatch(line)
    if written and form != "xml":
        ready = _of_json(written[1])
        if ready is not None:
            return ready
    read = json.loads(line)
    if "instruction" not in read:
        return None
    instruction: dict[str, Any] = read["instruction"]
    message = read.get("message") if form != "json" and (read.get("via") == "xml" or form == "xml") else None
    if message is None and form == "xml":
        return None
    amount = instruction["instructed_amount"]
    ordered = {"instruction_id": "0"} | instruction
    ordered["instructed_amount"] = {"currency": amount["currency"], "amount": amount["amount"]}
    ready = _of_json(json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).encode())
    if ready is None:
        raise ValueError("its instruction has no amount or agents")
    return ready if message is None else _of_message(message.encode(), ready)


def _of_json(instruction: bytes) -> Ready | None:
    """Make an instruction as `bayswitch traffic` writes it ready; None where it is written in another way."""
    if b'"uetr":"' not in instruction:
        instruction = b'{"uetr":"",' + instruction[1:]
    amount = _AMOUNT_IN_JSON.search(instruction)
    debtor_agent, creditor_agent = (
        _text_of(b'"debtor_agent":"', instruction),
        _text_of(b'"creditor_agent":"', instruction),
    )
    if amount is None or b'"instruction_id":"' not in instruction or not (debtor_agent and creditor_agent):
        return None
    spans = [(*amount.span(1), _AMOUNT)]
    for name, slot in _IN_JSON:
        at = instruction.find(name)
        while at >= 0:
            start = at + len(name)
            spans.append((start, instruction.index(b'"', start), slot))
            at = instruction.find(name, start)
    spans.sort()
    debtor = instruction.find(b'"debtor":')
    sector = _text_of(b'"sector":"', instruction, debtor) or "household"
    currencies = _text_of(b'"currency":"', instruction, debtor), _text_of(b'"settlement_currency":"', instruction)
    return Ready(*_cut(instruction, spans), amount[1], debtor_agent, creditor_agent, sector, currencies, False)


def _text_of(name: bytes, instruction: bytes, begin: int = 0) -> str:
    """Return the text that stands behind a name; "" where the name does not."""
    at = instruction.find(name, max(begin, 0))
    if at < 0:
        return ""
    start = at + len(name)
    return instruction[start : instruction.index(b'"', start)].decode()


def _of_message(message: bytes, ready: Ready) -> Ready:
    """Make the pacs.008 of an instruction ready."""
    spans, amount = [], ready.amount
    for match in _IN_XML.finditer(message):
        what = match["what"]
        spans.append((*match.span("text" if what else "amount"), _SLOT[what] if what else _AMOUNT))
        amount = amount if what else match["amount"]
    pieces, places = _cut(message, spans)
    return ready._replace(pieces=pieces, places=places, amount=amount, is_message=True)


def _cut(text: bytes, spans: list[tuple[int, int, int]]) -> tuple[tuple[bytes, ...], tuple[tuple[int, int], ...]]:
    """Cut a body where something is filled in (begin, end, slot): pieces, and places with their slots."""
    pieces: list[bytes] = []
    places: list[tuple[int, int]] = []
    at = 0
    for start, end, slot in spans:
        places.append((len(pieces) + 1, slot))
        pieces += (text[at:start], b"")
        at = end
    pieces.append(text[at:])
    return tuple(pieces), tuple(places)


def _call(ready: Ready, key: str, instruction_id: str, uetr: str, amount: bytes, marks: Marks) -> Call:
    pieces = list(ready.pieces)
    values = (instruction_id.encode(), uetr.encode(), amount)
    for place, slot in ready.places:
        pieces[place] = values[slot]
    if ready.is_message:  # its key is MsgId and UETR
        return Call(ready.debtor_agent, "", MESSAGES, XML, b"".join(pieces), marks)
    return Call(ready.debtor_agent, key, PAYMENTS, JSON, b"".join(pieces), marks)


def _batch(items: list[Call]) -> Call:
    written = b",".join(b'{"idempotency_key":"%b","instruction":%b}' % (item.key.encode(), item.body) for item in items)
    marks = tuple(item.marks for item in items)
    payments = sum(each.payments for each in marks)
    whole = Marks(MANY, (200,), payments=payments, again=any(each.again for each in marks), items=marks)
    return Call("", "", BATCH, JSON, b'{"items":[' + written + b"]}", whole)
