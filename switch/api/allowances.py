"""What may still be sent, and at what price: headroom, the quota board, firm quotes. No document names a person."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fx.money import AmountError, Money, format_amount, parse_amount
from fx.quotes import Quote
from limits.claims import Sums
from switch.api import examples, models
from switch.api.access import Gate
from switch.api.described import HEADROOM_REASONS, QUOTE_REASONS
from switch.api.lookups import count_proxy
from switch.api.operations import Operation, Says, json_answer
from switch.api.problems import problem_response, refusal_document, refused
from switch.api.requests import SINGLE_BYTES_MAX, parse, read_body
from switch.payment.explain import money_document
from switch.payment.plan import Refusal
from switch.sandbox import Sandbox

_CREATED = 201


class Allowances:
    """Handlers of /v1/headroom, /v1/quotas and /v1/quotes."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    async def headroom(self, request: Request) -> Response:
        """Say what a debtor may still send, lane by lane. The number of a document comes in the body, never in a URL."""
        caller = await self._gate.enter(request)
        question = parse(models.HeadroomQuestion, await read_body(request, SINGLE_BYTES_MAX))
        count_proxy(self._sandbox, caller, question)
        found = await self._sandbox.headroom(question, caller.acting(question.debtor_agent))
        if "refusal" in found:
            return problem_response(refusal_document(found["refusal"]))
        return json_answer(found)

    async def quotas(self, request: Request) -> Response:
        """Show the limits with an amount on the day; the caller's positions, an operator's view of the inventories."""
        caller = await self._gate.enter(request)
        world, store = self._sandbox.world, self._sandbox.store
        at = world.clock.now()
        view = world.view(at)
        rules = [rule for rule in view.rules.show() if rule["kind"] == "limit" and rule["value"] is not None]
        own = f"position:{caller.participant}:" if caller.participant else "position:"
        positions = await store.counters(own)
        inventories = await store.counters("inventory:") if caller.operator else {}
        return json_answer(
            {
                "at": at.isoformat(),
                "rulebook_id": view.rulebook_id,
                "rules": rules,
                "positions": _accounts(positions),
                "inventories": _accounts(inventories),
            }
        )

    async def quote(self, request: Request) -> Response:
        """Give a firm quote."""
        caller = await self._gate.enter(request)
        wanted = parse(models.QuoteRequest, await read_body(request, SINGLE_BYTES_MAX))
        if caller.participant is None:
            raise refused("forbidden", "A quote belongs to a participant. Name one in Bayswitch-Participant.")
        fixed = _fixed(wanted)
        if isinstance(fixed, Refusal):
            return problem_response(refusal_document(fixed))
        quote = await self._sandbox.quote(
            caller.participant, wanted.sell_currency, wanted.buy_currency, fixed, wanted.market
        )
        if isinstance(quote, Refusal):
            return problem_response(refusal_document(quote))
        return json_answer(quote_document(quote), _CREATED)

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        return [
            Operation(
                "POST", "/v1/headroom", self.headroom, "Say what may still be sent",
                "For an instruction that is only asked about: each lane open to it, its limits, and which binds first.", "limits",
                {200: Says("What is left, lane by lane", models.HeadroomDocument)}, ("malformed", 413, 415, "unavailable"), models.HeadroomQuestion,
                reasons=HEADROOM_REASONS, example=examples.HEADROOM,
            ),
            Operation(
                "GET", "/v1/quotas", self.quotas, "Show the quota board",
                "Limits with an amount on the sandbox's day, each with its source; prefunded positions and, for an operator, inventories.",
                "limits", {200: Says("The board", models.QuotaBoard)}, ("unavailable",),
            ),
            Operation(
                "POST", "/v1/quotes", self.quote, "Ask for a firm quote",
                "The best price of a provider with inventory, honoured once and until it expires.", "limits",
                {201: Says("The quote", models.QuoteDocument)}, ("malformed", 413, 415, "unavailable"), models.QuoteRequest,
                reasons=QUOTE_REASONS, example=examples.QUOTE, for_one=True,
            ),
        ]  # fmt: skip


def _fixed(wanted: models.QuoteRequest) -> Money | Refusal:
    """Read the amount asked for, or say why it is none of this conversion."""
    currency, sides = wanted.amount.currency, (wanted.sell_currency, wanted.buy_currency)
    if sides[0] == sides[1]:
        return Refusal("amount-invalid", {"what": "Nothing is exchanged: both currencies are the same"}, "buy_currency")
    if currency not in sides:
        detail = {"instructed": currency, "debit": sides[0], "settlement": sides[1]}
        return Refusal("currency-inconsistent", detail, "amount.currency")
    try:
        for side in sides:
            parse_amount("0", side)
        amount_minor = parse_amount(wanted.amount.amount, currency)
    except AmountError as error:
        name = {"CH20": "amount-decimals", "AM03": "currency-not-carried"}.get(error.code, "amount-invalid")
        return Refusal(name, {"what": str(error)}, "amount.amount")
    return Money(amount_minor, currency) if amount_minor else Refusal("amount-zero", {}, "amount.amount")


def quote_document(quote: Quote) -> dict[str, Any]:
    """Write a firm quote."""
    price = quote.price
    return {
        "quote_id": quote.quote_id,
        "provider": price.provider,
        "market": price.market,
        "sell_amount": money_document(price.sell),
        "buy_amount": money_document(price.buy),
        "spread": money_document(price.spread),
        "exchange_rate": str(price.rate),
        "mid": str(price.mid),
        "as_of": price.as_of.isoformat(),
        "expires_at": quote.expires_at.isoformat(),
    }


def _accounts(counters: Mapping[str, Sums]) -> list[dict[str, str]]:
    return [_account(key, sums, key.rpartition(":")[2]) for key, sums in counters.items()]


def _account(key: str, sums: Sums, currency: str) -> dict[str, str]:
    """Write a prefunded account: credits (down) less debits (up); what is pending out is no longer available."""
    posted = sums.down_posted - sums.up_posted
    return {
        "account": key,
        "currency": currency,
        "posted": format_amount(posted, currency),
        "reserved": format_amount(sums.up_pending, currency),
        "available": format_amount(posted - sums.up_pending, currency),
    }
