"""How `bayswitch explain` tells a decision to people: first the verdict and what it means for them, then why.

It prints the document that `--json` gives, in the order in which one asks: what happens, what would let it pass, what kind of
payment it is, which ways there are, what money moves, which limits count it. Decides nothing.
"""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from switch.cli.amounts import grouped, money

Document = Mapping[str, Any]


def tell(document: Document, language: str) -> None:
    """Print a decision; the texts are in `language`, names of rules and lanes in their ids."""
    console = Console()
    reason = document["reason"]
    console.print(f"[bold]{document['status']}[/]", Text(document["texts"][language]["person"]), soft_wrap=True)
    if reason:
        console.print(Text(f"      {reason['code']} {reason['name']}: {reason['text']}", "dim"), soft_wrap=True)
    for remedy in document["remedies"]:
        console.print(
            f"change {remedy['kind']}:", Text(_change(remedy)), Text(_short_of(remedy), "dim"), soft_wrap=True
        )
    _tell_class(console, document)
    _tell_lanes(console, document)
    _tell_amounts(console, document)
    for claim in document["claims"]:
        _tell_claim(console, claim)
    for step in document["route"]:
        over = "".join(f"; not {item['rail']}: {item['why']}" for item in step["passed_over"])
        console.print(f"route  {step['role']}: {step['rail']}{over}", soft_wrap=True)


def _change(remedy: Document) -> str:
    """Write a change as a program applies it: the merge patch of the instruction, or the instant to send it at."""
    return f"send it at {remedy['at']}" if remedy["at"] else json.dumps(remedy["patch"], ensure_ascii=False)


def _short_of(remedy: Document) -> str:
    if not remedy["binding"]:
        return ""
    step = "a millisecond before" if remedy["at"] else "one unit short of it"
    return f"({step}: {remedy['binding']})"


def _tell_class(console: Console, document: Document) -> None:
    found = document["classification"]
    if found:
        console.print(f"class  {found['rule']}  (RMB tag {found['rmb_tag'] or 'none'})")
        for entry in found["entries"]:
            line = (
                f"{entry['economy']} {entry['side']}: {entry['item']} {entry['code'] or ''} with {entry['counterpart']}"
            )
            console.print(f"       {line}")
        console.print(Text(f"       {found['reference']}", "dim"), soft_wrap=True)
    elif document["facts"]:
        console.print("class  none: no row of the classification knows these facts")
    for row in document["nearly"]:
        console.print(Text(f"       not {row['row']}: {row['failed']}", "dim"), soft_wrap=True)


def _tell_lanes(console: Console, document: Document) -> None:
    found = document["classification"]
    if not found:
        return
    console.print(f"lane   {found['lane'] or 'none'}")
    others = {"leads ": 0, "venue ": 0}  # not told one by one: there are dozens
    for lane in found["lanes"]:
        kind = next((kind for kind in others if lane["why"].startswith(kind)), None)
        if kind is not None:
            others[kind] += 1
            continue
        how = "open  " if lane["eligible"] else "closed"
        style = "" if lane["eligible"] else "dim"
        console.print(Text(f"       {how} {lane['lane']}: {lane['why']}", style), soft_wrap=True)
    if others["venue "]:
        console.print(Text(f"       and {others['venue ']} lanes of schemes that are named by another venue", "dim"))
    if others["leads "]:
        console.print(Text(f"       and {others['leads ']} lanes of other corridors", "dim"))


def _tell_amounts(console: Console, document: Document) -> None:
    if "debit_amount" not in document:
        return
    console.print(f"money  {money(document['debit_amount'])} debited, {money(document['settlement_amount'])} received")
    if charge := document["charge"]:
        console.print(f"       charge {money(charge)}")
    if exchange := document["exchange"]:
        console.print(
            f"       {exchange['provider']} at {exchange['exchange_rate']} ({exchange['market']}), "
            f"spread {money(exchange['spread'])}"
        )


def _tell_claim(console: Console, claim: Document) -> None:
    mark = (" (assumed)" if claim["assumed"] else "") + _advice(claim)
    asked = f"{claim['rule']}: {claim['currency']} {grouped(claim['claimed'])}"
    if claim["ceiling"] is None or claim["used"] is None:
        console.print(f"claim  {asked} counted; its use is not the sender's to see{mark}", soft_wrap=True)
    else:
        held = f", held {grouped(claim['held'])}" if claim["held"] not in (None, "0.00", "0") else ""
        sums = f"used {grouped(claim['used'])}{held}, left {grouped(claim['headroom'])}"
        console.print(f"claim  {asked} of {grouped(claim['ceiling'])}, {sums}{mark}", soft_wrap=True)
    ends = f"until {claim['window_ends'].replace('T', ' ')}" if claim["window_ends"] else "no end"
    kept = f"{claim['window']}, {ends}; kept by {claim['enforced_by']}; since {claim['since']}"
    console.print(Text(f"       {kept}; {claim['reference']} [{claim['confidence']}]", "dim"), soft_wrap=True)


def _advice(claim: Document) -> str:
    """Mark a rule that counts and never refuses, with what it would have done."""
    if claim["state"] == "active":
        return ""
    return " (advisory: would refuse)" if claim["would_refuse"] else " (advisory)"
