"""acmt.024: what the directory knows of what an acmt.023 asked about. Pure.

What ISO has no element for (the look-up's id, score, alert) stands in the supplementary data, by the question's id.
"""

from types import MappingProxyType
from typing import Any, NamedTuple

from rails.messages.acmt_parts import Subject, VerificationAssignment, assignment, assignment_of, subject, subject_of
from rails.messages.codec import Kind, Received, check_identifier
from rails.messages.elements import instant_of, leaf
from rails.messages.envelope import enveloped
from rails.messages.model import BusinessHeader
from rails.messages.original import raise_first
from rails.messages.profile import SUPPLEMENT_NAMESPACE

ACMT_024 = "acmt.024.001.04"
ACMT_024S = ("acmt.024.001.02", ACMT_024)
_ROOT = "IdVrfctnRpt"


class Report(NamedTuple):
    """The answer to one question. `lookup_id` "" = nothing beside ISO's own elements is said."""

    original_id: str
    verified: bool
    reason_code: str = ""  # ExternalVerificationReason1Code, or one Nexus lists (facts messages 1.4, 3.3)
    original: Subject | None = None
    updated: Subject | None = None
    lookup_id: str = ""
    match: str = ""  # match | close | no
    score: int | None = None  # 0 to 100
    alert: bool = False


class VerificationReport(NamedTuple):
    """A message of answers to one acmt.023."""

    assignment: VerificationAssignment
    original_message_id: str
    original_created_at: str | None
    reports: tuple[Report, ...]
    header: BusinessHeader | None = None
    definition: str = ACMT_024


def build_acmt024(report: VerificationReport) -> bytes:
    """Build a verification report, wrapped with its header where it has one. Raises MessageError (RR10, AC01)."""
    original = leaf("MsgId", report.original_message_id) + leaf("CreDtTm", report.original_created_at)
    content = "".join([_report(each, report.definition) for each in report.reports])
    lookups = "".join([_lookup(each) for each in report.reports if each.lookup_id])
    if lookups:
        lookups = (
            f'<SplmtryData><Envlp><Lookups xmlns="{SUPPLEMENT_NAMESPACE}">{lookups}</Lookups></Envlp></SplmtryData>'
        )
    return enveloped(
        report.header,
        report.definition,
        f"<{_ROOT}>{assignment(report.assignment)}<OrgnlAssgnmt>{original}</OrgnlAssgnmt>{content}{lookups}</{_ROOT}>",
    )


def _report(each: Report, definition: str) -> str:
    reason = f"<Rsn>{leaf('Cd', each.reason_code)}</Rsn>" if each.reason_code else ""
    return (
        f"<Rpt>{leaf('OrgnlId', each.original_id)}{leaf('Vrfctn', 'true' if each.verified else 'false')}{reason}"
        f"{subject('OrgnlPtyAndAcctId', each.original, definition)}{subject('UpdtdPtyAndAcctId', each.updated, definition)}</Rpt>"
    )


def _lookup(each: Report) -> str:
    return (
        f"<Lookup>{leaf('OriginalId', each.original_id)}{leaf('LookupId', each.lookup_id)}{leaf('Match', each.match or None)}"
        f"{leaf('Score', str(each.score) if each.score is not None else None)}{leaf('Alert', 'suspicious' if each.alert else None)}</Lookup>"
    )


def _read(received: Received) -> VerificationReport:
    header, definition, found = received
    given, original = assignment_of(found), found["OrgnlAssgnmt"]
    beside = (
        {each["OriginalId"]: each for each in found["SplmtryData"]["Envlp"]["Lookup"]} if "SplmtryData" in found else {}
    )
    reports = tuple([_report_of(each, beside.get(each["OrgnlId"], {})) for each in found["Rpt"]])
    faults = [
        check_identifier(given.message_id, f"{_ROOT}/Assgnmt/MsgId"),
        check_identifier(original["MsgId"], f"{_ROOT}/OrgnlAssgnmt/MsgId"),
    ]
    faults += [check_identifier(each.original_id, f"{_ROOT}/Rpt[{n}]/OrgnlId") for n, each in enumerate(reports, 1)]
    raise_first(faults, given.message_id)
    return VerificationReport(
        given, original["MsgId"], instant_of(original, "CreDtTm"), reports, header, definition
    )  # fmt: skip


def _report_of(found: dict[str, Any], beside: dict[str, Any]) -> Report:
    return Report(
        found["OrgnlId"], found["Vrfctn"] == "true", found["Rsn"]["Cd"] if "Rsn" in found else "",
        _subject_of(found, "OrgnlPtyAndAcctId"), _subject_of(found, "UpdtdPtyAndAcctId"),
        beside.get("LookupId", ""), beside.get("Match", ""), int(beside["Score"]) if "Score" in beside else None,
        "Alert" in beside,
    )  # fmt: skip


def _subject_of(found: dict[str, Any], name: str) -> Subject | None:
    return subject_of(found[name] or {}) if name in found else None


KINDS = MappingProxyType(
    {
        name: Kind(
            name, _read, ("acmt.024.body", "acmt.parts", f"acmt.account.{name[-2:]}", "types"), frozenset({"Rpt", "Lookup"}),
            message_id="Assgnmt/MsgId",
        )
        for name in ACMT_024S
    }
)  # fmt: skip
