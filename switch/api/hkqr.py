"""HKQR over HTTP: a code made for an agent's own customer, and what a code that is looked up asks for.

The text is rails.hkqr's, the picture segno's; whether anybody stands behind a code the directory says.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import segno
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from fx.money import AmountError, format_amount, parse_amount
from rails.addressing import check_proxy, normalize_proxy
from rails.hkqr import HkQr, HkQrError, read_hkqr, time_out, write_hkqr
from switch.api.access import Gate
from switch.api.models import ShownAmount
from switch.api.operations import Operation, Says, json_answer
from switch.api.problems import ProblemRaised, refused, wrong_field
from switch.api.requests import SINGLE_BYTES_MAX, parse, read_body
from switch.directory.entries import ACTIVE
from switch.directory.lookups import Asked
from switch.participants.registry import Participant, Registry
from switch.payment.instruction import AmountText, Bic, Proxy
from switch.sandbox import Sandbox

_RAIL, _PLACE = "hk-fps", "HK"
_EXAMPLE: dict[str, Any] = {
    "proxy": {"type": "MBNO", "value": "+852-61900001"}, "agent": "HBAYHKH0", "amount": "88.00", "reference": "Table 5",
}  # fmt: skip
# Field of a code by the type of its proxy; an HKID has none (facts messages 2.1: it is for receiving only).
_FIELD_OF: Mapping[str, str] = MappingProxyType({"SHID": "fps_id", "MBNO": "mobile", "EMAL": "email"})
_ASKED_IN: Mapping[str, str] = MappingProxyType(
    {
        "26.01": "agent", "26.02": "proxy.value", "26.03": "proxy.value", "26.04": "proxy.value", "26.05": "expires_at",
        "26": "proxy.value", "53": "currency", "54": "amount", "59": "merchant_name", "60": "merchant_city",
        "62.01": "bill_number", "62.05": "reference",
    }
)  # fmt: skip
_PIXELS_A_MODULE = 4


class HkqrQuestion(BaseModel):
    """A code to be made for a proxy that is registered with the agent. Without an amount the debtor says how much."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    proxy: Proxy = Field(description="MBNO, EMAL or SHID")
    agent: Bic = Field(description="With which it is registered; its clearing code stands in the code")
    currency: Literal["HKD", "CNY"] = "HKD"
    amount: AmountText | None = Field(None, description="Above zero, in major units")
    bill_number: str = Field("", max_length=25)
    reference: str = Field("", max_length=25)
    expires_at: AwareDatetime | None = Field(None, description="An instant with offset; kept to the second")
    dynamic: bool = Field(False, description="Made for one payment")
    merchant_name: str = Field("NA", max_length=25)
    merchant_city: str = Field("HK", max_length=15)
    picture: bool = Field(False, description="Whether the answer holds the picture, too")


class HkqrDocument(BaseModel):
    """A code: the text, and where it was asked for the picture as SVG."""

    model_config = ConfigDict(extra="forbid")

    payload: str
    svg: str | None


class AskedFor(BaseModel):
    """What a code asks for, beside whom it leads to; null or "" = not said, the debtor says it."""

    model_config = ConfigDict(extra="forbid")

    currency: str
    amount: ShownAmount | None
    bill_number: str
    reference: str
    dynamic: bool = Field(description="Made for one payment")
    expires_at: str | None
    expired: bool = Field(description="Whether its time-out has passed, by the sandbox's clock")
    merchant_name: str
    merchant_city: str


class HkqrDesk:
    """Handler of /v1/hkqr."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    async def make(self, request: Request) -> Response:
        """Make a code for a customer's proxy."""
        caller = await self._gate.enter(request)
        asked = parse(HkqrQuestion, await read_body(request, SINGLE_BYTES_MAX))
        agent = self._sandbox.world.registry.find(asked.agent)
        if agent is None:
            raise wrong_field("agent", "names no participant of this sandbox; GET /v1/participants lists them")
        if not caller.operator and caller.participant != agent.bic:
            raise refused("forbidden", "An agent makes codes for its own customers only.")
        if _RAIL not in agent.rails or agent.country != _PLACE:
            raise wrong_field("agent", "is not on FPS in Hong Kong: only its customers have codes")
        self._registered(asked.proxy, agent)
        try:
            payload = write_hkqr(_code(asked, agent))
        except HkQrError as error:
            raise wrong_field(_ASKED_IN.get(error.tag, "proxy"), error.text) from None
        return json_answer({"payload": payload, "svg": picture(payload) if asked.picture else None})

    def _registered(self, proxy: Proxy, agent: Participant) -> None:
        """Let pass what the directory has, with this agent and in force."""
        if proxy.type not in _FIELD_OF:
            raise wrong_field("proxy.type", f"has no place in a code; use {', '.join(_FIELD_OF)}")
        wrong = check_proxy(proxy.type, proxy.value, _PLACE)
        if wrong is not None:
            raise wrong_field("proxy.value", wrong)
        found = self._sandbox.world.known.directory.registration(proxy.type, proxy.value, _PLACE, agent.bic)
        if found is None or found.agent != agent.bic or found.status != ACTIVE:
            raise wrong_field("proxy", "is not registered with this agent; POST /v1/proxies registers it")

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        return [
            Operation(
                "POST", "/v1/hkqr", self.make, "Make an HKQR code",
                "The text of Hong Kong's common QR code that leads to a customer's proxy, and its picture if asked for. For the "
                "proxy's agent, and for operators. POST /v1/lookups reads it.", "directory",
                {200: Says("The code", HkqrDocument)}, ("malformed", 413, 415), HkqrQuestion, example=_EXAMPLE,
            ),
        ]  # fmt: skip


def picture(payload: str) -> str:
    """Draw a code as SVG; error correction M, as EMVCo asks of merchants' codes."""
    svg: str = segno.make_qr(payload, error="m").svg_inline(scale=_PIXELS_A_MODULE)
    return svg


def read_code(payload: str) -> HkQr:
    """Read a code that is looked up; raises ProblemRaised (400) naming the tag at fault."""
    try:
        return read_hkqr(payload)
    except HkQrError as error:
        raise _unreadable(error) from None


def question_of(code: HkQr, registry: Registry, name: str) -> Asked:
    """Return the question a code asks of the directory; a clearing code that is nobody's is an agent that is none."""
    agents = {clearing_code: bic for bic, clearing_code in registry.member_ids(_RAIL).items()}
    agent = agents.get(code.clearing_code, code.clearing_code)
    [proxy] = [(kind, getattr(code, field)) for kind, field in _FIELD_OF.items() if getattr(code, field)]
    return Asked(agent, proxy, name=name)


def asked_for(code: HkQr, now: datetime) -> dict[str, Any]:
    """Write what a code asks for."""
    expires_at = code.expires_at
    amount = None
    if code.amount_minor is not None:
        amount = {"currency": code.currency, "amount": format_amount(code.amount_minor, code.currency)}
    return {
        "currency": code.currency,
        "amount": amount,
        "bill_number": code.bill_number,
        "reference": code.reference,
        "dynamic": code.dynamic,
        "expires_at": expires_at.isoformat() if expires_at is not None else None,
        "expired": expires_at is not None and expires_at < now,
        "merchant_name": code.merchant_name,
        "merchant_city": code.merchant_city,
    }


def _code(asked: HkqrQuestion, agent: Participant) -> HkQr:
    fields: dict[str, Any] = {_FIELD_OF[asked.proxy.type]: normalize_proxy(asked.proxy.type, asked.proxy.value)}
    return HkQr(
        clearing_code=agent.member_ids.get(_RAIL, ""), currency=asked.currency, amount_minor=_amount(asked),
        bill_number=asked.bill_number, reference=asked.reference,
        expires=time_out(asked.expires_at) if asked.expires_at is not None else "", dynamic=asked.dynamic,
        merchant_name=asked.merchant_name, merchant_city=asked.merchant_city, **fields,
    )  # fmt: skip


def _amount(asked: HkqrQuestion) -> int | None:
    if asked.amount is None:
        return None
    try:
        return parse_amount(asked.amount, asked.currency)
    except AmountError as error:
        raise wrong_field("amount", str(error)) from None


def _unreadable(error: HkQrError) -> ProblemRaised:
    where = f"tag {error.tag}: " if error.tag else ""
    return wrong_field("hkqr", f"{where}{error.text}")
