"""acmt.023 <-> look-ups: the questions of a message as the directory takes them, and its answers as the acmt.024 that goes back.

What is shown of an account is its agent and its masked name, never its number or its full name: Nexus hands the real name to
the asking agent for screening (facts messages 1.4), FPS shows a masked one, and here nothing is screened.
"""

from collections.abc import Callable

from rails.messages.acmt023 import KINDS, VerificationRequest
from rails.messages.acmt024 import Report, VerificationReport, build_acmt024
from rails.messages.acmt_parts import Subject, VerificationAssignment
from rails.messages.model import BusinessHeader
from switch.directory.lookups import Asked, Lookup

__all__ = ["KINDS", "VerificationRequest", "asked_in", "lookup_message"]

_DISPLAY_NAME_MAX = 70  # Acct/Nm


def lookup_message(
    request: VerificationRequest, answer: Callable[[Asked], Lookup], *, message_id: str, created_at: str, from_bic: str
) -> bytes:
    """Answer an acmt.023 with an acmt.024 of its version; `created_at` is an ISO 8601 text in UTC with Z."""
    definition = request.definition.replace("acmt.023", "acmt.024")
    reports = tuple(
        [_report(each.verification_id, each.subject, answer(asked_in(each.subject))) for each in request.verifications]
    )
    to_bic = request.assignment.assigner
    header = BusinessHeader(from_bic, to_bic, message_id, definition, created_at)
    if request.header is not None:
        header = header._replace(version=request.header.version)
    original = request.assignment
    return build_acmt024(
        VerificationReport(
            VerificationAssignment(message_id, created_at, from_bic, to_bic), original.message_id, original.created_at, reports,
            header, definition,
        )
    )  # fmt: skip


def asked_in(subject: Subject) -> Asked:
    """Return what a subject asks of the directory."""
    return Asked(subject.agent[:8], subject.proxy, subject.account, subject.name)


def _report(original_id: str, asked: Subject, lookup: Lookup) -> Report:
    finding, comparison = lookup.finding, lookup.finding.comparison
    return Report(
        original_id, finding.verified, finding.reason, asked, _shown(asked, lookup), lookup.lookup_id,
        comparison.verdict if comparison is not None else "", comparison.score if comparison is not None else None,
        finding.alert,
    )  # fmt: skip


def _shown(asked: Subject, lookup: Lookup) -> Subject | None:
    finding = lookup.finding
    if finding.entry is None or not finding.verified:
        return None
    currency = lookup.currencies[0] if len(lookup.currencies) == 1 else ""
    return Subject("", "", asked.proxy, finding.entry.agent, currency, finding.display_name[:_DISPLAY_NAME_MAX])
