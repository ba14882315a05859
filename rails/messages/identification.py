"""How a document is written in ISO 20022: number in Id, type in SchmeNm, issuing country in Issr; without loss.

A code of ExternalPersonIdentification1Code or ExternalOrganisationIdentification1Code is written where code and issuer
together say the type; else the type's own name as proprietary scheme.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from rails.messages.model import Identification

PERSON_TYPES = frozenset({"HKID", "PRCID", "BIR", "HRP", "PASSPORT"})
FIRM_TYPES = frozenset({"USCC", "BRN", "LEI"})

# NIDN: number of national identity; COID: number by which a country's authority knows an organisation.
_CODES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("HKID", "HK"): "NIDN",
        ("PRCID", "CN"): "NIDN",
        ("BIR", "MO"): "NIDN",
        ("USCC", "CN"): "COID",
        ("BRN", "HK"): "COID",
    }
)
_TYPES = MappingProxyType({(code, country): kind for (kind, country), code in _CODES.items()})
_LEI = re.compile(r"[A-Z0-9]{18}[0-9]{2}")


def scheme_of(kind: str, country: str) -> tuple[str, str]:
    """Return ("Cd" | "Prtry", value) of SchmeNm for a type and issuing country."""
    if kind == "PASSPORT":
        return "Cd", "CCPT"
    code = _CODES.get((kind, country))
    return ("Cd", code) if code is not None else ("Prtry", kind)


def type_of(is_person: bool, code: str | None, proprietary: str | None, country: str) -> str | None:
    """Return the type that a SchmeNm of PrvtId (is_person) or OrgId means, None where it means none we know."""
    if code == "CCPT":
        kind: str | None = "PASSPORT"
    else:
        kind = _TYPES.get((code, country)) if code is not None else proprietary
    return kind if kind in (PERSON_TYPES if is_person else FIRM_TYPES) else None


def is_plain_lei(given: Identification, residency: str) -> bool:
    """Whether an LEI fits OrgId/LEI, which has no place for a country: then the country is the party's residence."""
    return given.type == "LEI" and given.country == residency and _LEI.fullmatch(given.number) is not None
