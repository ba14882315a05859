"""Magic creditor accounts: what a rail and the creditor agent do with an instruction is written in its account number.

The one table behind code and documentation. An account is magic if it holds `MAGIC-` and a name of the table. A bank
code may stand before it and a number after it (so that several accounts behave alike); hyphens and case do not matter,
since accounts are normalized on their way here. docs/magic.md shows the table; the switch's own magic values, names and
amounts and proxies, are in switch.payment.magic and lead here where a rail is meant.
"""

import re
from datetime import datetime, timedelta
from typing import NamedTuple

from rails.book import CONTRADICTED, ONCE, SILENT, TWICE
from rails.port import RailInstruction

MARK = "MAGIC"
_REJECT = "REJECT"
_RETURNED = "RETURNED"
_AFTER = re.compile(r"AFTER([0-9]{1,6})([SMH])(?![A-Z])")
_UNITS = {"S": timedelta(seconds=1), "M": timedelta(minutes=1), "H": timedelta(hours=1)}
_UNKNOWN_MAGIC = "AC01"  # a misspelt name must not pass for an ordinary account
_NO_NAME = "No name of the table: rejected as a malformed account."


class Magic(NamedTuple):
    """What happens to an instruction to a magic account."""

    name: str
    description: str
    received: bool = True  # False: it is lost on its way to the rail
    heard: bool = True  # False: the creditor agent acts, but its answer never gets through
    reason_code: str = ""  # the creditor agent rejects with this
    after: timedelta | None = None  # it answers this long after it was sent
    past_deadline: timedelta | None = None  # it answers this long after its deadline
    reporting: str = ONCE  # what the rail's own reports do
    blocked: bool = False  # the money is frozen on its way: nobody has it, and no more is said
    recall: str = (
        ""  # what it says to a recall (rails.recalls): accepted, rejected, slow, part, mute; "" = as the seed has it
    )
    recall_code: str = ""  # where it rejects one, ExternalPaymentCancellationRejection1Code (facts messages 3.3)
    returns: str = ""  # it gives money back unasked: full, part
    returns_code: str = ""  # ExternalReturnReason1Code

    def answers_at(self, sent: RailInstruction, ordinary: datetime) -> datetime:
        """Return when the creditor agent acts, `ordinary` being when it would have done so without magic."""
        if self.after is not None:
            return sent.sent_at + self.after
        if self.past_deadline is not None:
            return max(sent.expires_at, sent.sent_at) + self.past_deadline
        return ordinary


# Besides these, REJECT- and any other four letters or digits: rejected with that code, RETURNED- and such: given back; AFTER- and a number of seconds (S),
# minutes (M) or hours (H): answered then. Codes of the refusals that rules.md 4.1 lists without one are ours, by the meaning
# that ExternalStatusReason1Code gives them (assumed).
MAGIC = (
    Magic(
        "SILENT",
        "The creditor agent credits and says nothing: no report comes, an inquiry tells credited. A five-step rail "
        "rejects with AB05 at the deadline.",
        heard=False,
    ),
    Magic(
        "SILENT-REJECTED",
        "The creditor agent rejects and says nothing: no report comes, an inquiry tells MS03. A five-step rail rejects "
        "with AB05 at the deadline.",
        heard=False,
        reason_code="MS03",
    ),
    Magic("UNREPORTED", "All goes well, but the rail's reports are lost: only an inquiry tells.", reporting=SILENT),
    Magic("LOST", "The instruction never reaches the rail: an inquiry tells unknown.", received=False),
    Magic(
        "LATE",
        "Credited 30 seconds after the deadline. A five-step rail rejects with AB05 at the deadline.",
        past_deadline=timedelta(seconds=30),
    ),
    Magic(
        "LATE-ACCEPT",
        "Pending for an hour, then credited and reported: to be accepted after an operator's rejection. A five-step "
        "rail rejects with AB05 at the deadline.",
        after=timedelta(hours=1),
    ),
    Magic("DUPLICATE", "The last report comes twice.", reporting=TWICE),
    Magic(
        "CONTRADICTORY",
        "Credited, and a second later reported as rejected (MS03), which is not true: an inquiry tells credited.",
        reporting=CONTRADICTED,
    ),
    Magic("REJECT-AC01", "Rejected: the account number is malformed.", reason_code="AC01"),
    Magic("REJECT-AC03", "Rejected: there is no such account.", reason_code="AC03"),
    Magic("REJECT-AC06", "Rejected: the account is blocked.", reason_code="AC06"),
    Magic("REJECT-AC07", "Rejected: the account is closed.", reason_code="AC07"),
    Magic("REJECT-AC14", "Rejected: this type of account does not take the transfer.", reason_code="AC14"),
    Magic("REJECT-BE01", "Rejected: the name does not match the account.", reason_code="BE01"),
    Magic("REJECT-RR04", "Rejected: a regulatory reason, no more is said.", reason_code="RR04"),
    Magic("REJECT-MS03", "Rejected: the creditor agent gives no reason.", reason_code="MS03"),
    Magic(
        "BLOCKED",
        "Accepted, then frozen: the rail reports blocked (BLCK), and money and quota stay held. Where a five-step rail would have "
        "settled, it does not.",
        blocked=True,
    ),
    Magic("AFTER-1S", "The creditor agent answers a second after it was asked.", after=timedelta(seconds=1)),
    Magic("AFTER-5S", "It answers after five seconds.", after=timedelta(seconds=5)),
    Magic(
        "AFTER-15S",
        "It answers after 15 seconds, just within the deadline of the instant rails.",
        after=timedelta(seconds=15),
    ),
    Magic(
        "AFTER-30S",
        "It answers after 30 seconds: past the deadline of most instant rails. A five-step rail rejects with AB05 at the deadline.",
        after=timedelta(seconds=30),
    ),
    Magic("AFTER-5M", "It answers after five minutes; on a five-step rail as above.", after=timedelta(minutes=5)),
    Magic("AFTER-24H", "It answers after a day; on a five-step rail as above.", after=timedelta(hours=24)),
    Magic(
        "RECALL-ACCEPTED", "Credited; a recall is accepted, the money comes back with the answer.", recall="accepted"
    ),
    Magic("RECALL-PARTIAL", "Credited; a recall is accepted, half of what was asked comes back.", recall="part"),
    Magic("RECALL-PENDING", "Credited; a recall stays pending for five days, then it is accepted.", recall="slow"),
    Magic("RECALL-SILENT", "Credited; a recall is never answered.", recall="mute"),
    Magic(
        "RECALL-REJECTED-LEGL",
        "Credited; a recall is rejected for a legal reason.",
        recall="rejected",
        recall_code="LEGL",
    ),
    Magic(
        "RECALL-REJECTED-CUST", "Credited; a recall is rejected by the creditor.", recall="rejected", recall_code="CUST"
    ),
    Magic(
        "RECALL-REJECTED-NOAS",
        "Credited; a recall is rejected: the creditor does not answer.",
        recall="rejected",
        recall_code="NOAS",
    ),
    Magic(
        "RECALL-REJECTED-NOOR",
        "Credited; a recall is rejected: the original was never received.",
        recall="rejected",
        recall_code="NOOR",
    ),
    Magic(
        "RECALL-REJECTED-ARDT",
        "Credited; a recall is rejected: it has been returned already.",
        recall="rejected",
        recall_code="ARDT",
    ),
    Magic(
        "RECALL-REJECTED-AC04",
        "Credited; a recall is rejected: the creditor's account is closed.",
        recall="rejected",
        recall_code="AC04",
    ),
    Magic(
        "RECALL-REJECTED-AM04",
        "Credited; a recall is rejected: the creditor's account does not cover it.",
        recall="rejected",
        recall_code="AM04",
    ),
    Magic(
        "RETURNED-AC04",
        "Credited, and given back unasked half an hour later: the account is closed.",
        returns="full",
        returns_code="AC04",
    ),
    Magic(
        "RETURNED-AC06",
        "Credited, and given back unasked half an hour later: the account is blocked.",
        returns="full",
        returns_code="AC06",
    ),
    Magic(
        "RETURNED-BE01",
        "Credited, and given back unasked half an hour later: the name does not match.",
        returns="full",
        returns_code="BE01",
    ),
    Magic(
        "RETURNED-CUST",
        "Credited, and given back unasked half an hour later: the creditor does not want it.",
        returns="full",
        returns_code="CUST",
    ),
    Magic(
        "RETURNED-DS28",
        "Credited, and given back unasked half an hour later: a technical error of the creditor agent.",
        returns="full",
        returns_code="DS28",
    ),
    Magic(
        "RETURNED-MS03",
        "Credited, and given back unasked half an hour later: no reason is given.",
        returns="full",
        returns_code="MS03",
    ),
    Magic(
        "RETURNED-RR04",
        "Credited, and given back unasked half an hour later: a regulatory reason.",
        returns="full",
        returns_code="RR04",
    ),
    Magic(
        "RETURNED-PARTIAL",
        "Credited, and half of it given back unasked half an hour later (CUST).",
        returns="part",
        returns_code="CUST",
    ),
    # What payees' banks refused in Payment Connect's first year (rules.md 4.1), by name.
    Magic(
        "NAME-DIFFERS", "Rejected: the payee's name is not the one its bank has registered (BE01).", reason_code="BE01"
    ),
    Magic("NOT-ENGLISH", "Rejected: the remarks are not in English (RR10).", reason_code="RR10"),
    Magic(
        "NOT-ENROLLED", "Rejected: the mobile number is not enrolled at the payee's bank (BE23).", reason_code="BE23"
    ),
    Magic(
        "NOT-PARTICIPATING", "Rejected: the payee's bank does not take part in the scheme (CNOR).", reason_code="CNOR"
    ),
    Magic("WALLET-UNVERIFIED", "Rejected: the payee's wallet is not verified for this (AC14).", reason_code="AC14"),
    Magic(
        "WALLET-TIER", "Rejected: the payee's wallet would exceed what its tier may take (AM14).", reason_code="AM14"
    ),
    Magic("WALLET-FULL", "Rejected: the payee's wallet would exceed its greatest balance (AM14).", reason_code="AM14"),
    Magic(
        "SPONSOR-LIMIT",
        "Rejected: the sponsor bank of the payee's wallet takes no more for it today (AM23).",
        reason_code="AM23",
    ),
)


def _plain(text: str) -> str:
    return text.replace("-", "").upper()


_BY_NAME = tuple((_plain(magic.name), magic) for magic in MAGIC)


def magic_of(account: str) -> Magic | None:
    """Return what is magic about an account number, None for an ordinary one."""
    if account.isdigit() or MARK not in (plain := _plain(account)):
        return None
    text = plain.partition(MARK)[2]
    for name, magic in _BY_NAME:
        if text.startswith(name) and _is_number(text[len(name) :]):
            return magic
    if (after := _AFTER.match(text)) is not None:
        number, unit = after.groups()
        return Magic(f"AFTER-{number}{unit}", f"Answers after {number}{unit}.", after=int(number) * _UNITS[unit])
    code, number = text.removeprefix(_RETURNED)[:4], text.removeprefix(_RETURNED)[4:]
    if text.startswith(_RETURNED) and len(code) == 4 and _is_number(number):
        back = f"Credited, and given back unasked half an hour later with {code}."
        return Magic(f"{_RETURNED}-{code}", back, returns="full", returns_code=code)
    code, number = text.removeprefix(_REJECT)[:4], text.removeprefix(_REJECT)[4:]
    if text.startswith(_REJECT) and len(code) == 4 and _is_number(number):
        return Magic(f"{_REJECT}-{code}", f"Rejected with {code}.", reason_code=code)
    return Magic(text, _NO_NAME, reason_code=_UNKNOWN_MAGIC)


def is_known(account: str) -> bool:
    """Whether an account number is magic, and spelt as the table has it."""
    magic = magic_of(account)
    return magic is not None and magic.description != _NO_NAME


def _is_number(text: str) -> bool:
    return not text or text.isdigit()
