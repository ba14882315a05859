"""The cases about recalls and returns; a rail without them is skipped over, and the switch's recalls stay pending there."""

from datetime import timedelta

from rails.conformance.cases import expect_taken, key
from rails.conformance.prober import Exchange, Failed, Prober, Skipped, expect_status
from rails.messages import MessageError
from rails.port import ACCEPTED, PENDING, REJECTED, RailInstruction, RailReturn, RecallRequest
from rails.wire import CAMT_056, RETURNS, WireError, bodies
from rails.wire.bodies import FOLLOWS_A_RECALL, Resolved

_A_WEEK = timedelta(days=7)


async def recalled(prober: Prober) -> None:
    """A recall is answered, the same when it is asked again; a granted one names the return that brings the money."""
    sent = await _paid(prober)
    asked = _a_recall(prober, sent)
    answer = await _answered(prober, asked)
    again = await _recall(prober, asked, "the same camt.056 again")
    if answer.status != PENDING and again != answer:
        raise Failed(f"{answer.status}, as before", again.status)
    if answer.status != ACCEPTED:
        return
    back = (await _returns(prober)).get(answer.return_id)
    if back is None:
        raise Failed(f"a pacs.004 with the RtrId of the camt.029 ({answer.return_id})", "none with it")
    if back.reason_code != FOLLOWS_A_RECALL:
        raise Failed(f"the return reason {FOLLOWS_A_RECALL}", back.reason_code)
    if (back.uetr, back.leg, back.currency) != (sent.uetr, sent.leg, sent.currency):
        raise Failed("a return of the leg that was recalled", f"one of {back.uetr}")
    if back.amount_minor + back.charge_minor > asked.amount_minor:
        raise Failed(f"{asked.amount_minor} minor units at most", str(back.amount_minor + back.charge_minor))


async def recalled_twice(prober: Prober) -> None:
    """However often it is recalled, no more comes back than was paid."""
    sent = await _paid(prober)
    given_back = 0
    for _ in range(3):
        answer = await _answered(prober, _a_recall(prober, sent))
        if answer.status == ACCEPTED:
            back = (await _returns(prober)).get(answer.return_id)
            given_back += back.amount_minor + back.charge_minor if back is not None else 0
    if given_back > sent.amount_minor:
        raise Failed(f"{sent.amount_minor} minor units in all", str(given_back))


async def recalled_unknown(prober: Prober) -> None:
    """What was never paid is not given back."""
    answer = await _answered(prober, _a_recall(prober, prober.instruction()))
    if answer.status == ACCEPTED:
        raise Failed("RJCR (NOOR), or PDCR", "ACCR")


async def returns_again(prober: Prober) -> None:
    """Returns come at least once, and not again after the cursor."""
    answer = await _answered(prober, _a_recall(prober, await _paid(prober)))
    if answer.status != ACCEPTED:
        raise Skipped("no recall was granted, so there is nothing to be told again")
    exchange, cursor = await _page(prober, "")
    first = {each.return_id for each in _read(exchange)}
    if not first:
        raise Failed("the return of a recall that was granted", "none")
    exchange, _ = await _page(prober, "")
    if first - {each.return_id for each in _read(exchange)}:
        raise Failed("the same returns from the beginning", "fewer")
    exchange, _ = await _page(prober, cursor)
    if first & {each.return_id for each in _read(exchange)}:
        raise Failed("nothing that came before the cursor", "a return again")


async def _paid(prober: Prober) -> RailInstruction:
    await _page(prober, "")  # a rail without returns has no recalls either
    sent = prober.instruction(50_000)
    expect_taken((await prober.send([sent], "an ordinary instruction"))[key(sent)])
    final = (await prober.final_reports([key(sent)], "the reports, until it is final"))[key(sent)]
    if final.status == "RJCT":
        raise Skipped(f"the rail rejected the payment that was to be recalled ({final.reason_code})")
    return sent


def _a_recall(prober: Prober, sent: RailInstruction) -> RecallRequest:
    return RecallRequest(
        prober.new_uetr(), sent.uetr, sent.leg, "DUPL", sent.amount_minor, sent.currency, prober.time, "Sent twice"
    )


async def _answered(prober: Prober, asked: RecallRequest) -> Resolved:
    """Ask until there is an answer, for a week of business time."""
    answer = await _recall(prober, asked, "a camt.056")
    if answer.status == PENDING and prober.follows_us:
        prober.time += _A_WEEK
        answer = await _recall(prober, asked, "the same camt.056 a week later")
    if answer.status == REJECTED and not answer.reason_code:
        raise Failed("a code of ExternalPaymentCancellationRejection1Code", "none")
    if answer.status == ACCEPTED and not answer.return_id:
        raise Failed("RsltnRltdInf/EndToEndId with the RtrId of the return", "none")
    return answer


async def _recall(prober: Prober, asked: RecallRequest, what: str) -> Resolved:
    envelope = prober.envelope()._replace(to_bic=prober.target.creditor_agent)
    exchange = await prober.ask(what, "POST", CAMT_056, bodies.write_recall(asked, envelope))
    expect_status(exchange, 200)
    try:
        found = bodies.read_resolution(exchange.came).get((asked.uetr, asked.leg))
    except (MessageError, WireError) as error:
        raise Failed("a camt.029 of the profile", f"what cannot be read: {error}") from None
    if found is None:
        raise Failed("a camt.029 that names the leg", "one that does not")
    return found


async def _page(prober: Prober, after: str) -> tuple[Exchange, str]:
    query = RETURNS + (f"?after={after}" if after else "")
    exchange = await prober.ask("the returns" + (" after the cursor" if after else ""), "GET", query)
    if exchange.status == 404:
        raise Skipped("the rail has no returns: recalls stay pending there")
    expect_status(exchange, 200, 204)
    return exchange, exchange.headers.get("report-cursor", "")


async def _returns(prober: Prober) -> dict[str, RailReturn]:
    """Read all returns, by RtrId."""
    found: dict[str, RailReturn] = {}
    after = ""
    while True:
        exchange, after = await _page(prober, after)
        page = _read(exchange)
        if all(each.return_id in found for each in page):  # none, or the same again
            return found
        found |= {each.return_id: each for each in page}


def _read(exchange: Exchange) -> list[RailReturn]:
    if not exchange.came:
        return []
    try:
        read = bodies.read_returns(exchange.came, "")
    except (MessageError, WireError) as error:
        raise Failed("a pacs.004 of the profile", f"what cannot be read: {error}") from None
    if read.unreadable:
        raise Failed("a pacs.004 of the profile", f"what cannot be read: {read.unreadable[0]}")
    return list(read.returns)
