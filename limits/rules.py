"""Rules, lanes and classification as dated data (helper completes)."""

from typing import NamedTuple


class Entry(NamedTuple):
    """One statistical entry: the economy that sees a resident / non-resident transaction, and what it is there."""

    economy: str  # ISO 3166 of the reporting economy
    side: str  # debit | credit for current and capital account; asset | liability for the financial account
    item: str  # BPM6 item in kebab-case, e.g. secondary-income.personal-transfers
    code: str | None  # national code (SAFE 2014) for economy CN only
    counterpart: str  # ISO 3166 of the other economy


class Classification(NamedTuple):
    """What a payment is: the deciding row, its statistical entries, its RMB tag, and what the class is spared."""

    rule: str
    entries: tuple[Entry, ...]
    rmb_tag: str | None
    spared: tuple[str, ...]  # of: documents, pre-check, wait, quota
    reference: str


class Lane(NamedTuple):
    """One legal way for a payment: the rules that claim and the rails allowed."""

    id: str
    scheme: str
    direction: str  # northbound | southbound | domestic | hk-macau
    rules: tuple[str, ...]  # rule ids that claim, in the order in which one binds
    source_rails: tuple[str, ...]  # in order of preference; empty for a domestic lane
    destination_rails: tuple[str, ...]
    hours: str | None  # rule id of the lane's own hours (TM01), None = its rails' hours only
    market: str  # onshore | offshore: where a conversion of CNY happens
    charge: str | None  # rule id of the lane's charge
    law: str  # lanes under the same law may replace each other without allow_lanes
    reference: str
    assumed: bool


class LaneVerdict(NamedTuple):
    """Whether a lane is open to the facts, and if not, the fact that fails."""

    lane: str
    eligible: bool
    why: str
