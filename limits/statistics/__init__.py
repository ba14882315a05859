"""Receipts and payments (涉外收付款) and conversions (结售汇) as statistical cells: from settled, classified records to counts and sums.

Pure: it reads no ledger and decides no class. A record stands in the report of each economy that has an entry in it. What
official returns would show of a cell is limits.statistics.observability; what cash cannot show of the balance of payments, limits.statistics.bridge.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from fx.rates import OFFSHORE, ONSHORE, PEGGED
from limits.classification import MAINLAND, Entry

# Kinds of records. An order and a notional amount move no money: they are counted apart and stand in no cell.
PAYMENT, RETURN, ORDER, NOTIONAL = "payment", "return", "order", "notional"
RECEIPT = "receipt"
SALE, PURCHASE = "sale", "purchase"  # of foreign currency against RMB: 结汇, 售汇
RMB = "CNY"
_PEGGED_IN = "MO"  # where Hong Kong dollars become patacas: assumed (statistics.yaml, places)

# Where the accounts of a record are kept, seen from the mainland.
CROSSING, INSIDE, OUTSIDE = "crossing", "inside", "outside"

_CURRENT = {"credit": RECEIPT, "debit": PAYMENT}


class Parties(NamedTuple):
    """Who pays whom, as the statistics ask: person | firm, and residency (ISO 3166); "" where it was not kept."""

    debtor_kind: str
    debtor_residency: str
    creditor_kind: str
    creditor_residency: str


UNKNOWN_PARTIES = Parties("", "", "", "")


class Side(NamedTuple):
    """The money of one side of a record, in minor units; `small`: each of them is within the threshold of personal items."""

    currency: str
    amount_minor: int
    small: bool


class Record(NamedTuple):
    """Settled records that are alike in all that the statistics see: `number` of them, their amounts added up."""

    kind: str  # payment | return | order | notional
    day: date  # law day (UTC+8) on which they settled: a return's own, not its payment's
    entries: tuple[Entry, ...]  # of a return its payment's, turned round (limits.classification.returned)
    parties: Parties  # of the record itself: of a return, who sends it back is the debtor
    origin: str  # ISO 3166, where the debtor's account is kept
    destination: str  # where the creditor's is
    market: str  # onshore | offshore | pegged, "" where nothing is exchanged
    sent: Side  # what the debtor pays, margin included, charges apart
    bought_minor: int  # what the exchange gave, in the received currency, before a charge; 0 where nothing is exchanged
    received: Side  # what reaches the creditor, charges deducted
    number: int


class Cell(NamedTuple):
    """One cell of receipts and payments; `amount_minor` is what crossed."""

    economy: str
    day: date
    item: str
    code: str  # national code, "" where none is carried
    direction: str  # receipt | payment; asset increase, liability decrease ... in the financial account
    counterpart: str
    currency: str
    kind: str  # payment | return
    mark: str  # id of the row of statistics.yaml that says whether official returns show it
    observable: bool
    number: int
    amount_minor: int


class Conversion(NamedTuple):
    """One cell of the conversion report: sales or purchases of foreign currency against RMB."""

    economy: str  # where it is done: CN for the onshore market
    day: date
    market: str
    operation: str  # sale | purchase, as the client sees it
    party: str  # the client: person | firm, "" where it was not kept
    residency: str  # the client's
    item: str  # what it was for, in the report of `economy` if that has an entry, else in the first that has; "" = no entry
    code: str
    currency: str  # the foreign one
    kind: str  # payment | return
    mark: str
    observable: bool
    number: int
    amount_minor: int  # of the foreign currency
    rmb_minor: int


class LeftOut(NamedTuple):
    """How many records stand in no cell, and why."""

    domestic: int = 0  # between residents of one economy, over accounts kept in it
    routing_only: int = 0  # of no economy's accounts either, yet over agents of two economies
    orders: int = 0
    notional: int = 0
    other_economies: int = 0  # seen by economies that were not asked for alone
    nothing_exchanged: int = 0  # conversion report only
    without_rmb: int = 0  # conversion report only: exchanged, and neither side is RMB
    small_cells: int = 0  # cells below the count threshold that was asked for


class Facts(NamedTuple):
    """What decides whether official returns show a cell."""

    reporter: str  # mainland | other
    way: str  # crossing | inside | outside: agents' places, seen from the mainland
    party: str  # person | firm | unknown: of the reporter's resident, else of the other side
    persons: bool  # both sides are persons
    currency: str
    small: bool
    market: str  # of the conversion, "" for receipts and payments


Mark = Callable[[Facts], tuple[str, bool]]  # (row id, observable)


def receipts_and_payments(
    records: Iterable[Record], mark: Mark, economy: str | None = None
) -> tuple[list[Cell], LeftOut]:
    """Add records up to cells, in the cells' own order; `economy` None = all that see them."""
    sums: dict[tuple[object, ...], list[int]] = {}
    left = _Left()
    for record in records:
        if _left_out(record, left):
            continue
        seen = [entry for entry in record.entries if economy in (None, entry.economy)]
        if not seen:
            left.add("other_economies", record.number)
        money = crossed(record)
        for entry in seen:
            row, observable = mark(_facts(record, entry, money))
            key = (
                entry.economy, record.day, entry.item, entry.code or "", _direction(entry),
                entry.counterpart, money.currency, record.kind, row, observable,
            )  # fmt: skip
            _add(sums, key, (record.number, money.amount_minor))
    return sorted(Cell(*key, *totals) for key, totals in sums.items()), left.out()  # type: ignore[arg-type]


def conversions(records: Iterable[Record], mark: Mark, economy: str | None = None) -> tuple[list[Conversion], LeftOut]:
    """Add exchanges against RMB up to cells; only the onshore ones are 结售汇, the mark says so."""
    sums: dict[tuple[object, ...], list[int]] = {}
    left = _Left()
    for record in records:
        if _moves_nothing(record, left):
            continue
        if not record.market:
            left.add("nothing_exchanged", record.number)
            continue
        pair = (record.sent.currency, record.received.currency)
        if RMB not in pair:
            left.add("without_rmb", record.number)
            continue
        found = _client(record)
        if economy not in (None, found[0]):
            left.add("other_economies", record.number)
            continue
        row, observable = mark(_conversion_facts(record, found))
        item, code = _item(record, found[0])
        buys = pair[0] == RMB
        foreign, rmb = (record.bought_minor, record.sent.amount_minor) if buys else (record.sent.amount_minor, record.bought_minor)  # fmt: skip
        key = (
            found[0], record.day, record.market, PURCHASE if buys else SALE, *found[1:], item, code,
            pair[1] if buys else pair[0], record.kind, row, observable,
        )  # fmt: skip
        _add(sums, key, (record.number, foreign, rmb))
    return sorted(Conversion(*key, *totals) for key, totals in sums.items()), left.out()  # type: ignore[arg-type]


def crossed(record: Record) -> Side:
    """Return what crossed: what was sent where the exchange is made at the destination, else what was received."""
    return record.sent if _exchanged_at_destination(record) else record.received


def enough(cells: Sequence[Cell] | Sequence[Conversion], count_min: int) -> list[Cell] | list[Conversion]:
    """Leave out cells of fewer than `count_min` records, which may show somebody; totals are then of what is left."""
    return [cell for cell in cells if cell.number >= count_min]  # type: ignore[return-value]


class _Left:
    """Counts what stands in no cell."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, name: str, count: int) -> None:
        self._counts[name] = self._counts.get(name, 0) + count

    def out(self) -> LeftOut:
        return LeftOut(**self._counts)


def _moves_nothing(record: Record, left: _Left) -> bool:
    if record.kind in (ORDER, NOTIONAL):
        left.add("orders" if record.kind == ORDER else "notional", record.number)
        return True
    assert record.kind in (PAYMENT, RETURN), record.kind
    return False


def _left_out(record: Record, left: _Left) -> bool:
    if _moves_nothing(record, left):
        return True
    if record.entries:
        return False
    left.add("domestic" if record.origin == record.destination else "routing_only", record.number)
    return True


def _exchanged_at_destination(record: Record) -> bool:
    """Whether the exchange is made where the creditor's account is kept: its market is there and not at the origin too."""
    here, there = record.origin == MAINLAND, record.destination == MAINLAND
    if record.market == ONSHORE:
        return there and not here
    if record.market == OFFSHORE:
        return here and not there
    return record.market == PEGGED and record.destination == _PEGGED_IN != record.origin


def _direction(entry: Entry) -> str:
    return _CURRENT.get(entry.side, f"{entry.side} {entry.change}")


def _way(record: Record) -> str:
    inside = (record.origin == MAINLAND) + (record.destination == MAINLAND)
    return (OUTSIDE, CROSSING, INSIDE)[inside]


def _facts(record: Record, entry: Entry, money: Side) -> Facts:
    kinds = {
        record.parties.debtor_residency: record.parties.debtor_kind,
        record.parties.creditor_residency: record.parties.creditor_kind,
    }
    # A bank's own entry (a non-resident's deposit with it) has no resident party: the depositor is the party.
    party = kinds.get(entry.economy) or kinds.get(entry.counterpart) or "unknown"
    return Facts(
        _reporter(entry.economy), _way(record), party, _persons(record.parties), money.currency, money.small, ""
    )


def _reporter(economy: str) -> str:
    return "mainland" if economy == MAINLAND else "other"


def _persons(parties: Parties) -> bool:
    return parties.debtor_kind == parties.creditor_kind == "person"


def _client(record: Record) -> tuple[str, str, str]:
    """Return (economy where the exchange is made, the client's kind, the client's residency)."""
    parties = record.parties
    if _exchanged_at_destination(record):
        return record.destination, parties.creditor_kind, parties.creditor_residency
    return record.origin, parties.debtor_kind, parties.debtor_residency


def _conversion_facts(record: Record, found: tuple[str, str, str]) -> Facts:
    economy, party, _ = found
    foreign = record.received if record.sent.currency == RMB else record.sent
    return Facts(
        _reporter(economy), _way(record), party or "unknown", _persons(record.parties), foreign.currency,
        foreign.small, record.market,
    )  # fmt: skip


def _item(record: Record, economy: str) -> tuple[str, str]:
    entry = next((each for each in record.entries if each.economy == economy), None)
    entry = entry or next(iter(record.entries), None)
    return (entry.item, entry.code or "") if entry else ("", "")


def _add(sums: dict[tuple[object, ...], list[int]], key: tuple[object, ...], values: tuple[int, ...]) -> None:
    totals = sums.setdefault(key, [0] * len(values))
    for n, value in enumerate(values):
        totals[n] += value
