"""What every message we write is put into: Document, business application header, transport wrapper. Pure."""

from rails.messages.errors import MessageError
from rails.messages.model import HEADERS, NOT_PROVIDED, BusinessHeader
from rails.messages.profile import NAMESPACE, WRAPPER_NAMESPACE
from rails.messages.text import xml

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_HEADER = (
    "<Fr><FIId>{}</FIId></Fr><To><FIId>{}</FIId></To><BizMsgIdr>{}</BizMsgIdr><MsgDefIdr>{}</MsgDefIdr>"
    "{}<CreDt>{}</CreDt>{}"
)


def enveloped(header: BusinessHeader | None, definition: str, content: str) -> bytes:
    """Write a message element as a document, wrapped with its header where one is given, else bare."""
    document = f'<Document xmlns="{NAMESPACE}{definition}">{content}</Document>'
    return wrap(header_text(header), document) if header is not None else f"{DECLARATION}{document}".encode()


def wrap(header: str, document: str) -> bytes:
    """Put a header and a document into the transport wrapper, as UTF-8."""
    return f'{DECLARATION}<Message xmlns="{WRAPPER_NAMESPACE}">{header}{document}</Message>'.encode()


def header_text(header: BusinessHeader) -> str:
    """Write the business application header; `to_bic` "" is a receiver who is not known.

    Raises MessageError (DT01) where version .01 is asked to carry an instant that is not in UTC with Z.
    """
    if header.version == HEADERS[0] and not header.created_at.endswith("Z"):
        raise MessageError("DT01", "AppHdr/CreDt", f"{header.version} takes UTC with Z, not {header.created_at}")
    service = f"<BizSvc>{xml(header.business_service)}</BizSvc>" if header.business_service is not None else ""
    return f'<AppHdr xmlns="{NAMESPACE}{xml(header.version)}">' + _HEADER.format(
        institution(header.from_bic), institution(header.to_bic), xml(header.business_message_id),
        xml(header.message_definition), service, xml(header.created_at),
        "<PssblDplct>true</PssblDplct>" if header.possible_duplicate else "",
    ) + "</AppHdr>"  # fmt: skip


def institution(bic: str) -> str:
    """Write an institution by its BIC, ISO's NOTPROVIDED where that is not known."""
    known = f"<BICFI>{xml(bic)}</BICFI>" if bic else f"<Othr><Id>{NOT_PROVIDED}</Id></Othr>"
    return f"<FinInstnId>{known}</FinInstnId>"
