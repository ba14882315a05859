"""The dialects' tables as Markdown, for docs/dialects.md, and the share of what each carries. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from rails.messages.dialects import cips_table, cnaps2_table, hk_fps_table
from rails.messages.dialects.cnaps2_messages import EXPIRED, NO_REASON, STATUS_OF
from rails.messages.dialects.examples import messages, readable
from rails.messages.dialects.hk_fps_messages import CATEGORY_OF, HEARD, ISO_OF
from rails.messages.dialects.terms import ASSUMED, CARRIED, LEFT_OUT, Row

TABLES: Mapping[str, Sequence[Row]] = MappingProxyType(
    {
        "HK FPS": hk_fps_table.ROWS,
        "CNAPS2: IBPS and HVPS": cnaps2_table.CREDIT_ROWS,
        "CNAPS2: BEPS": cnaps2_table.PACKAGE_ROWS,
        "CNAPS2: transport, reports, communication": cnaps2_table.SHARED_ROWS,
        "CIPS": cips_table.ROWS,
    }
)
# What PR codes say in the sources' words; PR22 has no report.
_PROCESS_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "PR03": "已轧差 netted", "PR04": "已清算 settled", "PR05": "已成功 done", "PR08": "已撤销 withdrawn",
        "PR09": "已拒绝 rejected", "PR11": "queued", "PR12": "queued", "PR21": "止付 stopped", "PR32": "已超期 overdue",
        "PR97": "已发送 sent", "PR99": "故障 failure",
    }
)  # fmt: skip
# What the facts map each to in ISO (messages 2.4), and what of it is ours.
_PROCESS_ISO: Mapping[str, str] = MappingProxyType(
    {
        "PR03": "ACSP", "PR04": "ACSC", "PR05": "ACCC", "PR08": "CANC", "PR09": "RJCT", "PR11": "PDNG", "PR12": "PDNG",
        "PR32": "RJCT", "PR99": "in doubt",
    }
)  # fmt: skip
_PROCESS_ASSUMED: Mapping[str, str] = MappingProxyType(
    {
        "PR08": "no word of the port says withdrawn; money is let go as after a rejection",
        "PR21": "the facts do not map it; BLOCKED is written so, and read as pending",
        "PR97": "the facts do not map it",
    }
)


class Share(NamedTuple):
    """How many rows of a table stand how."""

    carried: int
    assumed: int
    left_out: int

    def __str__(self) -> str:
        total = sum(self)
        through = self.carried + self.assumed
        return f"{self.carried} carried, {self.assumed} assumed, {self.left_out} left out: {100 * through // total} % of {total}" if total else "none"  # fmt: skip


def share(rows: Sequence[Row]) -> Share:
    """Count how rows stand."""
    counted = Counter(row.standing for row in rows)
    return Share(counted[CARRIED], counted[ASSUMED], counted[LEFT_OUT])


def shares() -> dict[str, tuple[Share, Share]]:
    """Return each table's share of the fields of a leg, and of the rail's further elements that the facts name."""
    return {
        name: (share([row for row in rows if row.field]), share([row for row in rows if not row.field]))
        for name, rows in TABLES.items()
    }


def generated() -> str:
    """Write the generated part of docs/dialects.md."""
    parts = ["## How much is carried", "", *_share_lines(), ""]
    for name, rows in TABLES.items():
        parts += [f"## {name}", "", *_table_lines(rows), ""]
    parts += ["## Words of the rails", "", *_word_lines(), "", "## Examples", ""]
    parts += [
        "Indented to be read; on the wire the XML stands on one line, and each block of CNAPS2 ends with CR LF.",
        "",
    ]
    for name, body in messages().items():
        parts += [f"### {name}", "", "```xml", readable(body), "```", ""]
    return "\n".join(parts)


def _share_lines() -> list[str]:
    lines = ["| dialect | fields of a leg | further elements of the rail |", "|---|---|---|"]
    return lines + [f"| {name} | {fields} | {further} |" for name, (fields, further) in shares().items()]


def _table_lines(rows: Sequence[Row]) -> list[str]:
    lines = ["| field of a leg | element | | facts messages | note |", "|---|---|---|---|---|"]
    for row in rows:
        field = f"`{row.field}`" if row.field else ""
        element = f"`{row.element.replace('`', '')}`" if row.element else ""
        lines.append(f"| {field} | {element} | {row.standing} | {row.facts} | {row.note} |")
    return lines


def _word_lines() -> list[str]:
    lines = [
        "| CNAPS2 process code | | ISO | status of the rail port | reason | | note |",
        "|---|---|---|---|---|---|---|",
    ]
    reasons = {"PR08": f"{NO_REASON} where none is given", "PR09": "the rail's", "PR32": EXPIRED}
    lines += [
        f"| {code} | {_PROCESS_WORDS[code]} | {_PROCESS_ISO.get(code, '')} | {status} | {reasons.get(code, '')} "
        f"| {ASSUMED if code in _PROCESS_ASSUMED else CARRIED} | {_PROCESS_ASSUMED.get(code, '')} |"
        for code, status in STATUS_OF.items()
    ]
    lines += [f"| PR22 | 冲正 reversed | reversed | refused | | {LEFT_OUT} | a return, no report |", ""]
    lines += ["| HK FPS TxSts | AddtlInf | status of the rail port |", "|---|---|---|"]
    lines += [f"| {said} | {word and f'`{word}`'} | {status} |" for (said, word), status in HEARD.items()]
    lines += ["", "| HK FPS category purpose | read as | written for |", "|---|---|---|"]
    for own, iso in ISO_OF.items():
        written = ", ".join(code for code, theirs in CATEGORY_OF.items() if theirs == own)
        lines.append(f"| {own} | {iso or 'none'} | {written or ('all others' if own == 'CXOTHS' else 'none')} |")
    return lines
