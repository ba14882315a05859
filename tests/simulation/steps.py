"""What clients, loops and chance do to a simulated world: one function a step, in the words of the log. The rest is in later_steps."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import later_steps
from own_law import Wrong
from simulated_traffic import an_instruction
from troubled import CALLERS, TROUBLES

from fx.money import Money
from fx.quotes import Quote
from switch.flow.ports import StoreUnavailable
from switch.flow.submission import Submission
from switch.payment.instruction import Instruction
from switch.payment.reasons import problem
from switch.sandbox import InFlight

if TYPE_CHECKING:
    from simulation import Simulation as Life

BOARD_SECONDS = 1.0  # how long the closed board may refuse on what is no longer so (design 3)


class Request(NamedTuple):
    """What a client sent, and keeps to send again."""

    instruction: Instruction
    participant: str
    key: str


async def arrive(life: "Life") -> str:
    for _ in range(life.chance.choice((1, 1, 2, 5))):
        submit(life, _new(life))
    return f"{len(life.worker.intake.alone)} waiting"


def _new(life: "Life") -> Request:
    instruction = an_instruction(life.chance, life.seed, len(life.requests), life.quotes)
    participant = instruction.debtor_agent[:8]
    if life.chance.random() < 0.02:
        participant = "PEAKHKH0"
    request = Request(instruction, participant, f"key-{len(life.requests)}")
    life.requests.append(request)
    return request


def submit(life: "Life", request: Request) -> Submission | None:
    try:
        submission = life.sandbox.submission(request.instruction, request.participant, request.key)
    except InFlight:
        return None
    life.own.asked(submission.payment_id, request.instruction)
    life.open.append((request, submission))
    return submission


async def again(life: "Life") -> str:
    """A client sends again: the same, other content under its key, or a known UETR or instruction id anew."""
    if not life.requests:
        return "nothing"
    what = life.chance.choice(("same", "same", "same", "other", "uetr", "instruction"))
    request = life.chance.choice(life.requests)
    if what == "same" and life.unanswered:
        request = life.unanswered.popleft()
    if what == "other":
        amount = life.chance.choice(("1.00", "2.00"))
        changed = request.instruction.model_copy(
            update={"instructed_amount": request.instruction.instructed_amount.model_copy(update={"amount": amount})}
        )
        submit(life, request._replace(instruction=changed))
    elif what == "same":
        submit(life, request)
    else:
        fresh = an_instruction(life.chance, life.seed, len(life.requests), life.quotes)
        known, uetr = request.instruction, {"uetr": request.instruction.uetr}
        changed = fresh.model_copy(update=uetr) if what == "uetr" else known.model_copy(update={"uetr": fresh.uetr})
        anew = Request(changed, changed.debtor_agent[:8], f"key-{len(life.requests)}")
        life.requests.append(anew)
        submit(life, anew)
    return what


async def accept(life: "Life") -> str:
    batch = life.worker.intake.take(life.chance.choice((1, 2, 8, 64)), 0.0)
    if not batch:
        return "nothing"
    try:
        await life.worker.accept(batch)
    except StoreUnavailable:
        life.worker.intake.put_back(batch)
        raise
    return f"{len(batch)}"


async def ask_first(life: "Life") -> str:
    """Explain and pay with nothing in between: the same verdict (promise 4)."""
    while life.worker.intake.alone:
        await life.do("accept")
    if life.world.generation != await life.memory.generation():
        await life.worker.refresh()
    life.trouble.disarm()
    request = _new(life)
    told = await life.sandbox.explain(request.instruction, request.participant)
    submission = submit(life, request)
    assert submission is not None
    for _ in range(10):
        if not submission.answer.done():
            await life.worker.accept(life.worker.intake.take(1, 0.0))
    answer = submission.answer.result()
    code = problem(answer.refusal).code if answer.refusal else None
    said = {"accepted": "ACSP", "queued": "PDNG"}.get(answer.status, "RJCT")
    stale = life.worker.board.entries and life.machine.now - life.gave_back_at <= BOARD_SECONDS
    explained = (told["status"], told["reason"]["code"] if told["reason"] else None)
    if explained != (said, code) and not stale:
        raise Wrong(f"explained as {explained} {told['reason']}, answered {said, code} {answer.refusal}: {request}")
    if said != "RJCT":
        stored = await life.memory.payment(answer.payment_id)
        assert stored is not None
        if told["classification"]["lane"] != stored.lane:
            raise Wrong(f"explained over {told['classification']['lane']}, carried over {stored.lane}: {request}")
    return f"{said} {code or ''}"


async def send(life: "Life") -> str:
    return str(await life.worker.submit(life.machine.now))


async def mark(life: "Life") -> str:
    return str(await life.worker.mark_submitted(life.machine.now - 0.05))


async def collect(life: "Life") -> str:
    handled = await life.worker.collect()
    life.gave_back_at = life.machine.now if handled else life.gave_back_at
    return str(handled)


async def complete(life: "Life") -> str:
    handled = await life.worker.complete()
    life.gave_back_at = life.machine.now if handled else life.gave_back_at
    return str(handled)


async def watch(life: "Life") -> str:
    await life.worker.register(10.0)
    taken = await life.worker.take_over()
    await life.worker.retry()
    life.worker.recalls.watch()
    await life.worker.queue.look()
    if await life.memory.generation() != life.world.generation:
        await life.worker.refresh()
    return str(taken)


async def tick(life: "Life") -> str:
    seconds = life.chance.choice((0.001, 0.06, 0.4, 1, 3, 10, 25))
    life.machine.now += seconds
    return f"{seconds} s"


async def jump(life: "Life") -> str:
    delta = timedelta(seconds=life.chance.choice((30, 300, 3600, 7200, 20_000, 86_400, 200_000)))
    rate = life.chance.choice((None, None, None, 0.0, 1.0, 60.0))
    life.clock.set(life.clock.now() + delta, rate)
    await life.memory.advance(life.clock.stored())
    if life.chance.random() < 0.7:  # else it was another worker that moved it
        await life.worker.refresh()
    return str(delta)


async def change_law(life: "Life") -> str:
    await life.own.read(life.memory)
    n = life.chance.randrange(life.scenarios)
    life.take_scenario(n)
    await life.memory.advance({"rulebook": life.world.rulebook.id})
    return f"scenario {n}"


async def quote(life: "Life") -> str:
    sell, buy = life.chance.choice((("HKD", "CNY"), ("CNY", "HKD")))
    market = "offshore" if sell == "HKD" else "onshore"
    participant = "HBAYHKH0" if sell == "HKD" else "PEARCNG0"
    fixed = Money(life.chance.choice((50_000, 123_456)), life.chance.choice((sell, buy)))
    quote = await life.sandbox.quote(participant, sell, buy, fixed, market)
    if isinstance(quote, Quote):
        life.quotes.append(quote)
    return str(quote)[:60]


async def trouble_comes(life: "Life") -> str:
    call, when = life.chance.choice(TROUBLES)
    life.trouble.arm(call, when)
    if life.chance.random() < 0.7:  # else it waits for whoever comes by
        life.machine.now += life.chance.choice((0, 1, 25))
        await life.do(life.chance.choice(CALLERS[call]))
    return f"{when} {call}"


async def crash(life: "Life") -> str:
    await life.crash()
    return f"now {life.incarnation}"


STEPS: Mapping[str, Callable[["Life"], Awaitable[str]]] = {
    "arrive": arrive, "again": again, "accept": accept, "ask_first": ask_first, "submit": send, "mark": mark,
    "collect": collect, "complete": complete, "watch": watch, "tick": tick, "jump": jump, "change_law": change_law,
    "quote": quote, "trouble": trouble_comes, "crash": crash, **later_steps.STEPS,
}  # fmt: skip
WEIGHTS = {
    "arrive": 20, "again": 5, "accept": 18, "ask_first": 6, "submit": 14, "mark": 6, "collect": 14, "complete": 12, "watch": 3,
    "tick": 14, "jump": 4, "change_law": 1, "quote": 3, "trouble": 7, "crash": 2, **later_steps.WEIGHTS,
}  # fmt: skip
