"""Which of the elements that the messages of the field need (facts messages 1.1 and 1.3) we carry: a table, for docs/messages.md.

An element is carried where a value of ours holds it; assumed where we take it under a rule of our own; else left out. Pure.
"""

from collections import Counter
from typing import NamedTuple

CARRIED, ASSUMED, LEFT_OUT = "carried", "assumed", "left out"
_STATEMENTS = "statements and notices are another part of the work"
_LIQUIDITY = "queries and liquidity are another part of the work"


class Element(NamedTuple):
    """One element that the facts name; `path` begins below the message element, [n] = the n-th of its like."""

    message: str  # family, as pacs.008
    path: str
    facts: str  # section of facts messages
    standing: str = CARRIED
    note: str = ""


def _all(message: str, paths: str, facts: str = "1.1", standing: str = CARRIED, note: str = "") -> tuple[Element, ...]:
    return tuple([Element(message, path, facts, standing, note) for path in paths.split()])


_GROUP = "GrpHdr/MsgId GrpHdr/CreDtTm"
_CLEARED = f"{_GROUP} GrpHdr/NbOfTxs GrpHdr/SttlmInf/SttlmMtd"
_TX = "CdtTrfTxInf"
_ASSIGNED = "Assgnmt/Id Assgnmt/Assgnr Assgnmt/Assgne Assgnmt/CreDtTm"
_VERIFIED = "Assgnmt/MsgId Assgnmt/CreDtTm Assgnmt/Assgnr Assgnmt/Assgne"
_OPTIONAL = "Nexus makes it mandatory; we take a transaction without it"

ELEMENTS: tuple[Element, ...] = (
    *_all("head.001", "Fr To BizMsgIdr MsgDefIdr CreDt"),
    *_all("pacs.008", _CLEARED),
    *_all("pacs.008", f"{_TX}/PmtId/EndToEndId {_TX}/IntrBkSttlmAmt {_TX}/ChrgBr {_TX}/Dbtr"),
    *_all("pacs.008", f"{_TX}/DbtrAgt/FinInstnId {_TX}/CdtrAgt/FinInstnId {_TX}/Cdtr"),
    *_all("pacs.008", f"{_TX}/DbtrAcct {_TX}/CdtrAcct {_TX}/Purp {_TX}/RmtInf/Ustrd", "1.3"),
    *_all("pacs.008", f"{_TX}/PmtTpInf/InstrPrty", "1.3"),
    Element("pacs.008", f"{_TX}/PmtId/InstrId", "1.3", ASSUMED, "optional in Nexus, mandatory here: a retry is known by it"),
    *_all("pacs.008", f"{_TX}/AddtlDtTm/AccptncDtTm {_TX}/PmtId/UETR {_TX}/InstdAmt", "1.3", ASSUMED, _OPTIONAL),
    *_all("pacs.008", "GrpHdr/SttlmInf/ClrSys GrpHdr/InstgAgt GrpHdr/InstdAgt", "1.3", ASSUMED, _OPTIONAL),
    *_all("pacs.008", f"{_TX}/AgrdRate/PreAgrdXchgRate {_TX}/AgrdRate/QtId", "1.3", ASSUMED,
          "read; what binds is the switch's quote in Supplement/QuoteId, without which a rate is refused (AB04)"),
    *_all("pacs.008", f"{_TX}/IntrmyAgt1 {_TX}/IntrmyAgt1Acct {_TX}/IntrmyAgt2 {_TX}/IntrmyAgt2Acct", "1.3", ASSUMED,
          "read; the switch's own providers convert"),
    *_all("pacs.008", f"{_TX}/ChrgsInf[1] {_TX}/ChrgsInf[2]", "1.3", ASSUMED, "read; the switch takes no fee off"),
    *_all("pacs.008", f"{_TX}/PrvsInstgAgt1 {_TX}/PrvsInstgAgt1Acct", "1.4", CARRIED, "where IntrmyAgt1 goes on its way"),
    Element("pacs.008", f"{_TX}/RmtInf/Strd", "1.3", LEFT_OUT, "refused, not lost: Ustrd carries the reference"),
    *_all("pacs.002", _GROUP),
    *_all("pacs.002", "TxInfAndSts/OrgnlUETR TxInfAndSts/TxSts TxInfAndSts/StsRsnInf/Rsn/Cd TxInfAndSts/AccptncDtTm", "1.4"),
    *_all("pacs.028", _GROUP),
    *_all("pacs.004", _CLEARED),
    *_all("camt.056", f"{_ASSIGNED} Undrlyg"),
    *_all("camt.029", f"{_ASSIGNED} Sts/Conf"),
    *_all("camt.029", "Sts/RjctdMod Sts/DplctOf Sts/AssgnmtCxlConf", "1.1", LEFT_OUT, "answers to what nobody asks here"),
    *_all("acmt.023", f"{_VERIFIED} Vrfctn/Id Vrfctn/PtyAndAcctId"),
    *_all("acmt.024", f"{_VERIFIED} Rpt/OrgnlId Rpt/Vrfctn"),
    *_all("admi.002", "RltdRef/Ref Rsn/RjctgPtyRsn"),
    *_all("pain.001", f"{_GROUP} GrpHdr/NbOfTxs GrpHdr/InitgPty PmtInf/PmtInfId PmtInf/PmtMtd PmtInf/ReqdExctnDt"),
    *_all("pain.001", "PmtInf/Dbtr PmtInf/DbtrAcct PmtInf/DbtrAgt PmtInf/CdtTrfTxInf"),
    *_all("pain.002", f"{_GROUP} OrgnlGrpInfAndSts/OrgnlMsgId OrgnlGrpInfAndSts/OrgnlMsgNmId"),
    *_all("pacs.009", f"{_CLEARED} {_TX}/PmtId/EndToEndId {_TX}/IntrBkSttlmAmt {_TX}/Dbtr {_TX}/Cdtr", "1.1", LEFT_OUT,
          "settlement between institutions is another part of the work"),
    *_all("camt.052", f"{_GROUP} Rpt/Id Rpt/Acct", "1.1", LEFT_OUT, _STATEMENTS),
    *_all("camt.053", f"{_GROUP} Stmt/Id Stmt/Acct/Id Stmt/Bal", "1.1", LEFT_OUT, _STATEMENTS),
    *_all("camt.054", f"{_GROUP} Ntfctn/Id Ntfctn/Acct", "1.1", LEFT_OUT, _STATEMENTS),
    *_all("camt.003", "MsgHdr/MsgId", "1.1", LEFT_OUT, _LIQUIDITY),
    *_all("camt.004", "MsgHdr RptOrErr", "1.1", LEFT_OUT, _LIQUIDITY),
    *_all("camt.050", "MsgHdr/MsgId LqdtyCdtTrf", "1.1", LEFT_OUT, _LIQUIDITY),
    *_all("camt.025", "MsgHdr/MsgId RctDtls", "1.1", LEFT_OUT, _LIQUIDITY),
)  # fmt: skip


class Rule(NamedTuple):
    """One rule that the Nexus scheme lays over its schema (facts messages 1.3), and whether a message that breaks it is refused here."""

    rule: str
    enforced: bool
    note: str = ""


RULES: tuple[Rule, ...] = (
    Rule("`SttlmMtd` is CLRG", True),
    Rule("`DbtrAcct` is mandatory", True),
    Rule("`CdtrAcct` is mandatory", True),
    Rule("`Cd` in `Purp` and `CtgyPurp`, never `Prtry`", True, "refused as FF01, where the scheme says CH21; ClrSys takes both, since some rails have no code"),
    Rule("identifiers are Latin, with no `/` at either end and no `//`", True),
    Rule("`Ustrd` is forwarded unaltered", True),
    *(Rule(f"`{name}` is mandatory", False, "a message without it is taken") for name in
      ("AccptncDtTm", "ClrSys", "InstdAmt", "UETR", "InstgAgt", "InstdAgt")),
    Rule("`AgrdRate` with `QtId` is mandatory where another converts", False, "a message without it is converted at the day's rate"),
    Rule("`IntrmyAgt1` with its account is mandatory", False, "a message without it is taken"),
    Rule("`IntrmyAgt2` with its account is mandatory", False, "a message without it is taken"),
    Rule("`ChrgsInf[1]` and `[2]` are present, be they 0", False, "a message without them is taken"),
    Rule("`ChrgBr` is SHAR", False, "the other codes are taken, too"),
    Rule("`NbOfTxs` is 1", False, "up to 100 are taken"),
    Rule("all text is Latin", False, "names and remarks may be Chinese; a strict payee bank refuses such remarks from abroad (RR10)"),
)  # fmt: skip

_LATER = frozenset({"pacs.009", "camt.052", "camt.053", "camt.054", "camt.003", "camt.004", "camt.050", "camt.025"})


def share() -> tuple[int, int, int, int]:
    """Count (carried, assumed, left out, all)."""
    counted = Counter(element.standing for element in ELEMENTS)
    return counted[CARRIED], counted[ASSUMED], counted[LEFT_OUT], len(ELEMENTS)


def _percent(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)} %"


def generated() -> str:
    """Write the table as Markdown, one row for what stands alike in one message."""
    carried, assumed, left_out, count = share()
    ours = [each for each in ELEMENTS if each.message not in _LATER]
    through = sum(each.standing != LEFT_OUT for each in ours)
    lines = [
        f"Of {count} elements that the facts name, {carried} are carried, {assumed} assumed and {left_out} left out: "
        f"{_percent(carried + assumed, count)} come through, of the {len(ours)} of the messages we take "
        f"{_percent(through, len(ours))}. That is "
        f"elements, not rules: of {len(RULES)} rules that the scheme lays over its schema {sum(each.enforced for each in RULES)} are enforced.",
        "",
        "| message | elements | facts | | note |",
        "|---|---|---|---|---|",
    ]
    grouped: dict[tuple[str, str, str, str], list[str]] = {}
    for each in ELEMENTS:
        grouped.setdefault((each.message, each.facts, each.standing, each.note), []).append(f"`{each.path}`")
    for (message, facts, standing, note), paths in grouped.items():
        lines.append(f"| {message} | {', '.join(paths)} | {facts} | {standing} | {note} |")
    lines += ["", "| rule of the scheme (facts 1.3) | enforced | note |", "|---|---|---|"]
    lines += [f"| {each.rule} | {'yes' if each.enforced else 'no'} | {each.note} |" for each in RULES]
    return "\n".join(lines)
