"""Each instruction of the corridors as a parameter, and one message of them for the tests that break it."""

import pytest
from corridors import AT, HEADER, INSTRUCTIONS

from switch.translate.messages import instruction_to_pacs008


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "instruction" in metafunc.fixturenames:
        metafunc.parametrize("instruction", INSTRUCTIONS.values(), ids=INSTRUCTIONS)


@pytest.fixture(scope="session")
def plain() -> bytes:
    """A northbound payment as a pacs.008 with header: the body that tests break in one place."""
    instruction = INSTRUCTIONS["payment-connect-northbound-hkd-funded"]
    return instruction_to_pacs008(instruction, message_id="MSG-1", created_at=AT, header=HEADER)


@pytest.fixture(scope="session")
def transaction(plain: bytes) -> bytes:
    """The CdtTrfTxInf of the plain message."""
    return plain[plain.index(b"<CdtTrfTxInf>") : plain.index(b"</CdtTrfTxInf>") + len(b"</CdtTrfTxInf>")]
