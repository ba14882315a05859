"""How the demo tells its day in a terminal: each step in a sentence, then tables. It decides nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Column, Table

from bayswitch.player import Said, instant
from limits.calendars import LAW_ZONE
from switch.cli.amounts import grouped, money
from switch.cli.tally import Tally
from switch.drills.expectations import Unmet

Document = Mapping[str, Any]

_WORDS = {
    "ACSP": "accepted",
    "ACSC": "settled",
    "ACCC": "credited",
    "PDNG": "pending: waiting for an opening, or in doubt",
    "RJCT": "rejected",
}
# What a payment has come to, by its own status: queued and in doubt are one to ISO 20022.
_OUTCOMES = {"ACSP": "under way", "ACSC": "settled", "ACCC": "credited", "RJCT": "rejected", "CANC": "cancelled", "BLCK": "blocked"}  # fmt: skip
_OWN_WORDS = {"queued": "waiting", "in_doubt": "in doubt"}
_LEGEND = (
    "[green]✓[/] as the story expects, refusals too   [red]✗[/] otherwise   [cyan]•[/] nothing is expected of it   "
    "[yellow]↳[/] what became of a payment later\n"
    f"Statuses as in ISO 20022: {', '.join(f'{code} {word}' for code, word in _WORDS.items())}. After the amounts: who sold the "
    "currency, [dim]the lane (the law that lets the payment pass) · the rails[/]."
)
_WAY = {True: "open, not taken:", False: "closed:"}
OUTCOMES = ("credited", "settled", "under way", "waiting", "in doubt", "rejected", "cancelled", "blocked", "refused")
_ENDED = ("credited", "settled", "rejected", "cancelled", "blocked", "refused")


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


def tell_legend(console: Console) -> None:
    """Say what the marks and codes mean."""
    console.print(_LEGEND, highlight=False)


def tell_step(console: Console, said: Said, payment: Document | None, unmet: Sequence[Unmet]) -> None:
    """Say what a hand-written line asked, what the switch answered, and whether that was expected."""
    line = said.line
    if not line.get("tell"):
        return
    at = instant(line)
    console.print(f"[dim]{at:%H:%M:%S} {line['chapter'].upper()}[/]  {escape(line['tell'])}")
    console.print(f"          {_mark('expect' in line, unmet)} {_verdict(said, payment, unmet)}", highlight=False)
    _tell_misses(console, unmet)


def tell_end(console: Console, said: Said, payment: Document, went: Sequence[str], unmet: Sequence[Unmet]) -> None:
    """Say what became of a step after its own instant, and whether that was expected."""
    reason = f": {payment['reason']['code']} {payment['reason']['text']}" if payment["reason"] else ""
    mark = _mark("expect" in said.line, unmet)
    console.print(
        f"          [yellow]↳[/] {mark} {said.line['step']} went {' → '.join(went)}{escape(reason)}", highlight=False
    )
    _tell_misses(console, unmet)


def _mark(expected: bool, unmet: Sequence[Unmet]) -> str:
    """Mark an answer: a tick only before what was expected."""
    return "[red]✗[/]" if unmet else "[green]✓[/]" if expected else "[cyan]•[/]"


def _tell_misses(console: Console, unmet: Sequence[Unmet]) -> None:
    for miss in unmet:
        console.print(
            f"            [bold red]expected {escape(str(miss.expected))} as {miss.what}, got {escape(str(miss.got))}[/]"
        )


def _verdict(said: Said, payment: Document | None, unmet: Sequence[Unmet]) -> str:
    problem, action = said.problem, said.line.get("action")
    refused = "refused" if unmet else "refused as expected"
    if problem is not None:
        source = f" [dim]({escape(str(problem['source']))})[/]" if problem.get("source") else ""
        return (
            f"{refused}, {problem.get('code') or problem.get('status')}: {escape(str(problem.get('detail')))}{source}"
        )
    if said.message is not None and said.message.get("status") == "RJCT":
        why = payment["reason"]["text"] if payment and payment["reason"] else ""
        return f"{refused}, {said.message.get('code', '')}: {escape(why)} [dim](pacs.002)[/]"
    document = said.document or {}
    if action == "quote":
        return f"{money(document['sell_amount'])} buy {money(document['buy_amount'])}, {document['provider']}"
    if action == "headroom":
        lane = next((row for row in document["lanes"] if row["binding"]), None)
        return f"{_left(lane['binding'])} by {lane['binding']['rule']}" if lane else "no limit binds"
    shown = payment or document
    status = f"{_WORDS.get(shown['iso_status'], '')} ({shown['iso_status']})"
    return f"{status}: {_carried(shown)}" if "route" in shown else status


def _clock(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(LAW_ZONE):%H:%M:%S}"


def _left(claim: Document) -> str:
    return f"{claim['currency']} {grouped(claim['headroom'])} left"


def _carried(payment: Document) -> str:
    rails = " → ".join(step["rail"] for step in payment["route"])
    priced = f", {payment['exchange']['provider']}" if payment["exchange"] else ""
    lane = payment["lane"]["lane"] if payment["lane"] else ""
    return f"{money(payment['debit_amount'])} → {money(payment['settlement_amount'])}{priced}  [dim]{lane} · {rails}[/]"


def outcome_of(payment: Document) -> str:
    """Name what became of a payment; refused is at the door, rejected what a rail or an operator did later."""
    status = str(payment["iso_status"])
    outcome = _OUTCOMES.get(status) or _OWN_WORDS.get(str(payment["status"]), status)
    return "refused" if outcome == "rejected" and payment["debit_amount"] is None else outcome


def corridors_of(payments: Sequence[Document]) -> list[Corridor]:
    """Count payments by corridor (the countries of the two agents) and outcome."""
    counted: dict[str, Counter[str]] = {}
    for payment in payments:
        corridor = " → ".join(payment[side][4:6] for side in ("debtor_agent", "creditor_agent"))
        counted.setdefault(corridor, Counter())[outcome_of(payment)] += 1
    return [Corridor(name, outcomes.total(), outcomes) for name, outcomes in sorted(counted.items())]


def tell_corridors(console: Console, corridors: Sequence[Corridor]) -> None:
    """Print the table of corridors."""
    columns = [Column(name, justify="right") for name in (*OUTCOMES, "all")]
    table = Table("corridor", *columns, title="Payments by corridor and outcome (HK Hong Kong, MO Macau, CN mainland)")
    for row in corridors:
        table.add_row(row.corridor, *[_count(row.outcomes.get(name, 0)) for name in OUTCOMES], _count(row.payments))
    totals = [sum(row.outcomes.get(name, 0) for row in corridors) for name in OUTCOMES]
    table.add_row("[bold]all[/]", *map(_count, totals), f"[bold]{_count(sum(totals))}[/]", end_section=True)
    console.print(table)


def _count(number: int) -> str:
    return f"{number:,}" if number else "·"


def tell_sum(console: Console, tally: Tally, story: int, payments: Sequence[Document]) -> None:
    """Add the day up, from the lines of its file to the payments in the books; `story` of its instructions are by hand."""
    outcomes = Counter(map(outcome_of, payments))
    turned_away = ", ".join(f"{count} × {told}" for told, count in sorted(Counter(tally.turned_away).items()))
    rows: list[tuple[str, int, str]] = [
        ("", tally.questions + tally.instructions, "lines in the day's file"),
        ("−", tally.questions, "ask for no payment: a quote, headroom, a look, an operator's word"),
        ("=", tally.instructions, f"instructions sent: {story:,} of the story, {tally.instructions - story:,} drawn around it"),
        ("−", tally.repeated, "sent again under a known key: answered again, paid once"),
        ("−", len(tally.turned_away), f"turned away without a payment of their own ({turned_away or 'none'})"),
        ("=", tally.payments, f"payments; the switch's books hold {len(payments):,}"),
        ("", outcomes["credited"], "credited to the creditor (ACCC)"),
        ("+", outcomes["settled"], "settled by a rail that reports no credit (ACSC)"),
        ("+", outcomes["rejected"], "accepted, and rejected later by a rail or an operator (RJCT)"),
        ("+", outcomes["cancelled"] + outcomes["blocked"], "cancelled while it waited (CANC), or frozen (BLCK)"),
        ("+", outcomes["refused"], "refused at once, with rule and reason (RJCT)"),
        ("+", len(payments) - sum(outcomes[name] for name in _ENDED), "under way, waiting or in doubt"),
    ]  # fmt: skip
    table = Table("", Column(justify="right"), "", title="The day, added up", show_header=False)
    for sign, number, what in rows:
        table.add_row(sign, f"{number:,}", what, end_section=sign == "=")
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
        left = (
            f"{currency} 0.00 ({grouped(claim['headroom'][1:])} over)"
            if over
            else f"{currency} {grouped(claim['headroom'])}"
        )
        table.add_row(
            who,
            claim["rule"],
            f"{currency} {grouped(claim['ceiling'])}{mark}",
            f"{currency} {grouped(claim['used'])}",
            left,
            f"[dim]{escape(claim['reference'])}[/]",
        )
    console.print(table)
    table = Table(
        "provider", "market", Column("left", justify="right"), title="What the currency providers (fictional) have left"
    )
    for account in quotas["inventories"]:
        _, provider, market, currency = account["account"].split(":")
        table.add_row(provider, market, f"{currency} {grouped(account['available'])}")
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
    here = [verdict for verdict in payment["lanes"] if verdict["kind"] != "corridor"]  # not those of other places
    others = [verdict for verdict in here if verdict["lane"] != payment["lane"]["lane"]]
    lines += [
        f"        [dim]{_WAY[verdict['eligible']]} {verdict['lane']}: {escape(verdict['why'])}[/]" for verdict in others
    ]
    lines += [
        f"claim   {claim['rule']}: {claim['currency']} {grouped(claim['claimed'])} "
        f"{'of ' + grouped(claim['ceiling']) if claim['ceiling'] else 'counted for a report, without a ceiling'}"
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
    violations, payments = audit["violations"], f"{audit['payments']:,} payments"
    if violations:
        console.print(f"[bold red]✗ The auditor found {len(violations):,} violations among {payments}.[/]")
        for violation in violations:
            console.print(f"  {violation['check']}: {escape(str(violation['detail']))}")
        return
    count = len(audit.get("forced", ()))
    forced = (
        f" Listed apart: {count} forced claims of payments that a rail credited after their rejection." if count else ""
    )
    console.print(
        f"[green]✓[/] The auditor, with books of its own, read {payments}: nothing lost, no cap exceeded, debits equal credits.{forced}",
        highlight=False,
    )


def tell_unmet(console: Console, unmet: Sequence[Unmet], expected: int) -> None:
    """Say whether the story came as expected, or print what did not."""
    if not unmet:
        console.print(
            f"[green]✓[/] All {expected:,} instructions of the story became what it expects.", highlight=False
        )
    for miss in unmet:
        console.print(
            f"[red]✗ {miss.step}: expected {miss.what} {escape(str(miss.expected))}, got {escape(str(miss.got))}[/]"
        )
