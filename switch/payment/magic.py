"""Magic values on the switch's own side: an instruction that names one is answered as the table says, by no law and no rail.

One table behind code and documentation (docs/magic.md): a number for every reason of payment.reasons and every magic
account of the rails. It is asked for by the creditor's name (MAGIC-REFUSE-LANE-CLOSED, MAGIC-SILENT), by a proxy, or, with
the creditor's name MAGIC-AMOUNT, by the last three digits of the amount. Nothing else of the instruction is judged then but
what stands before the payee. Ordinary payments are looked at no further than whether the name begins with the mark. Pure.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rails.magic import MAGIC, MARK, is_known
from switch.payment.plan import Refusal
from switch.payment.reasons import REASONS

DEBTOR_WITHOUT_FUNDS = "MAGIC-NO-FUNDS"  # a debtor's account for which the debtor agent does not vouch (AM04)
AMOUNT = "MAGIC-AMOUNT"  # a creditor's name: the amount's last three digits are the number
MAIL = "magic.example"  # behind the @ of a magic e-mail proxy; .example is nobody's (RFC 2606)
_REFUSE = "MAGIC-REFUSE-"
_AMOUNT = AMOUNT.replace("-", "")
_INITIALS = "MmＭｍ"  # of full width, too: the one look that every ordinary name costs
_NUMBERS = 1_000  # numbers have three digits
# Mobile numbers whose last three digits are the number, by country; the directory gives none of them to anybody.
MOBILES: Mapping[str, str] = {"CN": "+86-13800109", "HK": "+852-61909", "MO": "+853-66309"}

# Numbers are never given twice: a wallet team's tests go by them.
REASON_NUMBERS: Mapping[str, int] = {
    "amount-decimals": 101,
    "amount-zero": 102,
    "amount-too-small": 103,
    "charge-takes-all": 104,
    "amount-invalid": 105,
    "currency-not-carried": 106,
    "currency-inconsistent": 107,
    "field-missing": 108,
    "account-malformed": 109,
    "identification-missing": 110,
    "identification-wrong": 111,
    "purpose-missing": 112,
    "purpose-unknown": 113,
    "category-purpose-unknown": 114,
    "country-unknown": 115,
    "residency-unknown": 116,
    "acceptance-in-future": 117,
    "acceptance-too-old": 118,
    "debtor-agent-unknown": 119,
    "creditor-agent-unknown": 120,
    "creditor-agent-differs": 121,
    "not-your-agent": 122,
    "proxy-unknown": 123,
    "name-mismatch": 124,
    "unclassified": 125,
    "no-lane": 126,
    "lane-not-eligible": 127,
    "lane-closed": 128,
    "person-quota": 129,
    "documents-required": 130,
    "creditor-quota": 131,
    "watch-list": 132,
    "suspended": 133,
    "own-limit": 134,
    "payment-cap": 135,
    "document-used": 136,
    "rail-cap": 137,
    "rail-cap-closed": 138,
    "no-rail": 139,
    "rail-closed": 140,
    "debtor-funds": 141,
    "liquidity": 142,
    "sponsor-liquidity": 143,
    "not-converted": 144,
    "no-rate": 145,
    "quote-unknown": 146,
    "quote-mismatch": 147,
    "quote-expired": 148,
    "quote-used": 149,
    "same-key-other-content": 150,
    "same-message-other-content": 151,
    "duplicate-uetr": 152,
    "duplicate-instruction": 153,
    "internal": 154,
    "rail-rejected": 155,
    "operator-rejected": 156,
    "rail-suspended": 157,
    "creditor-agent-offline": 158,
    "creditor-agent-suspended": 159,
    "debtor-agent-offline": 160,
    "debtor-agent-suspended": 161,
    "switch-time-out": 162,
    "no-time-left": 163,
    "remarks-not-latin": 164,
}
ACCOUNT_NUMBERS: Mapping[str, int] = {
    "SILENT": 301,
    "SILENT-REJECTED": 302,
    "UNREPORTED": 303,
    "LOST": 304,
    "LATE": 305,
    "LATE-ACCEPT": 306,
    "DUPLICATE": 307,
    "CONTRADICTORY": 308,
    "REJECT-AC01": 309,
    "REJECT-AC03": 310,
    "REJECT-AC06": 311,
    "REJECT-AC07": 312,
    "REJECT-AC14": 313,
    "REJECT-BE01": 314,
    "REJECT-RR04": 315,
    "REJECT-MS03": 316,
    "BLOCKED": 317,
    "AFTER-1S": 318,
    "AFTER-5S": 319,
    "AFTER-15S": 320,
    "AFTER-30S": 321,
    "AFTER-5M": 322,
    "AFTER-24H": 323,
    "RECALL-ACCEPTED": 324,
    "RECALL-PARTIAL": 325,
    "RECALL-PENDING": 326,
    "RECALL-SILENT": 327,
    "RECALL-REJECTED-LEGL": 328,
    "RECALL-REJECTED-CUST": 329,
    "RECALL-REJECTED-NOAS": 330,
    "RECALL-REJECTED-NOOR": 331,
    "RECALL-REJECTED-ARDT": 332,
    "RECALL-REJECTED-AC04": 333,
    "RECALL-REJECTED-AM04": 334,
    "RETURNED-AC04": 335,
    "RETURNED-AC06": 336,
    "RETURNED-BE01": 337,
    "RETURNED-CUST": 338,
    "RETURNED-DS28": 339,
    "RETURNED-MS03": 340,
    "RETURNED-RR04": 341,
    "RETURNED-PARTIAL": 342,
    "NAME-DIFFERS": 343,
    "NOT-ENGLISH": 344,
    "NOT-ENROLLED": 345,
    "NOT-PARTICIPATING": 346,
    "WALLET-UNVERIFIED": 347,
    "WALLET-TIER": 348,
    "WALLET-FULL": 349,
    "SPONSOR-LIMIT": 350,
}


class MagicValue(NamedTuple):
    """One row: its number, and the reason it refuses with or the rail's magic account it is paid to."""

    number: int
    reason: str  # "" where it is paid to an account
    account: str  # "" where it is refused

    @property
    def name(self) -> str:
        """The creditor's name that asks for it."""
        return _REFUSE + self.reason.upper() if self.reason else self.account

    @property
    def mail(self) -> str:
        """The e-mail proxy that asks for it."""
        return f"{self.name.removeprefix(MARK + '-').lower()}@{MAIL}"

    def mobile(self, country: str) -> str:
        """The mobile number of a country that asks for it."""
        return f"{MOBILES[country]}{self.number}"


VALUES = (
    *(MagicValue(number, reason, "") for reason, number in REASON_NUMBERS.items()),
    *(MagicValue(number, "", f"{MARK}-{name}") for name, number in ACCOUNT_NUMBERS.items()),
)
_BY_NUMBER = {value.number: value for value in VALUES}
_BY_NAME = {value.name.replace("-", ""): value for value in VALUES}  # as folded
_BY_MAIL = {value.mail: value for value in VALUES}
_ACCOUNT = re.compile(r"[A-Z0-9]{1,34}")
_UNKNOWN = Refusal("name-mismatch", {"what": "it is no magic value; docs/magic.md lists them"}, "creditor.name")
_MOBILE = re.compile(f"({'|'.join(re.escape(mobile.replace('-', '')) for mobile in MOBILES.values())})([0-9]{{3}})")


def is_marked(name: str) -> bool:
    """Whether a name begins with the mark, however it is written: then it is somebody's no more."""
    return name.lstrip()[:1] in _INITIALS and _folded(name).startswith(MARK)


def of_name(name: str, amount_minor: int) -> Refusal | str | None:
    """Say what a creditor's name asks for: a refusal, the rail's account to pay to, or, where it is somebody's, nothing (None).

    As with accounts, case, hyphens, spaces and the like do not matter.
    """
    if not is_marked(name):
        return None
    folded = _folded(name)
    value = _BY_NUMBER.get(amount_minor % _NUMBERS) if folded == _AMOUNT else _BY_NAME.get(folded)
    if value is not None:
        return _asked(value)
    # REJECT- with any code, AFTER- with any time: the rails' own patterns. A misspelt name must not pass for somebody's.
    return folded if _ACCOUNT.fullmatch(folded) and is_known(folded) else _UNKNOWN


def _folded(name: str) -> str:
    return "".join([char for char in unicodedata.normalize("NFKC", name).upper() if char.isalnum()])


def of_proxy(proxy_type: str, value: str) -> Refusal | str | None:
    """Say what a proxy that no directory knows asks for, None where it is no magic one."""
    if proxy_type == "EMAL":
        return _asked(_BY_MAIL.get(value.strip().lower()))
    found = _MOBILE.fullmatch(re.sub(r"[ -]", "", value)) if proxy_type == "MBNO" else None
    return _asked(_BY_NUMBER.get(int(found[2]))) if found else None


def _asked(value: MagicValue | None) -> Refusal | str | None:
    if value is None:
        return None
    return plausible(value.reason) if value.reason else value.account


# What fills the sentences of made-up refusals: a payment of the demo's first day.
_DETAIL: Mapping[str, str] = {
    "accepted_at": "2026-03-06T16:15:00+08:00",
    "agent": "HBAYHKH0", "amount": "HKD 0.01", "asked": "HKD 1500.00", "category_purpose": "ZZZZ", "ceiling": "HKD 10000.00",
    "charge": "CNY 50.00", "country": "XX", "creditor_agent": "PEARCNG0", "currency": "CNY", "debit": "HKD", "debtor_agent": "KAPOHKH0",
    "debtor_residency": "HK", "creditor_residency": "CN", "expires_at": "2026-03-06T16:15:00+08:00",
    "field": "instructed_amount.amount", "headroom": "HKD 1250.00", "hours": "daily 07:00–23:00", "instructed": "USD",
    "instruction_id": "INV-2026-118", "lane": "payment-connect.southbound", "opens_at": "2026-03-07T07:00:00+08:00",
    "participant": "LIONHKH0", "proxy_type": "MBNO", "purpose": "LOAN", "quote_id": "8a2657e20cfb712f4452634e",
    "quoted": "HKD 1000.00 to CNY 918.41", "rail": "hvps", "registered": "BANYCNS0", "residency": "ZZ",
    "rule": "payment-connect.northbound.day", "settlement": "CNY", "sold": "HKD", "bought": "CNY", "since": "2025-06-22", "source": "Payment Connect, HKMA, 2025-06-22",
    "what_to_do": "Send the rest from tomorrow.", "window_text": " a day",
    "why": "trade.northbound: debtor kind must be firm; it is person",
}  # fmt: skip
_OF_A_LIMIT = ("rule", "source", "since", "ceiling", "headroom", "asked", "what_to_do")
# Where one word means different things in different sentences.
_OWN: Mapping[str, Mapping[str, str]] = {
    "amount-decimals": {"what": "HKD has 2 decimals, '10.005' has 3"},
    "amount-invalid": {"what": "'1e3' is not an amount; write digits with at most one point, as in '1234.50'"},
    "currency-not-carried": {"what": "currency 'EUR' is not carried; use one of CNY, HKD, JPY, KWD, MOP, THB, USD"},
    "account-malformed": {"what": "The creditor's account has neither or both of number and proxy"},
    "identification-wrong": {"what": "The check digit of the HKID is wrong"},
    "name-mismatch": {"what": "words 1, 2 of 2 not in the name registered"},
    "field-missing": {"field": "debtor.account.currency", "why": "It is the currency debited."},
    "charge-takes-all": {"amount": "CNY 50.00"},
    "suspended": {"rule": "card-cash.year", "exceeded": "2025", "until": "2026-12-31", "ceiling": "CNY 100000.00"},
    "watch-list": {"rule": "mainland.fx-purchase.year", "ceiling": "USD 0.00", "window_text": " a calendar year"},
    "payment-cap": {"rule": "e-cny.payment", "ceiling": "CNY 2000.00", "asked": "CNY 2500.00"},
    "document-used": {"rule": "documents.once", "ceiling": "1", "asked": "1"},
    "rail-cap": {"rule": "ibps.transaction", "ceiling": "CNY 1000000.00"},
    "rail-cap-closed": {
        "rule": "ibps.transaction", "ceiling": "CNY 1000000.00", "opens_at": "2026-03-08T20:30:00+08:00",
    },
    "rail-closed": {"opens_at": "2026-03-09T08:30:00+08:00"},
    "no-rail": {"lane": "domestic.macau", "currency": "CNY", "why": "mo-easy-transfer does not carry CNY"},
    "liquidity": {"headroom": "HKD 4999950.00", "rail": "hk-chats"},
    "sponsor-liquidity": {"agent": "LIONHKH0", "rail": "hk-fps"},
    "quote-mismatch": {"asked": "HKD 1100.00 from HKD to CNY"},
    "not-your-agent": {"agent": "KAPOHKH0"},
    "remarks-not-latin": {"agent": "BANYCNS0"},
    "no-time-left": {"least": "5", "deadline": "20", "rail": "ibps"},
    "creditor-agent-offline": {"agent": "PEARCNG0", "rail": "ibps"},
    "creditor-agent-suspended": {"agent": "PEARCNG0", "rail": "ibps"},
    "switch-time-out": {"rail": "ibps"},
}  # fmt: skip


def plausible(name: str) -> Refusal:
    """Make up the refusal of a reason, with all that its sentence needs."""
    sentence = REASONS[name].sentence
    detail = {**_DETAIL, **_OWN.get(name, {})}
    said = {field: value for field, value in detail.items() if f"{{{field}}}" in sentence}
    if "{ceiling}" in sentence and "{headroom}" in sentence:
        said = {field: detail[field] for field in _OF_A_LIMIT} | said
    return Refusal(name, said)


def rows() -> Iterator[tuple[MagicValue, str, str]]:
    """List the table as it is documented: value, code, what it does."""
    told = {magic.name: magic for magic in MAGIC}
    for value in sorted(VALUES):
        if value.reason:
            yield value, REASONS[value.reason].code, REASONS[value.reason].sentence
        else:
            magic = told[value.account.removeprefix(MARK + "-")]
            yield value, magic.reason_code, magic.description


def table() -> str:
    """Write the table in Markdown; docs/magic.md shows this text."""
    reasons = [row for row in rows() if row[0].reason]
    accounts = [row for row in rows() if row[0].account]
    lines = ["## Reasons", "", "| number | creditor's name | code | sentence |", "|---|---|---|---|"]
    lines += [f"| {value.number} | `{value.name}` | {code} | {said} |" for value, code, said in reasons]
    lines += [
        "",
        "## What rails and payees' banks do",
        "",
        "| number | account or name | code | what happens |",
        "|---|---|---|---|",
    ]
    lines += [f"| {value.number} | `{value.name}` | {code} | {said} |" for value, code, said in accounts]
    return "\n".join(lines)
