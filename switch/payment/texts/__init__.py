"""What a decision says to people: one text for the person, one for the analyst, in English, 繁體 and 简体.

The sentences are ours and lie beside this, one YAML a language, with the same placeholders in each. Rules are named by
their id: their own sentences are English data. Not here: the sentence of a refusal in an ISO answer (payment.reasons).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from string import Formatter
from typing import Any, NamedTuple

import yaml

from limits.calendars import LAW_ZONE
from limits.values import ACTIVE, USE
from switch.payment.plan import Refusal
from switch.payment.remedy import AMOUNT, DOCUMENT, INSTANT, LANE, MENDABLE, Remedy

DEFAULT = "en"
LANGUAGES = (DEFAULT, "zh-Hant", "zh-Hans")
_MONEY = re.compile(r"([A-Z]{3}) (-?)(\d+)((?:\.\d+)?)")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d\S*")
_CODES: Mapping[str, str] = {}  # the analyst reads amounts by their code

Sentence = tuple[tuple[str, str], ...]  # (literal, placeholder or "") in turn


class Words(NamedTuple):
    """The words of one language: sentences cut at their placeholders once, and what fills some of them."""

    person: Mapping[str, Sentence]  # "remedy.amount" for one within another
    analyst: Mapping[str, Sentence]
    reasons: Mapping[str, Sentence]
    windows: Mapping[str, str]
    enforcers: Mapping[str, str]
    documents: Mapping[str, str]
    schemes: Mapping[str, str]
    money: Mapping[str, str]
    instant: str
    space: str
    comma: str
    alternatively: str  # between changes of which one is enough


def read_document(language: str) -> dict[str, Any]:
    """Read the packaged document of a language; one of LANGUAGES."""
    document = yaml.load(files(__name__).joinpath(f"{language}.yaml").read_text("utf-8"), yaml.CSafeLoader)
    assert isinstance(document, dict)
    return document


@cache
def words(language: str) -> Words:
    """Return the words of a language, read once; one of LANGUAGES."""
    document = read_document(language)
    person, analyst, reasons = (sentences(document.pop(name)) for name in ("person", "analyst", "reasons"))
    return Words(person=person, analyst=analyst, reasons=reasons, **document)


def sentences(group: Mapping[str, Any], prefix: str = "") -> dict[str, Sentence]:
    """Cut sentences at their placeholders; a mapping within is named "outer.inner"."""
    found: dict[str, Sentence] = {}
    for name, text in group.items():
        if isinstance(text, Mapping):
            found |= sentences(text, f"{prefix}{name}.")
        else:
            found[prefix + name] = tuple((literal, field or "") for literal, field, _, _ in Formatter().parse(text))
    return found


def verdict_texts(
    document: Mapping[str, Any], refusal: Refusal | None, remedies: Sequence[Remedy]
) -> dict[str, dict[str, str]]:
    """Write the texts of an explained decision (payment.explain's document): language -> person, analyst."""
    claims = [(claim, _claim_detail(claim)) for claim in document["claims"]]
    binding = tightest(document["claims"])
    found = {}
    for language in LANGUAGES:
        said = words(language)
        person = _accepted(said, document, binding) if refusal is None else _refused(said, refusal, remedies)
        analyst = [*_verdict(said, document, refusal), *_class(said, document)]
        analyst += [_claim(said, claim, detail) for claim, detail in claims]
        if binding is not None:
            analyst.append(_filled(said.analyst["binds"], {"rule": binding["rule"]}))
        analyst += [_remedy(said, said.analyst, _CODES, remedy) for remedy in remedies]
        if refusal is not None and not remedies and refusal.reason in MENDABLE:
            analyst.append(_filled(said.analyst["no_remedy"], {}))
        found[language] = {"person": said.space.join(person), "analyst": said.space.join(analyst)}
    return found


def remedy_texts(remedy: Remedy) -> dict[str, str]:
    """Write one change that would let a payment pass, to the person: language -> sentence."""
    texts = {}
    for language in LANGUAGES:
        said = words(language)
        text = _remedy(said, said.person, said.money, remedy)
        texts[language] = text[:1].upper() + text[1:]
    return texts


# --- the person ---


def _accepted(said: Words, document: Mapping[str, Any], binding: Mapping[str, Any] | None) -> list[str]:
    def money(amount: Mapping[str, str]) -> str:
        return _amount(f"{amount['currency']} {amount['amount']}", said.money)

    moved = {"debit": money(document["debit_amount"]), "settlement": money(document["settlement_amount"])}
    waits = document["queued_until"]
    if waits is not None:
        moved["opens_at"] = _at(said, datetime.fromisoformat(waits))
    parts = [_filled(said.person["accepted" if waits is None else "queued"], moved)]
    if document["charge"]:
        parts.append(_filled(said.person["charge"], {"charge": money(document["charge"])}))
    if document["exchange"]:
        parts.append(_filled(said.person["rate"], {"rate": document["exchange"]["exchange_rate"]}))
    if binding is not None:
        left = str(Decimal(binding["headroom"]) - Decimal(binding["claimed"]))
        detail = {
            "left": _amount(_in_unit(left, binding), said.money),
            "ceiling": _amount(_in_unit(binding["ceiling"], binding), said.money),
            "window_words": said.windows.get(binding["window"], ""),
        }
        parts.append(_filled(said.person["left"], detail))
    return parts


def _refused(said: Words, refusal: Refusal, remedies: Sequence[Remedy]) -> list[str]:
    parts = [_filled(said.reasons[refusal.reason], _spoken(said, said.money, refusal))]
    if remedies:
        changes = said.alternatively.join(_remedy(said, said.person, said.money, remedy) for remedy in remedies)
        parts.append(_filled(said.person["remedies"], {"remedies": changes}))
    elif refusal.reason in MENDABLE:
        parts.append(_filled(said.person["no_remedy"], {}))
    return parts


def _remedy(said: Words, group: Mapping[str, Sentence], money: Mapping[str, str], remedy: Remedy) -> str:
    kind, detail = remedy.kind, {"binding": remedy.binding}
    if kind == AMOUNT:
        detail |= {"amount": _amount(str(remedy.amount), money), "difference": _amount(str(remedy.difference), money)}
        kind = "more" if remedy.more else AMOUNT
    elif kind == INSTANT:
        assert remedy.at is not None
        detail["at"] = _at(said, remedy.at)
    elif kind == DOCUMENT:
        detail["document"] = said.documents.get(remedy.subject, remedy.subject)
    elif kind == LANE:
        detail |= {"lane": remedy.subject, "scheme": said.schemes.get(remedy.scheme, remedy.scheme)}
    return _filled(group[f"remedy.{kind}"], detail)


# --- the analyst ---


def _verdict(said: Words, document: Mapping[str, Any], refusal: Refusal | None) -> list[str]:
    """Write the verdict, and of a refusal what its detail says: rule, opening, field, whether its value is assumed."""
    if refusal is None and document["queued_until"] is not None:
        opens_at = _at(said, datetime.fromisoformat(document["queued_until"]))
        return [_filled(said.analyst["queued"], {"status": document["status"], "opens_at": opens_at})]
    if refusal is None:
        return [_filled(said.analyst["accepted"], document)]
    reason, detail = document["reason"], _spoken(said, _CODES, refusal)
    parts = [_filled(said.analyst["refused"], {"status": document["status"], **reason})]
    if "ceiling" in detail:
        parts.append(_filled(said.analyst["rule"], detail))
    if "opens_at" in detail:
        who = detail.get("lane") or detail.get("rail") or "—"
        parts.append(_filled(said.analyst["opens"], {"who": who, "opens_at": detail["opens_at"]}))
    if refusal.field:
        parts.append(_filled(said.analyst["field"], {"field": refusal.field}))
    if refusal.detail.get("assumed"):
        parts.append(_filled(said.analyst["assumed"], {}))
    return parts


def _class(said: Words, document: Mapping[str, Any]) -> list[str]:
    found = document["classification"]
    if not found:
        return [_filled(said.analyst["unclassified"], {})] if document["facts"] else []
    detail = {"class": found["rule"], "tag": found["rmb_tag"] or "—", "source": found["reference"]}
    parts = [_filled(said.analyst["class"], detail)]
    if found["lane"]:
        route = said.comma.join([step["rail"] for step in document["route"]])
        parts.append(_filled(said.analyst["lane"], {"lane": found["lane"], "route": route}))
    return parts


def _claim(said: Words, claim: Mapping[str, Any], detail: dict[str, str]) -> str:
    detail["window_words"] = said.windows.get(claim["window"], "")
    detail["enforced_by"] = said.enforcers.get(claim["enforced_by"], claim["enforced_by"])
    unseen = claim["used"] is None or claim["ceiling"] is None
    return _filled(said.analyst["unseen" if unseen else "claim"], detail)


def _claim_detail(claim: Mapping[str, Any]) -> dict[str, str]:
    """Return what of a claim reads alike in each language."""
    detail = {
        name: _amount(_in_unit(claim[name], claim), _CODES)
        for name in ("claimed", "ceiling", "used", "held", "headroom")
        if claim[name] is not None
    }
    return detail | {
        "rule": claim["rule"],
        "since": claim["since"],
        "source": claim["reference"],
        "confidence": claim["confidence"],
    }


def tightest(claims: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the claim under which the payment fits the fewest times, of those that may refuse and show their headroom."""
    binding = [claim for claim in claims if claim["headroom"] is not None and claim["state"] == ACTIVE]
    shown = [claim for claim in binding if Decimal(claim["claimed"]) > 0]
    if len(shown) < 2:
        return shown[0] if shown else None
    return min(shown, key=lambda claim: (Decimal(claim["headroom"]) / Decimal(claim["claimed"]), claim["rule"]))


# --- filling ---


def _filled(sentence: Sentence, detail: Mapping[str, Any]) -> str:
    """Fill a sentence; what is not known is a dash."""
    return "".join([literal + (detail.get(field, "—") if field else "") for literal, field in sentence])


def _spoken(said: Words, money: Mapping[str, str], refusal: Refusal) -> dict[str, str]:
    """Return a refusal's detail as it is said: amounts and instants as the language writes them."""
    given = refusal.detail
    detail = {name: _at_or_as_is(said, _amount(value, money)) for name, value in given.items() if value}
    return {"field": refusal.field} | detail | {"window_words": said.windows.get(given.get("window", ""), "")}


def _amount(text: str, money: Mapping[str, str]) -> str:
    """Write "HKD 1250.00" with its thousands apart, as the language writes its currency; anything else as it is."""
    found = _parted(text)
    if found is None:
        return text
    currency, number = found
    form = money.get(currency)
    return form.replace("{amount}", number) if form is not None else f"{currency} {number}"


@lru_cache(4_096)  # each is written in all languages, and ceilings again and again
def _parted(text: str) -> tuple[str, str] | None:
    """Part an amount into its currency and its number with thousands apart; None where it is none."""
    found = _MONEY.fullmatch(text)
    if found is None:
        return None
    currency, sign, whole, fraction = found.groups()
    return currency, f"{sign}{int(whole):,}{fraction}"


def _at_or_as_is(said: Words, text: str) -> str:
    return _at(said, datetime.fromisoformat(text)) if _INSTANT.fullmatch(text) else text


def _at(said: Words, at: datetime) -> str:
    local = at.astimezone(LAW_ZONE)
    whole = not (local.second or local.microsecond)
    time = f"{local:%H:%M}" if whole else f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"
    return said.instant.format(year=local.year, month=local.month, day=local.day, time=time)


def _in_unit(amount: str, claim: Mapping[str, Any]) -> str:
    return amount if claim["currency"] == USE else f"{claim['currency']} {amount}"
