"""Ten kinds of hostile documents, as many of each as wanted, each another: made from one good message and a seed."""

import random
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

Make = Callable[[bytes, random.Random], bytes]
_SIZES = (10, 100, 1_000, 10_000)


def _before_root(body: bytes, what: bytes) -> bytes:
    return body.replace(b"<Message ", what + b"<Message ", 1)


def _laughs(body: bytes, chance: random.Random) -> bytes:
    """Entities of entities: each level multiplies the one below."""
    width, depth = chance.randint(5, 20), chance.randint(5, 30)
    entities = [b'<!ENTITY e0 "%s">' % (b"ha" * chance.randint(1, 50))]
    entities += [b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * width) for n in range(1, depth)]
    declared = b"<!DOCTYPE Message [" + b"".join(entities) + b"]>"
    return _before_root(body.replace(b"LI Xiaoming", b"&e%d;" % (depth - 1)), declared)


def _quadratic(body: bytes, chance: random.Random) -> bytes:
    """One long entity, named very often."""
    length, times = chance.choice(_SIZES), chance.choice(_SIZES)
    declared = b'<!DOCTYPE Message [<!ENTITY a "%s">]>' % (b"A" * length)
    return _before_root(body.replace(b"LI Xiaoming", b"&a;" * times), declared)


def _deep(body: bytes, chance: random.Random) -> bytes:
    """Elements in elements, up to what is counted, some closed, some not."""
    depth = chance.randint(30, 14_000)
    closing = b"</a>" * depth if chance.random() < 0.7 else b""
    return body.replace(b"LI Xiaoming", b"<a>" * depth + closing)


def _attributes(body: bytes, chance: random.Random) -> bytes:
    """Attributes or namespaces without end on one element."""
    form = chance.choice([b' a%d="1"', b' xmlns:a%d="u"', b' x:a%d="1"'])
    many = b"".join([form % n for n in range(chance.choice([301, 500, 5_000, 15_000, 30_000]))])
    return body.replace(b"<Nm>", b'<Nm xmlns:x="x"' + many + b">", 1)


def _text(body: bytes, chance: random.Random) -> bytes:
    """A text, an attribute, or a comment, of up to 800 KiB, or beyond the body's bound."""
    what = chance.choice([b"L", "鵬".encode(), b"&#76;", b"L "]) * (chance.choice([200, 2_000, 130_000]))
    old, new = chance.choice(
        [
            (b"LI Xiaoming", b"%s"),
            (b'InstdAmt Ccy="HKD', b'InstdAmt Ccy="HKD%s'),
            (b"1500.00</InstdAmt>", b"%s</InstdAmt>"),
        ]
    )
    return body.replace(old, new % what)


def _encoding(body: bytes, chance: random.Random) -> bytes:
    """Not UTF-8, or said to be something else."""
    broken = chance.choice([b"\xff", b"\xc0\xbc", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\x80", b"\xe4\xbd"])
    other = chance.choice(["utf-16", "utf-16-le", "utf-32", "utf-32-be"])
    said = chance.choice([b"UTF-16", b"ISO-8859-1", b"UTF-7", b"EBCDIC-CP-US", b"GB18030"])
    match chance.randrange(3):
        case 0:
            place = chance.randrange(len(body))
            while place and body[place] & 0xC0 == 0x80:  # pragma: no cover - the message is Latin
                place -= 1
            return body[:place] + broken + body[place:]
        case 1:
            return (body.decode() + " " * chance.randrange(50)).encode(other)
        case _:
            return body.replace(b'encoding="UTF-8"', b'encoding="%s"' % said) + b" " * chance.randrange(50)


def _external(body: bytes, chance: random.Random) -> bytes:
    """Entities and types that somebody else holds: a file, a port, a parameter."""
    place = chance.choice(
        [b"file:///etc/passwd", b"http://127.0.0.1:9/%d" % chance.randrange(9_999), b"ftp://127.0.0.1:9/x"]
    )
    declared = chance.choice(
        [
            b'<!DOCTYPE Message [<!ENTITY x SYSTEM "%s">]>',
            b'<!DOCTYPE Message SYSTEM "%s">',
            b'<!DOCTYPE Message [<!ENTITY %% p SYSTEM "%s"> %%p;]>',
            b'<!DOCTYPE Message PUBLIC "-//X//Y" "%s">',
        ]
    )
    return _before_root(body.replace(b"LI Xiaoming", b"&x;"), declared % place)


def _inclusion(body: bytes, chance: random.Random) -> bytes:
    """XInclude, stylesheets, schema types and nils: what another processor would follow. All in a place where they count."""
    place = b"file:///etc/passwd%d" % chance.randrange(9_999)
    instance = b'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
    forms = [
        (b"LI Xiaoming", b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="%s"/>' % place),
        (
            b"<Nm>LI",
            b'<?xml-stylesheet href="%s"?><xsl:x xmlns:xsl="http://www.w3.org/1999/XSL/Transform"/><Nm>LI' % place,
        ),
        (b"<Nm>LI", b'<Nm %s i:type="Text%d">LI' % (instance, chance.randrange(999))),
        (b"<Nm>LI", b'<Nm %s i:nil="true" xml:base="%s">LI' % (instance, place)),
    ]
    return body.replace(*chance.choice(forms))


def _stranger(body: bytes, chance: random.Random) -> bytes:
    """Another root, another namespace, a version there is not, a header that names another document."""
    n = chance.randrange(14, 99)
    forms = [
        (b"tech:xsd:pacs.008.001.08", b"tech:xsd:pacs.008.001.%d" % n),
        (b"urn:bayswitch:xsd:message.01", b"urn:bayswitch:xsd:message.%d" % n),
        (b"<MsgDefIdr>pacs.008.001.08", b"<MsgDefIdr>pacs.008.001.%d" % n),
        (b"FIToFICstmrCdtTrf", b"FIToFICstmrCdtTrf%d" % n),
        (b"head.001.001.02", b"head.001.001.%d" % n),
    ]
    return body.replace(*chance.choice(forms))


def _crowd(body: bytes, chance: random.Random) -> bytes:
    """Transactions by the hundred and thousand, or as many as are taken, each wrong in many places."""
    start, end = body.index(b"<CdtTrfTxInf>"), body.index(b"</CdtTrfTxInf>") + len(b"</CdtTrfTxInf>")
    one = body[start:end]
    many = chance.choice([100, 101, 300, 5_000])
    wrong = chance.choice(
        [one, b"<CdtTrfTxInf/>", b"<CdtTrfTxInf>" + b"<x/>" * 120 + b"</CdtTrfTxInf>", one.replace(b">", b" z='1'>")]
    )
    if many == 100:
        wrong = (
            wrong.replace(b"<Cd>GIFT</Cd>", b"<Cd>%d</Cd>" % chance.randrange(99_999, 999_999))
            if wrong == one
            else wrong
        )
    return body[:start] + wrong * many + body[end:]


KINDS: Mapping[str, Make] = MappingProxyType(
    {
        "billion laughs": _laughs,
        "quadratic blow-up": _quadratic,
        "deep nesting": _deep,
        "attributes without end": _attributes,
        "huge text": _text,
        "wrong encoding": _encoding,
        "external entity": _external,
        "inclusion": _inclusion,
        "stranger": _stranger,
        "crowd": _crowd,
    }
)


def documents(kind: str, body: bytes, count: int) -> Iterator[bytes]:
    """Make `count` documents of a kind from a good message; the same ones each time."""
    chance = random.Random(kind)
    for _ in range(count):
        yield KINDS[kind](body, chance)
