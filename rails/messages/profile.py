"""Names of our profile: namespaces, document tags and the transport wrapper."""

from types import MappingProxyType

from rails.messages.model import HEADER

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
WRAPPER_NAMESPACE = "urn:bayswitch:xsd:message.01"
SUPPLEMENT_NAMESPACE = "urn:bayswitch:xsd:supplement.01"
MESSAGE = f"{{{WRAPPER_NAMESPACE}}}Message"
APP_HDR = f"{{{NAMESPACE}{HEADER}}}AppHdr"
# Versions taken at ingress, by document tag. Their profiles share one body schema.
DOCUMENTS = MappingProxyType(
    {f"{{{NAMESPACE}{name}}}Document": name for name in ("pacs.008.001.08", "pacs.008.001.13")}
)
