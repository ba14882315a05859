"""Who may pay whom for what, and over which lane: a table made by building facts and asking the law of the day.

Ordinary remittances first: corridor x purpose x debtor, with and without documents, to another and to oneself, in each
pair of currencies of the two places. Then each lane of a scheme that must be named (`venue`): the purposes it takes, of
whom. What has no lane stays in the table with the reason that is nearest. Headroom and hours are not looked at.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice, product
from typing import Any, NamedTuple

from limits.classification import classify
from limits.conditions import failing, holds
from limits.examine.sample import Clause, Domain, clauses, domain_of, solutions
from limits.facts import Profile
from limits.lanes import OpenLane, open_on
from limits.rules import Rulebook, RulesOfDay

Schemes = Mapping[
    tuple[str, str], frozenset[str]
]  # (country, kind of agent) -> schemes that some such agent has joined

CURRENCIES: Mapping[str, tuple[str, ...]] = {
    "HK": ("HKD", "CNY"), "MO": ("MOP", "HKD", "CNY"), "CN": ("CNY",), "TH": ("THB",),
}  # fmt: skip
_PERSON_IDS: Mapping[str, str] = {"HK": "HKID:HK", "MO": "BIR:MO", "CN": "PRCID:CN", "TH": "PASSPORT:TH"}
_FIRM_IDS: Mapping[str, str] = {"HK": "BRN:HK", "MO": "LEI:MO", "CN": "USCC:CN", "TH": "LEI:TH"}
_HOME = frozenset({"HK", "MO", "CN"})  # each corridor among these is told; another place's only where a lane leads


class Purpose(NamedTuple):
    """A representative purpose: whom such a payment goes to, and the documents that go with it."""

    code: str
    says: str
    creditor: str  # person | firm, or the sector of a firm
    documents: tuple[str, ...] = ()


# All of the mapping by purpose (facts 5.4), one row a code.
PURPOSES: tuple[Purpose, ...] = (
    Purpose("GDDS", "goods", "firm", ("invoice",)),
    Purpose("SUPP", "supplier", "firm", ("invoice",)),
    Purpose("TRAD", "trade services", "firm", ("invoice",)),
    Purpose("IVPT", "invoice payment", "firm", ("invoice",)),
    Purpose("SCVE", "services", "firm", ("contract",)),
    Purpose("GDSV", "goods and services", "firm", ("invoice",)),
    Purpose("ADCS", "advisory services", "firm", ("contract",)),
    Purpose("FEES", "fees", "firm", ("contract",)),
    Purpose("STDY", "study", "education", ("tuition-notice",)),
    Purpose("EDUC", "education", "education", ("tuition-notice",)),
    Purpose("MDCS", "medical services", "medical", ("medical-bill",)),
    Purpose("HSPC", "hospital care", "medical", ("medical-bill",)),
    Purpose("UBIL", "utility bill", "utility", ("utility-bill",)),
    Purpose("RENT", "rent", "person", ("contract",)),
    Purpose("SALA", "salary", "person", ("payroll",)),
    Purpose("GIFT", "gift", "person"),
    Purpose("ALLW", "allowance", "person"),
    Purpose("ACCT", "account transfer", "person"),
    Purpose("SAVG", "savings", "person"),
    Purpose("DIVD", "dividend", "person", ("tax-certificate",)),
    Purpose("INTE", "interest", "person", ("tax-certificate",)),
    Purpose("TAXS", "tax", "government", ("tax-certificate",)),
    Purpose("ROYA", "royalties", "firm", ("contract",)),
    Purpose("CHAR", "charity", "firm"),
    Purpose("INVS", "investment", "financial"),
    Purpose("SECU", "securities", "financial"),
    Purpose("HEDG", "hedging", "financial", ("contract",)),
    Purpose("CORT", "trade settlement", "financial"),
    Purpose("INTC", "intra-company", "firm"),
    Purpose("LOAN", "loan", "firm", ("contract",)),
    Purpose("LOAR", "loan repayment", "firm", ("contract",)),
    Purpose("TREA", "treasury", "firm"),
    Purpose("PENS", "pension", "person"),
    Purpose("SSBE", "social benefit", "person"),
    Purpose("PCOM", "home purchase", "firm", ("contract",)),
    Purpose("REFU", "refund", "firm"),
)
DEBTORS = ("hk-person", "macau-person", "mainland-person", "firm", "wallet-user")
_MEMBERSHIP = ("debtor_agent_schemes", "creditor_agent_schemes")
_FIXED = (
    "debtor_agent_country", "creditor_agent_country", "debtor_agent_kind", "debtor_kind", "debtor_id", "debtor_residency",
    "purpose_code", "venue", "same_name",
)  # fmt: skip
_ENTRANTS_MAX = 300  # facts tried for one cell of a scheme
_RESIDENTS = {"hk-person": "HK", "macau-person": "MO", "mainland-person": "CN"}


class Way(NamedTuple):
    """A lane that is open, and the currencies in which it is."""

    lane: str
    debit_currency: str
    settlement_currency: str


class Cell(NamedTuple):
    """One cell: whose payment, its class and the lanes open to it in legal order; or why none is."""

    origin: str
    destination: str
    venue: str  # "" = an ordinary remittance
    purpose: str
    debtor: str  # of DEBTORS
    same_name: bool
    documents: tuple[str, ...]
    classification: str | None
    lane: str | None  # the first
    ways: tuple[Way, ...]
    why: str  # "" where there is a lane
    besides: tuple[tuple[str, str], ...] = ()  # of a scheme: facts that the payment must have too, field and value


def corridors(rulebook: Rulebook, schemes: Schemes) -> list[tuple[str, str]]:
    """List the corridors of the table: all among Hong Kong, Macau and the mainland, of other places where a lane leads."""
    places = sorted({country for country, _ in schemes})
    led = {(way.origin, way.destination) for lane in rulebook.book.lanes for way in lane.corridors}
    return [(a, b) for a, b in product(places, places) if {a, b} <= _HOME or (a, b) in led]


def coverage(rulebook: Rulebook, day: date, schemes: Schemes, only: tuple[str, str] | None = None) -> list[Cell]:
    """Fill the table for a day among the places of `schemes`, who has joined what; `only` one corridor of them."""
    table = _Table(rulebook, day, schemes)
    ways = corridors(rulebook, schemes) if only is None else [only]
    return [cell for way in ways for cell in (*table.ordinary(*way), *table.named(*way))]


class _Table:
    """Fills cells of one day."""

    def __init__(self, rulebook: Rulebook, day: date, schemes: Schemes) -> None:
        self._rules: RulesOfDay = rulebook.on(day)
        self._tags = rulebook.book.tags
        self._schemes = schemes
        self._lanes: list[OpenLane] = [open_on(lane, day) for lane in rulebook.book.lanes]
        self._order = {lane.id: lane.order for lane in rulebook.book.lanes}
        self._corridors: dict[tuple[str, str], list[OpenLane]] = {}
        self._tested: dict[str, tuple[Clause, ...]] = {}
        for lane in rulebook.book.lanes:
            raw = rulebook.documents[f"lanes/{lane.id}.yaml"]
            row = next((n for n, row in enumerate(lane.values) if row.covers(day)), None)
            if row is not None and lane.active:
                both = (raw.get("when") or {}, raw["values"][row].get("when") or {})
                self._tested[lane.id] = tuple(clause for when in both for clause in clauses(lane.id, when))
        self._domain: Domain = domain_of(clause for tested in self._tested.values() for clause in tested)

    def ordinary(self, origin: str, destination: str) -> Iterator[Cell]:
        """Fill the cells of a corridor for payments that name no scheme."""
        for purpose, debtor in product(PURPOSES, DEBTORS):
            papers = ((), purpose.documents) if purpose.documents else ((),)
            for same_name, documents in product((False, True), papers):
                profile = self._profile(origin, destination, purpose, debtor, same_name, documents)
                yield self._cell(profile, purpose.code, debtor)

    def _cell(self, profile: Profile, purpose: str, debtor: str) -> Cell:
        origin, destination = profile.debtor_agent_country, profile.creditor_agent_country
        pairs = [*product(CURRENCIES.get(origin, ()), CURRENCIES.get(destination, ()))]
        priced = [
            profile._replace(debit_currency=debit, instructed_currency=debit, settlement_currency=settlement)
            for debit, settlement in pairs
        ]
        here = self._here(origin, destination)
        ways = [
            Way(lane.id, each.debit_currency, each.settlement_currency)
            for each in priced
            if any(
                holds(lane.when, each) for lane in here
            )  # the law is asked only where it may say yes: it says why, too
            for lane in self._rules.judge(each).eligible
        ]
        ways.sort(key=lambda way: self._order[way.lane])
        found = self._rules.judge(priced[0]).classification
        why = "" if ways else self._nearest(priced)
        if found is None:
            why = "no classification row takes these facts"
        if (origin, profile.debtor_agent_kind) not in self._schemes:
            why = f"no {profile.debtor_agent_kind} takes part in {origin}"
        lane = ways[0].lane if ways and not why else None
        return Cell(
            origin, destination, profile.venue, purpose, debtor, profile.same_name, tuple(sorted(profile.documents)),
            found.rule if found else None, lane, tuple(ways) if lane else (), why,
        )  # fmt: skip

    def _nearest(self, priced: list[Profile]) -> str:
        """Say what keeps the lane shut that has the fewest conditions against these facts."""
        found: list[tuple[int, int, str]] = []
        here = self._here(priced[0].debtor_agent_country, priced[0].creditor_agent_country)
        for lane, profile in product(here, priced):
            missing = [condition for condition in lane.when if not condition.test(profile)]
            why = lane.closed or failing(tuple(missing), profile)
            found.append((len(missing) + bool(lane.closed), lane.document.order, f"{lane.document.id}: {why}"))
        return min(found)[2] if found else "no lane leads there"

    def _here(self, origin: str, destination: str) -> list[OpenLane]:
        """List the lanes that lead from one place to another, shut ones too; looked up once a corridor."""
        found = self._corridors.get((origin, destination))
        if found is None:
            way = (origin, destination)
            found = self._corridors[way] = [
                lane for lane in self._lanes if way in {(c.origin, c.destination) for c in lane.document.corridors}
            ]
        return found

    def named(self, origin: str, destination: str) -> Iterator[Cell]:
        """Fill one cell for each lane that must be named, purpose it takes and debtor who may enter it."""
        for lane in self._here(origin, destination):
            tested = self._tested.get(lane.document.id, ())
            venues = [value for clause in tested for field, value in clause.mentioned if field == "venue" and value]
            if not venues:
                continue
            for debtor in DEBTORS:
                cells = [self._entered(lane, venues[0], origin, destination, each, debtor) for each in PURPOSES]
                opened = [cell for cell in cells if cell is not None]
                yield from opened
                if not opened:
                    why = f"{lane.document.id}: {self._shut_out(lane, venues[0], origin, destination, debtor)}"
                    yield Cell(origin, destination, venues[0], "any", debtor, False, (), None, None, (), why)

    def _entered(
        self, lane: OpenLane, venue: str, origin: str, destination: str, purpose: Purpose, debtor: str,
        fixed: tuple[str, ...] = (*_FIXED, *_MEMBERSHIP),
    ) -> Cell | None:  # fmt: skip
        """Find facts of a debtor of that kind that open a lane for a purpose and are classified; None where none do."""
        for same_name in (False, True):
            start = self._profile(origin, destination, purpose, debtor, same_name, ())._replace(venue=venue)
            if (origin, start.debtor_agent_kind) not in self._schemes:
                continue
            entrants = solutions(self._tested[lane.document.id], self._domain, start, fixed)
            for profile in islice(entrants, _ENTRANTS_MAX):
                if classify(self._rules.rows, self._tags, self._rules.day, profile) is None:
                    continue
                judged = self._rules.judge(profile)
                assert judged.classification is not None and lane.document.id in {each.id for each in judged.eligible}
                way = Way(lane.document.id, profile.debit_currency, profile.settlement_currency)
                return Cell(
                    origin, destination, venue, purpose.code, debtor, same_name, tuple(sorted(profile.documents)),
                    judged.classification.rule, lane.document.id, (way,), "", _besides(start, profile),
                )  # fmt: skip
        return None

    def _shut_out(self, lane: OpenLane, venue: str, origin: str, destination: str, debtor: str) -> str:
        kind = "svf" if debtor == "wallet-user" else "bank"
        if (origin, kind) not in self._schemes:
            return f"no {kind} takes part in {origin}"
        joined = (self._entered(lane, venue, origin, destination, each, debtor, _FIXED) for each in PURPOSES)
        if any(cell is not None for cell in joined):
            return f"no participant of {origin} and {destination} has joined the scheme by this day"
        return f"a {debtor} cannot enter it"

    def _profile(
        self, origin: str, destination: str, purpose: Purpose, debtor: str, same_name: bool, documents: tuple[str, ...]
    ) -> Profile:
        """Build the facts of a cell: everybody lives where their document is from, firms where their agent is."""
        firm, kind = debtor == "firm", "svf" if debtor == "wallet-user" else "bank"
        home = _RESIDENTS.get(debtor, origin)
        debtor_id = (_FIRM_IDS if firm else _PERSON_IDS)[home]
        debtor_sector = "corporation" if firm else "household"
        to_firm = purpose.creditor != "person"
        creditor = (
            "firm" if to_firm else "person", destination, (_FIRM_IDS if to_firm else _PERSON_IDS)[destination],
            "household" if not to_firm else "corporation" if purpose.creditor == "firm" else purpose.creditor,
        )  # fmt: skip
        if same_name:
            creditor = ("firm" if firm else "person", home, debtor_id, debtor_sector)
        return Profile(
            origin, destination, kind, "bank", self._schemes.get((origin, kind), frozenset()),
            self._schemes.get((destination, "bank"), frozenset()), "firm" if firm else "person", creditor[0],
            home, creditor[1], debtor_sector, creditor[3], debtor_id, creditor[2], same_name, purpose.code, "",
            frozenset(documents), "", CURRENCIES[origin][0], CURRENCIES[origin][0], CURRENCIES[destination][0],
        )  # fmt: skip


def _besides(start: Profile, profile: Profile) -> tuple[tuple[str, str], ...]:
    """Name the facts in which a payment differs from the ordinary one of its cell."""
    found = []
    for field, before, now in zip(Profile._fields, start, profile, strict=True):
        if now != before and not field.endswith("_currency"):
            found.append((field, ", ".join(sorted(now)) if isinstance(now, frozenset) else str(now)))
    return tuple(found)


def document_of(cell: Cell) -> dict[str, Any]:
    """Write a cell for programs."""
    return {
        "corridor": f"{cell.origin}-{cell.destination}", "venue": cell.venue or None, "purpose": cell.purpose,
        "debtor": cell.debtor, "same_name": cell.same_name, "documents": list(cell.documents),
        "class": cell.classification, "lane": cell.lane, "ways": [way._asdict() for way in cell.ways],
        "why": cell.why or None, "besides": dict(cell.besides),
    }  # fmt: skip
