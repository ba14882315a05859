"""The plain values of the wire: what a rail says of a leg in ISO's words, and what it can do. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from rails.port import BLOCKED, CREDITED, PENDING, REJECTED, SETTLED, UNKNOWN, Capabilities, RailReport
from rails.wire import WireError, instant, written

DULY_TAKEN = "ACTC"  # durably taken, syntax and content checked: the answer to a pacs.008
ENDED = "AB03"  # RJCT of the switch: it has ended the payment, which a five-step rail then never settles
NEVER_SEEN = "AG09"  # RJCT of an inquiry: never received, and never to be processed (facts messages 4.2)
DUPLICATES = frozenset({"DU03", "AM05"})  # a second instruction under a known UETR is refused: the first stands

_ISO_OF = {PENDING: "PDNG", SETTLED: "ACSC", CREDITED: "ACCC", REJECTED: "RJCT", BLOCKED: "BLCK", UNKNOWN: "RJCT"}
# What a rail may say of a leg; those before settlement all mean that it is not decided yet.
_STATUS_OF = {
    "RCVD": PENDING, "ACTC": PENDING, "ACCP": PENDING, "ACSP": PENDING, "PDNG": PENDING, "ACSC": SETTLED, "ACCC": CREDITED,
    "RJCT": REJECTED, "BLCK": BLOCKED,
}  # fmt: skip
_LEG = re.compile(r"([1-9][0-9]?)-([0-9a-f]{32})")
_CURRENCY = re.compile(r"[A-Z]{3}")
BUSINESS, OWN = "business", "own"  # whose time a rail goes by


class LegStatus(NamedTuple):
    """One TxInfAndSts about a leg."""

    uetr: str
    leg: int
    status: str  # ExternalPaymentTransactionStatus1Code: ACTC, PDNG, ACSC, ACCC, RJCT, ...
    reason_code: str = ""  # ExternalStatusReason1Code
    text: str = ""
    at: datetime | None = None  # since when, business time, where the rail says
    amount_minor: int | None = None  # what the rail says it was about, where it does
    currency: str = ""  # of that
    named: str = ""  # the InstrId that was sent, where it names no leg


def instruction_id(uetr: str, leg: int) -> str:
    """Return the InstrId of a leg on its hop to the rail: it tells the legs of one UETR apart, at most 35 characters."""
    return f"{leg}-{uetr.replace('-', '')}"


def leg_of(identification: str) -> int:
    """Read the leg from an InstrId; raises WireError."""
    found = _LEG.fullmatch(identification)
    if found is None:
        raise WireError("InstrId is the leg's number, a hyphen and the UETR's 32 hexadecimal digits")
    return int(found.group(1))


def status_of(report: RailReport, currency: str = "") -> LegStatus:
    """Say a rail's report in ISO's words; `currency` is the leg's, where the report names an amount."""
    code = NEVER_SEEN if report.status == UNKNOWN else report.reason_code
    return LegStatus(
        report.uetr, report.leg, _ISO_OF[report.status], code, "", report.at, report.amount_minor, currency
    )


def report_of(said: LegStatus, rail: str, at: datetime, inquired: bool) -> RailReport:
    """Read what a rail says of a leg; AG09 means unknown only where it was inquired after. Raises WireError."""
    status = _STATUS_OF.get(said.status)
    if status is None:
        raise WireError(f"TxSts is one of {', '.join(_STATUS_OF)}")
    if status == REJECTED and inquired and said.reason_code == NEVER_SEEN:
        return RailReport(rail, said.uetr, said.leg, UNKNOWN, "", at)
    code = said.reason_code if status == REJECTED else ""
    return RailReport(rail, said.uetr, said.leg, status, code, at, said.amount_minor, said.currency)


def bic_of(capabilities: Capabilities) -> str:
    """Return the BIC a rail goes by in headers and assignments: fictional, as its location code says."""
    return f"RAIL{capabilities.country}H0"


class RailDocument(NamedTuple):
    """What a rail says it can do, in the JSON of `capabilities`."""

    rail: str
    name: str
    currencies: frozenset[str]
    steps: int
    clock: str  # business: it follows the header Business-Time; own: it goes by its machine's
    faults: str | None  # as rails.faults writes them; None: none can be set from outside
    closed_until: Mapping[str, datetime]  # currency -> opening, for those closed at the time of asking

    def json(self) -> dict[str, Any]:
        """Return the document to be sent."""
        return {
            "rail": self.rail,
            "name": self.name,
            "currencies": sorted(self.currencies),
            "steps": self.steps,
            "clock": self.clock,
            "faults": self.faults,
            "closed_until": {currency: written(at) for currency, at in self.closed_until.items()},
        }


def document_of(capabilities: Capabilities, faults: str, closed_until: Mapping[str, datetime]) -> RailDocument:
    """Say what a simulated rail can do."""
    return RailDocument(
        capabilities.rail,
        capabilities.name,
        capabilities.currencies,
        capabilities.steps,
        BUSINESS,
        faults,
        closed_until,
    )


def read_document(given: Any) -> RailDocument:
    """Read what a rail says it can do; raises WireError naming the member at fault."""
    if not isinstance(given, dict):
        raise WireError("capabilities is one JSON object")
    currencies = given.get("currencies")
    if not isinstance(currencies, list) or not currencies or not all(_is_currency(each) for each in currencies):
        raise WireError("`currencies` is a list of ISO 4217 codes")
    if given.get("steps") not in (4, 5):
        raise WireError("`steps` is 4 or 5")
    if given.get("clock") not in (BUSINESS, OWN):
        raise WireError("`clock` is business or own")
    closed = given.get("closed_until") or {}
    if not isinstance(closed, dict) or not all(isinstance(at, str) for at in closed.values()):
        raise WireError("`closed_until` maps currencies to instants")
    faults = given.get("faults")
    if faults is not None and not isinstance(faults, str):
        raise WireError("`faults` is a text or null")
    for member in ("rail", "name"):
        if not isinstance(given.get(member), str):
            raise WireError(f"`{member}` is a text")
    return RailDocument(
        given["rail"], given["name"], frozenset(currencies), given["steps"], given["clock"], faults,
        {currency: instant(at, "closed_until") for currency, at in closed.items()},
    )  # fmt: skip


def _is_currency(given: Any) -> bool:
    return isinstance(given, str) and _CURRENCY.fullmatch(given) is not None
