"""ISO 20022 as the switch, its rails and their agents speak it, with the business header, in our own profile.

Plain values on one side, bytes on the other. Here stand pacs.008 and the pacs.002 that answers it; each other message has
a module of its own (pacs004, camt056, ...), and kinds.read_any reads whatever comes. Not here: what an instruction means (switch.payment) and how its fields
map to these values (switch.translate).
"""

from rails.messages.errors import MessageError
from rails.messages.model import (
    Account,
    Answer,
    BusinessHeader,
    CreditTransfer,
    Document,
    Identification,
    Pacs008,
    Party,
    RefusedTransfer,
    TransactionStatus,
)
from rails.messages.reader import read_pacs008
from rails.messages.write_pacs002 import build_pacs002, build_rejection
from rails.messages.write_pacs008 import build_pacs008

__all__ = [
    "Account",
    "Answer",
    "BusinessHeader",
    "CreditTransfer",
    "Document",
    "Identification",
    "MessageError",
    "Pacs008",
    "Party",
    "RefusedTransfer",
    "TransactionStatus",
    "build_pacs002",
    "build_pacs008",
    "build_rejection",
    "read_pacs008",
]
