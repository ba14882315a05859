"""Magic creditor accounts: what a rail and the creditor agent do with an instruction is written in its account number.

The one table behind code and documentation. An account is magic if it holds `MAGIC-` and a name of the table. A bank
code may stand before it and a number after it (so that several accounts behave alike); hyphens and case do not matter,
since accounts are normalized on their way here.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from rails.book import CONTRADICTED, ONCE, SILENT, TWICE
from rails.port import RailInstruction

MARK = "MAGIC"
_REJECT = "REJECT"
_UNKNOWN_MAGIC = "AC01"  # a misspelt name must not pass for an ordinary account


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

    def answers_at(self, sent: RailInstruction, ordinary: datetime) -> datetime:
        """Return when the creditor agent acts, `ordinary` being when it would have done so without magic."""
        if self.after is not None:
            return sent.sent_at + self.after
        if self.past_deadline is not None:
            return max(sent.expires_at, sent.sent_at) + self.past_deadline
        return ordinary


# Besides these, REJECT- and any other four letters or digits: rejected with that code.
MAGIC = (
    Magic(
        "SILENT",
        "The creditor agent credits and says nothing: no report comes, an inquiry tells credited. A five-step rail "
        "rejects with AB05 at the deadline.",
        heard=False,
    ),
    Magic(
        "SILENT-REJECTED",
        "The creditor agent rejects and says nothing: no report comes, an inquiry tells AB06. A five-step rail rejects "
        "with AB05 at the deadline.",
        heard=False,
        reason_code="AB06",
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
    code, number = text.removeprefix(_REJECT)[:4], text.removeprefix(_REJECT)[4:]
    if text.startswith(_REJECT) and len(code) == 4 and _is_number(number):
        return Magic(f"{_REJECT}-{code}", f"Rejected with {code}.", reason_code=code)
    return Magic(text, "No name of the table: rejected as a malformed account.", reason_code=_UNKNOWN_MAGIC)


def _is_number(text: str) -> bool:
    return not text or text.isdigit()
