"""HKQR, the common QR code of Hong Kong: the text inside the picture, written and read (facts messages 2.1).

EMVCo's merchant-presented form: two digits of tag, two of length, the value; templates hold such fields again, and a
checksum closes the text. Not here: the picture, and whether anybody stands behind the proxy. Own code, since the one
package of the registry is GPL.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import NamedTuple

from fx.money import AmountError, format_amount, parse_amount

GUID = "hk.com.hkicl"
_NUMBERS = MappingProxyType({"HKD": "344", "CNY": "156"})  # ISO 4217
_CURRENCIES = MappingProxyType({number: currency for currency, number in _NUMBERS.items()})
_STATIC, _DYNAMIC = "11", "12"
_HONG_KONG, _TIME_OUT = timezone(timedelta(hours=8)), "%Y%m%d%H%M%S"  # whose clock the time-out goes by is assumed
_CRC = "6304"  # tag and length of the checksum, which are summed up, too
_VALUE_MAX = 99  # two digits of length
_PAYLOAD_MAX = 512  # EMVCo's own bound of a merchant-presented payload


class HkQrError(ValueError):
    """A payload cannot be read or written; `tag` names the field, as 54 or 26.02, "" for the whole; no value is repeated."""

    def __init__(self, tag: str, text: str) -> None:
        super().__init__(f"{tag}: {text}" if tag else text)
        self.tag = tag
        self.text = text


class HkQr(NamedTuple):
    """What a code says: whom to pay by exactly one of FPS ID, mobile and e-mail, and what is asked; "" = not said."""

    fps_id: str = ""
    mobile: str = ""  # +852-61234567
    email: str = ""
    clearing_code: str = ""  # three digits of the creditor agent; beside the proxy
    currency: str = "HKD"  # or CNY
    amount_minor: int | None = None  # None: the debtor says how much
    bill_number: str = ""
    reference: str = ""
    expires: str = ""  # the time-out, 14 digits YYYYMMDDhhmmss of Hong Kong: the form is assumed
    dynamic: bool = False  # made for one payment
    merchant_name: str = "NA"
    merchant_city: str = "HK"
    merchant_category: str = "0000"
    other: tuple[tuple[str, str], ...] = ()  # fields of other schemes, by tag: read, kept, written again, not judged

    @property
    def expires_at(self) -> datetime | None:
        """Return the time-out as an instant, None where there is none."""
        return datetime.strptime(self.expires, _TIME_OUT).replace(tzinfo=_HONG_KONG) if self.expires else None


class _Field(NamedTuple):
    tag: str
    name: str
    form: re.Pattern[str]
    says: str


# The facts give seven or nine digits for an FPS ID; a public test payload has twelve, so both ends are open here and
# the directory judges. Lengths of bill number, reference, name and city are EMVCo's; an e-mail address has what tag 26
# leaves beside the scheme's own name.
_ACCOUNT = (
    _Field("01", "clearing_code", re.compile("[0-9]{3}"), "a clearing code has three digits"),
    _Field("02", "fps_id", re.compile("[0-9]{7,12}"), "an FPS ID has seven or nine digits"),
    _Field("03", "mobile", re.compile(r"\+[0-9]{1,3}-[0-9]{4,14}"), "a mobile number is written +852-61234567"),
    _Field(
        "04",
        "email",
        re.compile(r"(?=.{3,79}$)[^@\s]+@[^@\s]+"),
        "an e-mail address is name@domain, at most 79 characters",
    ),
    _Field("05", "expires", re.compile("[0-9]{14}"), "the time-out is 14 digits YYYYMMDDhhmmss"),
)
_ADDITIONAL = (
    _Field("01", "bill_number", re.compile(r"\S(.{0,23}\S)?"), "a bill number has 1 to 25 characters"),
    _Field("05", "reference", re.compile(r"\S(.{0,23}\S)?"), "a reference has 1 to 25 characters"),
)
_MERCHANT = (
    _Field("52", "merchant_category", re.compile("[0-9]{4}"), "a merchant category has four digits"),
    _Field("59", "merchant_name", re.compile(r".{1,25}"), "a merchant name has 1 to 25 characters"),
    _Field("60", "merchant_city", re.compile(r".{1,15}"), "a merchant city has 1 to 15 characters"),
)
_OWN = frozenset({"00", "01", "26", "52", "53", "54", "58", "59", "60", "62", "63"})
_ONE_PROXY = "Give exactly one of FPS ID (02), mobile number (03) and e-mail address (04)"


def checksum(text: str) -> str:
    """Return CRC-16/CCITT-FALSE of a text in UTF-8 as four hexadecimal digits, upper case."""
    crc = 0xFFFF
    for byte in text.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return f"{crc:04X}"


def write_hkqr(code: HkQr) -> str:
    """Write the payload of a code, tags in ascending order; raises HkQrError."""
    _check(code)
    amount = "" if code.amount_minor is None else format_amount(code.amount_minor, code.currency)
    fields = [
        ("00", "01"),
        ("01", _DYNAMIC if code.dynamic else _STATIC),
        ("26", _tlv("00", GUID, "26.") + _template(code, _ACCOUNT, "26.")),
        ("52", code.merchant_category),
        ("53", _NUMBERS[code.currency]),
        ("54", _short(amount)),
        ("58", "HK"),
        ("59", code.merchant_name),
        ("60", code.merchant_city),
        ("62", _template(code, _ADDITIONAL, "62.")),
        *code.other,
    ]
    body = "".join(_tlv(tag, value) for tag, value in sorted(fields) if value) + _CRC
    payload = body + checksum(body)
    if len(payload) > _PAYLOAD_MAX:
        raise HkQrError("", f"The payload has {len(payload)} characters; {_PAYLOAD_MAX} fit into a code")
    return payload


def read_hkqr(payload: str) -> HkQr:
    """Read a payload, its checksum first; raises HkQrError."""
    if len(payload) > _PAYLOAD_MAX or not payload.isprintable():
        raise HkQrError("", f"A payload has at most {_PAYLOAD_MAX} printable characters")
    if payload[-8:-4] != _CRC:
        raise HkQrError("63", "The payload must end with the checksum: 6304 and four hexadecimal digits")
    if checksum(payload[:-4]) != payload[-4:].upper():
        raise HkQrError("63", f"The checksum is {payload[-4:]}, the payload has {checksum(payload[:-4])}")
    found = _fields(payload[:-8], "")
    _must_be(found, "00", {"01"})
    _must_be(found, "01", {_STATIC, _DYNAMIC})
    _must_be(found, "53", set(_CURRENCIES))
    _must_be(found, "58", {"HK"})
    if "26" not in found:
        raise HkQrError("26", f"The merchant account of {GUID} is missing")
    account = _fields(found["26"], "26.")
    _must_be(account, "00", {GUID}, "26.")
    additional = _fields(found["62"], "62.") if "62" in found else {}
    currency = _CURRENCIES[found["53"]]
    code = HkQr(
        currency=currency,
        amount_minor=_amount(found["54"], currency) if "54" in found else None,
        dynamic=found["01"] == _DYNAMIC,
        other=tuple((tag, value) for tag, value in found.items() if tag not in _OWN),
        **_values(account, _ACCOUNT, "26.", {"00"}),
        **_values(additional, _ADDITIONAL, "62.", set()),
        **{field.name: found.get(field.tag, "") for field in _MERCHANT},
    )
    _check(code)
    return code


def _check(code: HkQr) -> None:
    """Judge each field by its form, and that exactly one proxy is given."""
    if code.currency not in _NUMBERS:
        raise HkQrError("53", f"A code asks for {' or '.join(_NUMBERS)}, not {code.currency}")
    if code.amount_minor is not None and code.amount_minor <= 0:
        raise HkQrError("54", "An amount that is asked for is above zero; leave it out to let the debtor say it")
    if sum(map(bool, (code.fps_id, code.mobile, code.email))) != 1:
        raise HkQrError("26", _ONE_PROXY)
    for fields, before, optional in ((_ACCOUNT, "26.", True), (_ADDITIONAL, "62.", True), (_MERCHANT, "", False)):
        for field in fields:
            value = getattr(code, field.name)
            if (value or not optional) and field.form.fullmatch(value) is None:
                raise HkQrError(before + field.tag, f"Refused: {field.says}")
    _check_time_out(code)
    for tag, _ in code.other:
        if re.fullmatch("[0-9]{2}", tag) is None or tag in _OWN:
            raise HkQrError(tag, "A field of another scheme has a tag of two digits that this one does not use")


def time_out(at: datetime) -> str:
    """Write an instant as a code's time-out, to the second; raises HkQrError."""
    try:
        return at.astimezone(_HONG_KONG).strftime(_TIME_OUT)
    except OverflowError:
        raise HkQrError("26.05", "The time-out is no day and time of the calendar") from None


def _check_time_out(code: HkQr) -> None:
    try:
        _ = code.expires_at
    except ValueError:
        raise HkQrError("26.05", "The time-out is no day and time of the calendar") from None


def _amount(text: str, currency: str) -> int:
    try:
        return parse_amount(text, currency)
    except AmountError as error:
        raise HkQrError("54", str(error)) from None


def _short(amount: str) -> str:
    """Write an amount as the public payloads do, without decimals that say nothing."""
    whole, _, fraction = amount.partition(".")
    return amount if fraction.strip("0") else whole


def _tlv(tag: str, value: str, before: str = "") -> str:
    if not 1 <= len(value) <= _VALUE_MAX:
        raise HkQrError(before + tag, f"A value has 1 to {_VALUE_MAX} characters, this one {len(value)}")
    if not value.isprintable():
        raise HkQrError(before + tag, "A value holds printable characters only")
    return f"{tag}{len(value):02}{value}"


def _template(code: HkQr, fields: tuple[_Field, ...], before: str) -> str:
    given = ((field.tag, getattr(code, field.name)) for field in fields)
    return "".join(_tlv(tag, value, before) for tag, value in given if value)


def _values(found: Mapping[str, str], fields: tuple[_Field, ...], before: str, known: set[str]) -> dict[str, str]:
    """Name the values of a template; a tag that it does not know is refused."""
    for tag in found:
        if tag not in known and tag not in {field.tag for field in fields}:
            raise HkQrError(before + tag, "This field of the code is not known")
    return {field.name: found[field.tag] for field in fields if field.tag in found}


def _must_be(found: Mapping[str, str], tag: str, values: set[str], before: str = "") -> None:
    if found.get(tag) not in values:
        said = "it is another" if tag in found else "it is missing"
        raise HkQrError(before + tag, f"Must be {' or '.join(sorted(values))}; {said}")


def _fields(text: str, before: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag, value in _walk(text, before):
        if tag in found:
            raise HkQrError(before + tag, "The field stands there twice")
        found[tag] = value
    return found


def _walk(text: str, before: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        head = text[place : place + 4]
        if len(head) < 4 or not (head.isascii() and head.isdigit()):
            raise HkQrError(
                before + head[:2], f"At character {place + 1} two digits of tag and two of length must stand"
            )
        length = int(head[2:])
        value = text[place + 4 : place + 4 + length]
        if len(value) < length or not length:
            raise HkQrError(before + head[:2], f"Its length is {length}, {len(value)} characters follow")
        yield head[:2], value
        place += 4 + length
