"""How `bayswitch explain` tells a decision to people: first the verdict and what it means for them, then why.

It prints the document that `--json` gives, in the order in which one asks: what happens, what would let it pass, what kind of
payment it is, which ways there are, what money moves, which limits count it. Decides nothing.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from limits.lanes import CORRIDOR, VENUE
from switch.cli.amounts import grouped, money
from switch.payment.greatest import TOO_SMALL

Document = Mapping[str, Any]
PERSON, ANALYST = "person", "analyst"
_ENGLISH = "en"


def tell(document: Document, language: str, audience: str | None = None) -> None:
    """Print a decision: for the person, for the analyst, or (None) for both; names of rules and lanes are their ids.

    What is printed from the document's keys is English data, so that another language has the analyst's text instead.
    """
    console = Console()
    texts, english = document["texts"][language], language == _ENGLISH
    if audience == ANALYST:  # begins with the status
        console.print(Text(texts[ANALYST]), soft_wrap=True)
    else:
        console.print(f"[bold]{document['status']}[/]", Text(texts[PERSON]), soft_wrap=True)
    if audience != ANALYST:
        _tell_remedies(console, document, language)
    if audience == PERSON:
        return
    if not english:
        if audience is None:
            console.print(Text(texts[ANALYST], "dim"), soft_wrap=True)
        return
    _tell_ground(console, document)


def _tell_ground(console: Console, document: Document) -> None:
    if reason := document["reason"]:
        console.print(Text(f"      {reason['code']} {reason['name']}: {reason['text']}", "dim"), soft_wrap=True)
    _tell_class(console, document)
    _tell_lanes(console, document)
    _tell_amounts(console, document)
    for claim in document["claims"]:
        _tell_claim(console, claim)
    for step in document["route"]:
        over = "".join(f"; not {item['rail']}: {item['why']}" for item in step["passed_over"])
        console.print(f"route  {step['role']}: {step['rail']}{over}", soft_wrap=True)


def _tell_remedies(console: Console, document: Document, language: str) -> None:
    """Print each change by itself, with what refuses the next smaller one."""
    for remedy in document["remedies"]:
        past = _past(remedy, document["reason"]["name"]) if language == _ENGLISH else ""
        short = f"({past}{remedy['binding']})" if remedy["binding"] else ""
        console.print("   •  ", Text(remedy["text"][language]), Text(short, "dim"), soft_wrap=True)


def _past(remedy: Document, reason: str) -> str:
    """Say where a change ends: past a greatest amount lies one unit more, past a least one unit less."""
    if remedy["at"]:
        return "a millisecond before: "
    return "one unit less: " if reason in TOO_SMALL else "one unit more: "


def _tell_class(console: Console, document: Document) -> None:
    found = document["classification"]
    if found:
        console.print(f"class  {found['rule']}  (RMB tag {found['rmb_tag'] or 'none'})")
        for entry in found["entries"]:
            line = f"{entry['economy']} {entry['side']}: {entry['item']} {_code(entry)} with {entry['counterpart']}"
            console.print(Text(f"       {line}"), soft_wrap=True)
        for name in ("spared", "needs"):
            if found[name]:
                console.print(Text(f"       {name}: {', '.join(found[name])}"), soft_wrap=True)
        for note in dict.fromkeys(entry["code_note"] for entry in found["entries"] if entry["code_note"]):
            console.print(Text(f"       * not verified: {note}", "dim"), soft_wrap=True)
        console.print(Text(f"       {found['reference']}", "dim"), soft_wrap=True)
    elif document["facts"]:
        console.print("class  none: no row of the classification knows these facts")
    for row in document["nearly"]:
        if _only_of_another_venue(row["failed"]):
            continue
        console.print(Text(f"       not {row['row']}: {row['failed']}", "dim"), soft_wrap=True)


def _code(entry: Document) -> str:
    return f"{entry['code'] or ''}{'*' if entry['code_note'] else ''}"


def _only_of_another_venue(failed: str) -> bool:
    """Whether a row's one failing condition is on the venue: it is about another scheme, and dozens are."""
    return failed.startswith("venue must ") and failed.count("; ") == 1


def _tell_lanes(console: Console, document: Document) -> None:
    found = document["classification"]
    if not found:
        return
    console.print(f"lane   {found['lane'] or 'none'}")
    others = {CORRIDOR: 0, VENUE: 0}  # not told one by one: there are dozens
    for lane in found["lanes"]:
        if lane["kind"] in others:
            others[lane["kind"]] += 1
            continue
        how = "open  " if lane["eligible"] else "closed"
        style = "" if lane["eligible"] else "dim"
        console.print(Text(f"       {how} {lane['lane']}: {lane['why']}", style), soft_wrap=True)
    if others[VENUE]:
        console.print(Text(f"       and {others[VENUE]} lanes of schemes that are named by another venue", "dim"))
    if others[CORRIDOR]:
        console.print(Text(f"       and {others[CORRIDOR]} lanes of other corridors", "dim"))
    facts = document["facts"]
    if facts["venue"] == "wealth-connect" and not facts["paired"]:
        console.print(Text("       register the pair of accounts first, at POST /v1/persons/pairs", "dim"))


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
