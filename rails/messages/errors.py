"""The one error of this package: a message that cannot be taken, with its ISO code and the element at fault."""


class MessageError(ValueError):
    """A message or one of its transactions is refused.

    `code` is of ExternalStatusReason1Code (facts messages 3.2), `field` the path of the element ("" = the whole body),
    `text` a sentence; `message_id` is the message's own and `sender` the BIC of its header's Fr, each "" where it could
    not be read: by them it is answered.
    """

    def __init__(self, code: str, field: str, text: str, message_id: str = "") -> None:
        super().__init__(f"{code} {field}: {text}" if field else f"{code}: {text}")
        self.code = code
        self.field = field
        self.text = text
        self.message_id = message_id
        self.sender = ""
