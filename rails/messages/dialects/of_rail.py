"""Which dialect a rail's own participants speak, how it names them there, and what a message of it is.

One dialect for each rail of the catalogue whose messages are public; of CIPS only its credit is.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from rails.messages.dialects import cips
from rails.messages.dialects.cnaps2 import Cnaps2
from rails.messages.dialects.cnaps2_block import read_block
from rails.messages.dialects.cnaps2_messages import BEPS, HVPS, IBPS
from rails.messages.dialects.hk_fps import HkFps, definition_of
from rails.messages.dialects.terms import Dialect, Members
from rails.port import RailInstruction

WriteCredit = Callable[[RailInstruction, Members], bytes]
_CIPS, _CIPS_CREDIT = "cips", cips.NAMESPACE.rpartition(":")[2]
_DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {"hk-fps": HkFps(), "ibps": Cnaps2(IBPS), "beps": Cnaps2(BEPS), "hvps": Cnaps2(HVPS)}
)
# Whose ids name the members of a rail: IBPS, BEPS and HVPS share CNAPS codes, and CIPS, whose ids have no public form, has
# them lent (assumed).
NAMED_BY: Mapping[str, str] = MappingProxyType(
    {"hk-fps": "hk-fps", "ibps": "cnaps", "beps": "cnaps", "hvps": "cnaps", _CIPS: "cnaps"}
)


def dialect_of(rail: str) -> Dialect | None:
    """Return the dialect of a rail by its name in the catalogue, None where only our canonical messages are known."""
    return _DIALECTS.get(rail)


def credit_writer(rail: str) -> WriteCredit | None:
    """Return what writes a leg in the words of a rail, None where they are not public."""
    spoken = dialect_of(rail)
    if spoken is not None:
        return spoken.write_credit
    return cips.write_credit if rail == _CIPS else None


def definition(rail: str, body: bytes) -> str:
    """Return what a message of a rail is, as `pacs.008.001.06` or `ibps.101.001.02`; raises MessageError."""
    if rail == _CIPS:
        return _CIPS_CREDIT
    return definition_of(body) if rail == "hk-fps" else read_block(body)[0].message_type
