"""Hypothesis strategies for the values of every message we read and write, in each version."""

from datetime import date
from typing import TypeVar

from hypothesis import strategies as st

from rails.messages import admi002, camt029, camt056, pacs004, pacs028
from rails.messages.codes import load_codes
from rails.messages.elements import Amount, Charge, ClearingSystem
from rails.messages.model import (
    HEADERS,
    NOT_PROVIDED,
    PACS_002S,
    PACS_008S,
    BusinessHeader,
    StatusReport,
    TransactionStatus,
)
from rails.messages.original import Assignment, Case, OriginalMessage, OriginalPayment

T = TypeVar("T")

_LATIN = "ABCabc019/-?:().,'+ "
IDS = st.text(_LATIN, min_size=1, max_size=35).filter(
    lambda text: not text.startswith("/") and not text.endswith("/") and "//" not in text
)
# What a text may hold: any script; no control characters (XML), no spaces at an end or in a row (pieces are cut there).
_LETTERS = st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp", "Zs", "Co"])
WORDS = st.text(_LETTERS, min_size=1, max_size=20).filter(str.isprintable)
TEXTS = st.lists(WORDS, max_size=20).map(" ".join)
SHORT = st.text(_LETTERS, min_size=1, max_size=35).filter(str.isprintable)
BICS = st.from_regex(r"[A-Z0-9]{4}(HK|CN|MO|TH)[A-Z0-9]{2}([A-Z0-9]{3})?", fullmatch=True)
OLD_BICS = st.from_regex(
    r"[A-Z]{4}(HK|CN|MO|TH)[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?", fullmatch=True
)  # of head.001.001.01
UETRS = st.uuids(version=4).map(str)
DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2099, 12, 31)).map(str)
UTC = st.builds(
    lambda day, s: f"{day}T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}.{s % 1000:03}Z", DAYS, st.integers(0, 86_399)
)
INSTANTS = st.one_of(UTC, UTC.map(lambda text: text.replace("Z", "+08:00")))
AMOUNTS = st.builds(
    Amount,
    st.sampled_from(["HKD", "CNY", "MOP", "USD"]),
    st.integers(1, 10**14).map(lambda minor: f"{minor // 100}.{minor % 100:02}"),
)
CHARGES = st.lists(st.builds(Charge, AMOUNTS, BICS), max_size=2).map(tuple)
SYSTEMS = st.one_of(
    st.builds(ClearingSystem, st.just("Cd"), st.sampled_from(["HKS", "HKL", "MQQ", "CIP"])),
    st.builds(ClearingSystem, st.just("Prtry"), st.sampled_from(["IBPS", "BEPS", "HVPS"])),
)


def maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """The value or its absence."""
    return st.none() | strategy


MESSAGES = st.builds(OriginalMessage, IDS, st.sampled_from(PACS_008S), maybe(INSTANTS))
ORIGINALS = st.builds(
    OriginalPayment,
    uetr=maybe(UETRS),
    end_to_end_id=maybe(IDS),
    instruction_id=maybe(IDS),
    transaction_id=maybe(IDS),
    message=maybe(MESSAGES),
    interbank_amount=maybe(AMOUNTS),
    interbank_settled_on=maybe(DAYS),
    debtor_agent=maybe(BICS),
    creditor_agent=maybe(BICS),
    clearing_system=maybe(SYSTEMS),
).filter(lambda original: original.uetr is not None or original.end_to_end_id is not None)


@st.composite
def headed(draw: st.DrawFn, message):  # type: ignore[no-untyped-def]
    """The message under a header of its own definition, or bare."""
    value = draw(message)
    if draw(st.booleans()):
        return value
    version = draw(st.sampled_from(HEADERS))
    created = draw(UTC if version == HEADERS[0] else INSTANTS)
    bics = OLD_BICS if version == HEADERS[0] else BICS
    header = BusinessHeader(
        draw(bics), draw(bics), draw(IDS), value.definition, created, version, draw(maybe(IDS)), draw(st.booleans())
    )
    return value._replace(header=header)


def _codes(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(getattr(load_codes(), name)))


def _some(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(strategy, min_size=1, max_size=3).map(tuple)


_SAID = ["RCVD", "ACTC", "ACCP", "ACSP", "ACSC", "ACCC", "ACWC", "ACWP", "PDNG", "CANC", "BLCK"]
STATUSES = st.builds(
    TransactionStatus,
    st.just(NOT_PROVIDED) | IDS, IDS, maybe(UETRS), st.sampled_from(_SAID), st.just("") | st.sampled_from(["RR04", "NARR"]),
    TEXTS, maybe(SYSTEMS), maybe(INSTANTS), maybe(INSTANTS), maybe(IDS), maybe(AMOUNTS), maybe(BICS), maybe(BICS), CHARGES,
)  # fmt: skip
REJECTIONS = st.builds(lambda each: each._replace(status="RJCT", reason_code="AC04"), STATUSES)
REPORTS = st.builds(
    StatusReport, IDS, INSTANTS, maybe(BICS), maybe(BICS), IDS, st.sampled_from(PACS_008S), _some(STATUSES | REJECTIONS),
    group_status=st.just(""), reason_code=st.just(""), text=st.just(""),     header=st.none(), definition=st.sampled_from(PACS_002S),
)  # fmt: skip
REFUSALS = st.builds(
    StatusReport, IDS, INSTANTS, BICS, maybe(BICS), IDS, st.sampled_from(PACS_008S), group_status=st.just("RJCT"),
    reason_code=st.just("FF01"), text=TEXTS, statuses=st.just(()), header=st.none(), definition=st.sampled_from(PACS_002S),
)  # fmt: skip
REQUESTS = st.builds(
    pacs028.StatusRequest, IDS, INSTANTS, _some(st.builds(pacs028.Inquiry, ORIGINALS, maybe(IDS), maybe(INSTANTS))),
    maybe(BICS), maybe(BICS), header=st.none(), definition=st.sampled_from(pacs028.PACS_028S),
)  # fmt: skip
RETURNS = st.builds(
    pacs004.Return, IDS, ORIGINALS.map(lambda original: original._replace(interbank_amount=None)), AMOUNTS,
    _codes("return_reasons"), TEXTS, maybe(DAYS), maybe(AMOUNTS), maybe(st.sampled_from(["0.9215", "1", "1.0850000001"])),
    maybe(st.sampled_from(["DEBT", "CRED", "SHAR", "SLEV"])), CHARGES,
    maybe(st.builds(pacs004.ReturnChain, SHORT, BICS, BICS, SHORT)),
)  # fmt: skip
PAYMENT_RETURNS = st.builds(
    pacs004.PaymentReturn, IDS, INSTANTS,
    st.lists(RETURNS, min_size=1, max_size=3, unique_by=lambda each: each.return_id).map(tuple), maybe(BICS),
    maybe(BICS), maybe(SYSTEMS), header=st.none(), definition=st.sampled_from(pacs004.PACS_004S),
)  # fmt: skip
ASSIGNMENTS = st.builds(Assignment, IDS, BICS, BICS, INSTANTS)
CASES = st.builds(Case, IDS, BICS)
CANCELLATIONS = st.builds(camt056.Cancellation, IDS, ORIGINALS, _codes("cancellation_reasons"), TEXTS, maybe(AMOUNTS))
CANCELLATION_REQUESTS = st.builds(
    camt056.CancellationRequest, ASSIGNMENTS, _some(CANCELLATIONS), maybe(CASES),
    header=st.none(), definition=st.sampled_from(camt056.CAMT_056S),
)  # fmt: skip
_EACH = st.builds(
    camt029.CancellationStatus, ORIGINALS, st.just("ACCR"), st.just(""), TEXTS, maybe(IDS), maybe(CASES),
    maybe(st.builds(camt029.ReturnInformation, IDS, AMOUNTS, maybe(UETRS), maybe(DAYS))),
)  # fmt: skip


@st.composite
def resolutions(draw: st.DrawFn) -> camt029.Resolution:
    """A resolution whose word for all agrees with what it says of each."""
    status = draw(st.sampled_from(["CNCL", "RJCR", "PDCR", "PECR", "FTNA", "IPAY"]))
    kinds = {"CNCL": ["ACCR"], "RJCR": ["RJCR"]}.get(status, ["ACCR", "RJCR", "PDCR"])
    statuses = []
    for each in draw(st.lists(_EACH, max_size=3)):
        kind = draw(st.sampled_from(kinds))
        code = draw(_codes("cancellation_rejections")) if kind == "RJCR" else ""
        statuses.append(each._replace(status=kind, reason_code=code))
    definition = draw(st.sampled_from(camt029.CAMT_029S))
    return camt029.Resolution(draw(ASSIGNMENTS), status, tuple(statuses), draw(maybe(CASES)), definition=definition)


REJECTS = st.builds(
    admi002.MessageReject,
    SHORT,
    st.sampled_from(["FF01", "RR10", "CH21"]),
    maybe(INSTANTS),
    maybe(SHORT),
    maybe(WORDS),
    header=st.none(),
    definition=st.just(admi002.ADMI_002),
)
