"""Names of our profile: namespaces and the transport wrapper."""

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
WRAPPER_NAMESPACE = "urn:bayswitch:xsd:message.01"
SUPPLEMENT_NAMESPACE = "urn:bayswitch:xsd:supplement.01"
MESSAGE = f"{{{WRAPPER_NAMESPACE}}}Message"
