"""Steps of the life after acceptance: waiting for an opening, doubt, recalls and returns; who takes part, where proxies lead."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from own_law import POSTED, Wrong
from simulated_traffic import PAYEE, a_mobile, an_account

from fx.money import Money
from rails.book import Entry
from rails.faults import FROM_RAIL, NO_FAULTS, TO_RAIL, FaultRule, Faults
from rails.hours import Closure
from rails.port import CREDITED, SETTLED, RailUnavailable
from rails.recall_book import Unasked
from switch.dictation import NotAllowed
from switch.directory import changes
from switch.directory.changes import Conflict, Holder, ProxyAt
from switch.directory.directory import Directory
from switch.directory.entries import ACTIVE, SUSPENDED, Record
from switch.directory.lookups import Asked
from switch.flow.decisions import NotRecalled, OtherwiseProposed
from switch.flow.directory_books import DIRECTORY
from switch.flow.doubt_books import ABOUT_PAYMENT, RESOLUTIONS
from switch.flow.ports import Stored
from switch.flow.recalls import RecallAsk
from switch.flow.world import closures_fact
from switch.participants.states import state_fact
from switch.payment.recalling import terms

if TYPE_CHECKING:
    from simulation import Simulation as Life

OPERATORS = ("alice", "bob", "carol")
AGENTS = ("HBAYHKH0", "LIONHKH0", "PEARCNG0", "BANYCNS0", "YUEXCNG0", "LOTUMOM0")
PROXY_AGENTS = ("PEARCNG0", "BANYCNS0")
RULES = (
    FaultRule(direction=TO_RAIL, lost=4_000, duplicated=4_000), FaultRule(direction=TO_RAIL, reordered=6_000),
    FaultRule(direction=FROM_RAIL, lost=4_000, duplicated=6_000), FaultRule(direction=FROM_RAIL, reordered=8_000),
    FaultRule(direction=FROM_RAIL, latency_ms=(1_000, 5_000, 20_000, 40_000, 90_000)), FaultRule(late=5_000),
    FaultRule(rejected=5_000, reason_code="AC06"), FaultRule(wrong_amount=7_000), FaultRule(wrong_amount=7_000, wrong_by_minor=-100),
    FaultRule(clock_skew_ms=7_000), FaultRule(clock_skew_ms=-60_000), FaultRule(participant="PEARCNG0", outage=True),
    FaultRule(direction=FROM_RAIL, outage=True), FaultRule(direction=TO_RAIL, outage=True),
    FaultRule(slow_start_seconds=600, slow_start_percent=2_000), FaultRule(participant="HBAYHKH0", lost=7_000),
)  # fmt: skip


class RecallRequest(NamedTuple):
    """What a client asked back, and keeps to ask again."""

    payment_id: str
    participant: str
    key: str
    ask: RecallAsk


# --- those that wait for an opening ---


async def release(life: "Life") -> str:
    return str(await life.worker.release())


async def cancel(life: "Life") -> str:
    waiting = await _those(life, {"queued"})
    if not waiting:
        return "nothing"
    stored = life.chance.choice(waiting)
    gone = await life.sandbox.cancel(stored.payment_id, stored.participant)
    life.gave_back_at = life.machine.now
    return f"{stored.payment_id} {'gone' if gone else 'too late'}"


async def _those(life: "Life", statuses: set[str]) -> list[Stored]:
    return [stored for stored in await life.memory.payments(None, None, 10_000) if stored.status in statuses]


# --- recalls and returns ---


async def recall(life: "Life") -> str:
    """A client asks for money back: all or part or too much, once or twice under a key, of a payment that may not be settled."""
    if life.recalls and life.chance.random() < 0.25:
        request = life.chance.choice(life.recalls)
        if life.chance.random() < 0.3:
            request = request._replace(ask=request.ask._replace(text="another text"))
        return await ask_back(life, request)
    paid = await _those(
        life, POSTED if life.chance.random() < 0.95 else {"accepted", "submitted", "in_doubt", "rejected", "queued"}
    )
    if not paid:
        return "nothing"
    stored = life.chance.choice(paid)
    reversal = life.chance.random() < 0.2
    reason = life.chance.choice(("DUPL", "TECH") if reversal else tuple(terms().recall))
    whole = stored.settlement_minor
    minor = life.chance.choice((None, None, whole, whole // 2, whole // 3, whole + 1, 0))
    amount = None if minor is None else Money(minor, stored.settlement_currency or "CNY")
    ask = RecallAsk(reason, amount, "asked back", reversal)
    life.recalls.append(RecallRequest(stored.payment_id, stored.participant, f"recall-{len(life.recalls)}", ask))
    return await ask_back(life, life.recalls[-1])


async def ask_back(life: "Life", request: RecallRequest) -> str:
    """Ask, and let the auditor compare."""
    await life.own.read(life.memory)
    stored = await life.memory.payment(request.payment_id)
    assert stored is not None
    status, before = life.own.status(request.payment_id), life.own.returns.under_way(request.payment_id)
    life.own.returns.asking(request.payment_id, request.ask)
    opened = await life.sandbox.recall(request.payment_id, request.participant, request.key, request.ask)
    await life.own.read(life.memory)
    life.own.returns.asked(stored, request.key, request.ask, status, before, opened)
    said = opened.refused.name if opened.refused else "replayed" if opened.replayed else "asked"
    life.fates[f"recall {said}"] += 1
    return f"{request.payment_id} {said}"


async def recall_step(life: "Life") -> str:
    done = await life.worker.recalls.step()
    life.gave_back_at = life.machine.now if done else life.gave_back_at
    return str(done)


async def release_return(life: "Life") -> str:
    held = await life.memory.returns_in("suspended", None, 100)
    if not held:
        return "nothing"
    stored, to_creditor = life.chance.choice(held), life.chance.random() < 0.3
    done = await life.sandbox.release_return(stored, to_creditor)
    life.gave_back_at = life.machine.now
    return f"{stored.return_id} {done.state if done else 'no way'}"


async def give_back_oddly(life: "Life") -> str:
    """A creditor agent gives back by itself: all, a part, more than it got, or another currency."""
    rail: Any = life.chance.choice(list(life.world.rails.values()))
    paid = [entry for entry in life.standing(rail.capabilities.rail).values() if entry.outcome in (SETTLED, CREDITED)]
    if not paid:
        return "nothing"
    entry = life.chance.choice(paid)
    amount = life.chance.choice(
        (entry.amount_minor, entry.amount_minor, entry.amount_minor // 2 + 1, entry.amount_minor + 1)
    )
    currency = entry.currency if life.chance.random() < 0.9 else "MOP"
    at = max(life.clock.now(), entry.final_at) + timedelta(seconds=life.chance.choice((0, 1, 600)))
    return_id = f"{life.chance.getrandbits(32):08x}-0000-4000-9000-{len(life.log):012x}"
    reason = life.chance.choice(("AC04", "CUST", "DS28", "MS03"))
    unasked = Unasked(return_id, entry.uetr, entry.leg, amount, currency, reason, at)
    await life.books[rail.capabilities.rail].recalls.remember([], [unasked])
    return f"{rail.capabilities.rail} {amount} {currency} of {entry.amount_minor} {entry.currency}"


# --- doubt ---


async def operate(life: "Life") -> str:
    """An operator proposes to end or honour a payment in doubt, or confirms what another one proposed; some disagree."""
    doubtful = await _those(life, {"in_doubt"})
    if not doubtful:
        return "nothing"
    stored, operator = life.chance.choice(doubtful), life.chance.choice(OPERATORS)
    begun = {each.payment_id for each in await life.memory.proposals(None) if each.outcome == "open"}
    half_way = [each for each in doubtful if each.payment_id in begun]
    if half_way and life.chance.random() < 0.7:
        stored = life.chance.choice(half_way)
    open_ones = [each for each in await life.memory.proposals(stored.payment_id) if each.subject == ABOUT_PAYMENT]
    event = life.chance.choice(("reject", "reject", "settle"))
    if open_ones and life.chance.random() < 0.8:
        event = open_ones[-1].action
    return await _propose(life, stored, ABOUT_PAYMENT, event, operator)


async def resolve(life: "Life") -> str:
    records = await life.memory.exceptions(None)
    if not records:
        return "nothing"
    record, operator = life.chance.choice(records), life.chance.choice(OPERATORS)
    stored = await life.memory.payment(record.payment_id)
    assert stored is not None
    return await _propose(life, stored, record.kind, life.chance.choice(RESOLUTIONS[:2]), operator)


async def _propose(life: "Life", stored: Stored, about: str, action: str, operator: str) -> str:
    desk, payment_id = life.sandbox.decisions, stored.payment_id
    life.own.operators.said((payment_id, about), action, operator, life.clock.now())
    try:
        if about == ABOUT_PAYMENT:
            found = await desk.on_payment(stored, action, operator, "as the rail's log shows")
        else:
            found = await desk.on_exception(payment_id, about, action, operator, "as the rail's log shows")
    except NotRecalled:
        return f"{operator}: {action} {payment_id}, nothing was recalled"
    except OtherwiseProposed:
        life.fates["operators disagree"] += 1
        return f"{operator}: {action} {payment_id}, another wants otherwise"
    life.fates[f"proposal {found.outcome}"] += 1
    life.fates["proposal lapsed"] += any(each.outcome == "lapsed" for each in await life.memory.proposals(payment_id))
    life.gave_back_at = life.machine.now
    return f"{operator}: {action} {payment_id} {about} {found.outcome}"


async def dictate(life: "Life") -> str:
    """A state is set through the rail that would do it."""
    payments = await _those(life, {"queued", "accepted", "submitted", "in_doubt", "settled", "credited"})
    if not payments:
        return "nothing"
    stored = life.chance.choice(payments)
    state = life.chance.choice(("settled", "credited", "rejected", "in_doubt", "cancelled", "returned", "blocked"))
    try:
        await life.sandbox.dictation.set_state(stored, state)
    except (NotAllowed, RailUnavailable):
        return f"{stored.status} does not become {state}"
    if state not in ("cancelled", "returned"):
        life.own.dictated.add(stored.payment_id)
    life.fates[f"set {state}"] += 1
    life.gave_back_at = life.machine.now
    return f"{stored.payment_id} {stored.status} to {state}"


async def fault(life: "Life") -> str:
    rail: Any = life.chance.choice(list(life.world.rails.values()))
    now = life.clock.now()
    rules = tuple(rule._replace(since=now) for rule in life.chance.sample(RULES, life.chance.choice((1, 1, 2))))
    rail.inner.faults = life.chance.choice(
        (
            NO_FAULTS, NO_FAULTS, Faults(outage=True), Faults(lost_reports=5_000), Faults(repeated_reports=8_000),
            Faults(delay_percent=500), Faults(rules=rules), Faults(rules=rules), Faults(rules=rules),
        )
    )  # fmt: skip
    life.fates["rules in force"] += bool(rail.inner.faults.rules)
    return f"{rail.capabilities.rail} {rail.inner.faults}"


# --- who takes part ---


async def participant(life: "Life") -> str:
    """An agent is suspended or offline, wholly or on a rail, or back; this worker hears of it, or another one did it."""
    await life.own.read(life.memory)
    barred = [place for place, state in life.own.members.states.items() if state != "active"]
    if barred and life.chance.random() < 0.75:
        (bic, rail), state = life.chance.choice(barred), "active"
    else:
        bic, state = life.chance.choice(AGENTS), life.chance.choice(("suspended", "offline"))
        rail = life.chance.choice(("", "", *life.world.registry.participants[bic].rails))
    life.own.members.states[bic, rail] = state
    await _told(life, state_fact(bic, rail, state))
    life.fates[f"agent {state}"] += 1
    return f"{bic} {state} {rail}"


async def close_rail(life: "Life") -> str:
    shut = [name for name, each in life.world.rails.items() if each.closures]
    rail = life.chance.choice(shut if shut and life.chance.random() < 0.7 else list(life.world.rails))
    start = life.clock.now().replace(second=0, microsecond=0)
    hours = life.chance.choice((0.5, 6, None))
    closure = Closure(start, None if hours is None else start + timedelta(hours=hours), "maintenance")
    closures = () if life.world.rails[rail].closures or life.chance.random() < 0.3 else (closure,)
    await _told(life, closures_fact(rail, closures))
    life.fates["rail closed"] += bool(closures)
    return f"{rail} {closures}"


async def _told(life: "Life", fact: dict[str, str]) -> None:
    await life.memory.advance(fact)
    if life.chance.random() < 0.7:
        await life.worker.refresh()


async def proxy(life: "Life") -> str:
    """A proxy is registered, moved, suspended, released or taken away; the auditor keeps where it leads."""
    await life.own.read(life.memory)
    phone, agent = a_mobile(life.chance.randrange(3)), life.chance.choice(PROXY_AGENTS)
    at = ProxyAt("MBNO", phone, agent, "CN")
    own, place = life.own.members.proxies, ("MBNO", phone, agent)
    what = life.chance.choice(("register", "register", "move", "move", "suspend", "suspend", "release", "deregister"))
    account = an_account(life.chance.randrange(3))
    other = next(each for each in PROXY_AGENTS if each != agent)

    def make(directory: Directory, generation: int) -> list[Record]:
        match what:
            case "register":
                return changes.register(directory, at, Holder(account, PAYEE), None, generation)
            case "move":
                return changes.move(directory, at, at._replace(agent=other), Holder(account, PAYEE), generation, True)
            case "suspend" | "release":
                return changes.set_status(directory, at, SUSPENDED if what == "suspend" else ACTIVE)
        return changes.deregister(directory, at)

    before, revision = dict(own), (await life.memory.world()).get(DIRECTORY)
    if what == "register":
        own.setdefault(place, (account, True))
    elif what in ("suspend", "release") and place in own:
        own[place] = own[place][0], what == "release"
    elif what == "move" and place in own:
        own["MBNO", phone, other] = account, True
        del own[place]
    elif what == "deregister":
        own.pop(place, None)
    try:
        changed = await life.directory.change(make)
    except Conflict as conflict:
        return f"{what} {phone} at {agent}: {conflict}"
    finally:
        if (await life.memory.world()).get(DIRECTORY) == revision:  # nothing has come of it
            own.clear()
            own.update(before)
    life.fates[f"proxy {what}"] += changed
    return f"{what} {phone} at {agent}: {changed}"


async def look_up(life: "Life") -> str:
    """A look-up finds what the auditor has on its list, and nothing else."""
    if life.world.generation != await life.memory.generation():
        await life.worker.refresh()
    phone, agent = a_mobile(life.chance.randrange(3)), life.chance.choice(PROXY_AGENTS)
    account, active = life.own.members.proxies.get(("MBNO", phone, agent), ("", False))
    finding = life.sandbox.lookups.look_up(Asked(agent, ("MBNO", phone), name=PAYEE), None).finding
    found = finding.entry.account if finding.verified and finding.entry else ""
    if found != (account if active else ""):
        raise Wrong(f"{phone} at {agent} is found as {found or finding.reason}, registered as {account, active}")
    life.fates["look-up found" if found else "look-up found nothing"] += 1
    return f"{phone} at {agent}: {found or finding.reason}"


async def weigh(life: "Life") -> str:
    await life.own.weigh(life.memory)
    return "held"


def money_of(entry: Entry) -> Money:
    """Return what an entry is about."""
    return Money(entry.amount_minor, entry.currency)


STEPS: Mapping[str, Callable[["Life"], Awaitable[str]]] = {
    "release": release, "cancel": cancel, "recall": recall, "recall_step": recall_step, "release_return": release_return,
    "give_back": give_back_oddly, "operate": operate, "resolve": resolve, "dictate": dictate, "fault": fault,
    "participant": participant, "close_rail": close_rail, "proxy": proxy, "look_up": look_up, "weigh": weigh,
}  # fmt: skip
WEIGHTS = {
    "release": 5, "cancel": 1, "recall": 6, "recall_step": 8, "release_return": 3, "give_back": 2, "operate": 9, "resolve": 2,
    "dictate": 3, "fault": 2, "participant": 2, "close_rail": 1, "proxy": 4, "look_up": 2, "weigh": 2,
}  # fmt: skip
