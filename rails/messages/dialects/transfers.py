"""A leg and the flat values of a message of pacs.008's shape, by the rows of a dialect's table.

Rows marked `as_is` are carried by themselves; agents, amounts, identifications and instants are turned here. Fields that a
dialect leaves out come back as what they are where nothing is said.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from fx.money import AmountError, format_amount, parse_amount
from rails.messages.dialects.leaves import Values
from rails.messages.dialects.terms import Members, Row
from rails.messages.errors import MessageError
from rails.messages.identification import PERSON_TYPES, scheme_of, type_of
from rails.messages.model import NOT_PROVIDED, Account, CreditTransfer, Identification, Party
from rails.port import RailInstruction

TRANSFER = "transfer."
HOUSEHOLD = "household"
ACCOUNT = "Id/Othr/Id"
AGENT = "FinInstnId/ClrSysMmbId/MmbId"


def transfer_of(sent: RailInstruction) -> CreditTransfer:
    """Return the transfer of a leg; raises MessageError where it has none."""
    if sent.transfer is None:
        raise MessageError("CH21", "transfer", "A message needs names; the leg was handed over without its transfer")
    return sent.transfer


def field_of(sent: RailInstruction, path: str) -> Any:
    """Return a field of a leg by its dotted path."""
    value: Any = sent
    for step in path.split("."):
        value = getattr(value, step)
    return value


def fill(values: Values, sent: RailInstruction, rows: Iterable[Row]) -> None:
    """Write the fields that are carried as they are."""
    for row in rows:
        if row.as_is and (value := field_of(sent, row.field)):
            values[row.element] = str(value)


def put_amount(values: Values, path: str, amount_minor: int, currency: str) -> None:
    """Write an amount with its currency."""
    values[path] = format_amount(amount_minor, currency)
    values[f"{path}/@Ccy"] = currency


def get_amount(values: Values, path: str) -> tuple[int, str]:
    """Read an amount in minor units with its currency; raises MessageError."""
    currency = values[f"{path}/@Ccy"]
    try:
        amount_minor = parse_amount(values[path], currency)
    except AmountError as error:
        raise MessageError(error.code, path, str(error)) from None
    if amount_minor == 0:
        raise MessageError("AM01", path, "The amount is zero")
    return amount_minor, currency


def put_identification(values: Values, path: str, party: Party) -> None:
    """Write a party's document below `path` (…/Id), an LEI like any other: OrgId/LEI is younger than these versions."""
    given = party.identification
    if given is None:
        return
    side = "PrvtId" if given.type in PERSON_TYPES else "OrgId"
    choice, scheme = scheme_of(given.type, given.country)
    values[f"{path}/{side}/Othr/Id"] = given.number
    values[f"{path}/{side}/Othr/SchmeNm/{choice}"] = scheme
    values[f"{path}/{side}/Othr/Issr"] = given.country


def get_identification(values: Values, path: str) -> Identification | None:
    """Read a party's document below `path`; raises MessageError for a scheme that means no type."""
    sides = [side for side in ("PrvtId", "OrgId") if any(key.startswith(f"{path}/{side}/") for key in values)]
    if not sides:
        return None
    if len(sides) > 1:
        raise MessageError("FF01", path, "A party has one document here")
    below = f"{path}/{sides[0]}/Othr"
    number, country = values.get(f"{below}/Id"), values.get(f"{below}/Issr")
    if number is None or country is None:
        raise MessageError("CH21", f"{below}/{'Id' if number is None else 'Issr'}", "It is missing")
    code, proprietary = values.get(f"{below}/SchmeNm/Cd"), values.get(f"{below}/SchmeNm/Prtry")
    kind = None if code and proprietary else type_of(sides[0] == "PrvtId", code, proprietary, country)
    if kind is None:
        text = f"{code or proprietary or 'No scheme'} issued by {country} is no identification we know"
        raise MessageError("RR12", f"{below}/SchmeNm", text)
    return Identification(kind, number, country)


def leg_from(
    values: Values, rows: Iterable[Row], *, uetr: str, leg: int, agents: tuple[str, str], sent_at: datetime,
    deadline: timedelta, amount: tuple[int, str], charge_bearer: str, further: dict[str, Any],
) -> RailInstruction:  # fmt: skip
    """Put a leg together: what `rows` carry as it is, and what the dialect turned itself (`further`, by dotted path)."""
    said: dict[str, Any] = {row.field: values.get(row.element) for row in rows if row.as_is} | further
    amount_minor, currency = amount
    text = format_amount(amount_minor, currency)
    transfer = CreditTransfer(
        said.get("transfer.instruction_id") or NOT_PROVIDED,
        said.get("transfer.end_to_end_id") or NOT_PROVIDED,
        uetr,
        said.get("transfer.instructed_amount") or text,
        said.get("transfer.instructed_currency") or currency,
        said.get("transfer.interbank_amount") or text,
        said.get("transfer.interbank_currency") or currency,
        _party(said, "debtor"),
        _party(said, "creditor"),
        said.get("transfer.debtor_agent") or agents[0],
        said.get("transfer.creditor_agent") or agents[1],
        said.get("transfer.settlement_currency") or currency,
        said.get("transfer.purpose_code"),
        said.get("transfer.category_purpose"),
        said.get("transfer.charge_bearer") or charge_bearer,
        said.get("transfer.remittance_information"),
        said.get("transfer.documents") or (),
        said.get("transfer.lane"),
        bool(said.get("transfer.allow_lanes")),
        said.get("transfer.venue"),
        said.get("transfer.quote_id"),
        said.get("transfer.acceptance_date_time"),
        said.get("transfer.if_closed") or "refuse",
    )
    return RailInstruction(
        uetr, leg, *agents, said["creditor_account"], amount_minor, currency, sent_at, sent_at + deadline, transfer
    )


def _party(said: dict[str, Any], side: str) -> Party:
    at = f"{TRANSFER}{side}"
    number = said["creditor_account"] if side == "creditor" else said.get(f"{at}.account.number")
    account = Account(
        number,
        said.get(f"{at}.account.proxy_type"),
        said.get(f"{at}.account.proxy_value"),
        said.get(f"{at}.account.currency"),
        said.get(f"{at}.account.type"),
    )
    return Party(
        said.get(f"{at}.name") or NOT_PROVIDED,
        said.get(f"{at}.identification"),
        said.get(f"{at}.residency") or "",
        said.get(f"{at}.sector") or HOUSEHOLD,
        account,
    )


def agents_of(sent: RailInstruction, known: Members, paths: tuple[str, str]) -> tuple[str, str]:
    """Return the member ids of a leg's two agents."""
    return known.id_of(sent.debtor_agent, paths[0]), known.id_of(sent.creditor_agent, paths[1])
