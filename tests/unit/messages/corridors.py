"""The fixture instructions of the corridors, and the header they are sent under."""

from datetime import UTC, datetime
from pathlib import Path

from rails.messages import BusinessHeader
from switch.payment.instruction import Instruction

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "instructions").glob("*.json"))
INSTRUCTIONS = {path.stem: Instruction.model_validate_json(path.read_bytes()) for path in FIXTURES}
AT = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
HEADER = BusinessHeader("HBAYHKH0", "BAYSHKH0", "MSG-1", "pacs.008.001.08", "2026-03-03T01:00:00Z")
