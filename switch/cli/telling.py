"""How the demo tells its day in a terminal: each step in a sentence, then tables. It decides nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Column, Table

from limits.calendars import LAW_ZONE
from switch.cli.expectations import Unmet
from switch.cli.player import Said, instant

Document = Mapping[str, Any]

_OUTCOMES = {"ACCC": "credited", "ACSC": "settled", "ACSP": "under way", "PDNG": "in doubt", "RJCT": "rejected"}
_WAY = {True: "open, not taken:", False: "closed:"}
OUTCOMES = ("credited", "settled", "under way", "in doubt", "rejected", "refused")


class BoardRow(NamedTuple):
    """What one person has used of one limit."""

    who: str
    claim: Document


class Corridor(NamedTuple):
    """What became of the payments of one corridor."""

    corridor: str
    payments: int
    outcomes: Mapping[str, int]

    def document(self) -> dict[str, Any]:
        """Return the corridor as the demo's JSON has it."""
        return {
            "corridor": self.corridor,
            "payments": self.payments,
            **{name.replace(" ", "_"): self.outcomes.get(name, 0) for name in OUTCOMES},
        }


def tell_step(console: Console, said: Said, payment: Document | None, unmet: Sequence[Unmet]) -> None:
    """Say what a hand-written line asked and what the switch answered."""
    line = said.line
    if not line.get("tell"):
        return
    at = instant(line)
    console.print(f"[dim]{at:%H:%M:%S} {line['chapter'].upper()}[/]  {escape(line['tell'])}")
    console.print(f"          {_verdict(said, payment)}")
    for miss in unmet:
        console.print(
            f"          [bold red]expected {escape(str(miss.expected))} as {miss.what}, got {escape(str(miss.got))}[/]"
        )


def tell_end(console: Console, said: Said, payment: Document, went: Sequence[str]) -> None:
    """Say what became of a step after its own instant."""
    reason = f": {payment['reason']['code']} {payment['reason']['text']}" if payment["reason"] else ""
    console.print(f"          [yellow]↳ {said.line['step']}[/] went {' → '.join(went)}{escape(reason)}")


def _verdict(said: Said, payment: Document | None) -> str:
    problem, action = said.problem, said.line.get("action")
    if problem is not None:
        source = f" [dim]({escape(str(problem['source']))})[/]" if problem.get("source") else ""
        return f"[red]✗ {problem.get('code') or problem.get('status')}[/] {escape(str(problem.get('detail')))}{source}"
    if said.message is not None and said.message.get("status") == "RJCT":
        why = payment["reason"]["text"] if payment and payment["reason"] else ""
        return f"[red]✗ {said.message.get('code', '')}[/] {escape(why)} [dim](pacs.002)[/]"
    document = said.document or {}
    if action == "quote":
        return (
            f"[cyan]• {money(document['sell_amount'])} buy {money(document['buy_amount'])}, {document['provider']}[/]"
        )
    if action == "headroom":
        lane = next((row for row in document["lanes"] if row["binding"]), None)
        return (
            f"[cyan]• {_left(lane['binding'])} by {lane['binding']['rule']}[/]" if lane else "[cyan]• no limit binds[/]"
        )
    if payment is None:
        return f"[cyan]• {document.get('iso_status', '')}[/]"
    return f"[green]✓ {payment['iso_status']}[/] {_carried(payment)}"


def _clock(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(LAW_ZONE):%H:%M:%S}"


def money(amount: Document | None) -> str:
    """Write an amount as people read it: HKD 195,000,050.00."""
    return f"{amount['currency']} {_grouped(amount['amount'])}" if amount else "none"


def _grouped(amount: str | None) -> str:
    return f"{Decimal(amount):,}" if amount else "—"


def _left(claim: Document) -> str:
    return f"{claim['currency']} {_grouped(claim['headroom'])} left"


def _carried(payment: Document) -> str:
    rails = " → ".join(step["rail"] for step in payment["route"])
    priced = f", {payment['exchange']['provider']}" if payment["exchange"] else ""
    lane = payment["lane"]["lane"] if payment["lane"] else ""
    return f"{money(payment['debit_amount'])} → {money(payment['settlement_amount'])}{priced}  [dim]{lane} · {rails}[/]"


def corridors_of(payments: Sequence[Document], unstored: Counter[str]) -> list[Corridor]:
    """Count payments by corridor and outcome; `unstored` were refused without a payment of their own, by corridor."""
    counted: dict[str, Counter[str]] = {}
    for payment in payments:
        status: str = payment["iso_status"]
        outcome = _OUTCOMES.get(status, status)
        if outcome == "rejected" and payment["debit_amount"] is None:
            outcome = "refused"  # at the door; rejected says that a rail or an operator did it later
        counted.setdefault(corridor_of(payment), Counter())[outcome] += 1
    for corridor, count in unstored.items():
        counted.setdefault(corridor, Counter())["refused"] += count
    return [Corridor(name, outcomes.total(), outcomes) for name, outcomes in sorted(counted.items())]


def corridor_of(payment: Document) -> str:
    """Name the corridor of a payment or an instruction: the countries of its two agents."""
    return " → ".join(payment[side][4:6] for side in ("debtor_agent", "creditor_agent"))


def tell_corridors(console: Console, corridors: Sequence[Corridor]) -> None:
    """Print the table of corridors."""
    table = Table(
        "corridor", *OUTCOMES, "all", title="Payments by corridor and outcome (HK Hong Kong, MO Macau, CN mainland)"
    )
    for row in corridors:
        table.add_row(row.corridor, *[str(row.outcomes.get(name, 0) or "·") for name in OUTCOMES], str(row.payments))
    totals = [sum(row.outcomes.get(name, 0) for row in corridors) for name in OUTCOMES]
    table.add_row("[bold]all[/]", *[str(total or "·") for total in totals], f"[bold]{sum(totals)}[/]", end_section=True)
    console.print(table)


def tell_board(console: Console, rows: Sequence[BoardRow], quotas: Document) -> None:
    """Print what persons have used of their limits, and what the providers have left."""
    table = Table(
        "who",
        Column("rule", no_wrap=True),
        "value",
        "used",
        "left",
        "source",
        title="The quota board at half past four, for some who play here",
    )
    for who, claim in rows:
        mark = " [yellow](assumed)[/]" if claim["assumed"] else ""
        currency = claim["currency"]
        over = claim["headroom"].startswith("-")  # forced claims: used more than there was
        left = f"0.00 ({_grouped(claim['headroom'][1:])} over)" if over else _grouped(claim["headroom"])
        table.add_row(
            who,
            claim["rule"],
            f"{currency} {_grouped(claim['ceiling'])}{mark}",
            _grouped(claim["used"]),
            left,
            f"[dim]{escape(claim['reference'])}[/]",
        )
    console.print(table)
    table = Table("provider", "currency", "left", title="What the currency providers have left (fictional)")
    for account in quotas["inventories"]:
        _, provider, market, currency = account["account"].split(":")
        left = _grouped(account["available"])
        table.add_row(provider, f"{currency} {market}" if market != "any" else currency, left)
    console.print(table)


def tell_payment(console: Console, payment: Document, events: Sequence[Document]) -> None:
    """Explain one payment in full."""
    found = payment["classification"]
    lines = [f"[bold]{payment['instruction_id']}[/]  {payment['uetr']}", ""]
    lines.append(f"class   {found['rule']}, RMB tag {found['rmb_tag'] or 'none'}  [dim]{escape(found['reference'])}[/]")
    for entry in found["entries"]:
        code = f" (SAFE {entry['code']})" if entry["code"] else ""
        lines.append(
            f"        {entry['economy']} records {entry['item']}{code}, {entry['side']} with {entry['counterpart']}"
        )
    lines.append(f"lane    {payment['lane']['lane']}  [dim]{escape(payment['lane']['reference'])}[/]")
    here = [
        verdict for verdict in payment["lanes"] if not verdict["why"].startswith("leads ")
    ]  # not those of other places
    others = [verdict for verdict in here if verdict["lane"] != payment["lane"]["lane"]]
    lines += [
        f"        [dim]{_WAY[verdict['eligible']]} {verdict['lane']}: {escape(verdict['why'])}[/]" for verdict in others
    ]
    lines += [
        f"claim   {claim['rule']}: {claim['currency']} {_grouped(claim['claimed'])} of {_grouped(claim['ceiling']) if claim['ceiling'] else 'no ceiling: it only reports'}"
        for claim in payment["claims"]
    ]
    for step in payment["route"]:
        over = "".join(f"; not {item['rail']}: {item['why']}" for item in step["passed_over"])
        lines.append(f"route   {step['rail']} ({step['role']}){over}")
    lines.append(
        f"amounts {money(payment['debit_amount'])} debited, charge {money(payment['charge'])}, {money(payment['settlement_amount'])} to the creditor"
    )
    if payment["exchange"]:
        exchange = payment["exchange"]
        lines.append(
            f"        {exchange['provider']} at {exchange['exchange_rate']}, mid {exchange['mid']} ({exchange['market']}), spread {money(exchange['spread'])}"
        )
    lines += [f"{_clock(event['at'])}  {event['iso_status']}  {event['status']}" for event in events]
    console.print(Panel("\n".join(lines), title="One payment, explained", expand=False))


def tell_audit(console: Console, audit: Document) -> None:
    """Print the auditor's verdict."""
    violations = audit["violations"]
    forced = f", {len(audit['forced'])} forced claims listed apart (late acceptances)" if "forced" in audit else ""
    if violations:
        console.print(
            f"[bold red]The auditor found {len(violations)} violations among {audit['payments']} payments.[/]"
        )
        for violation in violations:
            console.print(f"  {violation['check']}: {escape(str(violation['detail']))}")
    else:
        console.print(
            f"[green]The auditor read {audit['payments']} payments from the books: nothing lost, no cap exceeded, debits equal credits{forced}.[/]"
        )


def tell_unmet(console: Console, unmet: Sequence[Unmet], expected: int) -> None:
    """Print each expectation that did not come."""
    if not unmet:
        console.print(f"[green]All {expected} expected payments came as expected.[/]")
    for miss in unmet:
        console.print(
            f"[red]{miss.step}: expected {miss.what} {escape(str(miss.expected))}, got {escape(str(miss.got))}[/]"
        )
