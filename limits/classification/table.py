"""The tables of docs/classification.md, rendered from the rows: what is classified how, and what it is spared.

Text only; what a row means is limits.classification. A test holds the page to these tables.
"""

from collections.abc import Iterable, Sequence

from limits.classification import Row
from limits.classification.rmb_tags import Tag


def classification_table(rows: Iterable[Row]) -> str:
    """Write the rows as a Markdown table: in order, with item, mainland code (* = not verified), spared and needed."""
    lines = ["| class | what it is | item | code | spared | goes with | why |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        items = list(dict.fromkeys(f"{entry.item} {entry.change}".strip() for entry in row.entries))
        codes = list(
            dict.fromkeys(
                entry.leaf.code + ("" if entry.leaf.verified else "*")
                for entry in row.entries
                if entry.leaf is not None
            )
        )
        cells = (
            f"`{row.id}`", row.description, _listed(items), _listed(codes), _listed(row.spared), _listed(row.needs, " or "),
            row.eases,
        )  # fmt: skip
        lines.append(f"| {' | '.join(' '.join(cell.split()) for cell in cells)} |")
    return "\n".join(lines)


def uncertain_table(used: Sequence[tuple[str, str, str]]) -> str:
    """Write what `unverified_used` lists: each code once, with its rows and what is uncertain."""
    lines = ["| code | used by | what is uncertain |", "|---|---|---|"]
    for code, note in dict.fromkeys((code, note) for _, code, note in used):
        users = ", ".join(f"`{row}`" for row, other, _ in used if other == code)
        lines.append(f"| {code} | {users} | {note} |")
    return "\n".join(lines)


def tag_table(tags: Iterable[Tag]) -> str:
    """Write the RMB tags with the purposes they carry, n to m, in the order in which they are tried."""
    lines = ["| tag | mark | says | purposes |", "|---|---|---|---|"]
    for tag in tags:
        carried = ", ".join(tag.purposes) or "by other facts"
        lines.append(f"| {tag.tag} | /{tag.mark}/ | {tag.means} | {carried} |")
    return "\n".join(lines)


def _listed(parts: Iterable[str], joint: str = ", ") -> str:
    return joint.join(parts) or "–"
