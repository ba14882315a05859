"""An acmt.023 answered with an acmt.024 of its version, from the directory as it stands."""

import os
from pathlib import Path

import pytest
from builders import HARBOUR, LION, RULEBOOK, a_clock, some_rails
from lxml import etree

from rails.messages.acmt023 import Verification, VerificationRequest, build_acmt023
from rails.messages.acmt024 import VerificationReport
from rails.messages.acmt_parts import Subject, VerificationAssignment
from rails.messages.kinds import read_any
from rails.messages.model import BusinessHeader
from switch.directory import changes
from switch.directory.changes import ProxyAt
from switch.flow.lookups import LookupDesk, TooManyMisses
from switch.flow.world import World
from switch.main import make_world
from switch.translate.verifications import lookup_message

AT = "2026-03-05T04:00:00Z"
TAI_MAN = ("MBNO", "+852-61900001")
FOLDER = os.environ.get("ISO20022_XSD", "")


@pytest.fixture
def world() -> World:
    return make_world(some_rails(), a_clock(), seed=1, rulebook=RULEBOOK)


def a_request(version: str, *subjects: Subject) -> VerificationRequest:
    definition = f"acmt.023.001.{version}"
    header = BusinessHeader(LION, "BAYSHKH0", "VRF-1", definition, AT)
    questions = tuple(Verification(f"Q{n}", subject) for n, subject in enumerate(subjects, 1))
    return VerificationRequest(VerificationAssignment("VRF-1", AT, LION, "BAYSHKH0"), questions, header, definition)


def answered(world: World, request: VerificationRequest) -> VerificationReport:
    desk = LookupDesk(world, 1, lambda: 0.0)
    read = read_any(build_acmt023(request))
    assert read == request
    body = lookup_message(
        read, lambda asked: desk.look_up(asked, LION), message_id="ANS-1", created_at=AT, from_bic="BAYSHKH0"
    )
    if FOLDER:
        for element in etree.fromstring(body):
            name = etree.QName(element).namespace.rpartition(":")[2]
            etree.XMLSchema(etree.parse(Path(FOLDER) / f"{name}.xsd")).assertValid(element)
    report = read_any(body)
    assert isinstance(report, VerificationReport)
    return report


@pytest.mark.parametrize("version", ["02", "04"])
def test_each_question_is_answered_under_its_id_in_the_version_it_came_in(world: World, version: str) -> None:
    report = answered(
        world,
        a_request(
            version,
            Subject("Tai Man Chan", proxy=TAI_MAN),
            Subject("CHAN T M", proxy=TAI_MAN, agent=HARBOUR),
            Subject("WONG Siu Ming", proxy=TAI_MAN),
            Subject(proxy=("MBNO", "+852-61999999")),
            Subject(proxy=TAI_MAN, agent=LION),
            Subject(account="900888000003", agent=HARBOUR),
            Subject(account="404", agent=HARBOUR),
            Subject(account="1"),
            Subject("nobody"),
        ),
    )
    assert report.definition == f"acmt.024.001.{version}" and report.original_message_id == "VRF-1"
    assert report.assignment.assignee == LION and report.header is not None and report.header.to_bic == LION
    said = [(each.original_id, each.verified, each.reason_code, each.match) for each in report.reports]
    assert said == [
        ("Q1", True, "", "match"), ("Q2", True, "PN02", "close"), ("Q3", False, "PN01", "no"), ("Q4", False, "BE23", ""),
        ("Q5", False, "AGNT", ""), ("Q6", True, "", ""), ("Q7", False, "NR01", ""), ("Q8", False, "RC04", ""),
        ("Q9", False, "FF01", ""),
    ]  # fmt: skip
    assert len({each.lookup_id for each in report.reports}) == 9
    shown = [each.updated for each in report.reports]
    assert [each is not None for each in shown] == [True, True, False, False, False, True, False, False, False]
    assert shown[0] is not None and shown[0].agent == HARBOUR
    assert (shown[0].name or shown[0].display_name) == "CHAN T*** M***" and not shown[0].account


def test_an_alert_stands_beside_an_answer_that_verifies(world: World) -> None:
    directory = world.known.directory
    records = changes.alert_proxy(directory, ProxyAt(*TAI_MAN, HARBOUR, "HK"), True)
    directory.take(records, 1)
    [report] = answered(world, a_request("04", Subject(proxy=TAI_MAN))).reports
    assert report.verified and report.alert and report.reason_code == ""


def test_a_message_of_guesses_is_stopped_as_single_guesses_are(world: World) -> None:
    desk = LookupDesk(world, 1, lambda: 0.0)
    guesses = a_request("04", *[Subject(proxy=("MBNO", f"+852-6199{n:04}")) for n in range(100)])
    for _ in range(2):
        try:
            lookup_message(
                guesses, lambda asked: desk.look_up(asked, LION), message_id="A", created_at=AT, from_bic="B"
            )
        except TooManyMisses as stopped:
            assert stopped.retry_after == 3_600
            return
    raise AssertionError("200 guesses were answered")
