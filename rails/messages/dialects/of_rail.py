"""Which dialect a rail's own participants speak: one for each rail of the catalogue whose reports are public, too."""

from collections.abc import Mapping
from types import MappingProxyType

from rails.messages.dialects.cnaps2 import Cnaps2
from rails.messages.dialects.cnaps2_messages import BEPS, HVPS, IBPS
from rails.messages.dialects.hk_fps import HkFps
from rails.messages.dialects.terms import Dialect

_DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {"hk-fps": HkFps(), "ibps": Cnaps2(IBPS), "beps": Cnaps2(BEPS), "hvps": Cnaps2(HVPS)}
)


def dialect_of(rail: str) -> Dialect | None:
    """Return the dialect of a rail by its name in the catalogue, None where only our canonical messages are known."""
    return _DIALECTS.get(rail)
