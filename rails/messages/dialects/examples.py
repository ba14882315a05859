"""One worked example of each message of the dialects, for docs/dialects.md: fictional people, a payment of one leg."""

from datetime import UTC, datetime, timedelta

from lxml import etree

from rails.messages.dialects import cips
from rails.messages.dialects.cnaps2 import Cnaps2
from rails.messages.dialects.cnaps2_block import read_block
from rails.messages.dialects.cnaps2_messages import BEPS, HVPS, IBPS
from rails.messages.dialects.hk_fps import HkFps
from rails.messages.dialects.terms import Inquiry, members
from rails.messages.model import Account, CreditTransfer, Identification, Party
from rails.port import REJECTED, SETTLED, RailInstruction, RailReport

_UETR = "0000000a-0b0c-4d0e-8f00-000000000001"
_AT = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
# Two fictional participants as HK FPS and as the mainland's rails name them (switch/participants/participants.yaml).
_CLEARING_CODES = members({"HBAYHKH0": "801", "PEARCNG0": "807"})
_CNAPS_CODES = members({"HBAYHKH0": "999108100010", "PEARCNG0": "999581000070"})
_PARTIES = (
    Party(
        "LI Xiaoming", Identification("PRCID", "890000197109070000", "CN"), "CN", "household",
        Account("6200068880000000001", None, None, "CNY"),
    ),
    Party(
        "CHAN Tai Man", Identification("HKID", "QX007919(4)", "HK"), "HK", "household",
        Account("900888000001", None, None, None),
    ),
)  # fmt: skip


def _leg(agents: tuple[str, str], parties: tuple[Party, Party], currency: str) -> RailInstruction:
    transfer = CreditTransfer(
        "INS-1", "E2E-1", _UETR, "5000.00", currency, "5000.00", currency, *parties, *agents, currency, "GIFT", None,
        "SHAR", "For the new year", (), None, False, None, None,
    )  # fmt: skip
    account = parties[1].account.number
    assert account is not None
    return RailInstruction(_UETR, 1, *agents, account, 500_000, currency, _AT, _AT + timedelta(seconds=20), transfer)


def messages() -> dict[str, bytes]:
    """Write the examples, by what each is."""
    fps, known, codes = HkFps(), _CLEARING_CODES, _CNAPS_CODES
    southbound = _leg(("PEARCNG0", "HBAYHKH0"), _PARTIES, "HKD")
    northbound = _leg(("HBAYHKH0", "PEARCNG0"), (_PARTIES[1], _PARTIES[0]), "CNY")
    settled = RailReport("", _UETR, 1, SETTLED, "", _AT, 500_000)
    rejected = settled._replace(status=REJECTED, reason_code="AC06", amount_minor=None)
    inquiry = Inquiry(_UETR, 1, "PEARCNG0", _AT)
    ibps = Cnaps2(IBPS)
    return {
        "HK FPS: credit": fps.write_credit(southbound, known),
        "HK FPS: rejected": fps.write_report(rejected, "PEARCNG0", known),
        "HK FPS: inquiry": fps.write_inquiry(inquiry, known),
        "IBPS: credit (ibps.101)": ibps.write_credit(northbound, codes),
        "IBPS: the receiving bank takes it (ibps.102)": ibps.write_receipt(settled, ("PEARCNG0", "HBAYHKH0"), codes),
        "IBPS: netted (saps.601)": ibps.write_report(settled, "HBAYHKH0", codes),
        "IBPS: rejected (ccms.900)": ibps.write_report(rejected, "HBAYHKH0", codes),
        "IBPS: inquiry (ibps.305)": ibps.write_inquiry(inquiry, codes),
        "BEPS: credit (beps.121)": Cnaps2(BEPS).write_credit(northbound, codes),
        "HVPS: credit (hvps.111)": Cnaps2(HVPS).write_credit(northbound, codes),
        "CIPS: credit (cips.111)": cips.write_credit(northbound, codes),
    }


def readable(body: bytes) -> str:
    """Show a message with its blocks as they are and its XML indented."""
    if not body.startswith(b"{H:"):
        return _indented(body)
    document = read_block(body)[2]
    return body[: len(body) - len(document)].decode("ascii").replace("\r\n", "\n") + _indented(document)


def _indented(document: bytes) -> str:
    root = etree.fromstring(document)
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")
