"""A look-up knows the magic payees that a payment would be made to, and denies those that it would be refused for."""

import pytest

from switch.directory.lookups import Asked, Finding
from switch.directory.magic import look_up_magic

AGENTS = {"HBAYHKH0": "HK", "PEARCNG0": "CN", "PRAIMOM0": "MO"}


def found(**asked: object) -> Finding:
    finding = look_up_magic(Asked(**asked), AGENTS)  # type: ignore[arg-type]
    assert finding is not None
    return finding


@pytest.mark.parametrize(
    "asked",
    [
        {"proxy": ("EMAL", "silent@magic.example")},
        {"proxy": ("MBNO", "+852-61909301"), "name": "CHAN Tai Man"},
        {"agent": "PEARCNG0", "account": "MAGIC-SILENT"},
        {"agent": "PEARCNG0", "account": "magic-silent-7"},
    ],
)
def test_a_magic_payee_is_verified_and_says_that_it_is_one(asked: dict[str, object]) -> None:
    finding = found(**asked)
    assert finding.verified and finding.display_name == "Magic payee MAGIC-SILENT"
    assert (finding.comparison is not None) == ("name" in asked)
    assert finding.entry is not None and finding.entry.agent in AGENTS


def test_what_the_table_refuses_for_the_payees_sake_is_denied_with_its_code() -> None:
    assert found(proxy=("MBNO", "+86-13800109123")).reason == "BE23"  # proxy-unknown
    assert found(proxy=("EMAL", "refuse-name-mismatch@magic.example")).reason == "PN01"
    assert found(agent="PEARCNG0", account="MAGIC-REJECT-AC03").reason == "NR01"
    assert found(agent="PEARCNG0", account="MAGIC-SILNT").reason == "PN01"
    refused_for_another_reason = found(proxy=("MBNO", "+86-13800109128"))  # lane-closed
    assert refused_for_another_reason.verified
    assert refused_for_another_reason.display_name == "Magic payee MAGIC-REFUSE-LANE-CLOSED"


def test_an_ordinary_payee_is_the_directorys_to_answer() -> None:
    for asked in (
        Asked(proxy=("MBNO", "+852-61900001")), Asked("HBAYHKH0", account="012001000001"), Asked(account="MAGIC-SILENT"),
        Asked("NOWHERE0", account="MAGIC-SILENT"), Asked(),
    ):  # fmt: skip
        assert look_up_magic(asked, AGENTS) is None
