"""The cases about instructions, inquiries and reports: what the switch relies on (docs/rails.md). Each is one coroutine.

A case asks through the prober and raises Failed with what was expected and what came, or Skipped where it does not apply.
"""

import asyncio
import json
from datetime import timedelta

from rails.conformance.prober import FINAL, Exchange, Failed, Prober, Skipped, expect_status, said
from rails.port import RailInstruction
from rails.wire import CAPABILITIES, EXPIRES_AT, PACS_002, PACS_008, WireError, bodies, written
from rails.wire.values import DUPLICATES, ENDED, NEVER_SEEN, LegStatus, read_document

_TAKEN = frozenset({"RCVD", "ACTC", "ACCP", "ACSP", "PDNG", "ACSC", "ACCC"})
_AT_ONCE = 8  # messages at the same time, as many as the switch sends
_SWITCH_WAITS_MS = 2_000  # rails.channel: longer, and the switch takes the rail for gone
_NOT_LET_IN = frozenset({401, 403})
_GIVE_KEY = "The rail does not take this key: give the one it was started with, by --key or BAYSWITCH_RAIL_KEY."
_START_IT = "Nothing answers at this address: start the rail, and give the address and port that it serves on."
# One of these is not carried: none of our rails has them all.
_CURRENCIES = ("THB", "MOP", "CNY", "HKD")


def key(sent: RailInstruction) -> tuple[str, int]:
    """Return what a leg is known by."""
    return sent.uetr, sent.leg


def expect_taken(status: LegStatus) -> None:
    """Raise Failed unless a leg was taken."""
    if status.status not in _TAKEN:
        raise Failed("TxSts ACTC or another that is no refusal", f"{status.status} {status.reason_code}".strip())


def expect_refused(status: LegStatus, codes: frozenset[str] = frozenset()) -> None:
    """Raise Failed unless a leg was refused, with one of `codes` where they are given, and with a code in any case."""
    came = f"{status.status} {status.reason_code}".strip()
    if status.status != "RJCT" or (codes and status.reason_code not in codes):
        raise Failed(f"RJCT with {' or '.join(sorted(codes)) or 'an ISO reason code'}", came)
    if not (1 <= len(status.reason_code) <= 4 and status.reason_code.isalnum()):
        raise Failed("a code of ExternalStatusReason1Code", came)


async def capabilities(prober: Prober) -> None:
    """Read what the rail can do and choose what to ask it: everything else needs this."""
    exchange = await prober.ask("what can you do?", "GET", CAPABILITIES)
    if exchange.status in _NOT_LET_IN:
        raise Failed("200", said(exchange), _GIVE_KEY)
    if not exchange.status:
        raise Failed("an answer", said(exchange), _START_IT)
    expect_status(exchange, 200)
    try:
        document = read_document(json.loads(exchange.came))
    except (ValueError, RecursionError) as error:
        raise Failed("the JSON document of docs/rails.md", str(error)) from None
    prober.document = document
    prober.currency = min(document.currencies, key=lambda each: (each in document.closed_until, each))
    until = document.closed_until.get(prober.currency)
    if until is not None and prober.follows_us:
        prober.time = max(prober.time, until)


async def taken(prober: Prober) -> None:
    """An ordinary instruction is taken, and known from then on."""
    sent = prober.instruction()
    expect_taken((await prober.send([sent], "an ordinary instruction"))[key(sent)])
    told = (await prober.inquire([key(sent)], "asked about at once"))[key(sent)]
    if told.status == "RJCT" and told.reason_code == NEVER_SEEN:
        raise Failed("any status but AG09: it was taken", "RJCT AG09")


async def final_by_the_deadline(prober: Prober) -> None:
    """The report of an ordinary instruction comes by its deadline, with the same word as an inquiry."""
    sent = prober.instruction()
    await prober.send([sent], "an ordinary instruction")
    report = (await prober.final_reports([key(sent)], "the reports, until it is final"))[key(sent)]
    told = (await prober.inquire([key(sent)], "asked about after its report"))[key(sent)]
    later = report.status == "ACSC" and told.status == "ACCC"
    if told.status != report.status and not later:
        raise Failed(f"{report.status}, as reported", f"{told.status} {told.reason_code}".strip())
    if told.status == "RJCT":
        expect_refused(told)


async def sent_again(prober: Prober) -> None:
    """The same instruction sent again, later and under another message id, is taken as the one it is."""
    sent = prober.instruction()
    await prober.send([sent], "an ordinary instruction")
    final = (await prober.final_reports([key(sent)], "the reports, until it is final"))[key(sent)]
    again = sent._replace(sent_at=prober.time, expires_at=prober.time + prober.patience)
    if final.status != "RJCT":
        expect_taken((await prober.send([again], "the same again, after it was final"))[key(sent)])
    else:
        await prober.send([again], "the same again, after it was final")
    told = (await prober.inquire([key(sent)], "asked about"))[key(sent)]
    if told.status not in FINAL or (told.status == "RJCT") != (final.status == "RJCT"):
        raise Failed(f"{final.status}, as before", f"{told.status} {told.reason_code}".strip())


async def other_amount(prober: Prober) -> None:
    """Another amount under a known UETR is refused, and the first stands."""
    sent = prober.instruction()
    await _other_content(prober, sent, sent._replace(amount_minor=sent.amount_minor + 1))


async def other_account(prober: Prober) -> None:
    """Another account under a known UETR is refused, and the first stands."""
    sent = prober.instruction()
    await _other_content(prober, sent, sent._replace(creditor_account=sent.creditor_account + "9"))


async def _other_content(prober: Prober, sent: RailInstruction, other: RailInstruction) -> None:
    expect_taken((await prober.send([sent], "an ordinary instruction"))[key(sent)])
    said = await prober.send([other], "another content under the same UETR")
    expect_refused(said[key(sent)], DUPLICATES)
    told = (await prober.inquire([key(sent)], "asked about: the first stands"))[key(sent)]
    if told.status == "RJCT" and told.reason_code in DUPLICATES | {NEVER_SEEN}:
        raise Failed("the status of the first", f"RJCT {told.reason_code}")


async def never_seen(prober: Prober) -> None:
    """What was never received is RJCT AG09, and that is a promise: should it come later it is not processed."""
    sent = prober.instruction()
    before = (await prober.inquire([key(sent)], "asked about before it was sent"))[key(sent)]
    expect_refused(before, frozenset({NEVER_SEEN}))
    await prober.post([sent], "sent after all: late, as after a lost connection")
    waited = timedelta(0)
    while waited < min(prober.patience, timedelta(minutes=30)):
        waited += await prober.let_pass()
        if not prober.follows_us and waited > timedelta(seconds=3):
            break
    after = (await prober.inquire([key(sent)], "asked about again"))[key(sent)]
    if after.status != "RJCT":
        raise Failed("RJCT: it was promised that it would not be processed", after.status)
    reported, _ = await prober.reports("", "the reports: none may say that it was paid")
    if any(each.uetr == sent.uetr and each.status in ("ACSC", "ACCC") for each in reported):
        raise Failed("no report that it was paid", "one")


async def reports_again(prober: Prober) -> None:
    """Reports come at least once: the same cursor gives them again, the next one does not, an unknown one begins anew."""
    sent = [prober.instruction(10_100 + n) for n in range(3)]
    await prober.send(sent, "three instructions")
    keys = [key(each) for each in sent]
    await prober.final_reports(keys, "the reports, until they are final")
    found, cursor = await prober.reports("", "the reports from the beginning: an answer may have been lost")
    if missing := set(keys) - {(each.uetr, each.leg) for each in found if each.status in FINAL}:
        raise Failed("all three again", f"{3 - len(missing)} of them")
    repeated, _ = await prober.reports(cursor, "the reports after the last cursor")
    if any((each.uetr, each.leg) in keys for each in repeated):
        raise Failed("nothing that came before the cursor", "one of the three again")
    strange, _ = await prober.reports("an-earlier-run.1", "the reports after a cursor of another run")
    if set(keys) - {(each.uetr, each.leg) for each in strange}:
        raise Failed("the reports from the beginning", "fewer")


async def limit_of_reports(prober: Prober) -> None:
    """`limit` bounds a page, and the pages follow each other without a gap."""
    sent = [prober.instruction(10_200 + n) for n in range(5)]
    await prober.send(sent, "five instructions")
    keys = {key(each) for each in sent}
    await prober.final_reports(sorted(keys), "the reports, until they are final")
    after, seen, pages = "", set[tuple[str, int]](), 0
    while pages < 500:
        query = "/reports?limit=2" + (f"&after={after}" if after else "")
        exchange = await prober.ask("two reports at most", "GET", query)
        expect_status(exchange, 200, 204)
        if exchange.status == 204 or not exchange.came:
            break
        page = prober.all_statuses(exchange)
        if len(page) > 2:
            raise Failed("two reports at most", str(len(page)))
        seen |= {(each.uetr, each.leg) for each in page}
        after, pages = exchange.headers.get("report-cursor", ""), pages + 1
        if pages > 2:
            del prober.exchanges[-1]
    if keys - seen:
        raise Failed("each of the five on some page", f"{len(keys & seen)} of them")


async def currency_not_carried(prober: Prober) -> None:
    """A currency that is not carried is refused with an ISO code; the rest of the message is taken."""
    assert prober.document is not None
    other = next((each for each in _CURRENCIES if each not in prober.document.currencies), None)
    if other is None:
        raise Skipped("the rail carries every currency of the suite")
    good = prober.instruction()
    bad = prober.instruction()._replace(currency=other)
    said = await prober.send([good, bad], f"two instructions, the second in {other}")
    expect_taken(said[key(good)])
    status = said[key(bad)]
    if status.status != "RJCT":
        status = (await prober.final_reports([key(bad)], "the reports: it must be rejected"))[key(bad)]
    expect_refused(status)


async def expired(prober: Prober) -> None:
    """A five-step rail does not settle what reaches it after its deadline."""
    assert prober.document is not None
    if prober.document.steps != 5:
        raise Skipped("a four-step rail has no timer: it need not look at the deadline")
    sent = prober.instruction()._replace(expires_at=prober.time - timedelta(seconds=1))
    status = (await prober.send([sent], "an instruction whose deadline has passed"))[key(sent)]
    if status.status != "RJCT":
        status = (await prober.final_reports([key(sent)], "the reports: it must be rejected"))[key(sent)]
    expect_refused(status)


async def ended(prober: Prober) -> None:
    """What the switch tells it has ended (pacs.002 RJCT) is never settled after that, where the rail says so."""
    sent = prober.instruction()
    await prober.send([sent], "an ordinary instruction")
    told = [LegStatus(sent.uetr, sent.leg, "RJCT", ENDED)]
    exchange = await prober.ask(
        "the switch has ended it", "POST", PACS_002, bodies.write_statuses(told, prober.envelope())
    )
    if exchange.status in (404, 405):
        raise Skipped("the rail takes no veto: the switch waits for its word")
    answer = prober.statuses(exchange).get(key(sent))
    if answer is None:
        raise Failed("a pacs.002 that names the leg", "one that does not")
    if answer.status != "RJCT":
        return  # it had settled, or a four-step rail settles whoever says what
    for _ in range(3):
        await prober.let_pass()
    later = (await prober.inquire([key(sent)], "asked about later"))[key(sent)]
    if later.status != "RJCT":
        raise Failed("RJCT, as it said", later.status)


async def full_message(prober: Prober) -> None:
    """A message of a hundred transactions is taken, and answered before the switch gives up."""
    sent = [prober.instruction(20_000 + n) for n in range(100)]
    said = await prober.send(sent, "a hundred instructions")
    for each in sent:
        expect_taken(said[key(each)])
    taken_ms = prober.exchanges[-1].milliseconds
    if taken_ms > _SWITCH_WAITS_MS:
        raise Failed(f"an answer within {_SWITCH_WAITS_MS} ms", f"one after {taken_ms} ms")


async def at_once(prober: Prober) -> None:
    """Messages at the same time, one of them several times over, give one truth for each leg."""
    batches = [[prober.instruction(30_000 + 10 * n + m) for m in range(5)] for n in range(_AT_ONCE)]
    calls = [prober.send(batch, "one of many messages at once") for batch in [*batches, batches[0], batches[0]]]
    done = await asyncio.gather(*calls, return_exceptions=True)
    for each in done:
        if isinstance(each, BaseException):
            raise each
        for status in each.values():
            expect_taken(status)
    keys = [key(sent) for batch in batches for sent in batch]
    reported = await prober.final_reports(keys, "the reports, until all are final")
    told = await prober.inquire(keys, "asked about")
    for each_key in keys:
        if (reported[each_key].status == "RJCT") != (told[each_key].status == "RJCT"):
            raise Failed(
                "the same word by report and by inquiry", f"{reported[each_key].status}, {told[each_key].status}"
            )


async def same_leg_different_content_at_once(prober: Prober) -> None:
    """Of two contents under one UETR at the same time exactly one stands."""
    first = prober.instruction(40_000)
    second = first._replace(amount_minor=40_001)
    done = await asyncio.gather(prober.post([first], "one content"), prober.post([second], "another"))
    found = [prober.statuses(each).get(key(first)) for each in done]
    stood = [each for each in found if each is not None and each.status in _TAKEN]
    if len(stood) != 1:
        raise Failed("one taken, the other RJCT DU03", f"{len(stood)} taken")


async def bodies_that_are_no_message(prober: Prober) -> None:
    """What cannot be read is refused with 4xx and an admi.002, and changes nothing; never 5xx, never 200."""
    good = bodies.write_instructions([prober.instruction()], prober.envelope())
    entity = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>'
    wrong = {
        "no XML at all": b"hello",
        "a message cut short": good[: len(good) // 2],
        "a document type and an external entity": entity,
        "another message": bodies.write_inquiry([(prober.new_uetr(), 1)], prober.envelope()),
        "an element missing": good.replace(b"<ChrgBr>SHAR</ChrgBr>", b""),
        "bytes that are no UTF-8": good.replace(b"CHAN", b"\xff\xfe"),
        "nothing": b"",
    }
    for what, body in wrong.items():
        exchange = await prober.ask(what, "POST", PACS_008, body, {EXPIRES_AT: written(prober.time + prober.patience)})
        _expect_refusal(exchange)


def _expect_refusal(exchange: Exchange) -> None:
    if not 400 <= exchange.status < 500:
        raise Failed("400 with an admi.002", said(exchange))
    try:
        bodies.read_refusal(exchange.came)
    except (ValueError, WireError) as error:
        raise Failed(
            "an admi.002 that says what is wrong", f"{exchange.status} with what cannot be read: {error}"
        ) from None


async def key_required(prober: Prober) -> None:
    """Without the key nothing is taken and nothing is said."""
    sent = prober.instruction()
    body = bodies.write_instructions([sent], prober.envelope())
    until = {EXPIRES_AT: written(sent.expires_at)}
    for what, given in (
        ("without a key", None),
        ("with another key", "Bearer not-this-one"),
        ("with half a header", "Bearer"),
    ):
        for method, path, content in (("POST", PACS_008, body), ("GET", "/reports", b""), ("GET", CAPABILITIES, b"")):
            exchange = await prober.ask(f"{path} {what}", method, path, content, {**until, "Authorization": given})
            expect_status(exchange, 401, 403)
            if sent.uetr.encode() in exchange.came:
                raise Failed("no word about payments", "one")
    told = (await prober.inquire([key(sent)], "asked about, with the key"))[key(sent)]
    expect_refused(told, frozenset({NEVER_SEEN}))


async def clock_header(prober: Prober) -> None:
    """A rail that follows the switch's business time refuses a request that does not say it; one with its own does not care."""
    for what, given in (
        ("no business time", None),
        ("a business time without offset", "2026-03-05T12:00:00"),
        ("no instant", "noon"),
    ):
        exchange = await prober.ask(what, "GET", "/reports", b"", {"Business-Time": given})
        if prober.follows_us:
            expect_status(exchange, 400, 422)
        elif exchange.status >= 500 or not exchange.status:
            raise Failed("any answer below 500", said(exchange))
