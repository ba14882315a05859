"""The shapes of the reports, for the OpenAPI document."""

from pydantic import Field

from switch.api.shapes import Answer


class ReceiptsAndPaymentsCell(Answer):
    """One cell: what crossed, by what it is to the reporting economy."""

    economy: str
    day: str
    item: str = Field(description="BPM6 item, secondary-income.personal-transfers")
    code: str = Field(description="SAFE's code, of the mainland as reporter; empty where none is carried")
    direction: str = Field(
        description="receipt or payment; asset increase, liability decrease ... in the financial account"
    )
    counterpart: str
    currency: str
    kind: str = Field(description="payment or return")
    count: int
    amount: str
    mark: str = Field(description="observable in official returns, or model only")
    basis: str = Field(description="Why: a row of `marks`")


class ConversionCell(Answer):
    """One cell: foreign currency sold or bought against RMB."""

    economy: str
    day: str
    market: str
    operation: str
    party: str = Field(description="The client: person or firm; empty where it was not kept")
    residency: str
    item: str
    code: str
    currency: str = Field(description="The foreign one")
    kind: str
    count: int
    amount: str
    rmb_amount: str
    mark: str
    basis: str


class MarkDocument(Answer):
    """What a mark rests on."""

    basis: str
    mark: str
    description: str
    reference: str
    confidence: str
    assumed: bool
    assumptions: dict[str, str]


class SmallAmounts(Answer):
    """Up to which amounts a personal item is taken to need no declared purpose."""

    amounts: dict[str, str]
    reference: str


class NotSettled(Answer):
    """Payments received in the period that are in no cell."""

    rejected: int
    cancelled: int
    blocked: int
    on_their_way: int
    not_yet_known: int = Field(description="In doubt: the rail is silent")
    paid_after_their_end: int = Field(description="Paid by a rail after the switch had ended them: in suspense")
    returns_held: int = Field(description="Came back and stand in suspense: they have reached no debtor agent")


class LeftOutDocument(Answer):
    """Settled records that are in no cell, by reason."""

    domestic: int
    routing_only: int
    orders: int
    notional: int
    other_economies: int
    nothing_exchanged: int
    without_rmb: int
    small_cells: int


class BridgeLine(Answer):
    """One line to the balance of payments: figures from the ledger by currency, or why there are none."""

    line: str
    part: str
    total: bool
    description: str
    status: str
    why: str | None
    reference: str
    figures: list[dict[str, str | dict[str, str]]]


class Bridge(Answer):
    """The bridge of one economy."""

    economy: str
    lines: list[BridgeLine]


class _Report(Answer):
    report: str
    from_: str = Field(alias="from")
    to: str
    economy: str | None
    participant: str | None
    min_count: int
    marks: list[MarkDocument]
    left_out: LeftOutDocument
    not_settled: NotSettled
    small_amounts: SmallAmounts
    notes: dict[str, str]


class ReceiptsAndPayments(_Report):
    """The report of receipts and payments."""

    cells: list[ReceiptsAndPaymentsCell]
    bridge: list[Bridge]


class Conversions(_Report):
    """The conversion report."""

    cells: list[ConversionCell]
